"""HTTP routes of the calls that are up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from fastapi import APIRouter

from isthmus.access.api import Reached
from isthmus.access.model import Reach
from isthmus.addressing import Aor, is_e164
from isthmus.calls.model import Call
from isthmus.errors import IsthmusError

Dialogs = Callable[[], list[dict[str, Any]] | None]
"""Asks the SIP engine for its dialogs (Kamailio's dlg.list)."""


class People(Protocol):
    """What these routes need of the directory."""

    def get_many(self, aors: Iterable[Aor], reach: Reach) -> dict[Aor, Any]: ...

    def owners(self, numbers: Iterable[str], reach: Reach) -> dict[str, Aor]: ...


def router(dialogs: Dialogs, people: People) -> APIRouter:
    """GET /v1/calls: every call within reach that is up or being set up, the oldest first.

    A call is within reach when either of its ends is.
    """
    routes = APIRouter()

    @routes.get("/v1/calls")
    def calls(reach: Reached) -> list[dict[str, Any]]:
        found = [call for dialog in dialogs() or () if (call := Call.of_dialog(dialog))]
        if not reach.everything:
            found = _within(found, people, reach)
        return [call.as_json() for call in sorted(found, key=lambda call: call.since)]

    return routes


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
