"""Whatever is done in whatever order: a number has one owner, epochs grow, and every copy of the feed converges."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from isthmus.addressing import Aor
from isthmus.directory import wire
from isthmus.directory.model import FeedPage, Person, PersonChanges
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError
from tests.directory.conftest import aor, authority, new, wipe

USERS = st.sampled_from(["alice", "bob", "carol"])
NUMBERS = st.sampled_from([None, "+14255550101", "+14255550102"])
SITES = st.sampled_from(["premises", "online"])

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), USERS, NUMBERS),
        st.tuples(st.just("number"), USERS, NUMBERS),
        st.tuples(st.just("delete"), USERS, st.none()),
        st.tuples(st.just("move"), USERS, SITES),
        st.tuples(st.just("read"), st.integers(1, 4), st.none()),  # a page of the feed is read, and kept
        st.tuples(st.just("apply"), st.integers(0, 50), st.none()),  # one of those kept arrives, perhaps again
    ),
    max_size=25,
)


def perform(directory: Directory, step: tuple[str, str, str | None]) -> None:
    what, user, value = step
    try:
        if what == "create":
            directory.create(new(user, value), actor="test")
        elif what == "number":
            directory.set(aor(user), PersonChanges(number=value), actor="test")
        elif what == "delete":
            directory.delete(aor(user), actor="test")
        else:
            person = directory.get(aor(user))
            directory.commit_homes([(person.aor, person.home, person.home_epoch, value)], actor="test")
    except IsthmusError:
        pass  # refused: nothing may have changed, which is what is looked at below


def check_invariants(people: list[Person], epochs: dict[Aor, int]) -> None:
    numbers = [person.number for person in people if person.number]
    assert len(numbers) == len(set(numbers))
    for person in people:
        assert person.home_epoch >= epochs.get(person.aor, 0)
        epochs[person.aor] = person.home_epoch


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_invariants_hold_at_both_sites(engine: Engine, steps, shared_other_site: Callable[[], Directory]):
    wipe(engine)
    here, away = authority(engine), shared_other_site()
    kept: list[FeedPage] = []
    epochs: tuple[dict[Aor, int], dict[Aor, int]] = ({}, {})
    for step in steps:
        if step[0] == "read":
            # From where any of the pages that were read would lead to: also from positions not reached yet.
            start = max((page.to_seq for page in kept), default=0) if len(kept) % 2 else away.position("premises")
            kept.append(here.changes_since(start, step[1]))
        elif step[0] == "apply":
            if kept:
                before = list(away.everybody()[1])
                page = kept[step[1] % len(kept)]
                try:
                    away.apply_feed(wire.decode_page(wire.encode_page(page)), "premises")
                except IsthmusError:
                    assert list(away.everybody()[1]) == before
        else:
            perform(here, step)
        check_invariants(list(here.everybody()[1]), epochs[0])
        check_invariants(list(away.everybody()[1]), epochs[1])
    while (page := here.changes_since(away.position("premises"), 2)).from_seq < page.last_seq:
        away.apply_feed(page, "premises")
    assert list(away.everybody()[1]) == list(here.everybody()[1])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(st.tuples(st.just("create"), USERS, NUMBERS), max_size=4),
    steps=st.lists(st.tuples(st.sampled_from(["create", "number", "delete"]), USERS, NUMBERS), min_size=1, max_size=8),
    first=st.integers(1, 5),
    second=st.integers(1, 5),
)
def test_any_two_chunkings_lead_to_the_same_state(
    engine: Engine,
    before,
    steps,
    first: int,
    second: int,
    shared_other_sites: Callable[[], tuple[Directory, Directory]],
):
    wipe(engine)
    here = authority(engine)
    copies = shared_other_sites()
    for done in (before, steps):
        for step in done:
            perform(here, step)
        for copy, limit in zip(copies, (first, second), strict=True):
            while copy.position("premises") < here.last_seq():
                copy.apply_feed(here.changes_since(copy.position("premises"), limit), "premises")
        states = [list(copy.everybody()[1]) for copy in copies]
        assert states[0] == states[1] == list(here.everybody()[1])
