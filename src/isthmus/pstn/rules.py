"""What a voice route may say, and its record for calls. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from isthmus.errors import UsageError
from isthmus.pstn.model import VoiceRoute
from isthmus.routing import hours, pstn
from isthmus.routing.model import RouteRecord

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_WAY = re.compile(r"@?[a-z0-9][a-z0-9-]{0,62}")
_MOST = 20
_MILLION = 1_000_000
_LONGEST_DESCRIPTION = 200


def checked(wanted: VoiceRoute) -> VoiceRoute:
    """The route in its one form. Raises UsageError with every fault."""
    faults: list[str] = []
    made = wanted
    for check in (_names, _patterns, _ways, _numbers, _hours):
        try:
            made = check(made)
        except UsageError as error:
            faults.append(str(error).rstrip("."))
    if faults:
        raise UsageError("; ".join(faults))
    return made


def record(route: VoiceRoute, tenant: int) -> RouteRecord:
    """What calls are routed by. tenant: its position in the snapshot."""
    return RouteRecord(
        name=route.name,
        tenant=tenant,
        usages=route.usages,
        patterns=route.patterns,
        ways=route.ways,
        priority=route.priority,
        cost=int(Decimal(route.cost) * _MILLION),
        hours=hours.parsed(route.hours, route.zone) if route.hours else None,
    )


def way_of(text: str) -> tuple[str, int]:
    """A way as it is typed: `carrier`, `@premises`, or `carrier=60` with its share of 100. Raises UsageError."""
    name, equals, share = text.strip().partition("=")
    share = share.strip().removesuffix("%")
    if equals and not (share.isascii() and share.isdigit() and len(share) < 4):
        raise UsageError(f"{text[:60]!r} has no share of 100", do="Write it as carrier=60.")
    return name.strip(), int(share or 0)


def way_text(way: tuple[str, int]) -> str:
    """As `way_of` reads it."""
    return f"{way[0]}={way[1]}" if way[1] else way[0]


def _names(route: VoiceRoute) -> VoiceRoute:
    for word in (route.name, *route.usages):
        if _NAME.fullmatch(word) is None:
            raise UsageError(f"{word[:60]!r} is no name: small letters, digits, '.', '_' and '-', at most 32")
    if not 1 <= len(route.usages) <= _MOST:
        raise UsageError(f"a route is for 1 to {_MOST} usages, not {len(route.usages)}")
    if len(route.description) > _LONGEST_DESCRIPTION or not route.description.isprintable():
        raise UsageError(f"the description has more than {_LONGEST_DESCRIPTION} characters, or one that can't be shown")
    return replace(route, usages=tuple(dict.fromkeys(route.usages)))


def _patterns(route: VoiceRoute) -> VoiceRoute:
    return replace(route, patterns=pstn.checked_patterns(route.patterns))


def _ways(route: VoiceRoute) -> VoiceRoute:
    names = [name for name, _ in route.ways]
    if not 1 <= len(names) <= _MOST:
        raise UsageError(f"a route has 1 to {_MOST} ways, not {len(names)}")
    for name in names:
        if _WAY.fullmatch(name) is None:
            raise UsageError(f"{name[:60]!r} is neither a trunk nor a site", do="Write gw1, or @premises for a site.")
    if len(set(names)) != len(names):
        raise UsageError("a route names a way twice")
    if sum(share for _, share in route.ways) not in (0, 100) or any(share < 0 for _, share in route.ways):
        raise UsageError("the shares of the ways do not add up to 100", do="Write gw1=70 gw2=30, or none at all.")
    return route


def _numbers(route: VoiceRoute) -> VoiceRoute:
    if not 0 <= route.priority <= 10_000:
        raise UsageError(f"a priority of {route.priority} is not between 0 and 10000")
    try:
        cost = Decimal(route.cost)
    except InvalidOperation:
        cost = Decimal(-1)
    if not cost.is_finite() or not 0 <= cost <= 1000 or cost != round(cost, 6):
        raise UsageError(f"{route.cost[:40]!r} is no cost of a minute", do="Write it as 0.012, at most 6 decimals.")
    return replace(route, cost=f"{cost.normalize():f}")


def _hours(route: VoiceRoute) -> VoiceRoute:
    parsed = hours.parsed(route.hours, route.zone) if route.hours else None
    return replace(route, hours=str(parsed or ""), zone=route.zone if parsed else "UTC")


def unknown(route: VoiceRoute, trunks: Sequence[str], sites: Sequence[str]) -> list[str]:
    """The ways of the route that lead nowhere from a site with these trunks and these other sites that have some."""
    known = {*trunks, *(f"@{site}" for site in sites)}
    return [name for name, _ in route.ways if name not in known]
