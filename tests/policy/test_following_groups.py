"""What was given to a group stays with it under another name, at either site, however a feed is cut."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from isthmus.directory.grouping import Groups, Members
from isthmus.directory.service import Directory
from isthmus.policy.following import follow
from isthmus.policy.licensing import Licences
from isthmus.policy.model import Grant, Level, Policy
from isthmus.policy.service import Policies
from tests.directory.conftest import HOMES, aor, new
from tests.directory.test_feed import pump

MAIN, PLAN = "main", "phone-system"


@pytest.fixture
def away(other_site: Callable[[], Directory]) -> Directory:
    made = other_site()
    made.join(follow)
    return made


def given(site: Directory) -> dict[str, list[str]]:
    """By group: the policies granted to it."""
    found: dict[str, list[str]] = {}
    for policy, grants in Policies(site, HOMES).listed(MAIN):
        for grant in grants:
            found.setdefault(grant.target, []).append(policy.name)
    return found


def give(site: Directory, *names: str) -> None:
    policies, licences = Policies(site, HOMES), Licences(site)
    licences.define(MAIN, PLAN, count=9, actor="test")
    for name in names:
        policies.create(Policy(MAIN, "calling", f"for-{name}", ()), actor="test")
        policies.grant(Grant(MAIN, "calling", f"for-{name}", Level.GROUP, name, 10), actor="test")
        licences.assign(MAIN, PLAN, [], [name], actor="test")


def sales(directory: Directory, away: Directory, limit: int = 2000) -> Groups:
    """A group at both sites, with a policy at the other one."""
    groups = Groups(directory)
    directory.create(new("ann"), actor="test")
    groups.create(MAIN, "sales", actor="test")
    groups.change(MAIN, "sales", add=Members(people=(aor("ann"),)), actor="test")
    pump(directory, away, limit)
    give(away, "sales")
    return groups


@pytest.mark.parametrize("limit", [1, 2, 2000])
def test_the_other_site_follows_a_rename(directory: Directory, away: Directory, limit: int):
    groups = sales(directory, away, limit)
    groups.rename(MAIN, "sales", "selling", actor="test")
    pump(directory, away, limit)
    assert given(away) == {"selling": ["for-sales"]}
    assert away.get(aor("ann")).groups == ("selling",)
    assert any(each.holds for each in Licences(away).of(aor("ann")).plans)


@pytest.mark.parametrize("limit", [1, 2000])
def test_a_site_that_missed_several_renames_follows_them_at_once(directory: Directory, away: Directory, limit: int):
    groups = sales(directory, away, limit)
    for before, after in (("sales", "selling"), ("selling", "market"), ("market", "growth")):
        groups.rename(MAIN, before, after, actor="test")
    groups.create(MAIN, "sales", actor="test")  # another group, that has the name now
    pump(directory, away, limit)
    assert given(away) == {"growth": ["for-sales"]}


def test_there_and_back_is_where_it_was(directory: Directory, away: Directory):
    groups = sales(directory, away)
    groups.rename(MAIN, "sales", "selling", actor="test")
    pump(directory, away)
    groups.rename(MAIN, "selling", "sales", actor="test")
    pump(directory, away)
    assert given(away) == {"sales": ["for-sales"]}


def test_a_group_that_is_deleted_takes_along_what_it_had_and_a_new_one_of_the_name_has_nothing(
    directory: Directory, away: Directory
):
    groups = sales(directory, away)
    groups.rename(MAIN, "sales", "selling", actor="test")
    pump(directory, away)
    groups.delete(MAIN, "selling", actor="test")
    groups.create(MAIN, "sales", actor="test")
    pump(directory, away)
    assert given(away) == {}
