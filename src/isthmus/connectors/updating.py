"""How a connector brings itself to another version, as one table. Pure.

1. It takes no new calls first, and waits for those that are up, though not for ever: then they are cut.
2. The other version is installed beside the present one, which is not touched: a version has a folder of its own.
3. What `current` leads to is exchanged in one step, and the connector started anew: the trial. If it is not well within
   the time of the trial, or does not even start, `current` leads to the former version again.
4. What it returned from is not tried again until another version is ordered.
5. How far it is, is on disk before it goes on. Killed at any step it starts by one version or the other, whole, and
   goes on: an installation is begun anew, a trial that is over is judged by which version runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Phase(StrEnum):
    """How far an update is."""

    IDLE = ""
    DRAINING = "draining"
    INSTALLING = "installing"
    TRIAL = "trial"


class Step(StrEnum):
    """What is to be done now."""

    NOTHING = "nothing"
    WAIT = "wait"
    INSTALL = "install"
    SWITCH = "switch"  # to the new version, and start it
    KEEP = "keep"  # the new version is the present one from now on
    RETURN = "return"  # to the former version, and start it


@dataclass(frozen=True, slots=True)
class Update:
    """How far it is, as it is kept on disk. since: Unix seconds at which the phase began.

    version: the one to come. former: the one to return to. returned_from: the last that was no good, and why.
    sha256: of the archive of the one to come, in hexadecimal.
    """

    phase: Phase = Phase.IDLE
    version: str = ""
    former: str = ""
    since: float = 0.0
    returned_from: str = ""
    why: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is so now. ordered: version wanted by online, empty: none. running: the one that runs. calls: that are up.

    installed: whether the new version lies there whole. fault: why it can't be installed. well: for a while all here
    has answered, and online has been heard. sha256: of the archive that is ordered.
    """

    ordered: str
    running: str
    calls: int | None
    installed: bool
    well: bool
    fault: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. calls: how long those that are up are waited for. trial: within which the new version has to be well."""

    calls: float = 300.0
    trial: float = 120.0


def step(update: Update, seen: Seen, now: float, limits: Limits) -> tuple[Step, Update]:
    """What to do, and how far it is then. See the rules above."""
    return _TABLE[update.phase](update, seen, now, limits)


def _idle(update: Update, seen: Seen, now: float, limits: Limits) -> tuple[Step, Update]:
    if seen.ordered in ("", seen.running, update.returned_from):
        return Step.NOTHING, update
    begun = Update(Phase.DRAINING, seen.ordered, seen.running, now, sha256=seen.sha256)
    return Step.WAIT, begun


def _draining(update: Update, seen: Seen, now: float, limits: Limits) -> tuple[Step, Update]:
    if seen.ordered != update.version:
        return Step.NOTHING, Update(returned_from=update.returned_from, why=update.why)
    if seen.calls and now - update.since < limits.calls:
        return Step.WAIT, update
    return Step.INSTALL, replace(update, phase=Phase.INSTALLING, since=now)


def _installing(update: Update, seen: Seen, now: float, limits: Limits) -> tuple[Step, Update]:
    if seen.fault:
        return Step.NOTHING, _returned(update, seen.fault)
    if not seen.installed:
        return Step.INSTALL, update
    return Step.SWITCH, replace(update, phase=Phase.TRIAL, since=now)


def _trial(update: Update, seen: Seen, now: float, limits: Limits) -> tuple[Step, Update]:
    if seen.running != update.version:
        # What starts versions has found that this one does not run, or the exchange was never done.
        return Step.RETURN, _returned(update, "it did not come up")
    if now - update.since > limits.trial:
        return Step.RETURN, _returned(update, "it was not well in time")
    if seen.well:
        return Step.KEEP, Update()
    return Step.WAIT, update


def _returned(update: Update, why: str) -> Update:
    return Update(returned_from=update.version, why=why)


_TABLE = {Phase.IDLE: _idle, Phase.DRAINING: _draining, Phase.INSTALLING: _installing, Phase.TRIAL: _trial}
