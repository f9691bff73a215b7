"""A call explained over the API: the other site is asked over the link, and says itself what it decides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from isthmus.calls.explaining import Explaining, Question, moment_of
from isthmus.errors import NotFoundError, UnavailableError, UsageError
from isthmus.routing.model import ConnectorRecord, Dial, Outcome, Relay, Request, Source, Step
from tests.routing.people import SITES, MemorySnapshot, config, record

ALICE, CAROL = "alice@contoso.example", "carol@contoso.example"
PEOPLE = [record(ALICE, "premises", 1, "+14255550101"), record(CAROL, "online", 2, "+14255550103")]


class Reader:
    def __init__(self, site: str) -> None:
        self.site = site

    @contextmanager
    def view(self) -> Iterator[MemorySnapshot]:
        yield MemorySnapshot(config(self.site), PEOPLE)


class Link:
    """To the other site, by what can be written as JSON alone."""

    def __init__(self, peer: str, other: Explaining) -> None:
        self.peer, self.other, self.up = peer, other, True

    def ask(self, path: str, body: Any, *, timeout_s: float = 3.0) -> Any:
        if not self.up:
            raise UnavailableError(f"the link to {self.peer} is down")
        if path == "/link/state":
            return {"trunks": []}
        assert path.startswith("/link/judge")
        connector = path.removeprefix("/link/judge").removeprefix("/")
        return json.loads(json.dumps(self.other.judge(json.loads(json.dumps(body)), connector)))


@pytest.fixture
def link() -> Link:
    return Link("online", Explaining("online", Reader("online"), []))  # type: ignore[arg-type]


@pytest.fixture
def premises(link: Link) -> Explaining:
    assert SITES == ("premises", "online")
    return Explaining("premises", Reader("premises"), [link])  # type: ignore[arg-type,list-item]


def test_the_way_goes_on_at_the_other_site(premises: Explaining):
    request, told = premises.explain(Question(ALICE, "+14255550103"))
    assert request.caller == told["from"] == ALICE
    assert [(hop["site"], hop["decision"]["type"]) for hop in told["hops"]] == [
        ("premises", "relay"),
        ("online", "local"),
    ]
    assert told["ends"] == f"rings the phones of {CAROL}, at home at online"
    assert told["unknown"] == []


def test_a_call_may_enter_at_the_other_site(premises: Explaining):
    told = premises.explain(Question(ALICE, CAROL, at="online"))[1]
    assert [hop["site"] for hop in told["hops"]] == ["online"]
    refused = premises.explain(Question("nobody@contoso.example", CAROL, at="online"))[1]
    assert "407" in refused["ends"]


def test_a_site_that_can_not_be_asked_is_told(premises: Explaining, link: Link):
    link.up = False
    told = premises.explain(Question(ALICE, CAROL))[1]
    assert [hop["site"] for hop in told["hops"]] == ["premises"]
    assert told["unknown"] == [{"site": "online", "why": "the link to online is down"}]


def test_as_if_the_link_were_cut(premises: Explaining):
    told = premises.explain(Question(ALICE, CAROL, down=["online"]))[1]
    assert "through trunk carrier" in told["ends"]


def test_what_is_no_question_is_refused(premises: Explaining):
    for question in (Question(ALICE, CAROL, when="soon"), Question(ALICE, CAROL, phone="the one in the hall")):
        with pytest.raises(UsageError):
            premises.explain(question)
    with pytest.raises(UsageError, match="no request"):
        premises.judge({"request": {"method": 7}})


def test_a_moment_with_a_zone():
    assert moment_of("2026-11-26T03:00:00+00:00") == 1795662000


def test_who_is_reached_by_an_extension_and_what_is_dialled_for_them(premises: Explaining, link: Link):
    told = premises.reaching("+14255550101;ext=7")
    assert (told["aor"], told["extension"], told["behind"]) == (ALICE, "7", None)
    knows = Explaining("premises", Reader("premises"), [link], lambda tenant, telephone: f"{tenant} {telephone}")  # type: ignore[arg-type,list-item]
    assert knows.reaching("+14255550101;ext=7")["behind"] == "contoso +14255550101;ext=7"
    assert knows.reaching("+14255550101;ext=7", lambda aor: aor == ALICE)["behind"] is None
    assert knows.reaching("+14255550101")["behind"] is None


class TestOtherTenants:
    """Whoever may know of one tenant alone learns nothing of another's people, by addresses or by numbers."""

    BELLA, NOBODY = "bella@fabrikam.example", "nobody@fabrikam.example"

    @pytest.fixture
    def two_tenants(self, link: Link, monkeypatch: pytest.MonkeyPatch) -> Explaining:
        monkeypatch.setitem(globals(), "PEOPLE", [*PEOPLE, record(self.BELLA, "online", 3, "+14255550155")])
        return Explaining("premises", Reader("premises"), [link])  # type: ignore[arg-type,list-item]

    @pytest.mark.parametrize("at", ["", "online"])
    def test_somebody_there_is_as_nobody(self, two_tenants: Explaining, at: str):
        def told(target: str) -> dict[str, Any]:
            found = two_tenants.explain(Question(ALICE, target, at=at), lambda tenant: tenant == "contoso")[1]
            assert json.dumps(found).count("404") >= 1
            return json.loads(json.dumps(found).replace(target, "X"))  # type: ignore[no-any-return]

        there, nowhere = told(self.BELLA), told(self.NOBODY)
        assert (there["ends"], there["hops"][0]["steps"]) == (nowhere["ends"], nowhere["hops"][0]["steps"])

    @pytest.mark.parametrize("caller", [ALICE, "+12065550123"])
    def test_whose_a_number_is_there_is_not_said(self, two_tenants: Explaining, caller: str):
        with pytest.raises(NotFoundError) as caught:
            two_tenants.explain(Question(caller, "+14255550155"), lambda tenant: tenant == "contoso")
        assert "bella" not in str(caught.value)
        assert self.BELLA in json.dumps(two_tenants.explain(Question("+12065550123", "+14255550155"))[1])


