"""How all sites are, told by one: what each knows of itself, and what the other answers over the link."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter

from isthmus.api.state import health_of
from isthmus.calls.model import Call
from isthmus.engines.kamailio import trunks
from isthmus.engines.kamailio.bulk import ask
from isthmus.errors import IsthmusError
from isthmus.link.api import PeerName, known_peer
from isthmus.link.peer import PeerLink
from isthmus.site import certificates, status
from isthmus.site.file import SiteFile
from isthmus.site.services import Services

_DAY_S = 86_400.0


def router(services: Services) -> APIRouter:
    """GET /v1/sites: this site first, then its peers."""
    routes = APIRouter()

    @routes.get("/v1/sites")
    def sites() -> list[dict[str, Any]]:
        return all_sites(services)

    return routes


def all_sites(services: Services) -> list[dict[str, Any]]:
    """This site, and each peer as it tells of itself over the link."""
    peers = {peer.name: peer.fqdn for peer in services.site_file.peer}
    here = {**state_of(services), "here": True, "reached": True, "why": ""}
    return [here, *(_asked(link, peers.get(link.peer, "")) for link in services.moving.links)]


def link_router(own: Callable[[], dict[str, Any]], peers: Sequence[str]) -> APIRouter:
    """POST /link/state. own: how this site is."""
    routes = APIRouter()

    @routes.post("/link/state")
    def state(peer: PeerName) -> dict[str, Any]:
        known_peer(peer, peers)
        return own()

    return routes


def state_of(services: Services) -> dict[str, Any]:
    """Processes, calls, trunks, people at home here, certificate. calls: None where Kamailio can't be asked."""
    file = services.site_file
    running = status.read(file)
    health = health_of(services)
    return {
        "name": file.site.name,
        "role": file.site.role.value,
        "fqdn": file.site.fqdn,
        "web": file.ports.web,
        "authority": services.directory.is_authority,
        "ok": bool(health["ok"]) and running is not None and running.ready,
        "parts": {name: bool(health[name]["ok"]) for name in ("database", "snapshot", "disk")},
        "processes": [_process(name, each) for name, each in running.processes.items()] if running else [],
        "alarms": list(running.alarms) if running else [],
        "certificates": _certificates(file),
        "calls": _calls(file),
        "trunks": trunks.states(file, lambda *words: ask(file, *words)),
        "connectors": [_connector(each) for each in services.connectors.listed(file.site.tenant)],
        "people": services.directory.count(home=file.site.name),
        "change": services.writer.seq,
        "at": time.time(),
    }


def _process(name: str, told: status.ProcessStatus) -> dict[str, Any]:
    return {
        "name": name,
        "state": told.state,
        "restarts": told.restarts,
        "since": told.since,
        "reason": told.reason,
    }


def _connector(told: dict[str, Any]) -> dict[str, Any]:
    return {"name": told["name"], "site": told["site"], "state": told["state"], "calls": told["calls"]}


def _certificates(file: SiteFile) -> list[dict[str, Any]]:
    """The site's own one, which phones, browsers and the peer see."""
    try:
        found = certificates.current(file)
    except IsthmusError as error:
        return [_certificate(file.site.fqdn, "", None, None, str(error))]
    if found is None:
        return [_certificate(file.site.fqdn, "", None, None, "there is no certificate")]
    begins, ends = found.not_before.timestamp(), found.not_after.timestamp()
    return [_certificate(found.names.fqdn, found.serial, begins, ends, "")]


def _certificate(name: str, serial: str, begins: float | None, ends: float | None, fault: str) -> dict[str, Any]:
    """days: that are left."""
    days = None if ends is None else round((ends - time.time()) / _DAY_S, 1)
    return {"name": name, "serial": serial, "not_before": begins, "not_after": ends, "days": days, "fault": fault}


def _calls(file: SiteFile) -> int | None:
    try:
        return sum(Call.of_dialog(dialog) is not None for dialog in ask(file, "dlg.list") or ())
    except IsthmusError:
        return None


def _asked(link: PeerLink, fqdn: str) -> dict[str, Any]:
    """What the peer says of itself; where it says nothing, that and why."""
    try:
        told = link.ask("/link/state", {})
        return {**told, "here": False, "reached": True, "why": ""}
    except IsthmusError as error:
        return {
            "name": link.peer,
            "role": link.role,
            "fqdn": fqdn,
            "web": None,
            "authority": False,
            "ok": False,
            "parts": {},
            "processes": [],
            "alarms": [],
            "certificates": [],
            "calls": None,
            "trunks": [],
            "connectors": [],
            "people": None,
            "change": None,
            "at": time.time(),
            "here": False,
            "reached": False,
            "why": str(error),
        }
