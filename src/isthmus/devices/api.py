"""HTTP routes of devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Protocol

import segno
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.api import Reached, next_page
from isthmus.addressing import Aor
from isthmus.audit.web import LocalActor
from isthmus.devices import rules
from isthmus.devices.model import Owned, Use
from isthmus.devices.service import Devices, public
from isthmus.devices.uses import Uses
from isthmus.directory.api import KeyHeader
from isthmus.errors import IsthmusError

_DAY_S = 86_400
_MOST = 10_000


class Peer(Protocol):
    """The link to another site."""

    @property
    def peer(self) -> str: ...

    def ask(self, path: str, body: Any) -> Any: ...


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DeviceBody(_Body):
    """A new device. md5: whether it may prove itself by MD5, as many phones must; None: unless a policy forbids it."""

    aor: str
    label: str
    md5: bool | None = None


class LabelBody(_Body):
    """Another label for a device."""

    label: str


class RotateBody(_Body):
    """A new secret. overlap_s: how long the one before is good beside it. md5: None leaves that as it is."""

    overlap_s: int = _DAY_S
    md5: bool | None = None


class ForbidBody(_Body):
    """Which devices are to use MD5 no more; None: all whose people's policies forbid it."""

    names: list[str] | None = Field(None, max_length=_MOST)
    dry_run: bool = False


def router(site: str, devices: Devices, uses: Uses, peers: Sequence[Peer]) -> APIRouter:
    """/v1/devices. site: this one's name. peers: sites where devices may have been used as well."""
    routes = APIRouter(prefix="/v1/devices")

    def told(owned: Sequence[Owned]) -> list[dict[str, Any]]:
        names = [each.device.name for each in owned]
        seen, unasked = _last_uses(site, names, uses, peers)
        return [
            {**public(each), "last_use": use_json(seen.get(each.device.name)), "sites_not_asked": unasked}
            for each in owned
        ]

    @routes.get("")
    def listed(
        request: Request,
        response: Response,
        reach: Reached,
        aor: str | None = None,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=_MOST)] = 1000,
    ) -> list[dict[str, Any]]:
        person = Aor.parse(aor) if aor is not None else None
        found = devices.listed(person, after=after, limit=limit, reach=reach)
        if len(found) == limit:
            response.headers["Link"] = next_page(request, after=found[-1].device.name)
        return told(found)

    @routes.get("/{device}")
    def one(device: str, reach: Reached) -> dict[str, Any]:
        return told([devices.get(device, reach)])[0]

    @routes.post("", status_code=201)
    def add(
        body: DeviceBody, reach: Reached, actor: LocalActor, key: KeyHeader = None, qr: bool = False
    ) -> dict[str, Any]:
        aor = Aor.parse(body.aor)
        return _with_secret(*devices.add(aor, body.label, md5=body.md5, actor=actor, key=key, reach=reach), qr=qr)

    @routes.post("/forbid-md5")
    def forbid_md5(body: ForbidBody, reach: Reached, actor: LocalActor) -> dict[str, Any]:
        done = devices.forbid_md5(body.names, dry_run=body.dry_run, actor=actor, reach=reach)
        return {"devices": done, "dry_run": body.dry_run}

    @routes.patch("/{device}")
    def rename(
        device: str, body: LabelBody, reach: Reached, actor: LocalActor, key: KeyHeader = None
    ) -> dict[str, Any]:
        return public(devices.rename(device, body.label, actor=actor, key=key, reach=reach))

    @routes.post("/{device}/rotate")
    def rotate(
        device: str, body: RotateBody, reach: Reached, actor: LocalActor, key: KeyHeader = None, qr: bool = False
    ) -> dict[str, Any]:
        made = devices.rotate(device, overlap_s=body.overlap_s, md5=body.md5, actor=actor, key=key, reach=reach)
        return _with_secret(*made, qr=qr)

    @routes.delete("/{device}", status_code=204)
    def revoke(device: str, reach: Reached, actor: LocalActor, key: KeyHeader = None) -> None:
        devices.revoke(device, actor=actor, key=key, reach=reach)

    return routes


def use_json(use: Use | None) -> dict[str, Any] | None:
    """A last use as the API shows it. at: seconds since 1970."""
    if use is None:
        return None
    return {
        "at": use.at_ms / 1000,
        "site": use.site,
        "address": use.address,
        "edge": use.edge,
        "client": use.client or None,
        "generation": use.generation,
    }


def _last_uses(site: str, names: Sequence[str], uses: Uses, peers: Sequence[Peer]) -> tuple[dict[str, Use], list[str]]:
    """The last use of each wherever that was, and the sites that could not be asked."""
    found = {name: _at(use, site) for name, use in uses.of(names).items()}
    unasked = []
    for peer in peers:
        try:
            answer = peer.ask("/link/devices/used", {"names": list(names)}) if names else []
            there = [_use(told, peer.peer) for told in answer]
        except (IsthmusError, LookupError, TypeError, ValueError):
            unasked.append(peer.peer)
            continue
        for use in there:
            if use.name not in found or found[use.name].at_ms < use.at_ms:
                found[use.name] = use
    return found, unasked


def _at(use: Use, site: str) -> Use:
    return Use(use.name, use.generation, use.at_ms, use.address, use.edge, use.client, site)


def _use(told: dict[str, Any], site: str) -> Use:
    """What a peer tells. Raises LookupError, TypeError or ValueError for what is no use."""
    return Use(
        str(told["name"]),
        int(told["generation"]),
        int(float(told["at"]) * 1000),
        str(told["address"]),
        str(told["edge"]),
        str(told["client"] or ""),
        site,
    )


def _with_secret(owned: Owned, secret: str | None, *, qr: bool) -> dict[str, Any]:
    """All that a phone has to be told. secret: None where it was shown already. qr: also as a picture, for pages."""
    made = {**public(owned), "realm": owned.aor.domain, "secret": secret}
    if qr and secret is not None:
        text = rules.as_text(rules.told_to_phone(owned.aor, owned.device.name, secret))
        made["qr"] = segno.make(text, micro=False, error="m").svg_data_uri(border=0)
    return made