class TestConnectors:
    """Online has a connector, which it asks itself, and for the premises."""

    def online(self, says: Outcome) -> tuple[Explaining, list[tuple[str, Request]]]:
        asked: list[tuple[str, Request]] = []

        def connector(name: str, request: Request) -> Outcome:
            asked.append((name, request))
            return says

        return Explaining("online", WithConnector(), [], connector=connector), asked  # type: ignore[arg-type]

    def test_a_call_that_enters_there_is_asked_of_it_and_followed_on(self):
        online, asked = self.online(Outcome(Relay("online", "", -1), (Step("upward", "a connector judges nobody"),)))
        request, told = online.explain(Question(CAROL, ALICE, at="branch-1"))
        assert request.source is Source.BRANCH
        assert [name for name, _ in asked] == ["branch-1"]
        assert [(hop["site"], hop["source"], hop["via"]) for hop in told["hops"]] == [
            ("branch-1", "branch", None),
            ("online", "phone", "branch-1"),
        ]
        assert told["unknown"] == [{"site": "premises", "why": "online has no link to premises"}]
        assert told["hops"][0]["steps"] == [{"rule": "upward", "text": "a connector judges nobody"}]

    def test_the_gateway_at_the_branch_is_asked_of_it_and_by_the_premises_through_online(self):
        online, asked = self.online(Outcome(Dial("gateway", "+12065550123"), ()))
        told = online.explain(Question(CAROL, "+12065550123"))[1]
        assert told["ends"] == "goes out to +12065550123 through trunk gateway of branch-1"
        link = Link("online", online)
        premises = Explaining("premises", Reader("premises"), [link])  # type: ignore[arg-type,list-item]
        outcome = premises._ask("branch-1", Request("INVITE", "+12065550123", Source.PEER, via="online"), {})
        assert outcome == Outcome(Dial("gateway", "+12065550123"), ())
        assert [name for name, _ in asked] == ["branch-1"] * 2

    def test_one_of_another_tenant_is_not_there_for_who_asks(self):
        online, asked = self.online(Outcome(Relay("online", "", -1), ()))
        with pytest.raises(NotFoundError):
            online.explain(Question(CAROL, ALICE, at="branch-1"), lambda tenant: tenant == "fabrikam")
        with pytest.raises(UnavailableError):
            online.judge({"request": msgspec.to_builtins(Request("INVITE", ALICE, Source.PEER))}, "branch-9")
        assert asked == []

    def test_no_word_of_connectors_in_what_reaches_somebody(self):
        online, _ = self.online(Outcome(Relay("online", "", -1), ()))
        told = online.reaching(CAROL)
        assert {each["site"] for each in told["unknown"]} == {"premises"}


class WithConnector:
    @contextmanager
    def view(self) -> Iterator[MemorySnapshot]:
        come = (ConnectorRecord("branch-1", "branch-1.connectors.online.example:5062", 0, 0, "branch"),)
        yield MemorySnapshot(config("online", connectors=come, sites=(*SITES, "branch-1"), trunks=()), PEOPLE)
