"""Which gateways have fallen silent, by how they answer OPTIONS. Pure.

What rings at a gateway by UDP is given up only where the gateway itself is gone for sure:

1. It has answered OPTIONS before. One that never does may carry calls all the same.
2. It is held for down, and the last that was heard of it is nothing. One that answers 503 is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

UP, TRYING, DOWN = "A", "T", "I"
"""As the engine has them: it answers, did not the last time, is held for down."""


class Asked(NamedTuple):
    """How a gateway answers OPTIONS. state: see above. timeouts: how many it has left without an answer since the
    engine began. measured: whether one of its answers took long enough to be measured.
    """

    state: str
    timeouts: int
    measured: bool = False


class Silence:
    """Told at each look how all gateways are. settled_s: for how long the engine has to run until one that never
    answers can't be held for up any more, which they all are at first.
    """

    def __init__(self, settled_s: float) -> None:
        self._settled_s = settled_s
        self._answering: set[str] = set()
        self._last: dict[str, Asked] = {}  # as they were at the last look
        self._silent: frozenset[str] = frozenset()

    def look(self, found: Mapping[str, Asked], runs_s: float) -> frozenset[str]:
        """Those that have fallen silent. runs_s: for how long the engine runs."""
        silent = set[str]()
        for name, now in found.items():
            before = self._last.get(name)
            if now.state == DOWN:
                fell = before is not None and before.state != DOWN and now.timeouts > before.timeouts
                if name in self._answering and (name in self._silent or fell):
                    silent.add(name)
            elif now.measured or (now.state == UP and (runs_s >= self._settled_s or _is_back(before))):
                self._answering.add(name)
            self._last[name] = now
        self._silent = frozenset(silent)
        return self._silent


def _is_back(before: Asked | None) -> bool:
    return before is not None and before.state != UP
