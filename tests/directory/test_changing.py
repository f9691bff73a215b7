"""Many changes in one transaction: whatever is asked, addresses and numbers have one owner, and epochs only grow."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from isthmus.database import writing
from isthmus.directory.changing import Alter, Create, Operation, Outcome, Remove
from isthmus.directory.model import Person, PersonChanges
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError
from tests.directory.conftest import aor, authority, new, wipe


def change(directory: Directory, engine: Engine, *operations: Operation) -> list[Outcome]:
    with writing(engine) as connection:
        return directory.change_many(operations, actor="test", connection=connection)


def people(directory: Directory) -> dict[str, Person]:
    return {person.aor.user: person for person in directory.everybody()[1]}


def test_a_rename_keeps_number_home_groups_and_epoch(directory: Directory, engine: Engine):
    directory.create(new("alice", "+14255550101", "online", groups=("sales",)), actor="test")
    before = directory.get(aor("alice"))
    (after,) = change(directory, engine, Alter(aor("alice"), PersonChanges(), aor("anna")))
    assert isinstance(after, Person)
    assert (after.number, after.home, after.home_epoch, after.groups, after.credentials) == (
        before.number,
        before.home,
        before.home_epoch,
        before.groups,
        before.credentials,
    )
    assert list(people(directory)) == ["anna"]
    for name, action in (("alice", "person.rename"), ("anna", "person.rename")):
        assert directory.audit(str(aor(name)), 1)[0]["action"] == action


def test_the_other_site_follows_a_rename(directory: Directory, engine: Engine, other_site: Callable[[], Directory]):
    online = other_site()
    directory.create(new("alice", "+14255550101"), actor="test")
    directory.create(new("bob", "+14255550102"), actor="test")
    online.apply_feed(directory.changes_since(0), "premises")
    change(
        directory,
        engine,
        Alter(aor("alice"), PersonChanges(number="+14255550102"), aor("bob")),
        Alter(aor("bob"), PersonChanges(number="+14255550101"), aor("alice")),
    )
    position = online.position("premises")
    while position < directory.last_seq():  # a page of one change each: whatever order they come in
        position = online.apply_feed(directory.changes_since(position, 1), "premises")
    assert people(online) == people(directory)
    assert people(online)["bob"].display_name == "Alice"


def test_what_can_t_be_done_is_told_and_the_rest_is_done(directory: Directory, engine: Engine):
    directory.create(new("alice", "+14255550101"), actor="test")
    outcomes = change(
        directory,
        engine,
        Create(new("alice")),
        Create(new("bob", "+14255550101")),
        Create(new("carol", "+14255550103")),
        Alter(aor("nobody"), PersonChanges(enabled=False)),
        Remove(aor("nobody")),
        Create(new("dave", home="moon")),
    )
    assert [type(each).__name__ for each in outcomes] == [
        "RefusedError",
        "RefusedError",
        "Person",
        "NotFoundError",
        "NotFoundError",
        "UsageError",
    ]
    assert sorted(people(directory)) == ["alice", "carol"]


def test_one_that_fails_keeps_what_others_counted_on(directory: Directory, engine: Engine):
    for user in ("alice", "bob", "carol"):
        directory.create(new(user), actor="test")
    # alice -> bob needs bob -> carol, which needs carol to go: she stays.
    outcomes = change(
        directory,
        engine,
        Alter(aor("alice"), PersonChanges(), aor("bob")),
        Alter(aor("bob"), PersonChanges(), aor("carol")),
    )
    assert all(isinstance(each, IsthmusError) for each in outcomes)
    assert sorted(people(directory)) == ["alice", "bob", "carol"]


_users = st.sampled_from(["a", "b", "c", "d"])
_number = st.sampled_from([None, "+14255550101", "+14255550102", "+14255550103"])
_operations = st.one_of(
    st.builds(lambda user, number: Create(new(user, number)), _users, _number),
    st.builds(
        lambda user, number, to: Alter(aor(user), PersonChanges(number=number), to and aor(to)),
        _users,
        _number,
        st.one_of(st.none(), _users),
    ),
    st.builds(lambda user: Remove(aor(user)), _users),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(_operations, max_size=6), max_size=4))
def test_whatever_is_asked_both_sites_agree_in_the_end(
    batches: list[list[Operation]], engine: Engine, shared_other_site: Callable[[], Directory]
):
    wipe(engine)
    directory, online = authority(engine), shared_other_site()
    epochs: dict[str, int] = {}
    for operations in batches:
        named = [aor_of for each in operations if (aor_of := _changed(each))]
        if len(set(named)) != len(named):
            continue  # one person twice in a batch is not asked for
        outcomes = change(directory, engine, *operations)
        now = people(directory)
        for outcome in outcomes:
            if isinstance(outcome, Person):
                assert now[outcome.aor.user] == outcome
        for user, person in now.items():
            assert person.home_epoch >= epochs.get(user, 0)
            epochs[user] = person.home_epoch
        position = online.position("premises")
        while position < directory.last_seq():
            position = online.apply_feed(directory.changes_since(position, 2), "premises")
        assert people(online) == now


def _changed(operation: Operation) -> str | None:
    return operation.new.aor.user if isinstance(operation, Create) else operation.aor.user
