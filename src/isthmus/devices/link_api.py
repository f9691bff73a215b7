"""What sites ask each other of devices: their last use; and of the authority, to make and change them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.model import Reach, Scope
from isthmus.addressing import Aor
from isthmus.audit.model import Actor, Origin
from isthmus.audit.web import checked_address
from isthmus.devices.api import use_json
from isthmus.devices.elsewhere import PATH
from isthmus.devices.service import Devices
from isthmus.devices.uses import Uses
from isthmus.directory.service import Directory
from isthmus.errors import ForbiddenError, UnavailableError
from isthmus.link.api import PeerName

_log = logging.getLogger(__name__)
_MOST = 10_000


class Link(Protocol):
    """The link to a peer."""

    def flush(self, seq: int) -> None:
        """Return when calls there are routed by that change. Raises UnavailableError."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NamesBody(_Body):
    """Some devices."""

    names: list[str] = Field(max_length=_MOST)


class _Asked(_Body):
    """For whom a peer asks: a person by address and stable id, and who acts. An empty id would be everybody's."""

    aor: str
    person: str = Field(min_length=1, max_length=64)
    actor: str = Field(min_length=1, max_length=128)
    address: str = ""
    key: str | None = None


class AddBody(_Asked):
    """A device to be made."""

    label: str
    md5: bool | None = None


class RenameBody(_Asked):
    """Another label for a device."""

    name: str
    label: str


class RotateBody(_Asked):
    """A new secret for a device."""

    name: str
    overlap_s: int
    md5: bool | None = None


class RevokeBody(_Asked):
    """A device to be ended."""

    name: str


def link_router(
    devices: Devices,
    uses: Uses,
    directory: Directory,
    links: Mapping[str, Link],
    closed: frozenset[str] = frozenset(),
    admit: Callable[[str | None], None] = lambda _: None,
) -> APIRouter:
    """Routes for peers. closed: those that may not change devices. admit: raises for a tenant that is kept out."""
    routes = APIRouter()

    def reach_of(peer: str, body: _Asked) -> Reach:
        """The one person, whose tenant is let in. Raises NotFoundError, ForbiddenError."""
        if peer in closed:
            raise ForbiddenError(
                f"{peer} may not change devices",
                do=f"Do it at {directory.authority}, whose site file says so ([[peer]], `devices`).",
            )
        reach = Reach((Scope(own=body.person),))
        admit(directory.get(Aor.parse(body.aor), reach).tenant)
        return reach

    def answered(peer: str, name: str, secret: str | None = None) -> dict[str, str | None]:
        """Once calls there go by it, so that what is answered is true there as well."""
        try:
            if peer in links:
                links[peer].flush(directory.last_seq())
        except UnavailableError as error:
            _log.warning("device %s is changed, and %s not told yet: %s", name, peer, error)
        return {"name": name, "secret": secret}

    @routes.post("/link/devices/used")
    def used(body: NamesBody) -> list[dict[str, Any]]:
        return [{"name": name, **(use_json(use) or {})} for name, use in uses.of(body.names).items()]

    @routes.post(f"{PATH}add")
    def add(peer: PeerName, body: AddBody) -> dict[str, str | None]:
        reach, actor = reach_of(peer, body), _actor(peer, body)
        made = devices.add(Aor.parse(body.aor), body.label, md5=body.md5, actor=actor, key=body.key, reach=reach)
        return answered(peer, made[0].device.name, made[1])

    @routes.post(f"{PATH}rename")
    def rename(peer: PeerName, body: RenameBody) -> dict[str, str | None]:
        reach, actor = reach_of(peer, body), _actor(peer, body)
        devices.rename(body.name, body.label, actor=actor, key=body.key, reach=reach)
        return answered(peer, body.name)

    @routes.post(f"{PATH}rotate")
    def rotate(peer: PeerName, body: RotateBody) -> dict[str, str | None]:
        reach, actor = reach_of(peer, body), _actor(peer, body)
        _, secret = devices.rotate(
            body.name, overlap_s=body.overlap_s, md5=body.md5, actor=actor, key=body.key, reach=reach
        )
        return answered(peer, body.name, secret)

    @routes.post(f"{PATH}revoke")
    def revoke(peer: PeerName, body: RevokeBody) -> dict[str, str | None]:
        reach, actor = reach_of(peer, body), _actor(peer, body)
        devices.revoke(body.name, actor=actor, key=body.key, reach=reach)
        return answered(peer, body.name)

    return routes


def _actor(peer: str, body: _Asked) -> Actor:
    """Who acts, by the word of the peer: its name stands before theirs in the audit log."""
    return Actor(f"site:{peer}/{body.actor}", Origin("link", checked_address(body.address)))
