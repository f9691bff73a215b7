"""Calling plans by group: whose plan counts, and that it follows who is in which group."""

from __future__ import annotations

import pytest

from isthmus.addressing import Aor
from isthmus.directory.grouping import Groups, Members
from isthmus.errors import NotFoundError, RefusedError
from isthmus.plans import rules
from isthmus.plans.model import Given, Holder
from isthmus.routing.refusals import of_person
from tests.plans.conftest import ALICE, BOB, ERIN, Office

SALES, WORLD, ALL = Given("main", "sales", "team"), Given("main", "world", "wide", 5), Given("main", "all", "team", 9)


def by(person: str, plan: str, group: str = "") -> dict[str, Holder]:
    return {person: Holder(person, f"{person}@contoso.example", "main", plan, group)}


def test_of_several_groups_the_lowest_rank_counts_and_of_one_rank_the_first_by_name() -> None:
    other = Given("main", "aces", "wide", 5)
    assert rules.of_groups([ALL, WORLD, SALES, other], {"all", "world", "aces"}) == [other, WORLD, ALL]


def test_a_plan_given_by_name_is_left_alone() -> None:
    assert rules.shared_out({"a": [SALES]}, by("a", "wide"), {}) == {}


def test_a_plan_for_no_more_people_is_passed_over() -> None:
    assert rules.shared_out({"a": [WORLD, SALES], "b": [WORLD]}, {}, {"wide": 0}) == {"a": SALES}


def test_who_has_one_keeps_it_before_who_came_later() -> None:
    assert rules.shared_out({"a": [SALES], "z": [SALES]}, by("z", "team", "sales"), {"team": 0}) == {"z": SALES}
    assert rules.shared_out({"a": [SALES], "z": [SALES]}, by("z", "team", "sales"), {"team": 1}) == {
        "a": SALES, "z": SALES
    }  # fmt: skip


def test_who_goes_over_to_another_plan_leaves_room_for_somebody_else() -> None:
    ranked = {"a": [SALES], "z": [Given("main", "world", "wide", -1), SALES]}
    assert {p: g.plan for p, g in rules.shared_out(ranked, by("z", "team", "sales"), {"team": 0}).items()} == {
        "a": "team", "z": "wide"
    }  # fmt: skip


class Grouped:
    """An office whose people are in groups. plans(): who has which by which group, by user name."""

    def __init__(self, office: Office) -> None:
        self.office, self.groups = office, Groups(office.directory)
        office.directory.join(office.plans.follow)
        self.follows = 0
        office.plans.followed = self._followed
        for name in ("sales", "world", "all"):
            self.groups.create("main", name, actor="test")

    def _followed(self) -> None:
        self.follows += 1

    def join(self, group: str, *people: str, groups: tuple[str, ...] = ()) -> None:
        self._change(group, add=Members(tuple(map(Aor.parse, people)), groups))

    def leave(self, group: str, *people: str, groups: tuple[str, ...] = ()) -> None:
        self._change(group, remove=Members(tuple(map(Aor.parse, people)), groups))

    def _change(self, group: str, **what: Members) -> None:
        self.groups.change("main", group, **what, actor="test")  # type: ignore[arg-type]
        self.office.plans.committed(1)

    def give(self, plan: str | None, *groups: str, rank: int = 0) -> None:
        self.office.plans.assign("main", plan, [], groups, rank, actor="test")

    def plans(self) -> dict[str, tuple[str, str]]:
        found = [each for name in ("team", "wide") for each in self.office.plans.get("main", name)[1]]
        return {each.aor.partition("@")[0]: (each.plan, each.group) for each in found}


@pytest.fixture
def grouped(office: Office) -> Grouped:
    office.define()
    office.define("wide", domestic=None, international=None)
    return Grouped(office)


def test_who_joins_a_group_has_its_plan_and_who_leaves_it_has_none(grouped: Grouped) -> None:
    grouped.join("sales", ALICE)
    grouped.give("team", "sales")
    assert grouped.plans() == {"alice": ("team", "sales")}
    grouped.join("sales", BOB)
    assert grouped.plans() == {"alice": ("team", "sales"), "bob": ("team", "sales")}
    assert grouped.follows == 1
    grouped.leave("sales", ALICE)
    assert grouped.plans() == {"bob": ("team", "sales")}
    grouped.give(None, "sales")
    assert grouped.plans() == {}


