"""What a measurement gives: figures, each beside its baseline, with the aim it is held against."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self


@dataclass(frozen=True, slots=True)
class Aim:
    """What is wanted. of: which number is held against `limit`. least: whether the limit is a lower one."""

    of: Literal["value", "ratio"]
    limit: float
    least: bool = False

    def __str__(self) -> str:
        sign = "≥" if self.least else "≤"
        return f"{sign} {number(self.limit)}{'x' if self.of == 'ratio' else ''}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    value, baseline: in `unit`, medians of all rounds; ratio: median of the ratios within each round, which lie
    between low and high. against: what the baseline is. note: what a reader has to know besides.
    """

    key: str
    title: str
    unit: str
    value: float
    baseline: float
    against: str
    ratio: float
    low: float
    high: float
    aim: Aim | None = None
    note: str = ""

    @classmethod
    def of(
        cls,
        key: str,
        title: str,
        unit: str,
        pairs: Sequence[tuple[float, float]],
        against: str,
        aim: Aim | None = None,
        note: str = "",
    ) -> Self:
        """From one (value, baseline) a round, both taken right after each other."""
        ratios = [value / baseline for value, baseline in pairs]
        return cls(
            key,
            title,
            unit,
            statistics.median(value for value, _ in pairs),
            statistics.median(baseline for _, baseline in pairs),
            against,
            statistics.median(ratios),
            min(ratios),
            max(ratios),
            aim,
            note,
        )

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None where there is none."""
        if self.aim is None:
            return None
        measured = self.value if self.aim.of == "value" else self.ratio
        return measured >= self.aim.limit if self.aim.least else measured <= self.aim.limit

    def as_json(self) -> dict[str, Any]:
        """All of it, for the file of results."""
        return {**asdict(self), "met": self.met}


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done: enough for figures to trust, or just so much that every measurement has run.

    rounds: how often product and baseline take turns. call_rate: calls a second. calls, registers: in one round.
    Both rates are those of a busy site: with idle moments between messages every one finds caches cold, and costs
    half as much again; what a busy machine bears would not follow from that.
    accounts: people with phones. sizes: people in the snapshots. decisions: in one round. published: people in
    the directory. writes: commits in one round. moved: people in one move. synchronised: people in an LDAP directory.
    audited: entries in the audit log. held: calls that are up when something dies. outage_s: for how long new calls
    are tried then. at_once: calls with media through one connector, in windows of stream_s. soak_s: for how long calls
    come and go while memory is watched. watched: people whom all browser tabs follow together. changes: of presence.
    messages: that are sent in one round. sockets: browsers' phones that are registered at once, as far as
    the machine's limit of descriptors lets haproxy take them; each takes two.
    listed: people in the list that scrolls. said: messages in the conversation that scrolls. in_view: contacts in one
    page. watched_s: for how long that is looked at.
    """

    rounds: int = 4
    call_rate: int = 300
    calls: int = 900
    register_rate: int = 2500
    registers: int = 7500
    accounts: int = 500
    sizes: tuple[int, ...] = (1_000, 100_000, 1_000_000)
    decisions: int = 20_000
    published: int = 100_000
    writes: int = 10
    moved: int = 1_000
    synchronised: int = 10_000
    audited: int = 100_000
    held: int = 50
    outage_s: float = 20.0
    at_once: int = 500
    stream_s: float = 8.0
    soak_s: float = 180.0
    watched: int = 100_000
    changes: int = 1_000
    messages: int = 8_000
    sockets: int = 10_000
    listed: int = 100_000
    said: int = 10_000
    in_view: int = 1_000
    watched_s: float = 10.0

    @classmethod
    def miniature(cls) -> Self:
        """Everything once, in moments."""
        small = cls(1, 50, 20, 100, 40, 10, (100, 1_000), 200, 500, 2, 4, 50, 2_000, 6, 3.0, 20, 1.0, 20.0)
        small = replace(small, watched=2_000, changes=20, messages=80, sockets=20, listed=200)
        return replace(small, said=200, in_view=20, watched_s=2.0)


def number(value: float) -> str:
    """Three significant digits, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
