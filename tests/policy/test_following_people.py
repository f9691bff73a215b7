"""What was given to one person alone stays with them under another address, at either site, however a feed is cut."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select

from isthmus.database import reading, writing
from isthmus.directory.changing import Alter, Create, Operation, Remove
from isthmus.directory.model import PersonChanges
from isthmus.directory.service import Directory
from isthmus.policy.following import follow
from isthmus.policy.licensing import Licences
from isthmus.policy.model import Grant, Level, Policy
from isthmus.policy.service import Policies
from isthmus.policy.tables import metadata, policy_waiting
from tests.directory.conftest import HOMES, aor, authority, new, wipe
from tests.directory.test_feed import pump

MAIN, PLAN = "main", "phone-system"
USERS = ("ann", "bob", "cid", "dan")


def rename(user: str, wanted: str) -> Alter:
    return Alter(aor(user), PersonChanges(), aor(wanted))


def change(directory: Directory, *operations: Operation) -> None:
    with writing(directory.engine) as connection:
        directory.change_many(operations, actor="test", connection=connection)


def give(directory: Directory, *users: str) -> None:
    """A policy of their own, named after each, and a licence."""
    policies, licences = Policies(directory, HOMES), Licences(directory)
    licences.define(MAIN, PLAN, count=len(users), actor="test")
    for user in users:
        policies.create(Policy(MAIN, "calling", f"for-{user}", (("pstn_calls", "domestic"),)), actor="test")
        policies.grant(Grant(MAIN, "calling", f"for-{user}", Level.PERSON, str(aor(user))), actor="test")
        licences.assign(MAIN, PLAN, [aor(user)], actor="test")


def had(directory: Directory) -> dict[str, tuple[list[str], bool]]:
    """By person's id: the policies granted to them alone, and whether they hold the licence."""
    policies, licences = Policies(directory, HOMES), Licences(directory)
    granted: dict[str, list[str]] = {}
    for _, grants in policies.listed(MAIN):
        for grant in grants:
            granted.setdefault(grant.target, []).append(grant.policy)
    found = {}
    for person in directory.everybody()[1]:
        held = licences.of(person.aor).plans
        found[person.id] = (granted.pop(str(person.aor), []), any(each.holds for each in held))
    assert granted == {}, "granted to nobody"
    return found


def waiting(directory: Directory) -> int:
    with reading(directory.engine) as connection:
        return int(connection.execute(select(func.count()).select_from(policy_waiting)).scalar_one())


def test_a_rename_keeps_policy_licence_and_place_in_the_line(directory: Directory, licences: Licences):
    for user in ("ann", "bob"):
        directory.create(new(user), actor="test")
    give(directory, "ann", "bob")
    licences.define(MAIN, PLAN, count=1, force=True, actor="test")
    before = had(directory)
    change(directory, rename("ann", "zoe"))
    assert had(directory) == before  # not at the end of the line, behind bob
    assert before[directory.get(aor("zoe")).id] == (["for-ann"], True)
    assert not licences.of(aor("bob")).plans[0].holds


def test_whoever_gets_an_address_begins_with_nothing(directory: Directory):
    for user in ("ann", "bob"):
        directory.create(new(user), actor="test")
    give(directory, "ann", "bob")
    ann, bob = (directory.get(aor(user)).id for user in ("ann", "bob"))
    change(directory, rename("ann", "bob"), rename("bob", "ann"))
    assert had(directory) == {ann: (["for-ann"], True), bob: (["for-bob"], True)}
    change(directory, Remove(aor("ann")), Create(new("ann")))
    assert had(directory) == {ann: (["for-ann"], True), directory.get(aor("ann")).id: ([], False)}
    actions = {entry["action"] for entry in directory.audit(limit=20)}
    assert {"policy.revoke", "licence.unassign"} <= actions


@pytest.fixture
def away(other_site: Callable[[], Directory]) -> Directory:
    made = other_site()
    made.join(follow)
    return made


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_the_other_site_s_own_grants_follow_as_well(directory: Directory, away: Directory, limit: int):
    for user in ("ann", "bob"):
        directory.create(new(user), actor="test")
    pump(directory, away)
    give(away, "ann", "bob")
    before = had(away)
    change(directory, rename("ann", "zoe"), Remove(aor("bob")))
    change(directory, Create(new("ann")))
    directory.set(aor("zoe"), PersonChanges(display_name="Zoe"), actor="test")  # tells of her last of all
    pump(directory, away, limit)
    zoe, ann = directory.get(aor("zoe")).id, directory.get(aor("ann")).id
    assert had(away) == {zoe: before[zoe], ann: ([], False)}
    assert waiting(away) == 0


def test_what_waits_for_a_policy_that_is_gone_by_then_is_given_up(directory: Directory, away: Directory):
    directory.create(new("ann"), actor="test")
    pump(directory, away)
    give(away, "ann")
    change(directory, rename("ann", "zoe"))
    directory.create(new("bob"), actor="test")
    directory.set(aor("zoe"), PersonChanges(display_name="Zoe"), actor="test")
    away.apply_feed(directory.changes_since(away.position("premises"), 1), "premises")
    assert waiting(away) == 1
    Policies(away, HOMES).delete(MAIN, "calling", "for-ann", actor="test")
    pump(directory, away)
    assert had(away)[directory.get(aor("zoe")).id] == ([], True)
    assert waiting(away) == 0


_OPERATIONS = st.lists(
    st.one_of(
        st.builds(Create, st.sampled_from(USERS).map(new)),
        st.builds(Remove, st.sampled_from(USERS).map(aor)),
        st.builds(rename, st.sampled_from(USERS), st.sampled_from(USERS)),
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(_OPERATIONS, max_size=4), limit=st.integers(1, 4))
def test_nobody_loses_or_inherits_whatever_changes_hands(
    engine: Engine, away: Directory, batches: list[list[Operation]], limit: int
):
    for each in (engine, away.engine):
        with writing(each) as connection:
            for table in reversed(metadata.sorted_tables):
                if table.name != "tenant":
                    connection.execute(delete(table))
        wipe(each)
    directory = authority(engine)
    directory.join(follow)
    for user in USERS[:3]:
        directory.create(new(user), actor="test")
    pump(directory, away)
    for each in (directory, away):
        give(each, *USERS[:3])
    before = had(directory)
    for operations in batches:
        by_target = {operation.aor: operation for operation in operations if not isinstance(operation, Create)}
        change(directory, *by_target.values(), *(each for each in operations if isinstance(each, Create)))
    pump(directory, away, limit)
    for each in (directory, away):
        assert had(each) == {person.id: before.get(person.id, ([], False)) for person in each.everybody()[1]}
    assert waiting(away) == 0