def test_groups_within_groups_count_at_any_depth(grouped: Grouped) -> None:
    grouped.join("all", groups=("world",))
    grouped.join("world", groups=("sales",))
    grouped.join("sales", ALICE)
    grouped.give("team", "all")
    assert grouped.plans() == {"alice": ("team", "all")}
    grouped.leave("all", groups=("world",))
    assert grouped.plans() == {}


def test_by_name_beats_by_group_and_is_followed_by_it(grouped: Grouped) -> None:
    grouped.join("sales", ALICE)
    grouped.give("team", "sales")
    grouped.office.give(ALICE, plan="wide")
    grouped.join("all", ALICE)
    assert grouped.plans() == {"alice": ("wide", "")}
    grouped.office.give(ALICE, plan=None)
    assert grouped.plans() == {"alice": ("team", "sales")}
    with pytest.raises(RefusedError, match="by the group sales"):
        grouped.office.give(ALICE, plan=None)


def test_another_rank_brings_another_plan(grouped: Grouped) -> None:
    grouped.join("sales", ALICE)
    grouped.join("world", ALICE)
    grouped.give("team", "sales", rank=5)
    grouped.give("wide", "world", rank=9)
    assert grouped.plans() == {"alice": ("team", "sales")}
    holder, given = grouped.office.plans.of(Aor.parse(ALICE))
    assert holder is not None
    assert [(each.plan, each.group) for each in given] == [("team", "sales"), ("wide", "world")]
    grouped.give("wide", "world", rank=1)
    assert grouped.plans() == {"alice": ("wide", "world")}


def test_a_group_that_grows_lets_people_wait_until_there_is_room(grouped: Grouped) -> None:
    office = grouped.office
    office.define(most=1)
    grouped.give("team", "sales")
    grouped.join("sales", BOB)
    grouped.join("sales", ALICE)
    assert grouped.plans() == {"bob": ("team", "sales")}
    assert office.plans.given("main", "team")[1] == [Aor.parse(ALICE)]
    grouped.leave("sales", BOB)
    assert grouped.plans() == {"alice": ("team", "sales")}
    grouped.join("sales", BOB)
    office.define(most=2)
    assert set(grouped.plans()) == {"alice", "bob"}


def test_a_plan_is_not_given_to_a_group_that_is_larger_than_it_is_for(grouped: Grouped) -> None:
    grouped.office.define(most=1)
    grouped.join("sales", ALICE, BOB)
    with pytest.raises(RefusedError, match="is for 1 people, and 1 more"):
        grouped.give("team", "sales")
    assert grouped.plans() == {}
    with pytest.raises(NotFoundError, match="nobodies"):
        grouped.give("team", "nobodies")
    with pytest.raises(NotFoundError, match="has no plan"):
        grouped.give(None, "sales")


def test_what_was_given_to_a_group_goes_with_its_name_and_ends_with_it(grouped: Grouped) -> None:
    grouped.join("sales", ALICE)
    grouped.give("team", "sales")
    grouped.groups.rename("main", "sales", "selling", actor="test")
    assert grouped.plans() == {"alice": ("team", "selling")}
    with pytest.raises(RefusedError, match="still"):
        grouped.office.plans.remove("main", "team", actor="test")
    grouped.groups.delete("main", "selling", actor="test")
    assert grouped.plans() == {}
    assert grouped.office.plans.given("main", "team") == ([], [])
    grouped.office.plans.remove("main", "team", actor="test")


def test_another_tenants_people_are_nothing_to_it(grouped: Grouped) -> None:
    grouped.give("team", "sales")
    grouped.join("sales", ALICE)
    assert ERIN.partition("@")[0] not in grouped.plans()
    with pytest.raises(NotFoundError):
        grouped.office.plans.assign("fabrikam", None, [], ["sales"], actor="test")


def test_calls_are_charged_and_refused_by_a_plan_of_a_group_as_by_any(grouped: Grouped) -> None:
    grouped.join("sales", ALICE)
    grouped.give("team", "sales")
    grouped.office.charge(grouped.office.record(minutes=10))
    assert grouped.office.used() == {("domestic", ALICE): 600}
    assert "minutes-used-up" in grouped.office.reasons(of_person(ALICE))
    grouped.leave("sales", ALICE)
    grouped.office.charging.refuse()
    assert grouped.office.reasons(of_person(ALICE)) == []
