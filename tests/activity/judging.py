"""Counts hits and false alarms of a history, and those of the plainest rule on the same history."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from isthmus.activity.model import Alert, Event, Kind, State
from isthmus.activity.places import network_of
from isthmus.activity.rules import Settings
from isthmus.activity.watch import Watch
from tests.activity.simulator import DAY, START, Attack


@dataclass
class Score:
    """hits, misses: by kind of attack. false: false alarms by rule. account_days: that were watched."""

    hits: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    account_days: int = 0

    @property
    def false_per_1000(self) -> float:
        return 1000 * self.false.total() / self.account_days

    @property
    def hit_share(self) -> float:
        return self.hits.total() / (self.hits.total() + self.misses.total())


def _watch(history: Iterable[Event], is_peaceful: Callable[[Alert], bool]) -> list[tuple[Alert, list[float]]]:
    """All alerts of a history, with the times at which they grew. The peaceful are marked as such the next day."""
    world = Watch(Settings())
    raised: dict[str, tuple[Alert, list[float]]] = {}
    today = START // DAY
    for event in history:
        if event.at // DAY > today:
            today = int(event.at // DAY)
            for alert in [each for each in world.alerts.values() if is_peaceful(each)]:
                world.judge(msgspec.structs.replace(alert, state=State.FALSE_ALARM), "main")
        for alert in world.take(event, "main"):
            times = raised[alert.id][1] if alert.id in raised else []
            raised[alert.id] = (alert, [*times[-500:], event.at])
    return list(raised.values())


def score(history: list[Event], attacks: list[Attack], *, people: int, days: int, marking: bool) -> Score:
    """How the rules do. marking: whether false alarms are marked the next morning, as docs/activity.md asks for."""

    def harmless(alert: Alert) -> bool:
        return not any(_is_of(alert.subject, alert.first, attack) for attack in attacks)

    found = Score(account_days=people * days)
    alerts = _watch(history, lambda alert: marking and harmless(alert))
    for attack in attacks:
        # An attack that lets the alert of an earlier one grow is told of as well.
        hit = any(_is_of(alert.subject, at, attack) for alert, times in alerts if not harmless(alert) for at in times)
        (found.hits if hit else found.misses)[attack.kind] += 1
    for alert, _ in alerts:
        if harmless(alert):
            found.false[alert.rule] += 1
            found.examples[alert.rule].append(alert.summary)
    return found


def baseline(history: list[Event], attacks: list[Attack], *, people: int, days: int) -> Score:
    """The plain rule "alert on any new network": once for each network an account was not used from before."""
    found = Score(account_days=people * days)
    seen: dict[str, set[str]] = defaultdict(set)
    alarms: list[tuple[str, float]] = []
    for event in history:
        if event.kind not in (Kind.REGISTER, Kind.SIGN_IN):
            continue
        network, known = network_of(event.address), seen[event.account]
        if known and network not in known:
            alarms.append((event.account, event.at))
        known.add(network)
    for attack in attacks:
        hit = any(_is_of(account, at, attack) for account, at in alarms)
        (found.hits if hit else found.misses)[attack.kind] += 1
    found.false["any-new-network"] = sum(
        not any(_is_of(account, at, attack) for attack in attacks) for account, at in alarms
    )
    return found


def _is_of(subject: str, at: float, attack: Attack) -> bool:
    """Whether an alarm about this subject at this time is about this attack."""
    return subject in attack.subjects and attack.since <= at <= attack.until
