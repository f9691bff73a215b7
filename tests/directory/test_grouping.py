"""Groups as objects: the write path, what it refuses, and the way to the other site."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from isthmus.directory import wire
from isthmus.directory.grouping import Groups, Members
from isthmus.directory.model import FeedPage, Group, PersonChanges
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError, NotFoundError, RefusedError, UsageError
from tests.directory.conftest import aor, authority, new, wipe
from tests.directory.test_feed import pump

MAIN = "main"


@pytest.fixture
def groups(directory: Directory) -> Groups:
    return Groups(directory)


def nested(groups: Groups) -> None:
    """sales holds north, north holds oslo."""
    for name in ("sales", "north", "oslo"):
        groups.create(MAIN, name, actor="test")
    groups.change(MAIN, "sales", add=Members(groups=("north",)), actor="test")
    groups.change(MAIN, "north", add=Members(groups=("oslo",)), actor="test")


def test_people_are_in_the_groups_that_contain_theirs(directory: Directory, groups: Groups):
    nested(groups)
    directory.create(new("alice", groups=("oslo",)), actor="test")
    directory.create(new("bob", groups=("sales", "oslo")), actor="test")
    directory.create(new("carol", groups=("elsewhere",)), actor="test")
    assert [person.aor.user for person in directory.people(group="sales")] == ["alice", "bob"]
    assert directory.count(group="north") == 2
    assert directory.count(group="elsewhere") == 1
    assert groups.of(aor("alice")) == {
        "oslo": ("oslo",),
        "north": ("oslo", "north"),
        "sales": ("oslo", "north", "sales"),
    }
    shown = groups.get(MAIN, "sales")
    assert (shown.direct, shown.effective, shown.group.groups) == (1, 2, ("north",))
    assert groups.get(MAIN, "north").parents == ("sales",)


def test_a_circle_is_refused_and_shown(groups: Groups):
    nested(groups)
    with pytest.raises(RefusedError, match="oslo would contain itself: oslo > sales > north > oslo"):
        groups.change(MAIN, "oslo", add=Members(groups=("sales",)), actor="test")
    with pytest.raises(RefusedError, match="sales > sales"):
        groups.change(MAIN, "sales", add=Members(groups=("sales",)), actor="test")
    assert groups.get(MAIN, "oslo").group.groups == ()


def test_a_name_at_people_alone_is_a_group_and_becomes_an_object_when_it_must(directory: Directory, groups: Groups):
    directory.create(new("alice", groups=("interns",)), actor="test")
    assert [(each.group.name, each.direct) for each in groups.listed(MAIN)] == [("interns", 1)]
    groups.create(MAIN, "staff", actor="test")
    groups.change(MAIN, "staff", add=Members(groups=("interns",)), actor="test")
    assert directory.count(group="staff") == 1
    groups.create(MAIN, "interns", "Here for a while", actor="test")
    assert groups.get(MAIN, "interns").group.description == "Here for a while"
    with pytest.raises(RefusedError, match="exists already"):
        groups.create(MAIN, "interns", actor="test")


def test_members_come_and_go_all_or_none(directory: Directory, groups: Groups):
    directory.create(new("alice"), actor="test")
    groups.create(MAIN, "sales", actor="test")
    with pytest.raises(NotFoundError, match="nobody is called nobody@"):
        groups.change(MAIN, "sales", add=Members((aor("alice"), aor("nobody"))), actor="test")
    assert directory.get(aor("alice")).groups == ()
    with pytest.raises(NotFoundError, match="there is no group 'x'"):
        groups.change(MAIN, "sales", add=Members((aor("alice"),), ("x",)), actor="test")
    assert directory.get(aor("alice")).groups == ()
    groups.change(MAIN, "sales", add=Members((aor("alice"),)), actor="test", key="k")
    seq = directory.last_seq()
    groups.change(MAIN, "sales", add=Members((aor("alice"),)), actor="test", key="k")
    groups.change(MAIN, "sales", add=Members((aor("alice"),)), actor="test")
    assert directory.last_seq() == seq
    assert directory.get(aor("alice")).groups == ("sales",)
    groups.change(MAIN, "sales", remove=Members((aor("alice"),)), actor="test")
    assert directory.get(aor("alice")).groups == ()
    entries = directory.audit(str(aor("alice")))
    assert [entry["action"] for entry in entries] == ["person.set", "person.set", "person.create"]
    assert json.loads(entries[1]["after"])["groups"] == ["sales"]


def test_a_deleted_group_is_gone_from_people_and_groups(directory: Directory, groups: Groups):
    nested(groups)
    directory.create(new("alice", groups=("north",)), actor="test")
    groups.delete(MAIN, "north", actor="test")
    assert directory.get(aor("alice")).groups == ()
    assert groups.get(MAIN, "sales").group.groups == ()
    assert [each.group.name for each in groups.listed(MAIN)] == ["oslo", "sales"]
    with pytest.raises(NotFoundError):
        groups.delete(MAIN, "north", actor="test")


def test_a_renamed_group_keeps_its_people_and_its_place(directory: Directory, groups: Groups, other_site):
    nested(groups)
    directory.create(new("alice", groups=("north", "pilot")), actor="test")
    renamed = groups.rename(MAIN, "north", " nord ", actor="test")
    assert (renamed.name, renamed.groups) == ("nord", ("oslo",))
    assert directory.get(aor("alice")).groups == ("nord", "pilot")
    assert groups.get(MAIN, "sales").group.groups == ("nord",)
    with pytest.raises(NotFoundError):
        groups.get(MAIN, "north")
    other = other_site()
    pump(directory, other)
    assert Groups(other).get(MAIN, "sales").group.groups == ("nord",)
    assert other.get(aor("alice")).groups == ("nord", "pilot")


@pytest.mark.parametrize("taken", ["oslo", "pilot"])
def test_a_group_is_not_renamed_to_what_is_there_already(directory: Directory, groups: Groups, taken: str):
    nested(groups)
    directory.create(new("alice", groups=("pilot",)), actor="test")
    with pytest.raises(RefusedError, match="exists already"):
        groups.rename(MAIN, "north", taken, actor="test")
    groups.put(Group(MAIN, "kept", source="ad"), actor="test")
    with pytest.raises(RefusedError, match="kept by the directory source ad"):
        groups.rename(MAIN, "kept", "x", actor="test")


def test_who_keeps_a_group_changes_it(groups: Groups):
    groups.put(Group(MAIN, "staff", "From the AD", "ad"), actor="sync")
    groups.put(Group(MAIN, "staff", "From the AD, again", "ad"), actor="sync")
    assert groups.get(MAIN, "staff").group.description == "From the AD, again"
    for refused in (
        lambda: groups.change(MAIN, "staff", add=Members(groups=("staff",)), actor="test"),
        lambda: groups.delete(MAIN, "staff", actor="test"),
        lambda: groups.put(Group(MAIN, "staff", "", "other"), actor="sync"),
    ):
        with pytest.raises(RefusedError, match="kept by the directory source ad"):
            refused()
    groups.delete(MAIN, "staff", source="ad", actor="sync")


@pytest.mark.parametrize("name", ["", "  ", "a;b", "a\nb", "x" * 65])
def test_names_that_can_not_be_are_refused(groups: Groups, name: str):
    with pytest.raises(UsageError):
        groups.create(MAIN, name, actor="test")
    with pytest.raises(NotFoundError, match="no tenant 'other'"):
        groups.create("other", "a", actor="test")


def test_groups_travel_in_pages_of_any_size_and_may_be_applied_again(directory: Directory, groups: Groups, other_site):
    nested(groups)
    directory.create(new("alice", groups=("oslo",)), actor="test")
    away = other_site()
    there = Groups(away)
    first = directory.changes_since(0)
    pump(directory, away, 1)
    assert away.count(group="sales") == 1
    assert there.get(MAIN, "sales").group == groups.get(MAIN, "sales").group
    groups.delete(MAIN, "north", actor="test")
    pump(directory, away)
    assert [each.group.name for each in there.listed(MAIN)] == ["oslo", "sales"]
    assert away.count(group="sales") == 0
    assert away.apply_feed(first, "premises") == directory.last_seq()
    assert away.last_seq() > 0
    with pytest.raises(RefusedError, match="not the authority"):
        there.create(MAIN, "x", actor="test")


def test_a_page_of_an_older_site_is_read_and_one_with_more_is_passed_over_by_it():
    page = FeedPage("s", 0, 1, 1, groups=((("main", "a"), Group("main", "a", "d", "", ("b",))), (("main", "x"), None)))
    raw = msgspec.json.decode(wire.encode_page(page))
    older = {name: value for name, value in raw.items() if name not in ("groups", "gone_groups")}
    assert wire.decode_page(msgspec.json.encode(older)) == FeedPage("s", 0, 1, 1)
    newer = {**raw, "later": [1, 2], "groups": [[*raw["groups"][0], "later"]]}
    assert set(wire.decode_page(msgspec.json.encode(newer)).groups) == set(page.groups)


def test_a_kind_of_change_that_is_not_known_is_passed_over(directory: Directory, other_site):
    directory.write("test", lambda log: log.changed("weather", "rain"))
    directory.create(new("alice"), actor="test")
    away = other_site()
    assert pump(directory, away, 1) == directory.last_seq()
    assert away.get(aor("alice"))


NAME = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters=";"), min_size=1, max_size=8
)


@given(
    names=st.lists(st.tuples(st.sampled_from(["main", "second"]), NAME), unique=True, max_size=5),
    inside=st.sets(NAME, max_size=3),
    gone=st.integers(0, 5),
)
def test_groups_survive_the_wire(names, inside, gone):
    listed = [
        (key, None if at < gone else Group(*key, "About", "ad", tuple(sorted(inside)))) for at, key in enumerate(names)
    ]
    page = FeedPage("s", 0, 9, 9, groups=tuple(listed))
    assert wire.decode_page(wire.encode_page(page)) == page
    for _, group in listed:
        if group is not None:
            assert wire.group_from_public(json.loads(json.dumps(wire.public_group(group)))) == group


USERS, GROUPS = st.sampled_from(["alice", "bob"]), st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("nest"), GROUPS, GROUPS),
        st.tuples(st.just("unnest"), GROUPS, GROUPS),
        st.tuples(st.just("create"), GROUPS, st.none()),
        st.tuples(st.just("delete"), GROUPS, st.none()),
        st.tuples(st.just("join"), USERS, st.sets(GROUPS, max_size=2)),
    ),
    max_size=20,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS, limit=st.integers(1, 4))
def test_whatever_is_done_there_are_no_circles_and_the_sites_agree(engine: Engine, steps, limit, shared_other_site):
    wipe(engine)
    here, away = authority(engine), shared_other_site()
    groups, there = Groups(here), Groups(away)
    for user in ("alice", "bob"):
        here.create(new(user), actor="test")
    for what, first, second in steps:
        try:
            if what == "nest":
                groups.change(MAIN, first, add=Members(groups=(second,)), actor="test")
            elif what == "unnest":
                groups.change(MAIN, first, remove=Members(groups=(second,)), actor="test")
            elif what == "create":
                groups.create(MAIN, first, actor="test")
            elif what == "delete":
                groups.delete(MAIN, first, actor="test")
            else:
                here.set(aor(first), PersonChanges(groups=tuple(second)), actor="test")
        except IsthmusError:
            continue
    pump(here, away, limit)
    mine, theirs = groups.listed(MAIN), there.listed(MAIN)
    assert mine == theirs
    for each in mine:
        assert each.group.name not in {inner for child in each.group.groups for inner in _within(groups, child)}
        people = [person.aor for person in here.people(group=each.group.name)]
        assert people == [person.aor for person in away.people(group=each.group.name)]
        assert people == [a for a in (aor("alice"), aor("bob")) if each.group.name in groups.of(a)]


def _within(groups: Groups, name: str) -> set[str]:
    found, due = set(), [name]
    while due:
        here = due.pop()
        if here not in found:
            found.add(here)
            try:
                due += groups.get(MAIN, here).group.groups
            except NotFoundError:
                continue
    return found
