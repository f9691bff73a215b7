"""HTTP routes of the calls that are up."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.api import Reached
from isthmus.access.model import EVERYTHING, Reach
from isthmus.addressing import Aor, is_e164
from isthmus.audit.model import Actor, Origin
from isthmus.audit.web import LocalActor, checked_address
from isthmus.calls.model import Call
from isthmus.directory.journal import Journal
from isthmus.errors import IsthmusError, NotFoundError, RefusedError
from isthmus.link.api import PeerName, known_peer
from isthmus.link.peer import PeerLink

_MOST_TOLD = 10_000  # calls to a peer
_END_S = 12.0  # two BYEs, each of which may wait for a phone

Dialogs = Callable[[], list[dict[str, Any]] | None]
"""Asks the SIP engine for its dialogs (Kamailio's dlg.list)."""


End = Callable[[dict[str, Any]], bool]
"""Ends the call of one such dialog; whether it could."""


class EndBody(BaseModel):
    """Which call: its Call-ID and site, as the list of calls has them. site: null for this one."""

    model_config = ConfigDict(extra="forbid")

    call_id: str = Field(max_length=500)
    site: str | None = Field(default=None, max_length=64)


class EndForPeerBody(BaseModel):
    """A call that a peer wants ended. actor, address: who does it there, and from where."""

    model_config = ConfigDict(extra="forbid")

    call_id: str = Field(max_length=500)
    actor: str = Field(min_length=1, max_length=128)
    address: str = Field(default="", max_length=64)


class People(Protocol):
    """What these routes need of the directory."""

    def get_many(self, aors: Iterable[Aor], reach: Reach) -> dict[Aor, Any]: ...

    def write_here(self, actor: str, work: Callable[[Journal], None]) -> None: ...

    def owners(self, numbers: Iterable[str], reach: Reach) -> dict[str, Aor]: ...


def router(dialogs: Dialogs, end: End, people: People, site: str, links: Sequence[PeerLink] = ()) -> APIRouter:
    """GET /v1/calls: every call within reach that is up or being set up, the oldest first; POST /v1/calls/end ends one.

    A call is within reach when either of its ends is, at whichever site it is up. site: this one's name. links: to the
    others.
    """
    routes = APIRouter()

    @routes.get("/v1/calls")
    def calls(reach: Reached, everywhere: bool = False) -> list[dict[str, Any]]:
        told = []
        for where, found in [(site, _calls(dialogs)), *(asked(links) if everywhere else ())]:
            reached = found if reach.everything else _within(list(found), people, reach)
            told += [{**call.as_json(), "site": where} for call in reached]
        return sorted(told, key=lambda call: (call["since"], call["call_id"]))

    @routes.post("/v1/calls/end", status_code=204)
    def end_call(body: EndBody, reach: Reached, actor: LocalActor) -> None:
        if body.site in (None, site):
            _end_here(body.call_id, dialogs, end, people, reach, actor)
            return
        link = next((link for link in links if link.peer == body.site), None)
        if link is None:
            raise NotFoundError(f"there is no other site {body.site!r}", where="site", do="See: isthmus call list")
        # Whose call it is, is judged here as there: both sites have the one directory.
        call = _reached(body.call_id, _told(link), people, reach)
        wanted = {"call_id": call.call_id, "actor": str(actor), "address": Origin.of(actor).address}
        link.ask("/link/calls/end", wanted, timeout_s=_END_S)
        people.write_here(
            actor, lambda log: log.entry("call.end", call.call_id, {**call.as_json(), "site": link.peer}, None)
        )

    return routes


def link_router(dialogs: Dialogs, end: End, people: People, peers: Sequence[str]) -> APIRouter:
    """POST /link/calls: the calls that are up here, for a peer; /link/calls/end ends one in its name."""
    routes = APIRouter()

    @routes.post("/link/calls")
    def calls(peer: PeerName) -> list[dict[str, Any]]:
        known_peer(peer, peers)
        return [call.as_json() for call in _calls(dialogs)[:_MOST_TOLD]]

    @routes.post("/link/calls/end")
    def end_call(peer: PeerName, body: EndForPeerBody) -> None:
        known_peer(peer, peers)
        # The peer has judged who may; its name stands before theirs in the audit log.
        actor = Actor(f"site:{peer}/{body.actor}", Origin("link", checked_address(body.address)))
        _end_here(body.call_id, dialogs, end, people, EVERYTHING, actor)

    return routes


def _end_here(call_id: str, dialogs: Dialogs, end: End, people: People, reach: Reach, actor: Actor) -> None:
    here = [dialog for dialog in dialogs() or () if dialog["call-id"] == call_id]
    call = _reached(call_id, _calls(lambda: here), people, reach)
    # A call may pass a site twice: what is known of either passage will do.
    if not any(end(dialog) for dialog in here if Call.of_dialog(dialog)):
        raise RefusedError(
            "this call can't be ended from here", where=call.state, do="One that is not answered yet ends by itself."
        )
    people.write_here(actor, lambda log: log.entry("call.end", call.call_id, call.as_json(), None))


def asked(links: Iterable[PeerLink]) -> Iterator[tuple[str, list[Call]]]:
    """What the peers tell of their calls. Those that can't be asked are left out: how the link is says another page."""
    for link in links:
        with contextlib.suppress(IsthmusError, TypeError):
            yield link.peer, _told(link)


def _told(link: PeerLink) -> list[Call]:
    return [Call(**told) for told in link.ask("/link/calls", {})]


def _calls(dialogs: Dialogs) -> list[Call]:
    return [call for dialog in dialogs() or () if (call := Call.of_dialog(dialog))]


def _reached(call_id: str, calls: Iterable[Call], people: People, reach: Reach) -> Call:
    call = next((each for each in calls if each.call_id == call_id), None)
    if call is None or not (reach.everything or _within([call], people, reach)):
        raise NotFoundError("there is no such call", where=call_id, do="See: isthmus call list --everywhere")
    return call


def _within(calls: list[Call], people: People, reach: Reach) -> list[Call]:
    ends = {text for call in calls for text in (call.caller, call.callee)}
    aors = {text: aor for text in ends if (aor := _aor(text)) is not None}
    numbers = {text: user for text in ends if is_e164(user := text.partition("@")[0])}
    known = people.get_many(aors.values(), reach)
    owned = people.owners(numbers.values(), reach)
    ours = {text for text, aor in aors.items() if aor in known} | {
        text for text, number in numbers.items() if number in owned
    }
    return [call for call in calls if call.caller in ours or call.callee in ours]


def _aor(text: str) -> Aor | None:
    try:
        return Aor.parse(text)
    except IsthmusError:
        return None
