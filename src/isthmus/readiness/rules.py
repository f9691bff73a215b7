"""What a new site needs before people can work with it, judged by what is there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

_SOON_DAYS = 14.0


class Mark(StrEnum):
    """How far a step is."""

    GOOD = "good"
    MISSING = "missing"
    FAULTY = "faulty"
    """It is there and does not work."""
    UNKNOWN = "unknown"
    """Nobody could be asked."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to set up. needed: without it the set-up is not done. count: how many there are of it.

    why: what is wrong, in words. command: what sets it up or shows more of it.
    """

    name: str
    mark: Mark
    needed: bool
    count: int
    why: str
    command: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be found out, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Thing:
    """A domain, certificate, peer or trunk by its name. trouble: why it does not work, empty where it does."""

    name: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is there. numbers: in the inventory, assigned or free. places: for emergency calls."""

    domains: Sequence[Thing] | Unknown
    certificates: Sequence[Thing] | Unknown
    people: int | Unknown
    peers: Sequence[Thing] | Unknown
    trunks: Sequence[Thing] | Unknown
    numbers: int | Unknown
    places: int | Unknown


def steps(facts: Facts) -> list[Step]:
    """Every step, in the order in which one takes them.

    A site may stand alone and may have no way to the telephone network; with one, numbers and a place are needed.
    """
    calls_out = not isinstance(facts.trunks, Unknown) and bool(facts.trunks)
    paired = not isinstance(facts.peers, Unknown) and bool(facts.peers)
    return [
        _things("domain", facts.domains, "isthmus domain list"),
        _things("certificate", facts.certificates, "isthmus pki list"),
        _counted("people", facts.people, "isthmus user create"),
        _things("peer", facts.peers, "isthmus site status", needed=paired),
        _things("trunk", facts.trunks, "isthmus trunk list", needed=calls_out),
        _counted("numbers", facts.numbers, "isthmus number add", needed=calls_out),
        _counted("place", facts.places, "isthmus location place add", needed=calls_out),
    ]


def done(found: Iterable[Step]) -> bool:
    """Whether all is there that is needed."""
    return all(step.mark is Mark.GOOD for step in found if step.needed)


def certificate(name: str, days: float | None, fault: str) -> Thing:
    """A certificate as a thing that works, or not. days: that are left."""
    if days is None:
        return Thing(name, fault or "there is no certificate")
    if days <= 0:
        return Thing(name, "the certificate has expired")
    return Thing(name, f"the certificate ends in {days:.0f} days" if days < _SOON_DAYS else "")


def _things(name: str, there: Sequence[Thing] | Unknown, command: str, *, needed: bool = True) -> Step:
    if isinstance(there, Unknown):
        return Step(name, Mark.UNKNOWN, needed, 0, there.why, command)
    if not there:
        return Step(name, Mark.MISSING, needed, 0, "", command)
    trouble = "; ".join(f"{each.name}: {each.trouble}" for each in there if each.trouble)
    return Step(name, Mark.FAULTY if trouble else Mark.GOOD, needed, len(there), trouble, command)


def _counted(name: str, count: int | Unknown, command: str, *, needed: bool = True) -> Step:
    if isinstance(count, Unknown):
        return Step(name, Mark.UNKNOWN, needed, 0, count.why, command)
    return Step(name, Mark.GOOD if count else Mark.MISSING, needed, count, "", command)
