"""Which trunks a call to the PSTN is tried on, and in which order. Pure: the rules of voice routing.

1. A person's policy names *usages*, in order. A voice route is for some usages, and for the numbers that begin as one
   of its patterns says. Without a policy the one usage is `default`.
2. Routes of an earlier usage come first. Within one, as the policy says: by priority (the lowest first), by the
   longest prefix, or by cost; what then is equal goes by the two other ones, and by name.
3. A route outside its hours is passed over.
4. A route names ways: trunks of this site, and sites that have trunks of their own. With shares one is drawn to be the
   first; the others follow in their order.
5. A tenant that has no routes at this site calls by all trunks of it, in the order of the site file, and then by the
   sites that have some, and the tenant's connectors, which share them, those that drain last. Who is at a connector
   calls by that one first. A trunk for calling plans is not among these.
6. Who has a calling plan (usage `calling-plan`) calls by the trunks for plans first.
7. An emergency call takes the routes for `emergency`, then every other way there is: no policy, no hours and no full
   trunk keep it from any.
8. What is known not to answer comes last, and what is full not at all.

| in a pattern | stands for |
|---|---|
| `+` and digits | numbers that begin so |
| `X`, `Z`, `N`, `[2-5]` | any digit, 1 to 9, 2 to 9, one of these |
| `$` at the end | the number ends here |
| `!` before it | not these |
| `emergency`, `short` | emergency numbers and short codes, which are no E.164 numbers |
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from isthmus.errors import UsageError
from isthmus.routing.model import Class, Config, Order, Request, RouteRecord, Step

EMERGENCY, SHORT_CODES = "emergency", "short"
PLAN = "calling-plan"
"""The usage of who has a calling plan."""
MOST_PATTERNS = 50
_PATTERN = re.compile(r"\+(?:[0-9XZN]|\[[0-9](?:-?[0-9])*\])*\$?")
_TOKEN = re.compile(r"\+|[0-9XZN]|\[[0-9](?:-?[0-9])*\]|\$")
_CLASSES = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", "+": r"\+", "$": r"\Z"}


def checked_patterns(texts: Sequence[str]) -> tuple[str, ...]:
    """The patterns of a route in their one form. Raises UsageError for the first fault."""
    if not 1 <= len(texts) <= MOST_PATTERNS:
        raise UsageError(f"a route has 1 to {MOST_PATTERNS} patterns, not {len(texts)}")
    for text in texts:
        bare = text.removeprefix("!")
        if text not in (EMERGENCY, SHORT_CODES) and (_PATTERN.fullmatch(bare) is None or len(text) > 60):
            raise UsageError(
                f"{text[:60]!r} is no pattern of numbers",
                do="It begins with + and has digits, X, Z, N, [2-5] and a last $; !+1900 leaves numbers out.",
            )
        for first, last in re.findall(r"([0-9])-([0-9])", text):
            if first > last:
                raise UsageError(f"{text[:60]!r} has a range that goes backwards")
    if all(text.startswith("!") for text in texts):
        raise UsageError("a route that only leaves numbers out is for none", do="Add + for all others.")
    return tuple(dict.fromkeys(texts))


def fit(patterns: Sequence[str], number: str) -> int:
    """How many digits of the number the longest of the patterns speaks of; -1 where it is for none of them.

    number: E.164, or `emergency` or `short`.
    """
    longest = -1
    for text in patterns:
        if text.startswith("!"):
            if _matches(text[1:], number):
                return -1
        elif text == number or _matches(text, number):
            longest = max(longest, _length(text))
    return longest


def ways(
    request: Request, number: str, caller: Class, tenant: int, config: Config, steps: list[Step]
) -> tuple[tuple[str, RouteRecord | None], ...]:
    """The ways to call a number, the first to be tried first, each with its route (None: it has none).

    number: E.164, `emergency` or `short`. tenant: the caller's. A way is a trunk's name or `@SITE`. What is full, was
    tried or leads back over the link is left out; `steps` is told what was.
    """
    emergency = number == EMERGENCY
    chosen = _by_routes(request, number, caller, tenant, config, steps)
    if chosen is None or emergency:
        # Who is at a connector is helped by who is near, and called back there.
        near = _connectors(request, tenant, config)
        sites = (*near, *config.pstn_sites) if request.via in near else (*config.pstn_sites, *near)
        trunks = [(trunk.name, None) for trunk in config.trunks if not trunk.plan]
        relays = [(f"@{site}", None) for site in sites]
        chosen = [*(chosen or ()), *((*relays, *trunks) if request.via in near else (*trunks, *relays))]
    chosen = _by_plan(chosen, caller, config, steps, emergency=emergency)
    found: dict[str, RouteRecord | None] = {}
    for way, route in chosen:
        if way not in found and _may_be_tried(way, request, config):
            found[way] = route
    return tuple(_by_state(found, request, steps, emergency=emergency).items())


def _connectors(request: Request, tenant: int, config: Config) -> list[str]:
    """The connectors of a tenant, shared: the one that the caller is at comes first, those that drain last."""
    there = [each for each in config.connectors if each.tenant == tenant]
    ready = [each.name for each in there if not each.drains]
    first = request.lot * len(ready) // 100
    names = [*ready[first:], *ready[:first], *(each.name for each in there if each.drains)]
    return sorted(names, key=lambda name: name != request.via)


def _by_plan(
    chosen: list[tuple[str, RouteRecord | None]], caller: Class, config: Config, steps: list[Step], *, emergency: bool
) -> list[tuple[str, RouteRecord | None]]:
    """With the trunks for calling plans: first for who has one, last for emergency calls of all others."""
    by_plan: list[tuple[str, RouteRecord | None]] = [(trunk.name, None) for trunk in config.trunks if trunk.plan]
    if not by_plan:
        return chosen
    if PLAN in caller.usages:
        return [*by_plan, *chosen]
    if not emergency and not chosen:
        names = ", ".join(name for name, _ in by_plan)
        steps.append(Step("no-plan", f"trunk {names} is for people with a calling plan, which the caller has not"))
    return [*chosen, *by_plan] if emergency else chosen


def _by_routes(
    request: Request, number: str, caller: Class, tenant: int, config: Config, steps: list[Step]
) -> list[tuple[str, RouteRecord | None]] | None:
    """None where the tenant has no routes here."""
    index = _indexed(config.routes)
    if tenant not in index.tenants:
        return None
    emergency = number == EMERGENCY
    ranked: list[tuple[tuple[object, ...], RouteRecord]] = []
    for route in index.about(tenant, number):
        place = 0 if emergency else _place(route, caller.usages)
        length = fit(route.patterns, number) if place >= 0 else -1
        if length < 0:
            continue
        if route.hours is not None and not emergency and not route.hours.are_open(request.at_s):
            steps.append(Step("hours", f"route {route.name} is closed now: it is for {route.hours}"))
            continue
        ranked.append(((place, *_rank(route, length, caller.order), route.name), route))
    ranked.sort(key=lambda pair: pair[0])
    if not ranked and not emergency:
        usages = ", ".join(caller.usages) or "none"
        steps.append(Step("no-route", f"no voice route for {number} among those of usage {usages}"))
    return [(way, route) for _, route in ranked for way in drawn(route.ways, request.lot)]


def drawn(shares: Sequence[tuple[str, int]], lot: int) -> list[str]:
    """The ways in the order in which this call tries them. shares: of 100; all 0: as they stand. lot: 0 to 99."""
    names = [name for name, _ in shares]
    total = sum(share for _, share in shares)
    if not total:
        return names
    reached = 0
    for name, share in shares:
        reached += share
        if lot * total < reached * 100:
            return [name, *(each for each in names if each != name)]
    return names


def _rank(route: RouteRecord, length: int, order: Order) -> tuple[int, ...]:
    if order is Order.LONGEST_PREFIX:
        return -length, route.priority, route.cost
    if order is Order.LEAST_COST:
        return route.cost, route.priority, -length
    return route.priority, -length, route.cost


def _place(route: RouteRecord, usages: Sequence[str]) -> int:
    return next((place for place, usage in enumerate(usages) if usage in route.usages), -1)


def _may_be_tried(way: str, request: Request, config: Config) -> bool:
    if way in request.tried:
        return False
    if not way.startswith("@"):
        return any(trunk.name == way for trunk in config.trunks)
    # A peer that asks us has no trunk to offer but ours, or it would be asked in a circle.
    return request.source.value != "peer" and way[1:] in config.sites and way[1:] not in request.unreachable


def _by_state(
    found: dict[str, RouteRecord | None], request: Request, steps: list[Step], *, emergency: bool
) -> dict[str, RouteRecord | None]:
    if not request.down and not request.full:
        return found
    full = [way for way in found if way in request.full and not emergency]
    if full:
        steps.append(Step("full", f"trunk {', '.join(full)} has as many calls as it may have"))
    down = [way for way in found if way in request.down and way not in full]
    if down:
        steps.append(Step("down", f"trunk {', '.join(down)} does not answer, and is tried last"))
    rest = [way for way in found if way not in full and way not in down]
    return {way: found[way] for way in (*rest, *down)}


class _Index:
    """Finds the routes that may be for a number by the digits that their patterns begin with.

    So a call looks at those for its number alone, however many there are.
    """

    def __init__(self, routes: tuple[RouteRecord, ...]) -> None:
        self.routes = routes
        self.tenants = frozenset(route.tenant for route in routes)
        self._by_start: dict[tuple[int, str], dict[str, RouteRecord]] = {}
        for route in routes:
            for pattern in route.patterns:
                if not pattern.startswith("!"):
                    self._by_start.setdefault((route.tenant, start(pattern)), {})[route.name] = route

    def about(self, tenant: int, number: str) -> list[RouteRecord]:
        """Those of a tenant with a pattern that begins as the number does."""
        found: dict[str, RouteRecord] = {}
        for length in range(1, len(number) + 1):
            found |= self._by_start.get((tenant, number[:length]), {})
        return list(found.values())


_index = _Index(())


def _indexed(routes: tuple[RouteRecord, ...]) -> _Index:
    """The index of the present routes. They are the same object until the snapshot has others."""
    global _index
    if _index.routes is not routes:
        _index = _Index(routes)
    return _index


def start(pattern: str) -> str:
    """The digits a pattern begins with, or the word that it is."""
    if pattern in (EMERGENCY, SHORT_CODES):
        return pattern
    return re.match(r"\+[0-9]*", pattern)[0]  # type: ignore[index]


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(_CLASSES.get(token, token) for token in _TOKEN.findall(pattern)))


def _matches(pattern: str, number: str) -> bool:
    if pattern in (EMERGENCY, SHORT_CODES) or number in (EMERGENCY, SHORT_CODES):
        return False
    return _compiled(pattern).match(number) is not None


@functools.lru_cache(maxsize=4096)
def _length(pattern: str) -> int:
    return len(_TOKEN.findall(pattern))
