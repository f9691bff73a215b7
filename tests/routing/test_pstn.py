"""Voice routes: which trunks a call is tried on, in which order, and why."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.dialling.plan import Dialling
from isthmus.errors import UsageError
from isthmus.routing import hours, pstn
from isthmus.routing.model import SOS, Answer, Class, Decision, Dial, Order, Relay, Request, RouteRecord, Source
from isthmus.routing.model import TrunkRecord as Trunk
from isthmus.routing.rules import decide
from tests.routing.people import MemorySnapshot, config, record

ALICE = "alice@contoso.example"
SEATTLE, LONDON, PREMIUM = "+12065550123", "+442079460123", "+19005550123"
ORDINARY = Class()
TRUNKS = tuple(Trunk(name, f"127.0.9.{i}:5060") for i, name in enumerate(("gw1", "gw2", "carrier"), 1))


def route(name: str, *ways: str | tuple[str, int], **changes: object) -> RouteRecord:
    """For every number and the usage `default`, unless told otherwise."""
    shares = tuple(way if isinstance(way, tuple) else (way, 0) for way in ways)
    return msgspec.structs.replace(RouteRecord(name, 0, ("default",), ("+",), shares), **changes)


def site(*routes: RouteRecord, service: Class = ORDINARY, **changes: object) -> MemorySnapshot:
    """A site with three trunks, and alice, who has this class of service."""
    alice = msgspec.structs.replace(record(ALICE, "premises", number="+14255550101"), service=1)
    fields = {"trunks": TRUNKS, "routes": routes, "classes": (Class(), service), **changes}
    return MemorySnapshot(config(**fields), [alice])


def call(number: str, source: Source = Source.PHONE, **changes: object) -> Request:
    return msgspec.structs.replace(Request("INVITE", number, source, ALICE), **changes)


def tried_in_turn(request: Request, snapshot: MemorySnapshot) -> list[Decision]:
    """What is tried when nothing answers, to the end."""
    made: list[Decision] = []
    for _ in range(20):
        decision = decide(request, snapshot).decision
        made.append(decision)
        if isinstance(decision, Answer):
            return made
        way = decision.trunk if isinstance(decision, Dial) else f"@{decision.site}"  # type: ignore[union-attr]
        request = msgspec.structs.replace(request, tried=request.tried | {way})
    raise AssertionError("it never ends")


def trunks_of(decisions: list[Decision]) -> list[str]:
    return [each.trunk if isinstance(each, Dial) else f"@{each.site}" for each in decisions[:-1]]  # type: ignore[union-attr]


def test_without_routes_every_trunk_is_tried_and_then_the_other_site():
    made = tried_in_turn(call(SEATTLE), site(pstn_sites=("online",)))
    assert trunks_of(made) == ["gw1", "gw2", "carrier", "@online"]
    assert made[-1] == Answer(503, "No Trunk Answers")


def test_what_came_over_the_link_does_not_go_back_there():
    made = tried_in_turn(call(SEATTLE, Source.PEER, via="online"), site(pstn_sites=("online",)))
    assert trunks_of(made) == ["gw1", "gw2", "carrier"]


def test_routes_by_usage_then_priority_then_the_longer_prefix():
    routes = (
        route("world", "carrier"),
        route("seattle", "gw1", patterns=("+1206",)),
        route("usa", "gw2", patterns=("+1",)),
        route("cheap", "gw2", patterns=("+1",), usages=("cheap",)),
        route("first", "gw1", patterns=("+44",), priority=1),
    )
    assert trunks_of(tried_in_turn(call(SEATTLE), site(*routes))) == ["gw1", "gw2", "carrier"]
    assert trunks_of(tried_in_turn(call(LONDON), site(*routes))) == ["gw1", "carrier"]
    cheap = site(*routes, service=Class(usages=("cheap", "default")))
    assert trunks_of(tried_in_turn(call(SEATTLE), cheap)) == ["gw2", "gw1", "carrier"]
    assert tried_in_turn(call(LONDON), site(*routes, service=Class(usages=("cheap",)))) == [
        Answer(403, "No Route Allows This Call")
    ]


def test_the_policy_says_by_what_routes_are_sorted():
    routes = (
        route("dear", "gw1", priority=1, cost=90_000),
        route("cheap", "gw2", priority=2, cost=10_000),
        route("exact", "carrier", priority=3, cost=50_000, patterns=("+1206",)),
    )
    for order, expected in (
        (Order.PRIORITY, ["gw1", "gw2", "carrier"]),
        (Order.LEAST_COST, ["gw2", "carrier", "gw1"]),
        (Order.LONGEST_PREFIX, ["carrier", "gw1", "gw2"]),
    ):
        assert trunks_of(tried_in_turn(call(SEATTLE), site(*routes, service=Class(order=order)))) == expected


def test_shares_send_so_many_of_a_hundred_calls_to_each_trunk_first():
    snapshot = site(route("split", ("gw1", 70), ("gw2", 30)))
    first = [decide(call(SEATTLE, lot=lot), snapshot).decision.trunk for lot in range(100)]  # type: ignore[union-attr]
    assert (first.count("gw1"), first.count("gw2")) == (70, 30)
    assert trunks_of(tried_in_turn(call(SEATTLE, lot=99), snapshot)) == ["gw2", "gw1"]


def test_a_route_outside_its_hours_is_passed_over():
    office = hours.parsed("mon-fri 08:00-18:00", "America/Los_Angeles")
    snapshot = site(route("office", "gw1", hours=office, priority=1), route("always", "carrier"))
    monday_9_in_seattle, monday_3_in_seattle = 1_764_003_600, 1_763_982_000
    assert decide(call(SEATTLE, at_s=monday_9_in_seattle), snapshot).decision == Dial("gw1", SEATTLE)
    closed = decide(call(SEATTLE, at_s=monday_3_in_seattle), snapshot)
    assert closed.decision == Dial("carrier", SEATTLE)
    assert "hours" in {step.rule for step in closed.trace}


def test_a_trunk_that_does_not_answer_is_tried_last_and_a_full_one_not_at_all():
    snapshot = site(route("all", "gw1", "gw2", "carrier"))
    request = call(SEATTLE, down=frozenset({"gw1"}), full=frozenset({"gw2"}))
    assert trunks_of(tried_in_turn(request, snapshot)) == ["carrier", "gw1"]
    every = frozenset(trunk.name for trunk in TRUNKS)
    assert decide(call(SEATTLE, full=every), snapshot).decision == Answer(503, "All Trunks Busy")


def test_an_emergency_call_takes_its_own_route_and_then_every_other():
    closed = hours.parsed("sun 03:00-03:01", "UTC")
    routes = (
        route("psap", "gw2", patterns=("emergency",), usages=("nobodys",), hours=closed),
        route("usa", "carrier", patterns=("+1",)),
    )
    snapshot = site(*routes, service=Class(Dialling("US"), reach="none", usages=()), pstn_sites=("online",))
    everything_full = call(f"{SOS}911", full=frozenset(trunk.name for trunk in TRUNKS))
    assert trunks_of(tried_in_turn(everything_full, snapshot)) == ["gw2", "gw1", "carrier", "@online"]
    assert decide(everything_full, snapshot).decision == Dial("gw2", "911", emergency=True)


def test_another_tenants_routes_are_none_of_mine():
    snapshot = site(route("theirs", "gw2", tenant=1))
    assert trunks_of(tried_in_turn(call(SEATTLE), snapshot)) == ["gw1", "gw2", "carrier"]
    assert decide(call(SEATTLE), site(route("mine", "gw1"), route("theirs", "gw2", tenant=1))).decision == Dial(
        "gw1", SEATTLE
    )


def test_a_route_may_lead_to_the_other_sites_trunks():
    snapshot = site(route("there", "@online", "gw1"), pstn_sites=("online",))
    assert decide(call(SEATTLE), snapshot).decision == Relay("online", "", -1)
    assert decide(call(SEATTLE, unreachable=frozenset({"online"})), snapshot).decision == Dial("gw1", SEATTLE)


@pytest.mark.parametrize(
    ("service", "number", "refused"),
    [
        (Class(), SEATTLE, False),
        (Class(), LONDON, False),
        (Class(), PREMIUM, True),
        (Class(dear=True), PREMIUM, False),
        (Class(reach="domestic"), SEATTLE, False),
        (Class(reach="domestic"), LONDON, True),
        (Class(reach="domestic", dear=True), "+881612345678", True),
        (Class(reach="none", dear=True), SEATTLE, True),
    ],
)
def test_the_calling_policy_says_which_numbers_may_be_called(service: Class, number: str, refused: bool):
    outcome = decide(call(number), site(service=service))
    if refused:
        assert outcome.decision == Answer(403, "Calls There Are Not Allowed")
        assert ALICE in outcome.trace[-1].text
    else:
        assert outcome.decision == Dial("gw1", number)


def test_nobody_has_more_calls_outside_than_the_policy_allows_but_for_help():
    snapshot = site(service=Class(Dialling("US"), most_calls=2))
    assert decide(call(SEATTLE, calls=1), snapshot).decision == Dial("gw1", SEATTLE)
    for target in (SEATTLE, "short.411"):
        assert decide(call(target, calls=2), snapshot).decision == Answer(403, "Too Many Calls At A Time")
    assert decide(call(f"{SOS}911", calls=9), snapshot).decision == Dial("gw1", "911", emergency=True)
    # Whoever is called inside rings all the same, and the other site has counted its own.
    assert decide(call(ALICE, calls=9), snapshot).decision != Answer(403, "Too Many Calls At A Time")
    assert decide(call(SEATTLE, Source.PEER, via="online", calls=9), snapshot).decision == Dial("gw1", SEATTLE)


@pytest.mark.parametrize(
    ("service", "shown"),
    [
        (Class(), "+14255550101"),
        (Class(shown="substitute", substitute="+14255550100"), "+14255550100"),
        (Class(shown="substitute"), ""),
        (Class(shown="anonymous"), ""),
    ],
)
def test_the_caller_id_policy_says_what_the_called_see(service: Class, shown: str):
    assert decide(call(SEATTLE), site(service=service)).shown == shown
    # Whoever comes to help must be able to call back.
    assert decide(call(f"{SOS}911"), site(service=service)).shown == "+14255550101"
    assert decide(call(SEATTLE, Source.PEER, via="online"), site(service=service)).shown is None


@pytest.mark.parametrize(
    ("patterns", "number", "length"),
    [
        (("+",), SEATTLE, 1),
        (("+1", "+1206"), SEATTLE, 5),
        (("+1", "!+1206"), SEATTLE, -1),
        (("+1N[02]6",), SEATTLE, 5),
        (("+1NXXNXXXXXX$",), SEATTLE, 13),
        (("+1206$",), SEATTLE, -1),
        (("+44",), SEATTLE, -1),
        (("emergency",), "emergency", 0),
        (("+",), "emergency", -1),
        (("emergency",), SEATTLE, -1),
    ],
)
def test_a_pattern_is_what_numbers_begin_with(patterns: tuple[str, ...], number: str, length: int):
    assert pstn.fit(pstn.checked_patterns(patterns), number) == length


@pytest.mark.parametrize("pattern", ["", "1206", "+1(206|425)", "+1.*", "+1[6-2]", "!+1", "+" + "1" * 60, "+1$2", "+١"])
def test_what_is_no_pattern_is_refused(pattern: str):
    with pytest.raises(UsageError):
        pstn.checked_patterns([pattern])


NAMES = st.sampled_from([trunk.name for trunk in TRUNKS] + ["@online", "gone"])
ROUTES = st.builds(
    lambda name, ways, patterns, usages, priority, cost: route(
        name,
        *ways,
        patterns=tuple(patterns),
        usages=tuple(usages),
        priority=priority,
        cost=cost,
    ),
    st.text("abc", min_size=1, max_size=3),
    st.lists(st.tuples(NAMES, st.integers(0, 100)), min_size=1, max_size=3, unique_by=lambda way: way[0]),
    st.lists(st.sampled_from(["+", "+1", "+1206", "!+1900", "+44", "emergency", "short"]), min_size=1, max_size=3),
    st.lists(st.sampled_from(["default", "cheap"]), min_size=1, max_size=2),
    st.integers(0, 3),
    st.integers(0, 3),
)


@given(
    routes=st.lists(ROUTES, max_size=6, unique_by=lambda each: each.name),
    target=st.sampled_from([SEATTLE, LONDON, PREMIUM, f"{SOS}911", "short.411"]),
    source=st.sampled_from([Source.PHONE, Source.PEER]),
    order=st.sampled_from(list(Order)),
    usages=st.lists(st.sampled_from(["default", "cheap"]), max_size=2, unique=True),
    down=st.frozensets(NAMES),
    full=st.frozensets(NAMES),
    lot=st.integers(0, 99),
)
def test_each_call_ends_tries_nothing_twice_and_an_emergency_call_is_tried_everywhere(
    routes: list[RouteRecord],
    target: str,
    source: Source,
    order: Order,
    usages: list[str],
    down: frozenset[str],
    full: frozenset[str],
    lot: int,
):
    service = Class(Dialling("US"), usages=tuple(usages), order=order)
    snapshot = site(*routes, service=service, pstn_sites=("online",))
    request = call(target, source, via="online" if source is Source.PEER else "", down=down, full=full, lot=lot)
    made = tried_in_turn(request, snapshot)
    assert decide(request, snapshot).trace
    tried = trunks_of(made)
    assert len(tried) == len(set(tried))
    assert "gone" not in tried
    assert isinstance(made[-1], Answer)
    if target.startswith(SOS):
        assert set(tried) == {trunk.name for trunk in TRUNKS} | ({"@online"} if source is Source.PHONE else set())
    else:
        assert not full & set(tried)
