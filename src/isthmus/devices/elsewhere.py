"""The write path of devices at a site that is not the authority: it asks the authority over the link.

Who may do what to whom is decided here, where people sign in. The authority takes this site's word for who acts, and is
told the person it is about by their stable id, which is all that it lets be reached. A secret passes through and is
kept nowhere on the way.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from isthmus.access.model import EVERYTHING, Reach
from isthmus.addressing import Aor
from isthmus.audit.model import Origin
from isthmus.devices import rules
from isthmus.devices.model import Owned
from isthmus.devices.service import Devices
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError, NotFoundError, UnavailableError

PATH = "/link/devices/"
Ask = Callable[[str, Any], Any]


class DevicesElsewhere(Devices):
    """The devices of a directory whose authority is another site. ask: asks the authority's link API (path, body)."""

    def __init__(self, directory: Directory, ask: Ask) -> None:
        super().__init__(directory)
        self._ask_authority = ask

    def add(
        self,
        aor: Aor,
        label: str,
        *,
        md5: bool | None = None,
        actor: str,
        key: str | None = None,
        reach: Reach = EVERYTHING,
    ) -> tuple[Owned, str | None]:
        """As at the authority. Raises UnavailableError too, while that can't be reached."""
        label = rules.checked_label(label, ())
        body = {"label": label, "md5": md5}
        told = self._ask("add", aor, body, actor=actor, key=key or _once(), reach=reach)
        name, secret = str(told["name"]), told["secret"]
        try:
            if secret is None and key is None:  # the link broke, and the answer that had it was lost
                secret = self._ask("rotate", aor, _new_secret(name), actor=actor, key=None, reach=reach)["secret"]
            return self.get(name, reach), secret
        except NotFoundError:
            # The feed does not get here: the credential would open nothing at this site, and nobody could revoke it.
            self._ask("revoke", aor, {"name": name}, actor=actor, key=_once(), reach=reach)
            where = self._directory.authority
            raise UnavailableError(
                f"{where} made the device, but this site does not hear of it",
                where=where,
                do="It was revoked again. `isthmus link` says what is wrong.",
            ) from None

    def rename(self, name: str, label: str, *, actor: str, key: str | None = None, reach: Reach = EVERYTHING) -> Owned:
        """As at the authority. Raises UnavailableError too."""
        label = rules.checked_label(label, ())
        owned = self.get(name, reach)
        self._ask("rename", owned.aor, {"name": name, "label": label}, actor=actor, key=key or _once(), reach=reach)
        return replace(owned, device=replace(owned.device, label=label))

    def rotate(
        self,
        name: str,
        *,
        overlap_s: int,
        md5: bool | None = None,
        actor: str,
        key: str | None = None,
        reach: Reach = EVERYTHING,
    ) -> tuple[Owned, str | None]:
        """As at the authority. Raises UnavailableError too."""
        rules.checked_overlap(overlap_s)
        owned = self.get(name, reach)
        body = _new_secret(name, overlap_s, md5)
        told = self._ask("rotate", owned.aor, body, actor=actor, key=key, reach=reach)
        return self.get(name, reach), told["secret"]

    def revoke(self, name: str, *, actor: str, key: str | None = None, reach: Reach = EVERYTHING) -> None:
        """As at the authority. Raises UnavailableError too."""
        aor = self.get(name, reach).aor
        self._ask("revoke", aor, {"name": name}, actor=actor, key=key or _once(), reach=reach)

    def _ask(
        self, what: str, aor: Aor, body: dict[str, Any], *, actor: str, key: str | None, reach: Reach
    ) -> dict[str, Any]:
        """What the authority answers. Raises NotFoundError (out of reach), UnavailableError, and its errors."""
        person = self._directory.get(aor, reach)
        who = {"person": person.id, "actor": str(actor), "address": Origin.of(actor).address, "key": key}
        try:
            answer = self._ask_authority(f"{PATH}{what}", {**body, "aor": str(aor), **who})
        except UnavailableError as error:
            raise UnavailableError(
                f"devices can't be changed here now: {error.what}",
                where=error.where,
                do="Phones that have their credential go on working. " + error.do,
            ) from error
        if not isinstance(answer, dict) or not isinstance(answer.get("name"), str) or "secret" not in answer:
            raise IsthmusError(f"{self._directory.authority} answered what is no device")
        return answer


def _once() -> str:
    """A key: the link sends again what was lost with a connection, and it must not be done twice."""
    return str(uuid.uuid4())


def _new_secret(name: str, overlap_s: int = 0, md5: bool | None = None) -> dict[str, Any]:
    return {"name": name, "overlap_s": overlap_s, "md5": md5}
