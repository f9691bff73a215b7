"""How many calls a machine carries, from what some calls cost it. Pure.

1. Calls are added level by level, half as many again each time, until a limit is met or the time is over.
2. A level is good while less than one packet of 200 is lost: G.711 with loss concealment bears that (ITU-T G.113).
3. What a call costs is taken from the largest good level, and reckoned up to 70 % of all cores: calls are not even, and
   a machine that is busier than that answers late. What else runs there keeps what it takes. Setting a call up is
   reckoned in once for three minutes.
4. Where packets were lost although the load came in time, nothing is reckoned up beyond the largest good level.
5. Four UDP ports are used a call: there are never more calls than `[media] rtp_low` to `rtp_high` have ports for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

FIRST = 8
MOST_LOSS = 0.005
MOST_BUSY = 0.7
CALL_S = 180.0
_STOP_BUSY = 0.9
_MOST_LATE = 0.03


class Limit(StrEnum):
    """What says that there are no more calls than these."""

    CPU = "cpu"
    LOSS = "loss"  # packets were lost before the cores were busy
    PORTS = "ports"


class Ended(StrEnum):
    """Why no further level was tried."""

    BUSY = "busy"  # the machine was, with what makes the load
    LOSS = "loss"
    PORTS = "ports"
    LATE = "late"  # what makes the load did not come up to it
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Level:
    """So many calls at a time. cores: that carrying them kept busy. busy: of the whole machine, 0 to 1.

    loss, late: of the packets, 0 to 1: those that were sent and did not arrive, and those that were not sent in time.
    """

    calls: int
    cores: float
    busy: float
    loss: float
    late: float


@dataclass(frozen=True, slots=True)
class Before:
    """The machine without calls. cores: that it has. engines, others: cores busy with them, and with all else."""

    cores: int
    engines: float
    others: float


@dataclass(frozen=True, slots=True)
class Capacity:
    """calls: that the machine carries. seen: most calls that were up at a time, with `loss_percent` of packets lost.

    cpu_percent: of one core, a call that is up. set_up_ms: of one core, to set a call up. others: cores that all else
    kept busy. limit: what `calls` is bounded by. ended: why the load was not raised further.
    """

    calls: int
    seen: int
    cpu_percent: float
    set_up_ms: float
    loss_percent: float
    cores: int
    others: float
    limit: Limit
    ended: Ended


def after(calls: int, most: int) -> int:
    """The level after one of so many calls. most: by the ports."""
    return min(most, max(calls + 1, calls * 3 // 2))


def ended(level: Level, most: int) -> Ended | None:
    """Whether the load is raised no further, and why."""
    if level.late > _MOST_LATE:
        return Ended.LATE
    if level.loss > MOST_LOSS:
        return Ended.LOSS
    if level.busy > _STOP_BUSY:
        return Ended.BUSY
    return Ended.PORTS if level.calls >= most else None


def reckoned(levels: Sequence[Level], before: Before, set_up_s: float, most: int, why: Ended) -> Capacity | None:
    """The capacity; None where not even the first level was good.

    set_up_s: CPU seconds that setting up a call takes. most: calls by the ports. why: the load was not raised further.
    """
    good = [each for each in levels if each.loss <= MOST_LOSS]
    if not good:
        return None
    best = max(good, key=lambda each: each.calls)
    cost = max((best.cores - before.engines) / best.calls, 1e-6)
    room = before.cores * MOST_BUSY - before.engines - before.others
    by_cpu = int(room / (cost + set_up_s / CALL_S))
    bounds = {Limit.CPU: max(by_cpu, 0), Limit.PORTS: most}
    if why is Ended.LOSS:
        bounds[Limit.LOSS] = best.calls
    limit = min(bounds, key=lambda each: bounds[each])
    return Capacity(
        calls=bounds[limit],
        seen=best.calls,
        cpu_percent=cost * 100,
        set_up_ms=set_up_s * 1000,
        loss_percent=best.loss * 100,
        cores=before.cores,
        others=before.others,
        limit=limit,
        ended=why,
    )
