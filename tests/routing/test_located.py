"""Location-based routing: the table of what may pass which trunk from where, line by line."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.routing.located import place_of
from isthmus.routing.model import (
    Answer,
    Class,
    Decision,
    Dial,
    Local,
    NetworkSite,
    Relay,
    Request,
    RouteRecord,
    Source,
    TrunkRecord,
)
from isthmus.routing.rules import decide
from tests.routing.people import MemorySnapshot, config, record

SITES = (
    NetworkSite("delhi", ("10.1.0.0/16",), location_based=True, usages=("delhi",)),
    NetworkSite("pune", ("10.2.0.0/16", "2001:db8:2::/48"), location_based=True, usages=("pune",)),
    NetworkSite("london", ("10.3.0.0/16",)),
    NetworkSite("lab", ("10.1.9.0/24",)),
)
TRUNKS = (
    TrunkRecord("gw-delhi", "192.0.2.1:5060", network_site="delhi"),
    TrunkRecord("gw-pune", "192.0.2.2:5060", network_site="pune"),
    TrunkRecord("world", "192.0.2.3:5060"),
)
ROUTES = (
    RouteRecord("delhi", 0, ("delhi",), ("+91",), (("gw-delhi", 0), ("gw-pune", 0))),
    RouteRecord("pune", 0, ("pune",), ("+91", "emergency"), (("gw-pune", 0),)),
    RouteRecord("own", 0, ("default",), ("+91", "+44"), (("gw-pune", 0), ("world", 0))),
)
BOUND, FREE = Class(location_based=True), Class()
ANIL = record("anil@contoso.example", "premises", number="+911145550101")
INDIA, ENGLAND = "+912255550123", "+442079460000"


def world(service: Class = BOUND, routes: tuple[RouteRecord, ...] = ROUTES) -> MemorySnapshot:
    return MemorySnapshot(config(trunks=TRUNKS, network_sites=SITES, routes=routes, classes=(service,)), [ANIL])


def out(place: str, target: str = INDIA, service: Class = BOUND, **more: object) -> Decision:
    """Where Anil's call goes from there."""
    asked = {"source": Source.PHONE, "caller": ANIL.aor, "place": place} | more
    return decide(Request("INVITE", target, **asked), world(service)).decision  # type: ignore[arg-type]


def into(trunk: str, service: Class = BOUND, **more: object) -> Decision:
    """What a call to Anil does that came by that trunk."""
    request = Request("INVITE", "+911145550101", Source.TRUNK, "+912255550123", trunk, **more)  # type: ignore[arg-type]
    return decide(request, world(service)).decision


@pytest.mark.parametrize(
    ("place", "trunk"),
    [
        ("delhi", "gw-delhi"),  # by the usages of the network site
        ("pune", "gw-pune"),
        ("london", "world"),  # no location-based site: no trunk that has one
        ("lab", "world"),
        ("", "world"),  # nobody knows where: neither
    ],
)
def test_a_call_out_goes_by_the_trunks_of_where_the_phone_is(place: str, trunk: str):
    assert out(place) == Dial(trunk, INDIA)


def test_it_never_falls_back_to_a_trunk_elsewhere():
    assert isinstance(out("delhi", tried=frozenset({"gw-delhi"})), Answer)
    assert isinstance(out("delhi", full=frozenset({"gw-delhi"})), Answer)


def test_the_callers_own_policy_has_to_allow_it():
    """Authorised by the person's policy, routed by the site's."""
    none = msgspec.structs.replace(BOUND, usages=("nothing",))
    assert isinstance(out("delhi", service=none), Answer)
    assert isinstance(out("delhi", ENGLAND), Answer)  # the person may, the site has no way


@pytest.mark.parametrize("place", ["delhi", "pune", "london", ""])
def test_who_is_not_bound_goes_by_their_own_policy_everywhere(place: str):
    assert out(place, service=FREE) == Dial("gw-pune", INDIA)


