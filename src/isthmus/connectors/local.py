"""The folder of a connector on its own machine: what it was told at enrolment, and what it works by now."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from isthmus.connectors import rules, toml
from isthmus.connectors.capacity import Capacity
from isthmus.errors import NotFoundError, UsageError
from isthmus.pki import store
from isthmus.site.file import SiteFile

_HEAD = "# Written by the connector itself, from what the site it belongs to says: changes made here are lost.\n\n"


@dataclass(frozen=True, slots=True)
class Local:
    """Who a connector is and where. online: as in api.Where, without the CA. ports: other than the standard ones."""

    name: str
    site: str
    tenant: str
    fqdn: str
    address: str
    internal_address: str
    online: dict[str, Any]
    ports: dict[str, int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The part of its site file that the machine itself says."""
        online = self.online
        return {
            "site": {
                "name": self.name,
                "role": "connector",
                "fqdn": self.fqdn,
                "tenant": self.tenant,
                "address": self.address,
                "internal_address": self.internal_address,
            },
            "ports": self.ports,
            "peer": [
                {
                    "name": online["name"],
                    "fqdn": online["fqdn"],
                    "address": online["address"],
                    "link_sip": online["link_sip"],
                    "link_api": online["link_api"],
                    "authority": True,
                }
            ],
        }


class Folder:
    """A connector's folder: `site.toml`, `local.json`, `settings.json`, `state/`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def site_toml(self) -> Path:
        """The site file in force."""
        return self.path / "site.toml"

    @property
    def key(self) -> Path:
        """The key that a certificate is being asked for, until it has come."""
        return self.path / "enrolment.key"

    @property
    def update(self) -> Path:
        """How far an update has got."""
        return self.path / "update.json"

    def local(self) -> Local:
        """What was told at enrolment. Raises NotFoundError, UsageError."""
        path = self.path / "local.json"
        raw = store.read(path, "connector here", "Install one: isthmus connector install FILE")
        try:
            return Local(**json.loads(raw))
        except (ValueError, TypeError) as error:
            raise UsageError(f"it is broken ({error})", where=str(path)) from error

    def keep_local(self, local: Local) -> None:
        """Write what was told at enrolment."""
        store.write_private(self.path / "local.json", json.dumps(asdict(local), indent=1).encode())

    def settings(self) -> tuple[str, dict[str, Any]]:
        """Edition and settings in force; empty before any came."""
        try:
            kept = json.loads((self.path / "settings.json").read_bytes())
            return str(kept["edition"]), dict(kept["settings"])
        except (OSError, ValueError, KeyError, TypeError):
            return "", {}

    def capacity(self) -> int | None:
        """Calls that this machine carries, as measured (`isthmus connector capacity`); None: not measured."""
        try:
            return int(json.loads((self.path / "capacity.json").read_bytes())["calls"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep_capacity(self, found: Capacity) -> None:
        """Note what was measured; whoever owns the folder can read it, and tells online."""
        path, owner = self.path / "capacity.json", self.path.stat()
        store.write_private(path, json.dumps(asdict(found)).encode())
        if os.geteuid() == 0:
            os.chown(path, owner.st_uid, owner.st_gid)

    def composed(self, settings: Mapping[str, Any]) -> SiteFile:
        """The site file that these settings make. Nothing is written. Raises UsageError."""
        return rules.composed(self.local().document(), settings, self.site_toml)

    def work_by(self, edition: str, settings: Mapping[str, Any]) -> SiteFile:
        """Let these settings be in force. Raises UsageError; nothing has changed then."""
        site = self.composed(settings)
        taken = {name: settings[name] for name in rules.SECTIONS if name in settings}
        text = _HEAD + toml.dumped({**self.local().document(), **taken})
        store.write_private(self.path / "settings.json", json.dumps({"edition": edition, "settings": taken}).encode())
        store.write_private(self.site_toml, text.encode())
        return site

    def exists(self) -> bool:
        """Whether a connector was enrolled here."""
        try:
            self.local()
        except NotFoundError:
            return False
        return True
