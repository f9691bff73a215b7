"""What a new site is said to lack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isthmus.readiness import rules
from isthmus.readiness.rules import Facts, Mark, Thing, Unknown

WHOLE = Facts(
    domains=[Thing("contoso.example")],
    certificates=[Thing("premises.contoso.example")],
    people=3,
    peers=[Thing("online")],
    trunks=[Thing("carrier")],
    numbers=100,
    places=1,
)


def marks(facts: Facts) -> dict[str, Mark]:
    return {step.name: step.mark for step in rules.steps(facts)}


def test_a_whole_site_is_done():
    assert set(marks(WHOLE).values()) == {Mark.GOOD}
    assert rules.done(rules.steps(WHOLE))


@pytest.mark.parametrize("what", ["domains", "certificates", "people", "numbers", "places"])
def test_what_is_needed_keeps_it_from_being_done(what: str):
    lacking = rules.steps(replace(WHOLE, **{what: 0 if isinstance(getattr(WHOLE, what), int) else []}))
    assert [step.mark for step in lacking].count(Mark.MISSING) == 1
    assert not rules.done(lacking)


def test_a_site_may_stand_alone_without_the_telephone_network():
    alone = rules.steps(replace(WHOLE, peers=[], trunks=[], numbers=0, places=0))
    assert rules.done(alone)
    assert [step.name for step in alone if not step.needed] == ["peer", "trunk", "numbers", "place"]


def test_what_is_there_and_does_not_work_says_why():
    cut = rules.steps(replace(WHOLE, peers=[Thing("online", "nobody answers")]))
    (step,) = [step for step in cut if step.name == "peer"]
    assert (step.mark, step.why, step.count) == (Mark.FAULTY, "online: nobody answers", 1)
    assert not rules.done(cut)


def test_what_another_site_keeps_is_unknown_and_not_missing():
    assert marks(replace(WHOLE, numbers=Unknown("premises keeps the directory")))["numbers"] is Mark.UNKNOWN


@pytest.mark.parametrize(
    ("days", "fault", "trouble"),
    [
        (90.0, "", ""),
        (3.0, "", "the certificate ends in 3 days"),
        (-1.0, "", "the certificate has expired"),
        (None, "", "there is no certificate"),
        (None, "it can't be read", "it can't be read"),
    ],
)
def test_certificates_by_the_days_that_are_left(days: float | None, fault: str, trouble: str):
    assert rules.certificate("x", days, fault) == Thing("x", trouble)
