"""Calling plans that come with a licence: whoever holds it has the plan, and who waits for it does not."""

from __future__ import annotations

import pytest

from isthmus.addressing import Aor
from isthmus.directory.grouping import Groups, Members
from isthmus.directory.model import PersonChanges
from isthmus.errors import NotFoundError, RefusedError
from isthmus.plans import rules
from isthmus.plans.model import Given
from isthmus.policy.following import follow
from isthmus.policy.licensing import Licences
from tests.plans.conftest import ALICE, BOB, ERIN, Office

LINES, SALES = Given("main", "", "wide", 5, "lines"), Given("main", "sales", "team", 5)


def test_a_licence_gives_to_whom_it_is_held_by_and_a_group_comes_before_it_at_the_same_rank() -> None:
    first = Given("main", "", "team", 1, "phones")
    assert rules.of_groups([LINES, SALES], {"sales", "lines"}) == [SALES]  # a group of that name is none
    assert rules.of_groups([LINES, SALES, first], {"sales"}, {"lines", "phones"}) == [first, SALES, LINES]


class Licensed:
    """An office with licences, joined as a site joins them."""

    def __init__(self, office: Office) -> None:
        self.office, self.directory = office, office.directory
        self.licences, self.groups = Licences(office.directory), Groups(office.directory)
        office.directory.join(follow)
        office.directory.join(office.plans.follow)
        self.regrouped = 0
        office.plans.regrouped = self._regrouped
        self.licences.changed = office.plans.relicensed

    def _regrouped(self) -> None:
        self.regrouped += 1

    def count(self, count: int, name: str = "lines", *, force: bool = False) -> None:
        self.licences.define("main", name, count=count, features=["calling-plan"], force=force, actor="test")

    def license(self, *people: str, groups: tuple[str, ...] = (), name: str = "lines") -> None:
        self.licences.assign("main", name, [Aor.parse(each) for each in people], groups, actor="test")

    def give(self, plan: str | None = "team", *licences: str, rank: int = 0) -> None:
        self.office.plans.assign("main", plan, [], [], rank, licences=licences or ("lines",), actor="test")

    def plans(self) -> dict[str, tuple[str, str, str]]:
        found = [each for name in ("team", "wide") for each in self.office.plans.get("main", name)[1]]
        return {each.aor.partition("@")[0]: each.by for each in found}


BY = ("team", "", "lines")


@pytest.fixture
def licensed(office: Office) -> Licensed:
    office.define()
    office.define("wide", domestic=None, international=None)
    made = Licensed(office)
    made.count(2)
    return made


def test_who_gets_a_licence_has_its_plan_and_who_loses_it_has_none(licensed: Licensed) -> None:
    licensed.license(ALICE)
    licensed.give()
    assert licensed.plans() == {"alice": BY}
    before = licensed.regrouped
    licensed.license(BOB)
    assert licensed.plans() == {"alice": BY, "bob": BY}
    assert licensed.regrouped == before + 1  # calls go by it from then on
    licensed.licences.unassign("main", "lines", [Aor.parse(ALICE)], actor="test")
    assert licensed.plans() == {"bob": BY}
    licensed.give(None)
    assert licensed.plans() == {}


def test_who_waits_for_a_licence_has_no_plan_before_it_is_theirs(licensed: Licensed) -> None:
    licensed.groups.create("main", "sales", actor="test")
    licensed.count(1)
    licensed.license(groups=("sales",))
    licensed.give()
    for each in (BOB, ALICE):
        licensed.groups.change("main", "sales", add=Members((Aor.parse(each),), ()), actor="test")
    assert licensed.plans() == {"bob": BY}
    licensed.groups.change("main", "sales", remove=Members((Aor.parse(BOB),), ()), actor="test")
    assert licensed.plans() == {"alice": BY}  # she moved up in the line
    licensed.groups.change("main", "sales", add=Members((Aor.parse(BOB),), ()), actor="test")
    licensed.count(2)
    assert licensed.plans() == {"alice": BY, "bob": BY}
    licensed.count(1, force=True)
    assert licensed.plans() == {"alice": BY}


