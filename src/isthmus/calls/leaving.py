"""Calls whose browser tab was closed.

A page can't tell a reload from its end, so each time it goes it says by its WebSocket (live/api.py) which calls it
leaves: `calls.leave`. A page that is back takes them up: `calls.back`. The others are ended here after a while, or
whoever is at the other end would hear silence until the media's own timers end them.
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

BACK_WITHIN_S = 20.0
MOST_CALLS = 20
_MOST_CALL_ID = 200


class Leaving:
    """Ends what was left.

    end: ends a call of that Call-ID which the person is in; runs in a thread. within_s: how long a page may take to be
    back.
    """

    def __init__(self, hub: Hub, end: Callable[[str, Aor], None], *, within_s: float = BACK_WITHIN_S) -> None:
        self._end, self._within_s = end, within_s
        self._left: dict[tuple[str, str], asyncio.Task[None]] = {}
        hub.handle("calls.leave", self._leave)
        hub.handle("calls.back", self._back)

    async def _leave(self, session: Session, body: Mapping[str, Any]) -> None:
        for call_id in _call_ids(body):
            key = (session.member.person, call_id)
            if key not in self._left and sum(person == key[0] for person, _ in self._left) < MOST_CALLS:
                self._left[key] = asyncio.create_task(self._end_later(key, session.member.aor))

    async def _back(self, session: Session, body: Mapping[str, Any]) -> None:
        for call_id in _call_ids(body):
            if (task := self._left.pop((session.member.person, call_id), None)) is not None:
                task.cancel()

    async def _end_later(self, key: tuple[str, str], aor: Aor) -> None:
        try:
            await asyncio.sleep(self._within_s)
            await run_in_threadpool(self._end, key[1], aor)
        except IsthmusError as error:
            _log.warning("calls: one whose tab was closed could not be ended: %s", error)
        finally:
            if self._left.get(key) is asyncio.current_task():
                del self._left[key]


def is_in(call: Call, aor: Aor) -> bool:
    """Whether somebody who names a call by its Call-ID, which its ends alone know, is one of these.

    Who was called by a number stands there as that number.
    """
    called = call.callee.partition("@")[0].removeprefix("+")
    return str(aor) in (call.caller, call.callee) or called.isdigit()


def _call_ids(body: Mapping[str, Any]) -> list[str]:
    calls = body.get("calls")
    if not isinstance(calls, list) or len(calls) > MOST_CALLS:
        raise UsageError(f"calls has to be a list of at most {MOST_CALLS} Call-IDs", where="calls")
    if not all(isinstance(each, str) and 0 < len(each) <= _MOST_CALL_ID for each in calls):
        raise UsageError("a Call-ID is text", where="calls")
    return calls
