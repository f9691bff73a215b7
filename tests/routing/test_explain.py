"""Explaining: the path a request takes from site to site, and everything that reaches a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from isthmus.routing import explain
from isthmus.routing.model import Request, Source
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
