"""What calls come to on a day: counted once each, whatever order they come in. Pure.

A call that lasts over midnight counts on both days, its cost in the same shares. The day is the tenant's: of a trunk,
the one of the site's own tenant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from isthmus.fraud.model import Cap, Key, Kind, Spoken, Used

Zones = Callable[[str], str]
"""The time zone of a tenant, by name."""


class Ledger:
    """The calls that are over. own_tenant: whose day is a trunk's."""

    def __init__(self, zones: Zones, own_tenant: str) -> None:
        self._zones, self._own_tenant = zones, own_tenant
        self._days: dict[date, dict[Key, Used]] = {}
        self._known: dict[tuple[str, str, str, int], int] = {}

    def add(self, call: Spoken) -> bool:
        """Count a call that is over. Whether it had not been counted."""
        if call.name in self._known:
            return False
        self._known[call.name] = call.to_ms
        for day, key, milliseconds, micro in self._parts(call):
            self._days.setdefault(day, {}).setdefault(key, Used()).add(milliseconds, micro, call.currency)
        return True

    def used(self, now_ms: int, up: Iterable[Spoken]) -> dict[Key, Used]:
        """What was used on the day it is now, the calls that are up included."""
        calls = list(up)
        today = {tenant: day_of(now_ms, self._zones(tenant)) for tenant in self._tenants(calls)}
        found: dict[Key, Used] = {}
        for day, keys in self._days.items():
            for key, used in keys.items():
                if today.get(self._whose(key)) == day:
                    found[key] = Used(used.milliseconds, dict(used.micro))
        for call in calls:
            if call.name not in self._known:
                for day, key, milliseconds, micro in self._parts(call):
                    if day == today[self._whose(key)]:
                        found.setdefault(key, Used()).add(milliseconds, micro, call.currency)
        return found

    def forget(self, before_ms: int) -> None:
        """Let go of days that were over by then, and of the names of calls that were."""
        last = day_of(before_ms, "UTC") - timedelta(days=1)
        self._days = {day: keys for day, keys in self._days.items() if day >= last}
        self._known = {name: to_ms for name, to_ms in self._known.items() if to_ms >= before_ms}

    def _tenants(self, up: Iterable[Spoken]) -> set[str]:
        known = {self._whose(key) for keys in self._days.values() for key in keys}
        return known | {call.tenant for call in up} | {self._own_tenant}

    def _whose(self, key: Key) -> str:
        return self._own_tenant if key[0] is Kind.TRUNK else key[1]

    def _parts(self, call: Spoken) -> Iterator[tuple[date, Key, float, float]]:
        for key in keys_of(call):
            for day, share in shares(call.from_ms, call.to_ms, self._zones(self._whose(key))):
                yield day, key, share * (call.to_ms - call.from_ms), share * call.micro


def keys_of(call: Spoken) -> list[Key]:
    """All under which a call counts."""
    found: list[Key] = [(Kind.TRUNK, "", call.trunk)] if call.trunk else []
    if call.tenant:
        found.append((Kind.TENANT, call.tenant, call.tenant))
        found.append((Kind.COUNTRY, call.tenant, call.country))
    if call.person:
        found.append((Kind.PERSON, call.tenant, call.person))
    return found


def key_of(cap: Cap) -> Key:
    """Under which what a cap is for is counted."""
    return (cap.kind, "" if cap.kind is Kind.TRUNK else cap.tenant, cap.key)


def day_of(at_ms: int, zone: str) -> date:
    """The day that it is there."""
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).date()


def midnight(at_ms: int, zone: str) -> int:
    """When the day ends that it is there, in Unix seconds."""
    return round(datetime.combine(day_of(at_ms, zone) + timedelta(days=1), time(), ZoneInfo(zone)).timestamp())


def shares(from_ms: int, to_ms: int, zone: str) -> list[tuple[date, float]]:
    """The days on which a call was, and how much of it was on each (all together: 1)."""
    last, lasted = day_of(to_ms, zone), to_ms - from_ms
    day = day_of(from_ms, zone)
    if day >= last or lasted <= 0:
        return [(day, 1.0)]
    found: list[tuple[date, float]] = []
    at = from_ms
    while at < to_ms:
        ends = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone)).timestamp() * 1000
        upto = min(ends, to_ms)
        if upto > at:
            found.append((day, (upto - at) / lasted))
        at, day = round(upto), day + timedelta(days=1)
    return found


def is_reached(cap: Cap, used: Used | None) -> str:
    """The limit of the day that is reached: `minutes` or `cost`; empty for none."""
    if used is None:
        return ""
    if cap.minutes and used.minutes >= cap.minutes:
        return "minutes"
    if float(cap.cost) and used.cost >= float(cap.cost):
        return "cost"
    return ""


def reached(caps: Iterable[Cap], used: Mapping[Key, Used]) -> list[tuple[Cap, str]]:
    """The caps that are reached, each with which limit."""
    found = ((cap, is_reached(cap, used.get(key_of(cap)))) for cap in caps)
    return [(cap, limit) for cap, limit in found if limit]


def to_end(caps: Iterable[Cap], up: Iterable[Spoken]) -> set[str]:
    """Call-IDs of the calls that are up and have to end. caps: those that are reached."""
    keys = {key_of(cap) for cap in caps if cap.ends}
    return {call.name[1] for call in up if call.up and keys & set(keys_of(call))}
