"""The map beside the snapshot: whole or as it was, and written when something is different."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.directory.service import Directory
from isthmus.emergency.build import Emergency
from isthmus.emergency.compiled import EmergencyMap, compiled
from isthmus.emergency.mapfile import NAME, Keeping, MapFile
from isthmus.emergency.model import Choice, Settings
from isthmus.errors import UnavailableError
from isthmus.policy.model import Grant, Level, Policy
from isthmus.policy.service import Policies
from tests.directory.conftest import new
from tests.emergency.addresses import place, us
from tests.emergency.conftest import ALICE

ONE = EmergencyMap({"main": compiled([place("hq1")], [])}, {"contoso.example": "main"})
TWO = EmergencyMap({"main": compiled([place("hq1"), place("hq2")], [])})


def test_what_is_written_is_read_by_others(tmp_path: Path):
    writer, reader = MapFile(tmp_path), MapFile(tmp_path)
    assert reader.map() == EmergencyMap()
    assert writer.write(ONE)
    assert reader.map() == ONE
    assert not writer.write(ONE)
    assert writer.write(TWO)
    assert reader.map() == TWO
    (tmp_path / NAME).unlink()
    assert reader.map() == EmergencyMap()


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"nonsense", b"\x92\x01\x02"])
def test_what_can_t_be_read_leaves_the_map_as_it_was(tmp_path: Path, raw: bytes):
    reader = MapFile(tmp_path)
    MapFile(tmp_path).write(ONE)
    assert reader.map() == ONE
    (tmp_path / NAME).write_bytes(raw)
    assert reader.map() == (ONE if raw else EmergencyMap())


def test_it_is_made_anew_only_when_something_is_different(tmp_path: Path):
    revisions, made = iter([1, 1, 2, 3, 3]), []

    def make() -> EmergencyMap:
        made.append(1)
        if len(made) == 2:
            raise UnavailableError("the database does not answer")
        return ONE

    keeping = Keeping(MapFile(tmp_path), lambda: next(revisions), make)
    keeping.work()
    keeping.work()
    with pytest.raises(UnavailableError):
        keeping.work()
    keeping.work()
    keeping.work()
    assert len(made) == 3


def test_each_change_that_calls_have_to_know_of_is_another_revision(
    directory: Directory, policies: Policies, emergency: Emergency
):
    where, seen = emergency.locations, []

    def is_new() -> bool:
        seen.append(where.revision())
        return seen[-1] not in seen[:-1]

    assert is_new()
    where.add(place("hq1"), actor="test")
    assert is_new()
    assert not is_new()
    emergency.choices.choose(Choice(str(ALICE), civic=us()), actor="test")
    assert is_new()
    policies.create(Policy("main", "emergency", "p", (("send", "none"),)), actor="test")
    assert is_new()
    policies.grant(Grant("main", "emergency", "p", Level.PERSON, str(ALICE)), actor="test")
    assert is_new()
    directory.create(new("bob"), actor="test")
    assert is_new()


def test_it_says_of_each_person_what_their_policies_say(directory: Directory, policies: Policies, emergency: Emergency):
    where = emergency.locations
    where.add(place("hq1"), actor="test")
    emergency.choices.choose(Choice(str(ALICE), civic=us(UNIT="4")), actor="test")
    for user in ("bob", "carol"):
        directory.create(new(user), actor="test")
    assert where.emergency_map().of("main").people == {}
    policies.create(Policy("main", "emergency", "all", (("place", "hq1"),)), actor="test")
    policies.grant(Grant("main", "emergency", "all", Level.TENANT, "main"), actor="test")
    policies.create(Policy("main", "emergency", "own", (("send", "none"),)), actor="test")
    policies.grant(Grant("main", "emergency", "own", Level.PERSON, str(ALICE)), actor="test")
    made = where.emergency_map()
    mine = made.of("main")
    assert made.domains == {"contoso.example": "main"}
    assert mine.people == {str(ALICE): 1}
    assert mine.own(str(ALICE)) == Settings(place="hq1", send="none")
    assert mine.own("bob@contoso.example") == Settings(place="hq1")
    assert [each.civic for each in mine.choices[str(ALICE)]] == [us(UNIT="4")]
