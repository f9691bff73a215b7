"""Calls whose browser tab was closed.

A page can't tell a reload from its end, so each time it goes it says by its WebSocket (live/api.py) which calls it
leaves, and how they sounded: `calls.leave`. A page that is back takes them up: `calls.back`. The others are ended here
after a while, or whoever is at the other end would hear silence until the media's own timers end them; what was said
of their sound is kept then, for there is nobody left to report it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool

from isthmus.addressing import Aor
from isthmus.calls.model import Call
from isthmus.errors import IsthmusError, UsageError
from isthmus.live.hub import Hub, Session

_log = logging.getLogger(__name__)

Keep = Callable[[str], None]
BACK_WITHIN_S = 20.0
MOST_CALLS = 20
_MOST_CALL_ID = 200


class Leaving:
    """Ends what was left.

    end: ends a call of that Call-ID which the person is in; runs in a thread. read: reads a report of a call as a page
    tells it; gives the Call-ID, and what keeps the report as that person's (stable id) and runs in a thread; raises
    UsageError. within_s: how long a page may take to be back.
    """

    def __init__(
        self,
        hub: Hub,
        end: Callable[[str, Aor], None],
        read: Callable[[Any], tuple[str, Keep]],
        *,
        within_s: float = BACK_WITHIN_S,
    ) -> None:
        self._end, self._read, self._within_s = end, read, within_s
        self._left: dict[tuple[str, str], asyncio.Task[None]] = {}
        hub.handle("calls.leave", self._leave)
        hub.handle("calls.back", self._back)

    async def _leave(self, session: Session, body: Mapping[str, Any]) -> None:
        calls = _call_ids(body)
        told = dict(self._read(each) for each in _listed(body, "reports"))
        for call_id in calls:
            key = (session.member.person, call_id)
            if key not in self._left and sum(person == key[0] for person, _ in self._left) < MOST_CALLS:
                self._left[key] = asyncio.create_task(self._end_later(key, session.member.aor, told.get(call_id)))

    async def _back(self, session: Session, body: Mapping[str, Any]) -> None:
        for call_id in _call_ids(body):
            if (task := self._left.pop((session.member.person, call_id), None)) is not None:
                task.cancel()

    async def _end_later(self, key: tuple[str, str], aor: Aor, keep: Keep | None) -> None:
        try:
            await asyncio.sleep(self._within_s)
            if keep is not None:
                await run_in_threadpool(self._kept, keep, key[0])
            await run_in_threadpool(self._end, key[1], aor)
        except IsthmusError as error:
            _log.warning("calls: one whose tab was closed could not be ended: %s", error)
        finally:
            if self._left.get(key) is asyncio.current_task():
                del self._left[key]

    @staticmethod
    def _kept(keep: Keep, person: str) -> None:
        """A call is ended whether its report can be kept or not."""
        try:
            keep(person)
        except IsthmusError as error:
            _log.warning("calls: the report of one whose tab was closed could not be kept: %s", error)


def is_in(call: Call, aor: Aor) -> bool:
    """Whether somebody who names a call by its Call-ID, which its ends alone know, is one of these.

    Who was called by a number stands there as that number.
    """
    called = call.callee.partition("@")[0].removeprefix("+")
    return str(aor) in (call.caller, call.callee) or called.isdigit()


def _call_ids(body: Mapping[str, Any]) -> list[str]:
    calls = _listed(body, "calls")
    if not all(isinstance(each, str) and 0 < len(each) <= _MOST_CALL_ID for each in calls):
        raise UsageError("a Call-ID is text", where="calls")
    return calls


def _listed(body: Mapping[str, Any], name: str) -> list[Any]:
    found = body.get(name, [] if name == "reports" else None)  # a page of before tells none
    if not isinstance(found, list) or len(found) > MOST_CALLS:
        raise UsageError(f"{name} has to be a list of at most {MOST_CALLS}", where=name)
    return found
