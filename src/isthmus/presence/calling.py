"""Who talks, by what the SIP engine tells of calls as they begin and end. Nobody is asked about for it.

The engine is asked for its calls when the service starts, and twice a minute for those whose end went unheard.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from isthmus.presence.here import Here
from isthmus.presence.people import People

_log = logging.getLogger(__name__)
_MOST = 100_000
SOS = "sos."


class Step(StrEnum):
    """What became of a call."""

    BEGINS = "begins"
    REROUTED = "rerouted"
    ANSWERED = "answered"
    ENDS = "ends"


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that was told of a leg. caller, callee: addresses or numbers; callee is whose phones it was for."""

    step: Step
    call_id: str
    side: str
    caller: str = ""
    callee: str = ""


@dataclass(frozen=True, slots=True)
class Up:
    """A call that the engine knows to be up."""

    call_id: str
    caller: str
    callee: str


@dataclass(slots=True)
class _Leg:
    caller: str = ""
    callee: str = ""
    answered: bool = False


class Calling:
    """wake: asks for `work` to be called soon. up: the calls that the engine knows; None where it can't be asked."""

    def __init__(self, here: Here, people: People, up: Callable[[], Iterable[Up] | None]) -> None:
        self._here, self._people, self._up = here, people, up
        self.wake: Callable[[], object] = lambda: None
        self._waiting: deque[Heard] = deque(maxlen=_MOST)
        self._legs: dict[tuple[str, str], _Leg] = {}
        self._missed: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def heard(self, what: Heard) -> None:
        """Something was told. Returns at once."""
        self._waiting.append(what)
        self.wake()

    def work(self) -> None:
        """Take in what was told."""
        with self._lock:
            touched: dict[str, None] = {}
            while self._waiting:
                what = self._waiting.popleft()
                self._take(what)
                touched[what.call_id] = None
            for call_id in touched:
                self._settle(call_id)

    def look(self) -> None:
        """Compare with what the engine knows: calls of which nothing was heard, and those that are gone unheard."""
        with self._lock:
            before = self._here.calls()
            found = self._up()
            if found is None:
                return
            up = {each.call_id: each for each in found}
            # Twice not there: one may just have been answered or ended.
            gone = before - up.keys()
            for call_id in gone & self._missed:
                self._drop(call_id)
            self._missed = frozenset(gone - self._missed)
            for call_id in up.keys() - before:
                if not any((call_id, side) in self._legs for side in ("edge", "link")):
                    each = up[call_id]
                    self._legs[call_id, "edge"] = _Leg(each.caller, each.callee, answered=True)
                    self._settle(call_id)

    def _take(self, what: Heard) -> None:
        name = (what.call_id, what.side)
        match what.step:
            case Step.BEGINS:
                if what.callee.startswith(SOS):
                    for who in self._people.ends([what.caller]).values():
                        self._here.called_for_help(who.id)
                if len(self._legs) < _MOST:
                    self._legs[name] = _Leg(what.caller, what.callee)
            case Step.REROUTED:
                if name in self._legs and what.callee:
                    self._legs[name].callee = what.callee
            case Step.ANSWERED:
                if name in self._legs:
                    self._legs[name].answered = True
            case Step.ENDS:
                self._legs.pop(name, None)

    def _settle(self, call_id: str) -> None:
        ends = [
            text
            for side in ("edge", "link")
            if (leg := self._legs.get((call_id, side))) is not None and leg.answered
            for text in (leg.caller, leg.callee)
        ]
        self._here.call(call_id, {who.id for who in self._people.ends(ends).values()})

    def _drop(self, call_id: str) -> None:
        for side in ("edge", "link"):
            self._legs.pop((call_id, side), None)
        self._here.call_over(call_id)
