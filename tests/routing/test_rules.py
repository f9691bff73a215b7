"""`decide`: the rules of homing, one by one, and what must hold for all of them together."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.routing.model import Answer, Config, Decision, Dial, Local, Relay, Request, Source
from isthmus.routing.rules import decide
from tests.routing.people import SITES, MemorySnapshot, config, record

ALICE, CAROL, ERIN, ZOE = (f"{name}@contoso.example" for name in ("alice", "carol", "erin", "zoe"))
PEOPLE = [
    record(ALICE, "premises", 3, "+14255550101"),
    record(CAROL, "online", 5, "+14255550103"),
    record(ERIN, "online", 1),
    record(ZOE, "premises", 1, "+14255550109", enabled=False),
    record("mallory@fabrikam.example", "online", 1, "+14255550201"),
]


def decided(request: Request, at: Config | None = None) -> Decision:
    return decide(request, MemorySnapshot(at or config(), PEOPLE)).decision


def call(target: str, **fields: object) -> Request:
    return Request("INVITE", target, Source.PHONE, ALICE, **fields)  # type: ignore[arg-type]


def from_peer(target: str, epoch: int, method: str = "INVITE") -> Request:
    return Request(method, target, Source.PEER, CAROL, "online", epoch)


class TestHome:
    def test_someone_at_home_here_is_looked_up_here(self) -> None:
        assert decided(call(ALICE)) == Local(ALICE, 3)

    def test_someone_at_home_elsewhere_is_relayed_with_the_epoch(self) -> None:
        assert decided(call(CAROL)) == Relay("online", CAROL, 5)

    def test_a_number_means_the_person_who_owns_it(self) -> None:
        assert decided(call("+14255550103")) == Relay("online", CAROL, 5)

    def test_registering_at_the_wrong_site_is_relayed_too(self) -> None:
        assert decided(Request("REGISTER", CAROL, Source.PHONE, CAROL)) == Relay("online", CAROL, 5)

    @pytest.mark.parametrize("target", ["nobody@contoso.example", "alice@elsewhere.example", ZOE, "+14255550109", ""])
    def test_who_is_not_there_or_disabled_is_not_found(self, target: str) -> None:
        assert decided(call(target)) == Answer(404, "Not Found")


class TestTenants:
    def test_people_of_another_tenant_do_not_exist(self) -> None:
        assert decided(call("mallory@fabrikam.example")) == Answer(404, "Not Found")
        assert decided(call("+14255550201")) == Answer(404, "Not Found")

    def test_a_caller_of_no_tenant_reaches_nobody(self) -> None:
        assert decided(Request("INVITE", ALICE, Source.PHONE, "eve@elsewhere.example")) == Answer(404, "Not Found")

    def test_the_pstn_reaches_every_tenant_of_the_site(self) -> None:
        assert isinstance(decided(Request("INVITE", "+14255550201", Source.TRUNK, via="carrier")), Relay)


class TestEpochs:
    """Rule 4, and invariant 3 of the design: between two sites the newer epoch is right."""

    def test_a_newer_epoch_than_ours_makes_this_the_home(self) -> None:
        assert decided(from_peer(CAROL, 6)) == Local(CAROL, 6)

    def test_an_older_epoch_is_sent_on_by_ours(self) -> None:
        assert decided(from_peer(CAROL, 4)) == Relay("online", CAROL, 5)

    def test_an_older_epoch_does_not_matter_where_home_is_here(self) -> None:
        assert decided(from_peer(ALICE, 2)) == Local(ALICE, 3)

    def test_sites_that_disagree_at_the_same_epoch_do_not_loop(self) -> None:
        assert decided(from_peer(CAROL, 5)) == Answer(482, "Sites Disagree About Home")

    def test_a_person_not_heard_of_yet_is_at_home_here_if_the_peer_says_so(self) -> None:
        assert decided(from_peer("new@contoso.example", 1)) == Local("new@contoso.example", 1)

    def test_a_peer_cannot_bring_people_of_foreign_domains(self) -> None:
        assert decided(from_peer("new@elsewhere.example", 1)) == Answer(404, "Not Found")

    def test_an_epoch_from_a_phone_counts_for_nothing(self) -> None:
        assert decided(call(CAROL, epoch=99)) == Relay("online", CAROL, 5)


class TestWaysOut:
    DOWN = frozenset({"online"})

    def test_a_call_to_a_cut_off_home_leaves_by_the_pstn(self) -> None:
        assert decided(call(CAROL, unreachable=self.DOWN)) == Dial("carrier", "+14255550103", "online")

    def test_without_a_number_there_is_a_clear_answer(self) -> None:
        assert decided(call(ERIN, unreachable=self.DOWN)) == Answer(480, "Home Site Unreachable")

    def test_without_a_trunk_there_is_a_clear_answer(self) -> None:
        at = config(trunks=())
        assert decided(call(CAROL, unreachable=self.DOWN), at) == Answer(480, "Home Site Unreachable")

    def test_where_the_way_out_is_switched_off_there_is_a_clear_answer(self) -> None:
        at = config(when_down=())
        assert decided(call(CAROL, unreachable=self.DOWN), at) == Answer(480, "Home Site Unreachable")

    def test_what_came_from_the_pstn_never_goes_back_there(self) -> None:
        request = Request("INVITE", "+14255550103", Source.TRUNK, via="carrier", unreachable=self.DOWN)
        assert decided(request) == Answer(480, "Home Site Unreachable")

    def test_a_message_does_not_leave_by_the_pstn(self) -> None:
        request = Request("MESSAGE", CAROL, Source.PHONE, ALICE, unreachable=self.DOWN)
        assert decided(request) == Answer(480, "Home Site Unreachable")

    def test_a_phone_that_registers_is_told_to_try_again(self) -> None:
        request = Request("REGISTER", CAROL, Source.PHONE, CAROL, unreachable=self.DOWN)
        assert decided(request) == Answer(503, "Home Site Unreachable")

    def test_those_at_home_here_notice_nothing(self) -> None:
        assert decided(call(ALICE, unreachable=self.DOWN)) == Local(ALICE, 3)


class TestPstn:
    def test_a_number_nobody_owns_goes_out_by_the_trunk(self) -> None:
        assert decided(call("+12025550123")) == Dial("carrier", "+12025550123")

    def test_a_site_without_trunk_uses_the_trunks_of_another(self) -> None:
        at = config(trunks=(), pstn_sites=("online",))
        assert decided(call("+12025550123"), at) == Relay("online", "", -1)

    def test_a_relayed_pstn_call_is_not_relayed_again(self) -> None:
        at = config(trunks=(), pstn_sites=("online",))
        assert decided(from_peer("+12025550123", -1), at) == Answer(480, "No Way To The PSTN")

    def test_the_pstn_does_not_call_the_pstn_through_us(self) -> None:
        assert decided(Request("INVITE", "+12025550123", Source.TRUNK, via="carrier")) == Answer(404, "Not Found")

    def test_messages_do_not_go_to_the_pstn(self) -> None:
        assert decided(Request("MESSAGE", "+12025550123", Source.PHONE, ALICE)) == Answer(404, "Not Found")


_epochs = st.integers(0, 4)
_homes = st.sampled_from(SITES)


@given(
    homes=st.tuples(_homes, _homes),
    epochs=st.tuples(_epochs, _epochs),
    start=_homes,
    method=st.sampled_from(["INVITE", "MESSAGE", "REGISTER"]),
)
def test_no_request_visits_more_than_three_sites_whatever_the_sites_believe(
    homes: tuple[str, str], epochs: tuple[int, int], start: str, method: str
) -> None:
    """Even with directories that contradict each other, a request ends: at one site, or with an answer."""
    views = {
        site: MemorySnapshot(config(site), [record(CAROL, home, epoch)])
        for site, home, epoch in zip(SITES, homes, epochs, strict=True)
    }
    request = Request(method, CAROL, Source.PHONE, CAROL)
    site, visited = start, []
    while True:
        visited.append(site)
        decision = decide(request, views[site]).decision
        if not isinstance(decision, Relay):
            break
        request = Request(method, CAROL, Source.PEER, CAROL, site, decision.epoch)
        site = decision.site
    assert len(visited) <= 3
    if homes[0] == homes[1] and epochs[0] == epochs[1]:
        assert decision == Local(CAROL, epochs[0])
        assert site == homes[0]


@given(newer=_homes, stale=_epochs, start=_homes)
def test_while_a_move_is_published_every_call_ends_at_the_new_home(newer: str, stale: int, start: str) -> None:
    """One site knows of the move already, the other not yet: both orders, both entrances."""
    new_home = newer
    old_home = SITES[1 - SITES.index(new_home)]
    for knows in SITES:
        views = {
            site: MemorySnapshot(
                config(site), [record(CAROL, new_home if site == knows else old_home, stale + (site == knows))]
            )
            for site in SITES
        }
        request, site = Request("INVITE", CAROL, Source.PHONE, ALICE), start
        for _ in range(4):
            decision = decide(request, views[site]).decision
            if not isinstance(decision, Relay):
                break
            request = Request("INVITE", CAROL, Source.PEER, ALICE, site, decision.epoch)
            site = decision.site
        assert isinstance(decision, Local)


def test_every_decision_says_why() -> None:
    outcome = decide(call("+14255550103", unreachable=frozenset({"online"})), MemorySnapshot(config(), PEOPLE))
    assert [step.rule for step in outcome.trace] == ["number", "home", "link", "way-out"]
    assert outcome.trace[-1].text == "by the PSTN: +14255550103 through trunk carrier"


class TestBarring:
    """Somebody whose account was misused is kept from calls to the PSTN, by the site that proved who they are."""

    def barred(self, target: str, *words: str, source: Source = Source.PHONE, **changes: object) -> Decision:
        people = [msgspec.structs.replace(PEOPLE[0], barred=words), *PEOPLE[1:]]
        request = Request("INVITE", target, source, ALICE, "online" if source is Source.PEER else "")
        return decide(request, MemorySnapshot(config(**changes), people)).decision

    def test_only_calls_of_the_barred_kind_are_refused(self) -> None:
        assert self.barred("+442079460123", "calls:international") == Answer(403, "Calls There Are Blocked")
        assert self.barred("+12065550123", "calls:international") == Dial("carrier", "+12065550123")
        assert self.barred("+19005550123", "calls:premium") == Answer(403, "Calls There Are Blocked")

    def test_also_where_the_trunks_are_at_the_other_site(self) -> None:
        elsewhere = {"trunks": (), "pstn_sites": ("online",)}
        assert self.barred("+12065550123", "calls:pstn", **elsewhere) == Answer(403, "Calls There Are Blocked")
        assert self.barred("+12065550123", **elsewhere) == Relay("online", "", -1)

    def test_colleagues_are_called_as_ever_also_by_number(self) -> None:
        assert self.barred("+14255550103", "calls:pstn") == Relay("online", CAROL, 5)

    def test_the_peer_has_judged_its_callers(self) -> None:
        assert self.barred("+12065550123", "calls:pstn", source=Source.PEER) == Dial("carrier", "+12065550123")

    def test_the_trace_says_why(self) -> None:
        people = [msgspec.structs.replace(PEOPLE[0], barred=("calls:pstn",))]
        trace = decide(call("+12065550123"), MemorySnapshot(config(), people)).trace
        assert trace[-1].rule == "barred"
        assert "calls:pstn" in trace[-1].text
