"""Explaining: the path a request takes from site to site, and everything that reaches a person."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from isthmus.dialling.plan import Dialling
from isthmus.errors import NotFoundError
from isthmus.routing import asking, explain
from isthmus.routing.model import (
    BlockRecord,
    Class,
    Config,
    ConnectorRecord,
    Dial,
    Direction,
    Local,
    PersonRecord,
    Request,
    Source,
    TrunkRecord,
)
from tests.routing.people import SITES, MemorySnapshot, config, record

ALICE, CAROL = "alice@contoso.example", "carol@contoso.example"
PEOPLE = [record(ALICE, "premises", 1, "+14255550101"), record(CAROL, "online", 2, "+14255550103")]


def views(*here: str) -> Callable[[str], AbstractContextManager[MemorySnapshot] | None]:
    """Snapshots of these sites, as if on this machine."""

    @contextmanager
    def opened(name: str) -> Iterator[MemorySnapshot]:
        yield MemorySnapshot(config(name), PEOPLE)

    return lambda name: opened(name) if name in here else None


def call(target: str, **fields: object) -> Request:
    return Request("INVITE", target, Source.PHONE, ALICE, **fields)  # type: ignore[arg-type]


def test_the_path_is_followed_across_sites() -> None:
    path = explain.follow(call("+14255550103"), "premises", views(*SITES))  # type: ignore[arg-type]
    assert [hop.site for hop in path.hops] == ["premises", "online"]
    assert path.ends == "rings the phones of carol@contoso.example, at home at online"
    assert path.hops[1].request.epoch == 2


def test_where_the_other_snapshot_is_elsewhere_the_path_says_so() -> None:
    path = explain.follow(call(CAROL), "premises", views("premises"))  # type: ignore[arg-type]
    assert path.ends == "goes on at online, whose snapshot is not on this machine"


def test_a_cut_link_is_explained_by_its_way_out() -> None:
    path = explain.follow(call(CAROL, unreachable=frozenset({"online"})), "premises", views(*SITES))  # type: ignore[arg-type]
    assert path.ends == "goes out to +14255550103 through trunk carrier of premises"


def test_sites_that_contradict_each_other_end_in_an_answer() -> None:
    @contextmanager
    def opened(name: str) -> Iterator[MemorySnapshot]:
        other = SITES[1 - SITES.index(name)]
        yield MemorySnapshot(config(name), [record(CAROL, other, 2)])

    path = explain.follow(call(CAROL), "premises", opened)  # type: ignore[arg-type]
    assert path.ends == "is answered 482 Sites Disagree About Home by online"


def test_reverse_tells_every_entrance() -> None:
    entrances = list(explain.reverse(PEOPLE[1], SITES, views(*SITES)))  # type: ignore[arg-type]
    told = {(entrance.who, entrance.dials): entrance.path.ends for entrance in entrances}
    home = "rings the phones of carol@contoso.example, at home at online"
    assert told[("a phone registered at premises", CAROL)] == home
    assert told[("a phone registered at online", "+14255550103")] == home
    assert told[("the PSTN by trunk carrier of premises", "+14255550103")] == home
    assert "trunk carrier" in told[("a phone registered at premises while online can't be reached", CAROL)]


def test_a_caller_is_a_person_by_address_or_number_and_else_the_pstn() -> None:
    view = MemorySnapshot(config(), PEOPLE)
    assert explain.caller_of(ALICE, view) == (Source.PHONE, ALICE, "")  # type: ignore[arg-type]
    assert explain.caller_of("+14255550103", view) == (Source.PHONE, CAROL, "")  # type: ignore[arg-type]
    assert explain.caller_of("+12025550123", view) == (Source.TRUNK, "+12025550123", "carrier")  # type: ignore[arg-type]


def test_a_caller_who_cannot_sign_in_gets_no_further() -> None:
    disabled = record("dan@contoso.example", "premises", 1, enabled=False)

    @contextmanager
    def opened(name: str) -> Iterator[MemorySnapshot]:
        yield MemorySnapshot(config(name), [*PEOPLE, disabled])

    for caller, why in (
        ("nobody@contoso.example", "nobody is called nobody@contoso.example"),
        ("dan@contoso.example", "dan@contoso.example is disabled"),
        ("x@elsewhere.example", "elsewhere.example is not one of our domains"),
    ):
        path = explain.call(Request("INVITE", CAROL, Source.PHONE, caller), "premises", opened)  # type: ignore[arg-type]
        assert len(path.hops) == 1
        assert path.hops[0].outcome.trace[0].text.startswith(why)
        assert path.ends == "is challenged by premises (407 Proxy Authentication Required), and gets no further"
    assert explain.call(call(CAROL), "premises", opened) == explain.follow(call(CAROL), "premises", opened)  # type: ignore[arg-type]


def test_each_method_has_its_own_end() -> None:
    def ends(method: str, target: str) -> str:
        request = Request(method, target, Source.PHONE, ALICE)
        return explain.call(request, "premises", views(*SITES)).ends  # type: ignore[arg-type]

    assert ends("MESSAGE", CAROL) == "is delivered to the phones of carol@contoso.example, at home at online"
    assert ends("REGISTER", ALICE) == "registers a phone of alice@contoso.example, at home at premises"
    assert ends("REGISTER", CAROL) == "is answered 403 Not Your Address by premises"


class TestAtAConnector:
    """A call that enters at a connector of online, whose phones and gateway online judges while it can be reached."""

    ANNA, MALLORY = "anna@contoso.example", "m@fabrikam.example"
    AWAY = frozenset({"online"})

    @contextmanager
    def opened(self, site: str) -> Iterator[MemorySnapshot]:
        if site == "branch-1":
            yield MemorySnapshot(
                Config(
                    "branch-1",
                    "connector",
                    ("branch-1", "online"),
                    ("contoso",),
                    {"contoso.example": 0},
                    (TrunkRecord("gateway", "127.0.3.9:5060"),),
                    classes=(Class(dialling=Dialling(country="US")),),
                    blocks=(BlockRecord(0, Direction.OUT, "+1212"),),
                    upstream="online",
                ),
                [PersonRecord(self.ANNA, 0, 0, 1, b"m", b"s", "+14255550201")],
            )
        else:
            come = (ConnectorRecord("branch-1", "branch-1.connectors.online.example:5062", 0, 0, "branch"),)
            at = config("online", connectors=come, sites=(*SITES, "branch-1"), trunks=())
            yield MemorySnapshot(
                at, [record(self.ANNA, "online", 1, "+14255550201"), *PEOPLE, record(self.MALLORY, "online")]
            )

    def way(self, caller: str, target: str, **asked: Any) -> explain.Path:
        """As it is asked at the connector's machine, which has both snapshots."""
        with self.opened("branch-1") as view:
            request, site = asking.request_of(caller, target, "INVITE", None, asked.pop("down", ()), view)  # type: ignore[arg-type]
        assert site == "branch-1"
        return explain.call(request, site, self.opened, **asked)  # type: ignore[arg-type]

    def test_in_reach_the_site_that_judges_is_asked_as_if_the_phone_had_come_to_it(self) -> None:
        path = self.way(self.ANNA, "+14255550103")
        assert [(hop.site, hop.request.source, hop.request.via) for hop in path.hops] == [
            ("branch-1", Source.BRANCH, ""),
            ("online", Source.PHONE, "branch-1"),
        ]
        assert path.ends == f"rings the phones of {CAROL}, at home at online"

    def test_a_call_out_comes_back_to_the_gateway_beside_the_phone(self) -> None:
        path = self.way(self.ANNA, "+12065550123")
        assert [hop.site for hop in path.hops] == ["branch-1", "online", "branch-1"]
        assert path.ends == "goes out to +12065550123 through trunk gateway of branch-1"

    def test_a_call_from_its_gateway_is_judged_at_online(self) -> None:
        path = self.way("+12065550199", "+14255550103")
        assert [(hop.site, hop.request.source, hop.request.via) for hop in path.hops] == [
            ("branch-1", Source.TRUNK, "gateway"),
            ("online", Source.TRUNK, "branch-1"),
        ]
        assert path.ends == f"rings the phones of {CAROL}, at home at online"

    def test_alone_it_answers_by_what_it_holds_itself(self) -> None:
        assert self.way(self.ANNA, "+12065550123", down=["online"]).ends == (
            "goes out to +12065550123 through trunk gateway of branch-1"
        )
        blocked = self.way(self.ANNA, "+12125550123", down=["online"])
        assert blocked.ends == "is answered 403 Calls There Are Blocked by branch-1"
        assert [step.rule for step in blocked.hops[0].outcome.trace] == ["alone", "blocked"]
        unknown = self.way("stranger@contoso.example", "+12065550123", down=["online"])
        assert unknown.ends == "is answered 503 Online Can't Be Reached by branch-1"
        assert self.way("+12065550199", "+14255550201", down=["online"]).ends == (
            f"rings the phones of {self.ANNA}, at home at branch-1"
        )

    def test_anybody_calls_for_help_by_the_numbers_of_the_branch(self) -> None:
        for caller in (self.ANNA, "stranger@contoso.example"):
            path = self.way(caller, "911", down=["online"])
            assert path.ends == "goes out to 911 through trunk gateway of branch-1"

    def test_who_is_of_another_tenant_gets_no_further_than_online(self) -> None:
        path = self.way(self.MALLORY, "+14255550103")
        assert path.ends == "is answered 403 Not A Domain Of This Connector by online"
        (step,) = path.hops[-1].outcome.trace
        assert CAROL not in step.text

    def test_who_asks_elsewhere_is_told_of_connectors_of_tenants_that_they_may_know(self) -> None:
        with self.opened("online") as view:
            asked = (self.ANNA, "+12065550123", "INVITE", "branch-1", (), view)
            request, site = asking.request_of(*asked, lambda tenant: tenant == "contoso")  # type: ignore[arg-type]
            assert (request.source, request.via, site) == (Source.BRANCH, "", "branch-1")
            with pytest.raises(NotFoundError) as refused:
                asking.request_of(*asked, lambda tenant: tenant == "fabrikam")  # type: ignore[arg-type]
        assert refused.value.do == "Sites are premises, online."

    def test_from_elsewhere_the_connector_knows_by_which_of_its_trunks_a_call_comes(self) -> None:
        asked = Request("INVITE", "+14255550201", Source.TRUNK, "+12065550199", unreachable=self.AWAY)
        with self.opened("branch-1") as view:
            assert explain.judged(asked, view).decision == Local(self.ANNA, 1)  # type: ignore[arg-type]

    def test_reverse_says_what_reaches_somebody_with_online_and_without(self) -> None:
        with self.opened("branch-1") as view:
            (anna,) = view.people
            found = list(
                explain.reverse(anna, view.config.sites, lambda s: self.opened(s) if s == "branch-1" else None)
            )  # type: ignore[arg-type,return-value]
        told = {(each.who, each.dials): each.path.ends for each in found}
        home = f"rings the phones of {self.ANNA}, at home at branch-1"
        assert told["a phone registered at branch-1 while online can't be reached", self.ANNA] == home
        assert told["the PSTN by trunk gateway of branch-1 while online can't be reached", "+14255550201"] == home
        assert told["a phone registered at branch-1", self.ANNA] == (
            "goes on at online, whose snapshot is not on this machine"
        )

    def test_a_way_is_read_again_from_its_json(self) -> None:
        path = self.way(self.ANNA, "+12065550123")
        again = explain.Path.from_json(json.loads(json.dumps(path.as_json())), path.hops[0].request)
        assert again.as_json() == path.as_json()
        assert again.hops[-1].outcome.decision == Dial("gateway", "+12065550123")
