"""Licences: never more than there are, and nobody loses one because somebody else came."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from isthmus.database import writing
from isthmus.directory.changing import Create, Remove
from isthmus.directory.grouping import Groups, Members
from isthmus.directory.model import PersonChanges
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError, NotFoundError, RefusedError
from isthmus.policy.following import follow
from isthmus.policy.licensing import Licences
from isthmus.policy.tables import metadata
from tests.directory.conftest import aor, authority, new, wipe

MAIN, PLAN = "main", "phone-system"


def test_what_is_not_there_can_not_be_assigned(directory: Directory, licences: Licences):
    for user in ("alice", "bob"):
        directory.create(new(user, groups=("sales",)), actor="test")
    with pytest.raises(RefusedError, match="no licences of phone-system at this site"):
        licences.assign(MAIN, PLAN, [aor("alice")], actor="test")
    licences.define(MAIN, PLAN, count=1, actor="test")
    with pytest.raises(RefusedError, match="1 licences, 1 of them free, and 2 more people would need one"):
        licences.assign(MAIN, PLAN, in_groups=["sales"], actor="test")
    assert licences.of(aor("alice")).plans == ()
    licences.assign(MAIN, PLAN, [aor("bob")], actor="test")
    assert set(licences.of(aor("bob")).features) == {"phone-system", "voicemail"}
    with pytest.raises(NotFoundError, match="nobody is called nobody@"):
        licences.assign(MAIN, PLAN, [aor("nobody")], actor="test")


def test_a_group_that_grows_lets_the_last_wait_and_the_alarm_is_told(directory: Directory, licences: Licences):
    directory.create(new("zoe", groups=("sales",)), actor="test")
    licences.define(MAIN, PLAN, count=1, actor="test")
    licences.assign(MAIN, PLAN, in_groups=["sales"], actor="test")
    directory.create(new("alice", groups=("sales",)), actor="test")
    assert licences.of(aor("zoe")).plans[0].holds
    assert not licences.of(aor("alice")).plans[0].holds
    assert [(each.plan.name, each.waiting) for each in licences.shortages()] == [(PLAN, 1)]
    assert directory.audit("main/phone-system")[0]["action"] == "licence.shortage"
    directory.set(aor("zoe"), PersonChanges(groups=()), actor="test")
    assert licences.of(aor("alice")).plans[0].holds
    assert licences.shortages() == []


def test_the_effect_is_told_before_it_bites(directory: Directory, licences: Licences):
    for user in ("alice", "bob"):
        directory.create(new(user), actor="test")
    licences.define(MAIN, PLAN, count=2, actor="test")
    licences.assign(MAIN, PLAN, [aor("bob"), aor("alice")], actor="test")
    made = licences.define(MAIN, PLAN, count=1, dry_run=True, actor="test")
    assert made.loses == {aor("bob"): ("phone-system", "voicemail")}
    assert licences.get(MAIN, PLAN)[0].plan.count == 2
    with pytest.raises(RefusedError, match="1 people would lose phone-system, voicemail"):
        licences.define(MAIN, PLAN, count=1, actor="test")
    assert licences.unassign(MAIN, PLAN, [aor("alice")], dry_run=True, actor="test").loses.keys() == {aor("alice")}
    licences.define(MAIN, PLAN, count=1, force=True, actor="test")
    assert [each.waiting for each in licences.shortages()] == [1]


def test_what_a_source_changes_in_one_go_is_followed_too(directory: Directory, licences: Licences, engine: Engine):
    directory.create(new("zoe", groups=("sales",)), actor="test")
    licences.define(MAIN, PLAN, count=1, actor="test")
    licences.assign(MAIN, PLAN, in_groups=["sales"], actor="test")
    with writing(engine) as connection:
        operations = (Remove(aor("zoe")), Create(new("alice", groups=("sales",))))
        directory.change_many(operations, actor="sync:ldap", connection=connection)
    assert licences.of(aor("alice")).plans[0].holds
    assert [each for _, each in licences.get(MAIN, PLAN)[1]] == [aor("alice")]


def test_somebody_new_with_an_old_address_begins_with_nothing(directory: Directory, licences: Licences):
    directory.create(new("alice"), actor="test")
    licences.define(MAIN, PLAN, count=1, actor="test")
    licences.assign(MAIN, PLAN, [aor("alice")], actor="test")
    directory.delete(aor("alice"), actor="test")
    directory.create(new("alice"), actor="test")
    assert licences.of(aor("alice")).plans == ()


USERS, GROUPS = st.sampled_from(["u1", "u2", "u3"]), st.sampled_from(["a", "b"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["assign", "unassign", "create", "delete"]), USERS),
        st.tuples(st.sampled_from(["assign_group", "unassign_group", "delete_group"]), GROUPS),
        st.tuples(st.just("join"), USERS, st.sets(GROUPS)),
        st.tuples(st.just("nest"), st.booleans()),
        st.tuples(st.just("count"), st.integers(0, 3)),
    ),
    max_size=20,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_counts_hold_whatever_the_order_and_nobody_loses_by_others_coming(engine: Engine, steps):
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name != "tenant":
                connection.execute(delete(table))
    wipe(engine)
    directory = authority(engine)
    directory.join(follow)
    licences, groups = Licences(directory), Groups(directory)
    for name in ("a", "b"):
        groups.create(MAIN, name, actor="test")
    licences.define(MAIN, PLAN, count=1, actor="test")
    for step in steps:
        state, before = licences.get(MAIN, PLAN)
        try:
            _perform(directory, licences, groups, step)
        except IsthmusError:
            assert licences.get(MAIN, PLAN) == (state, before)
            continue
        state, line = licences.get(MAIN, PLAN)
        assert state.held <= state.plan.count
        assert len(line) == state.line
        assert {user for _, user in line} == _entitled(directory, licences, groups)
        if step[0] != "count":  # whoever stays in the line never gets further back
            held = [user for _, user in before[: state.plan.count]]
            stays = {user for _, user in line}
            assert {user for user in held if user in stays} <= {user for _, user in line[: state.plan.count]}


def _perform(directory: Directory, licences: Licences, groups: Groups, step) -> None:
    what, who = step[:2]
    if what == "count":
        licences.define(MAIN, PLAN, count=who, force=True, actor="test")
    elif what == "create":
        directory.create(new(who), actor="test")
    elif what == "delete":
        directory.delete(aor(who), actor="test")
    elif what == "join":
        directory.set(aor(who), PersonChanges(groups=tuple(step[2])), actor="test")
    elif what == "nest":
        change = Members(groups=("b",))
        groups.change(MAIN, "a", **{"add" if who else "remove": change}, actor="test")
    elif what == "delete_group":
        groups.delete(MAIN, who, actor="test")
    elif what.endswith("_group"):
        getattr(licences, what.removesuffix("_group"))(MAIN, PLAN, in_groups=[who], actor="test")
    else:
        getattr(licences, what)(MAIN, PLAN, [aor(who)], actor="test")


def _entitled(directory: Directory, licences: Licences, groups: Groups) -> set[object]:
    assigned = {(each.level.value, each.target) for each in licences.get(MAIN, PLAN)[0].assignments}
    return {
        person.aor
        for person in directory.people(limit=100)
        if ("person", str(person.aor)) in assigned or any(("group", name) in assigned for name in groups.of(person.aor))
    }
