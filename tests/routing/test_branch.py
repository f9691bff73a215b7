"""What a connector decides, with the site it belongs to in reach and without."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from isthmus.routing import branch as branch_rules
from isthmus.routing import explain
from isthmus.routing.compile import by_connectors
from isthmus.routing.model import (
    Answer,
    AtOnce,
    BlockRecord,
    Config,
    ConnectorRecord,
    Decision,
    Dial,
    Direction,
    Local,
    PersonRecord,
    Relay,
    Request,
    RouteRecord,
    Source,
    TrunkRecord,
)
from isthmus.routing.refusals import Refusal, of_country, of_tenant
from isthmus.routing.rules import decide
from tests.routing.people import MemorySnapshot, config, record

ANNA, BEN = "anna@contoso.example", "ben@contoso.example"
AWAY = frozenset({"online"})
UP = Relay("online", "", -1)
_SOURCES = st.sampled_from([Source.BRANCH, Source.PHONE, Source.TRUNK, Source.PEER])
_TARGETS = st.sampled_from([ANNA, BEN, "+14255550201", "+12065550123", "sos.911", "x@y.example", ""])


def branch(fallback: str = "") -> Config:
    return Config(
        "branch-a",
        "connector",
        ("branch-a", "online"),
        ("contoso",),
        {"contoso.example": 0},
        (TrunkRecord("gateway", "127.0.3.9:5060"),),
        upstream="online",
        fallback=fallback,
    )


def known(aor: str, number: str) -> PersonRecord:
    return PersonRecord(aor, 0, 0, 1, b"m" * 16, b"s" * 32, number)


def decided(request: Request, fallback: str = "") -> Decision:
    people = [known(ANNA, "+14255550201"), known(BEN, "+14255550202")]
    return decide(request, MemorySnapshot(branch(fallback), people)).decision


class TestInReach:
    @given(st.sampled_from([Source.BRANCH, Source.TRUNK]), _TARGETS, st.sampled_from(["INVITE", "REGISTER", "MESSAGE"]))
    def test_whatever_the_branch_asks_goes_to_the_site_that_judges(
        self, source: Source, target: str, method: str
    ) -> None:
        assert decided(Request(method, target, source)) == UP

    def test_a_number_that_this_site_sends_is_for_the_trunks_here_whoever_has_it(self) -> None:
        for number in ("+12065550123", "+14255550201"):
            assert decided(Request("INVITE", number, Source.PEER, via="online")) == Dial("gateway", number)


class TestAlone:
    def test_who_asks_has_to_prove_who_they_are(self) -> None:
        asked = Request("INVITE", BEN, Source.BRANCH, unreachable=AWAY)
        assert decided(asked) == Answer(407, "Proxy Authentication Required")

    def test_anybody_may_call_for_help(self) -> None:
        asked = Request("INVITE", "sos.911", Source.BRANCH, unreachable=AWAY)
        assert decided(asked) == Dial("gateway", "911", emergency=True)

    def test_those_at_the_branch_reach_one_another_and_the_pstn(self) -> None:
        def call(target: str) -> Decision:
            return decided(Request("INVITE", target, Source.PHONE, ANNA, unreachable=AWAY))

        assert call(BEN) == call("+14255550202") == Local(BEN, 1)
        assert call("+12065550123") == Dial("gateway", "+12065550123")
        assert call("carol@contoso.example") == Answer(480, "Online Can't Be Reached")

    def test_who_is_not_known_is_told_to_come_again_as_it_is_explained(self) -> None:
        snapshot = MemorySnapshot(branch(), [known(ANNA, "+14255550201")])
        for method in ("REGISTER", "INVITE"):
            asked = Request(method, BEN, Source.PHONE, BEN, unreachable=AWAY)
            assert explain.judged(asked, snapshot).decision == branch_rules.UNKNOWN  # type: ignore[arg-type]

    def test_they_register_here(self) -> None:
        assert decided(Request("REGISTER", ANNA, Source.PHONE, ANNA, unreachable=AWAY)) == Local(ANNA, 1)

    def test_the_pstn_reaches_those_at_the_branch(self) -> None:
        assert decided(Request("INVITE", "+14255550201", Source.TRUNK, unreachable=AWAY)) == Local(ANNA, 1)

    def test_for_others_the_fallback_answers(self) -> None:
        asked = Request("INVITE", "+14255550103", Source.TRUNK, unreachable=AWAY)
        assert decided(asked) == Answer(480, "Online Can't Be Reached")
        assert decided(asked, "+14255550202") == Local(BEN, 1)
        assert decided(asked, "+12065550100") == Dial("gateway", "+12065550100")

    def test_the_fallback_is_tried_once(self) -> None:
        tried = Request("INVITE", "+14255550103", Source.TRUNK, unreachable=AWAY, tried=frozenset({"gateway"}))
        assert decided(tried, "+12065550100") == Answer(480, "Online Can't Be Reached")

    def bound(self, request: Request, fallback: str = "") -> Decision:
        """With blocks, and a country that is closed, as online told them."""
        blocks = (
            BlockRecord(0, Direction.IN, "+1206555"),
            BlockRecord(0, Direction.IN, "anonymous"),
            BlockRecord(0, Direction.OUT, "+1212"),
        )
        at = msgspec.structs.replace(branch(fallback), blocks=blocks, at_once=(AtOnce(of_tenant("contoso"), 2),))
        refused = {
            of_country("CU", "contoso"): (Refusal("online", "closed", "by a limit", "Limit Of The Day Reached"),)
        }
        return decide(request, MemorySnapshot(at, [known(ANNA, "+14255550201")], refused)).decision

    def test_what_online_blocks_comes_in_by_no_gateway(self) -> None:
        for caller in ("+12065550199", ""):
            asked = Request("INVITE", "+14255550201", Source.TRUNK, caller, unreachable=AWAY)
            assert self.bound(asked) == branch_rules.UNWANTED
            others = msgspec.structs.replace(asked, target="+14255550103")
            assert self.bound(others, "+14255550201") == branch_rules.UNWANTED
        wanted = Request("INVITE", "+14255550201", Source.TRUNK, "+13125550100", unreachable=AWAY)
        assert self.bound(wanted) == Local(ANNA, 1)

    def test_what_online_lets_nobody_call_is_called_by_nobody(self) -> None:
        def call(target: str, spent: frozenset[str] = frozenset()) -> Decision:
            return self.bound(Request("INVITE", target, Source.PHONE, ANNA, unreachable=AWAY, spent=spent))

        assert call("+12125550123") == Answer(403, "Calls There Are Blocked")
        assert call("+5372043000") == Answer(403, "Limit Of The Day Reached")
        assert call("+12065550123", frozenset({of_tenant("contoso")})) == Answer(403, "Too Many Calls At A Time")
        assert call("+12065550123") == Dial("gateway", "+12065550123")

    def test_help_is_called_whatever_is_blocked(self) -> None:
        for source in (Source.PHONE, Source.BRANCH):
            asked = Request(
                "INVITE", "sos.911", source, ANNA, unreachable=AWAY, spent=frozenset({of_tenant("contoso")})
            )
            assert self.bound(asked) == Dial("gateway", "911", emergency=True)

    @given(
        st.sampled_from(["+12125550123", "+5372043000", "+12065550123"]), st.sampled_from([ANNA, "+14255550201", ""])
    )
    def test_what_online_sends_here_is_not_judged_twice(self, number: str, caller: str) -> None:
        asked = Request("INVITE", number, Source.PEER, caller, "online", spent=frozenset({of_tenant("contoso")}))
        assert self.bound(asked) == Dial("gateway", number)

    @given(_SOURCES, _TARGETS, st.booleans())
    def test_nothing_is_led_where_nobody_answers(self, source: Source, target: str, fallback: bool) -> None:
        request = Request("INVITE", target, source, ANNA, unreachable=AWAY)
        assert not isinstance(decided(request, "+12065550100" if fallback else ""), Relay)


def connector(name: str, *, drains: bool = False, tenant: int = 0) -> ConnectorRecord:
    return ConnectorRecord(name, f"{name}.connectors.online.example:5062", 0, tenant, "branch", drains)


class TestFromOnline:
    """What the site decides of calls from and to connectors."""

    def at_online(self, request: Request) -> Decision:
        people = [record("carol@contoso.example", "online", 1, "+14255550103"), record("m@fabrikam.example", "online")]
        at = config("online", connectors=(connector("branch-a"),), sites=("premises", "online", "branch-a"), trunks=())
        return decide(request, MemorySnapshot(at, people)).decision

    def test_a_connector_reaches_its_own_tenant_and_no_other(self) -> None:
        def call(tenant: int) -> Decision:
            return self.at_online(Request("INVITE", "+14255550103", Source.TRUNK, via="branch-a", tenant=tenant))

        assert call(0) == Local("carol@contoso.example", 1)
        assert call(1) == Answer(404, "Not Found")

    def test_who_is_at_a_connector_calls_by_it(self) -> None:
        asked = Request("INVITE", "+12065550123", Source.PHONE, "carol@contoso.example", "branch-a", tenant=0)
        assert self.at_online(asked) == Relay("branch-a", "", -1)

    def test_without_routes_those_that_do_not_drain_share_the_calls(self) -> None:
        come = (connector("branch-a"), connector("branch-b", drains=True), connector("branch-c"))
        names = tuple(each.name for each in come)
        at = config("online", connectors=come, sites=("premises", "online", *names), trunks=())
        people = MemorySnapshot(at, [record("carol@contoso.example", "online", 1)])

        def call(lot: int, *away: str) -> Decision:
            caller = "carol@contoso.example"
            asked = Request("INVITE", "+12065550123", Source.PHONE, caller, unreachable=frozenset(away), lot=lot)
            return decide(asked, people).decision

        assert call(0) == call(49) == Relay("branch-a", "", -1)
        assert call(50) == call(99) == call(0, "branch-a") == Relay("branch-c", "", -1)
        assert call(99, "branch-a", "branch-c") == Relay("branch-b", "", -1)

    def test_help_comes_by_the_connector_that_is_near(self) -> None:
        asked = Request("INVITE", "sos.911", Source.PHONE, "carol@contoso.example", "branch-a", tenant=0)
        assert self.at_online(asked) == Relay("branch-a", "", -1)

    def test_another_tenants_connector_is_no_way_out(self) -> None:
        asked = Request("INVITE", "+12065550123", Source.PHONE, "m@fabrikam.example")
        assert self.at_online(asked) == Answer(480, "No Way To The PSTN")


class TestRoutesThroughConnectors:
    def ways(self, *ways: tuple[str, int], connectors: list[ConnectorRecord]) -> tuple[tuple[str, int], ...]:
        return by_connectors(RouteRecord("r", 0, ("default",), ("+",), ways), connectors).ways

    def test_connectors_of_a_site_share_its_calls(self) -> None:
        three = [connector("c"), connector("a"), connector("b")]
        assert self.ways(("@branch", 0), connectors=three) == (("@a", 34), ("@b", 33), ("@c", 33))

    def test_a_share_of_the_site_is_shared_out(self) -> None:
        two = [connector("a"), connector("b")]
        assert self.ways(("@branch", 60), ("gw", 40), connectors=two) == (("@a", 30), ("@b", 30), ("gw", 40))

    def test_one_that_drains_comes_last(self) -> None:
        two = [connector("a", drains=True), connector("b")]
        assert self.ways(("@branch", 0), connectors=two) == (("@b", 0), ("@a", 0))

    def test_with_a_way_for_when_they_fail_they_share_all(self) -> None:
        two = [connector("a"), connector("b")]
        assert self.ways(("@branch", 0), ("gw", 0), connectors=two) == (("@a", 50), ("@b", 50), ("gw", 0))
        assert self.ways(("gw", 0), ("@branch", 0), connectors=two) == (("gw", 0), ("@a", 0), ("@b", 0))

    def test_another_tenants_are_not_among_them(self) -> None:
        assert self.ways(("@branch", 0), connectors=[connector("a", tenant=1)]) == (("@branch", 0),)