def test_another_site_that_asks_for_our_trunks_has_none_that_is_bound_to_a_place():
    assert out("", source=Source.PEER, via="online") == Dial("world", INDIA)


@pytest.mark.parametrize(("trunk", "place"), [("gw-delhi", "delhi"), ("gw-pune", "pune"), ("world", "")])
def test_a_call_in_rings_where_its_trunk_is(trunk: str, place: str):
    assert into(trunk) == Local(ANIL.aor, ANIL.epoch, place)


def test_a_call_in_to_somebody_who_is_not_bound_rings_everywhere():
    assert into("gw-delhi", FREE) == Local(ANIL.aor, ANIL.epoch)


def test_a_call_in_does_not_leave_for_another_site():
    away = record("anil@contoso.example", "online", number="+911145550101")
    snapshot = MemorySnapshot(config(trunks=TRUNKS, network_sites=SITES, classes=(BOUND,)), [away])
    request = Request("INVITE", "+911145550101", Source.TRUNK, INDIA, "gw-delhi")
    assert decide(request, snapshot).decision == Answer(480, "Not Where The Trunk Is")
    assert isinstance(decide(msgspec.structs.replace(request, via="world"), snapshot).decision, Relay)


def test_who_is_called_back_after_an_emergency_call_is_reached_anywhere():
    assert into("gw-delhi", called_back=True) == Local(ANIL.aor, ANIL.epoch)


@pytest.mark.parametrize("place", ["delhi", "pune", "london", ""])
def test_an_emergency_call_takes_any_trunk(place: str):
    down = frozenset({"gw-pune", "world"})
    assert out(place, "sos.112") == Dial("gw-pune", "112", emergency=True)
    assert out(place, "sos.112", tried=down) == Dial("gw-delhi", "112", emergency=True)


def test_it_is_explained():
    outcome = decide(Request("INVITE", INDIA, Source.PHONE, ANIL.aor, place="delhi"), world())
    told = [step.text for step in outcome.trace if step.rule == "location"]
    assert told == [
        "the caller is at delhi: calls go by usage delhi there",
        "not by gw-pune, which is for calls from pune alone",
    ]


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("10.1.2.3", "delhi"), ("10.1.9.1", "lab"), ("10.9.0.1", ""), ("2001:db8:2::1", "pune"),
        ("[2001:db8:2::1]", "pune"),        ("nonsense", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_phone_is_where_the_smallest_subnet_says(address: str, place: str):
    assert place_of(SITES, address) == place


_PLACES = st.sampled_from(["", "delhi", "pune", "london"])
_WAYS = st.lists(st.sampled_from(["gw-delhi", "gw-pune", "world"]), min_size=1, max_size=3, unique=True)
_ROUTES = st.lists(
    st.builds(
        lambda n, usage, ways: RouteRecord(f"r{n}", 0, (usage,), ("+",), tuple((way, 0) for way in ways)),
        st.integers(0, 99), st.sampled_from(["default", "delhi", "pune"]), _WAYS,
    ), max_size=5,
)  # fmt: skip


@given(_ROUTES, _PLACES, st.frozensets(st.sampled_from(["gw-delhi", "gw-pune", "world"])))
def test_whatever_the_routes_are_no_call_bypasses_toll_and_every_emergency_call_goes_out(
    routes: list[RouteRecord], place: str, tried: frozenset[str]
):
    snapshot = world(routes=tuple(routes))
    request = Request("INVITE", INDIA, Source.PHONE, ANIL.aor, place=place, tried=tried)
    decision = decide(request, snapshot).decision
    if isinstance(decision, Dial):
        assert decision.trunk not in tried  # so it ends: a call is tried on each trunk once
        assert next(each.network_site for each in TRUNKS if each.name == decision.trunk) in ("", place)
    emergency = decide(msgspec.structs.replace(request, target="sos.112"), snapshot).decision
    assert isinstance(emergency, Dial) == (len(tried) < len(TRUNKS))
