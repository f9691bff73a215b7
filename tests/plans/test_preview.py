"""What would become of who has which plan is said before it is done; who has one is looked for, with what they used."""

from __future__ import annotations

import pytest

from isthmus.addressing import Aor
from isthmus.directory.grouping import Groups
from isthmus.errors import NotFoundError, RefusedError
from isthmus.plans import rules
from isthmus.plans.model import Holder
from tests.plans.conftest import ALICE, BOB, Office

ANN = Holder("a", ALICE, "main", "team", "sales")


def test_who_has_it_by_something_else_has_changed_and_who_was_renamed_has_not() -> None:
    by_name, renamed = Holder("a", ALICE, "main", "team"), Holder("a", BOB, "main", "team", "sales")
    assert [(each.before, each.after) for each in rules.changes([ANN], [by_name])] == [(ANN, by_name)]
    assert rules.changes([ANN], [renamed]) == []
    assert [(each.aor, each.before, each.after) for each in rules.changes([], [ANN])] == [(ALICE, None, ANN)]
    assert [(each.aor, each.before, each.after) for each in rules.changes([ANN], [])] == [(ALICE, ANN, None)]


def preview(
    office: Office, name: str | None, *people: str, groups: tuple[str, ...] = ()
) -> dict[str, list[str | None]]:
    found = office.plans.preview("main", name, [Aor.parse(each) for each in people], groups, actor="test")
    return {each.aor: [held and f"{held.plan} {held.group}" for held in (each.before, each.after)] for each in found}


def test_nothing_is_changed_by_looking(office: Office) -> None:
    office.define()
    office.define("wide", domestic=None)
    Groups(office.directory).create("main", "sales", actor="test")
    office.directory.join(office.plans.follow)
    office.give(ALICE)
    told: list[str] = []
    office.plans.regrouped = lambda: told.append("regrouped")
    assert preview(office, "wide", ALICE, BOB) == {ALICE: ["team ", "wide "], BOB: [None, "wide "]}
    assert preview(office, None, ALICE) == {ALICE: ["team ", None]}
    assert preview(office, "team", ALICE) == {}
    assert preview(office, "wide", groups=("sales",)) == {}  # nobody is in it
    assert [each.aor for each in office.plans.get("main", "team")[1]] == [ALICE]
    assert office.plans.get("main", "wide")[1] == []
    assert office.plans.given("main", "wide") == ([], [])
    assert told == []


def test_what_would_be_refused_is_refused_before(office: Office) -> None:
    office.define(most=1)
    with pytest.raises(RefusedError, match="for 1 people"):
        preview(office, "team", ALICE, BOB)
    with pytest.raises(NotFoundError):
        preview(office, "nonesuch", ALICE)
    with pytest.raises(NotFoundError):
        preview(office, "team", "zoe@contoso.example")
    assert preview(office, "team", ALICE) == {ALICE: [None, "team "]}


def test_who_has_a_plan_is_looked_for_as_people_are_page_by_page(office: Office) -> None:
    office.define(domestic=10)
    office.give(ALICE, BOB)
    office.charge(office.record(minutes=3), office.record(BOB, minutes=1))

    def people(**wanted: str | Aor | int) -> list[str]:
        return [holder.aor for holder, _, _ in office.plans.people("main", "team", **wanted)]  # type: ignore[arg-type]

    assert people() == [ALICE, BOB]
    assert (people(match="LIC"), people(match="nonesuch")) == ([ALICE], [])
    assert (people(limit=1), people(after=Aor.parse(ALICE))) == ([ALICE], [BOB])
    (_, person, uses), _ = office.plans.people("main", "team")
    assert str(person.aor) == ALICE
    assert [(use.bucket, use.whose, use.used_s, use.limit_s) for use in uses] == [
        ("domestic", ALICE, 180, 600), ("international", ALICE, 0, 0),
    ]  # fmt: skip
    with pytest.raises(NotFoundError):
        office.plans.people("main", "nonesuch")
    with pytest.raises(NotFoundError):
        office.plans.people("fabrikam", "team")


@pytest.mark.parametrize("pooled", [True, False])
def test_what_all_of_a_plan_used_is_summed_up_whether_they_share_or_not(office: Office, pooled: bool) -> None:
    office.define(domestic=10, international=None, pooled=pooled)
    office.give(ALICE, BOB)
    office.charge(office.record(minutes=3), office.record(BOB, minutes=1))
    found = office.plans.together("main").uses
    assert [(use.bucket, use.whose, use.used_s, use.limit_s) for use in found] == [
        ("domestic", "*", 240, 1200), ("international", "*", 0, None),
    ]  # fmt: skip
    holder, _ = office.plans.of(Aor.parse(ALICE))
    assert holder is not None
    used = [(use.whose, use.used_s, use.limit_s) for use in office.plans.used_by(holder) if use.bucket == "domestic"]
    assert used == ([(ALICE, 180, 1200), ("*", 240, 1200)] if pooled else [(ALICE, 180, 600)])
