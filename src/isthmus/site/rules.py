"""When a process is started again, and when it counts as hung. Pure: the time is handed in.

    stopped --started--> starting --answered--> up
    starting, up --exited or too many missed--> backoff --(delay over) started--> starting

Times are seconds of any clock that never goes back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 10.0
STEADY_S = 30.0  # who lived this long is forgiven earlier failures
PROBE_EVERY_S = 2.0
PROBE_EVERY_WHILE_STARTING_S = 0.1
MISSED_LIMIT = 5  # probes in a row without an answer
START_LIMIT_S = 60.0  # a first start may have to migrate a database and compile a snapshot


class State(StrEnum):
    """Where a process stands."""

    STOPPED = "stopped"
    STARTING = "starting"
    UP = "up"
    BACKOFF = "backoff"


@dataclass(frozen=True, slots=True)
class Process:
    """What is known of one child.

    since: when `state` began. restarts: starts after the first. failures: ends in a row that came too soon.
    missed: probes in a row without an answer. reason: why it ended last, or why it does not answer.
    """

    state: State = State.STOPPED
    since: float = 0.0
    starts: int = 0
    failures: int = 0
    missed: int = 0
    reason: str = ""

    @property
    def restarts(self) -> int:
        return max(0, self.starts - 1)


def started(process: Process, now: float) -> Process:
    """It has been started; whether it works is not known yet."""
    return replace(process, state=State.STARTING, since=now, starts=process.starts + 1, missed=0)


def answered(process: Process, now: float) -> Process:
    """It answered its probe."""
    if process.state is State.UP:
        return replace(process, missed=0, reason="")
    return replace(process, state=State.UP, since=now, missed=0, reason="")


def missed(process: Process, why: str) -> Process:
    """It did not answer its probe."""
    return replace(process, missed=process.missed + 1, reason=why)


def hung(process: Process, now: float) -> bool:
    """Whether it runs without answering for so long that it has to be ended."""
    if process.state is State.STARTING:
        return now - process.since >= START_LIMIT_S
    return process.state is State.UP and process.missed >= MISSED_LIMIT


def exited(process: Process, now: float, why: str) -> Process:
    """It has ended, by itself or because it hung."""
    steady = process.state is State.UP and now - process.since >= STEADY_S
    failures = 1 if steady else process.failures + 1
    return replace(process, state=State.BACKOFF, since=now, failures=failures, missed=0, reason=why)


def delay_s(process: Process) -> float:
    """How long to wait after the end before the next start: 0.2 s, doubling up to 10 s."""
    doublings = min(process.failures - 1, 10)
    return float(min(LONGEST_DELAY_S, FIRST_DELAY_S * 2**doublings))


def stopped(process: Process, now: float) -> Process:
    """It was ended because the site stops."""
    return replace(process, state=State.STOPPED, since=now, missed=0, reason="")


def next_probe_s(process: Process) -> float:
    """Seconds until the next probe."""
    return PROBE_EVERY_S if process.state is State.UP else PROBE_EVERY_WHILE_STARTING_S
