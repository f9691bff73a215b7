"""The same change of many people: what it is for each, and that nobody is changed by looking."""

from __future__ import annotations

import pytest

from isthmus.access.model import Reach, Scope
from isthmus.directory import wire
from isthmus.directory.editing import Edit, Edited
from isthmus.directory.service import Directory
from isthmus.errors import UsageError
from tests.directory.conftest import aor, new

WANTED = Edit(enabled=False, add_groups=("night",), remove_groups=("sales",))


@pytest.fixture
def staffed(directory: Directory) -> Directory:
    directory.create(new("alice", groups=("sales", "all")), actor="test")
    directory.create(new("bob"), actor="test")
    return directory


def edit(
    directory: Directory, *users: str, dry_run: bool = False, wanted: Edit = WANTED, **more: object
) -> list[Edited]:
    return directory.edit([aor(each) for each in users], wanted, dry_run=dry_run, actor="test", **more)


def test_a_dry_run_says_what_would_be_and_changes_nobody(staffed: Directory):
    seq = staffed.last_seq()
    alice, nobody = edit(staffed, "alice", "nobody", dry_run=True)
    assert alice.before and alice.after
    assert (set(alice.before.groups), set(alice.after.groups)) == ({"sales", "all"}, {"all", "night"})
    assert (alice.after.enabled, nobody.before, nobody.after) == (False, None, None)
    assert "nobody is called" in nobody.why
    assert staffed.get(aor("alice")) == alice.before
    assert staffed.last_seq() == seq


def test_everybody_is_changed_for_whom_it_can_be_done(staffed: Directory):
    done = edit(staffed, "alice", "nobody", "bob", "bob")
    assert [(each.aor.user, bool(each.why)) for each in done] == [("alice", False), ("nobody", True), ("bob", False)]
    assert staffed.get(aor("bob")).groups == ("night",)
    assert not staffed.get(aor("alice")).enabled


def test_who_was_changed_since_one_looked_is_left_alone(staffed: Directory):
    seen = {aor(each): wire.tag(staffed.get(aor(each))) for each in ("alice", "bob")}
    edit(staffed, "bob", wanted=Edit(add_groups=("day",)))
    alice, bob = edit(staffed, "alice", "bob", seen=seen)
    assert (alice.why, staffed.get(aor("alice")).enabled) == ("", False)
    assert "changed meanwhile" in bob.why
    assert staffed.get(aor("bob")).enabled


def test_who_is_out_of_reach_is_as_if_there_were_nobody(staffed: Directory):
    sales = Reach((Scope(groups=frozenset({"sales"})),))
    alice, bob = edit(staffed, "alice", "bob", reach=sales, wanted=Edit(enabled=False))
    assert (alice.why, bob.before, "nobody is called" in bob.why) == ("", None, True)
    (out,) = edit(staffed, "alice", reach=sales, wanted=Edit(remove_groups=("sales",)))
    assert "outside of what your roles reach" in out.why
    assert "sales" in staffed.get(aor("alice")).groups


def test_nothing_to_change_is_refused(staffed: Directory):
    with pytest.raises(UsageError):
        edit(staffed, "alice", wanted=Edit())
    with pytest.raises(UsageError):
        edit(staffed)