def test_who_is_gone_leaves_licence_and_plan_to_the_next(licensed: Licensed) -> None:
    licensed.groups.create("main", "sales", actor="test")
    licensed.count(1)
    licensed.license(groups=("sales",))
    licensed.give()
    for each in (BOB, ALICE):
        licensed.groups.change("main", "sales", add=Members((Aor.parse(each),), ()), actor="test")
    licensed.directory.delete(Aor.parse(BOB), actor="test")
    assert licensed.plans() == {"alice": BY}


def test_licence_and_plan_go_along_with_a_person_who_is_changed(licensed: Licensed) -> None:
    licensed.license(ALICE)
    licensed.give()
    licensed.directory.set(Aor.parse(ALICE), PersonChanges(display_name="Alice"), actor="test")
    assert licensed.plans() == {"alice": BY}


def test_by_name_beats_by_licence_and_rank_decides_between_licence_and_group(licensed: Licensed) -> None:
    licensed.groups.create("main", "sales", actor="test")
    licensed.groups.change("main", "sales", add=Members((Aor.parse(ALICE),), ()), actor="test")
    licensed.license(ALICE)
    licensed.give("team", rank=5)
    licensed.office.plans.assign("main", "wide", [], ["sales"], 5, actor="test")
    assert licensed.plans() == {"alice": ("wide", "sales", "")}
    licensed.give("team", rank=4)
    assert licensed.plans() == {"alice": BY}
    with pytest.raises(RefusedError, match="by the licence lines"):
        licensed.office.give(ALICE, plan=None)
    licensed.office.give(ALICE, plan="wide")
    assert licensed.plans() == {"alice": ("wide", "", "")}
    assert [each.by for each in licensed.office.plans.of(Aor.parse(ALICE))[1]] == [BY, ("wide", "sales", "")]


def test_a_plan_for_fewer_people_than_hold_the_licence_is_not_given_and_lets_people_wait(licensed: Licensed) -> None:
    licensed.office.define(most=1)
    licensed.license(ALICE, BOB)
    with pytest.raises(RefusedError, match="is for 1 people, and 1 more"):
        licensed.give()
    licensed.licences.unassign("main", "lines", [Aor.parse(BOB)], actor="test")
    licensed.give()
    licensed.license(BOB)
    assert licensed.plans() == {"alice": BY}
    assert licensed.office.plans.given("main", "team") == ([Given("main", "", "team", 0, "lines")], [Aor.parse(BOB)])


def test_what_a_licence_gave_ends_with_it(licensed: Licensed) -> None:
    licensed.give()
    with pytest.raises(RefusedError, match="licences have team still"):
        licensed.office.plans.remove("main", "team", actor="test")
    licensed.licences.remove("main", "lines", actor="test")
    assert licensed.office.plans.given("main", "team") == ([], [])
    licensed.count(2)
    licensed.license(ALICE)
    assert licensed.plans() == {}


def test_a_licence_that_there_is_not_and_another_tenants_give_nothing(licensed: Licensed) -> None:
    with pytest.raises(NotFoundError, match="no licences of 'none'"):
        licensed.give("team", "none")
    with pytest.raises(NotFoundError, match="the licence lines has no plan"):
        licensed.give(None)
    licensed.licences.define("fabrikam", "lines", count=1, features=["calling-plan"], actor="test")
    licensed.licences.assign("fabrikam", "lines", [Aor.parse(ERIN)], actor="test")
    licensed.give()
    assert licensed.plans() == {}


def test_a_dry_run_of_licences_changes_no_plan(licensed: Licensed) -> None:
    licensed.give()
    licensed.licences.assign("main", "lines", [Aor.parse(ALICE)], dry_run=True, actor="test")
    assert licensed.plans() == {}
