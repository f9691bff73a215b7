"""HTTP routes of the calls that are up."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.api import Reached
from isthmus.access.model import Reach
from isthmus.addressing import Aor, is_e164
from isthmus.audit.web import LocalActor
from isthmus.calls.model import Call
from isthmus.directory.journal import Journal
from isthmus.errors import IsthmusError, NotFoundError, RefusedError
from isthmus.link.api import PeerName, known_peer
from isthmus.link.peer import PeerLink

_MOST_TOLD = 10_000  # calls to a peer

Dialogs = Callable[[], list[dict[str, Any]] | None]
"""Asks the SIP engine for its dialogs (Kamailio's dlg.list)."""


End = Callable[[dict[str, Any]], bool]
"""Ends the call of one such dialog; whether it could."""


class EndBody(BaseModel):
    """Which call: its Call-ID, as the list of calls has it."""

    model_config = ConfigDict(extra="forbid")

    call_id: str = Field(max_length=500)


class People(Protocol):
    """What these routes need of the directory."""

    def get_many(self, aors: Iterable[Aor], reach: Reach) -> dict[Aor, Any]: ...

    def write_here(self, actor: str, work: Callable[[Journal], None]) -> None: ...

    def owners(self, numbers: Iterable[str], reach: Reach) -> dict[str, Aor]: ...


Elsewhere = Callable[[], Iterable[tuple[str, Sequence[Call]]]]
"""Asks the peers that can be asked for their calls, by the peer's name."""


def router(dialogs: Dialogs, end: End, people: People, site: str, elsewhere: Elsewhere = lambda: ()) -> APIRouter:
    """GET /v1/calls: every call within reach that is up or being set up, the oldest first; POST /v1/calls/end ends one.

    A call is within reach when either of its ends is. site: this one's name.
    """
    routes = APIRouter()

    @routes.get("/v1/calls")
    def calls(reach: Reached, everywhere: bool = False) -> list[dict[str, Any]]:
        told = []
        for where, found in [(site, _calls(dialogs)), *(elsewhere() if everywhere else ())]:
            reached = found if reach.everything else _within(list(found), people, reach)
            told += [{**call.as_json(), "site": where} for call in reached]
        return sorted(told, key=lambda call: (call["since"], call["call_id"]))

    @routes.post("/v1/calls/end", status_code=204)
    def end_call(body: EndBody, reach: Reached, actor: LocalActor) -> None:
        dialog, call = _found(body.call_id, dialogs() or (), people, reach)
        if not end(dialog):
            raise RefusedError(
                "this call can't be ended from here",
                where=call.state,
                do="One that is not answered yet ends by itself.",
            )
        people.write_here(str(actor), lambda log: log.entry("call.end", call.call_id, call.as_json(), None))

    return routes


def link_router(dialogs: Dialogs, peers: Sequence[str]) -> APIRouter:
    """POST /link/calls: the calls that are up here, for a peer."""
    routes = APIRouter()

    @routes.post("/link/calls")
    def calls(peer: PeerName) -> list[dict[str, Any]]:
        known_peer(peer, peers)
        return [call.as_json() for call in _calls(dialogs)[:_MOST_TOLD]]

    return routes


def asked(links: Iterable[PeerLink]) -> Iterator[tuple[str, list[Call]]]:
    """What the peers tell of their calls. Those that can't be asked are left out: how the link is says another page."""
    for link in links:
        with contextlib.suppress(IsthmusError, TypeError):
            yield link.peer, [Call(**told) for told in link.ask("/link/calls", {})]


def _calls(dialogs: Dialogs) -> list[Call]:
    return [call for dialog in dialogs() or () if (call := Call.of_dialog(dialog))]


def _found(
    call_id: str, dialogs: Iterable[dict[str, Any]], people: People, reach: Reach
) -> tuple[dict[str, Any], Call]:
    for dialog in dialogs:
        call = Call.of_dialog(dialog)
        if call is not None and call.call_id == call_id and (reach.everything or _within([call], people, reach)):
            return dialog, call
    raise NotFoundError("there is no such call", where=call_id, do="See: isthmus call list")


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
