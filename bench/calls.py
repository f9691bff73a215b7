"""CPU a call: within a site and out by a trunk against a native Kamailio, across both sites against within one, and out
by a trunk without the relay against with it.
"""

from __future__ import annotations

import copy
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench import load, rig
from bench.model import Aim, Figure, Scale
from bench.rig import Rig, Target
from isthmus.addressing import Aor

_WITHIN, _ACROSS = 1.5, 2.5
_OUTSIDE = Aor("+12065550123", rig.DOMAIN)
_SETTLE_S = 0.3  # what is left to do when the last answer has come: transactions, media, dialogs


@dataclass(frozen=True, slots=True)
class Ways:
    """Microseconds of CPU a call in one round."""

    native: float
    within: float
    across: float
    outside: float
    bypass: float


def measure(scale: Scale) -> list[Figure]:
    """INVITE with digest, 180, 200, ACK, BYE, 200 along the routes, on UDP; without and with the media relay."""
    figures = []
    for relay in (False, True):
        rounds = _rounds(scale, relay=relay)
        media = "rtpengine on" if relay else "rtpengine off"
        key = "media" if relay else "plain"
        within = [(ways.within, ways.native) for ways in rounds]
        across = [(ways.across, ways.within) for ways in rounds]
        figures += [
            Figure.of(
                f"call.within.{key}",
                f"CPU a call within a site, {media}",
                "us",
                within,
                "native Kamailio",
                Aim("ratio", _WITHIN),
            ),
            Figure.of(
                f"call.across.{key}",
                f"CPU a call across both sites, {media}",
                "us",
                across,
                "within a site",
                Aim("ratio", _ACROSS),
            ),
            Figure.of(
                f"call.outside.{key}",
                f"CPU a call out by a trunk, {media}",
                "us",
                [(ways.outside, ways.native) for ways in rounds],
                "native Kamailio, within",
            ),
        ]
        if relay:
            figures.append(
                Figure.of(
                    "call.bypass",
                    "CPU a call out by a trunk, media directly",
                    "us",
                    [(ways.bypass, ways.outside) for ways in rounds],
                    "relayed, without its media",
                )
            )
    return figures


def _rounds(scale: Scale, *, relay: bool) -> list[Ways]:
    with (
        tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder,
        rig.running(Path(folder), accounts=scale.accounts, relay=relay) as running,
    ):
        lines = [
            Line(running, running.native, running.near[0].aor),
            Line(running, running.premises, running.near[0].aor),
            Line(running, running.both, running.far[0].aor, registered_at=running.online),
            outside := Line(running, running.premises, _OUTSIDE, by=running.trunk),
            outside.of_callers_at(running.reached),
        ]
        for line in lines:  # connections made, tables grown, code compiled
            line.microseconds_a_call(scale.call_rate, max(scale.calls // 5, 10))
        return [
            Ways(*(line.microseconds_a_call(scale.call_rate, scale.calls) for line in lines))
            for _ in range(scale.rounds)
        ]


class Line:
    """Callers at one place and one whom they call, whose phone is registered and waits. All phones are on UDP."""

    def __init__(
        self, running: Rig, target: Target, called: Aor, *, registered_at: Target | None = None, by: str = ""
    ) -> None:
        """by: the gateway that a number outside is behind; nobody registers then."""
        self._rig, self._target, self._called = running, target, called
        address = by or running.addresses()
        if not by:
            load.register(
                running.processes, registered_at or target, [load.Phone(called)], address, registers=1, rate=1
            )
        load.wait_for_calls(running.processes, address)
        self._caller_address = running.addresses()

    def of_callers_at(self, address: str) -> Line:
        """The same one called by others, at this address."""
        made = copy.copy(self)
        made._caller_address = address
        return made

    def microseconds_a_call(self, rate: int, calls: int) -> float:
        """Let `calls` calls go through, `rate` a second; CPU of the target a call. Every call has to succeed."""
        callers = [load.Phone(caller.aor) for caller in self._rig.callers]
        before = self._target.cpu_s()
        load.call(
            self._rig.processes,
            self._target,
            callers,
            self._called,
            self._caller_address,
            calls=calls,
            rate=rate,
        )
        time.sleep(_SETTLE_S)
        return (self._target.cpu_s() - before) / calls * 1e6
