"""Trunks that are down, or that do not register this site: people are told, and told of the end.

Calls go another way meanwhile where there is one, so that nobody may notice before the last trunk is gone.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from isthmus.activity.model import Alert, Severity

RULE = "trunk-trouble"
_log = logging.getLogger(__name__)


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong with a trunk. began: of the clock that does not jump; began_at: Unix seconds. why: in words."""

    began: float
    began_at: float
    why: str
    told: bool = False


def trouble_of(state: Mapping[str, Any]) -> str:
    """What is wrong, in words; empty for nothing. state: of one trunk, as engines/kamailio/trunks.py has it."""
    if state["state"] == "down":
        return "does not answer"
    if state["registered"] is False:
        return f"does not register this site ({state['registration_error'] or 'no answer'})"
    return ""


class TrunkWatch:
    """Looks at the trunks now and then. What has been told is forgotten with the process."""

    def __init__(
        self,
        site: str,
        tenant: str,
        after_s: Mapping[str, int],
        states: Callable[[], Sequence[Mapping[str, Any]]],
        tell: Callable[[str, Alert], object],
        *,
        clock: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """after_s: by name, how long something is wrong before it is told. tell: gets the tenant too."""
        self._site, self._tenant, self._after_s = site, tenant, after_s
        self._states, self._tell = states, tell
        self._clock, self._elapsed = clock, elapsed
        self._troubles: dict[str, Trouble] = {}

    def work(self) -> None:
        """Look at all of them once."""
        for state in self._states():
            name = str(state["name"])
            if state["calls"] is not None and self._after_s.get(name):  # else the engine can't be asked
                self._look(name, trouble_of(state))

    def _look(self, name: str, why: str) -> None:
        now, known = self._elapsed(), self._troubles.get(name)
        if not why:
            over = f"is well again after {_span(now - known.began)}" if known is not None and known.told else ""
            if known is None or not over or self._told(name, known, over):  # else it is told next time
                self._troubles.pop(name, None)
            return
        if known is None:
            known = Trouble(now, self._clock(), why)
        known = msgspec.structs.replace(known, why=why)
        if not known.told and now - known.began >= self._after_s[name]:
            known = msgspec.structs.replace(known, told=self._told(name, known, ""))
        self._troubles[name] = known

    def _told(self, name: str, trouble: Trouble, end: str) -> bool:
        key = f"{self._site}|{name}|{trouble.began_at:.3f}|{bool(end)}"
        at = self._clock()
        alert = Alert(
            id=hashlib.blake2b(key.encode(), digest_size=5).hexdigest(),
            subject=f"trunk:{name}",
            rule=RULE,
            about=name,
            severity=Severity.NOTICE if end else Severity.HIGH,
            first=trouble.began_at,
            last=at,
            count=1,
            now=f"trunk {name} of {self._site} {end or trouble.why}",
            usual="it answers, and has this site registered where it has an account",
            evidence={"trunk": [name], "trouble": [trouble.why]},
        )
        try:
            self._tell(self._tenant, alert)
        except Exception as error:
            _log.warning("how trunk %s is could not be told: %s", name, error)
            return False
        return True


def _span(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 120 else f"{round(seconds / 60)} min"
