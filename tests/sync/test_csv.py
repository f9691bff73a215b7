"""People from a CSV file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from isthmus.database import writing
from isthmus.directory.model import PersonChanges
from isthmus.errors import UsageError
from isthmus.sync import store
from isthmus.sync.sources.csv import parse
from tests.sync.world import World, aor, csv_source

_DN = "CN=Böss\\, 100%_,DC=contoso"
HEADING = "id,aor,display_name,number,home,groups"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(
        f"{HEADING}\n1,alice@contoso.example,Alice,+1 425 555 0101,,sales;all\n2,bob@contoso.example,Bob,,online,\n"
    )
    return path


@pytest.fixture
def world(engine: Engine, file: Path) -> World:
    return World(engine, csv_source(file))


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_people_come_change_and_go(world: World, file: Path):
    assert world.counts() == {"create": 2}
    assert world.person("alice").groups == ("all", "sales")
    assert world.person("bob").home == "online"
    edit(file, "sales;all", "sales")
    edit(file, "bob@", "robert@")
    assert world.counts() == {"rename": 1, "change": 1}
    assert world.person("alice").groups == ("sales",)
    assert world.person("robert").home == "online"
    edit(file, "2,robert@contoso.example,Bob,,online,\n", "")
    assert world.counts() == {"disable": 1}
    assert world.counts() == {}


def test_numbers_and_addresses_pass_from_one_to_the_other(world: World, file: Path):
    world.sync()
    edit(file, "Bob,", "Bob,+14255550102")
    world.sync()
    file.write_text(f"{HEADING}\n1,bob@contoso.example,A,+14255550102,,\n2,alice@contoso.example,B,+14255550101,,\n")
    assert world.counts() == {"rename": 2}
    assert (world.person("bob").number, world.person("bob").display_name) == ("+14255550102", "A")
    assert (world.person("alice").number, world.person("alice").home) == ("+14255550101", "online")
    assert world.person("alice").home_epoch == 2, "an address that belonged to somebody goes on from their epoch"


def test_a_number_that_is_freed_later_is_given_then(world: World, file: Path):
    file.write_text(f"{HEADING}\n1,a@contoso.example,A,+14255550101,,\n2,b@contoso.example,B,+14255550101,,\n")
    assert world.counts() == {"create": 2, "conflict": 2}
    assert set(world.conflicts()) == {"1", "2"}
    edit(file, "2,b@contoso.example,B,+14255550101", "2,b@contoso.example,B,")
    world.sync()
    assert world.person("a").number == "+14255550101"
    assert world.conflicts() == {}


def test_after_thirty_days_a_vanished_person_is_deleted(world: World, file: Path):
    world.sync()
    edit(file, "2,bob@contoso.example,Bob,,online,\n", "")
    world.sync()
    world.now += 29 * 86400
    assert world.counts() == {}
    world.now += 2 * 86400
    assert world.counts() == {"delete": 1}
    assert "bob" not in world.people()


def test_who_is_back_in_time_has_everything_again(world: World, file: Path):
    world.sync()
    before, text = world.person("alice"), file.read_text()
    edit(file, "1,alice@contoso.example,Alice,+1 425 555 0101,,sales;all\n", "")
    world.sync()
    assert world.person("alice").number == before.number
    file.write_text(text)
    assert world.counts() == {"restore": 1}
    assert world.person("alice") == before


def test_who_is_restored_by_hand_stays_and_is_adopted_by_their_next_object(world: World, file: Path):
    world.sync()
    edit(file, "2,bob@", "3,bob@")
    assert world.counts() == {"disable": 1, "conflict": 1}
    world.service.restore(world.person("bob").aor, actor="test")
    assert world.person("bob").enabled
    assert world.counts() == {"adopt": 1}
    assert world.conflicts() == {}


def test_a_broken_file_changes_nothing(world: World, file: Path):
    world.sync()
    before = world.people()
    file.write_text(f"{HEADING}\n1,alice\n")
    run = world.service.start("csv", full=True, approved=True, actor="test")
    with pytest.raises(UsageError, match="line 2: 2 cells under 6 headings"):
        world.work.read(run.id)
    assert world.people() == before


def test_an_empty_file_asks_first(world: World, file: Path):
    people = "".join(f"p{n},p{n}@contoso.example,P,,,\n" for n in range(9))
    file.write_text(f"{HEADING}\n{people}")
    world.sync()
    file.write_text(f"{HEADING}\n")
    run = world.sync(full=True)
    assert (run.state.value, run.note) == ("asking", "9 of 9 people would be disabled (100 %, and 10 % is the limit)")
    assert all(person.enabled for person in world.people().values())
    assert world.counts(yes=True) == {"disable": 9}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("name\nx\n", "line 1: no column says who is who"),
        ("id,aor,aor\n", "column 'aor' stands twice"),
        ("id,aor\n1,a@x\n1,b@x\n", "line 3: 1 stands already on line 2"),
        ("id,aor\n,a@x\n", "line 2: id is empty"),
        ('id,aor\n1,"a\n', "not valid CSV"),
    ],
)
def test_everything_wrong_with_a_file_is_told(text: str, what: str):
    assert what in "; ".join(parse(text)[1])


def test_semicolons_separate_as_well():
    rows, faults = parse("id;aor;groups\n1;a@x;one|two\n")
    assert (faults, rows[0][1]) == ([], ("one", "two"))


def test_that_a_source_keeps_somebody_from_now_on_is_in_the_audit_log(world: World, file: Path):
    world.sync()
    file.write_text(f"{HEADING}\n")
    world.sync(yes=True)
    file.write_text(f"{HEADING}\n9,alice@contoso.example,Alice,+14255550101,,all;sales\n")
    world.service.restore(world.person("alice").aor, actor="cli:root")
    assert world.last_audit("alice") == ("cli:root".rpartition(":")[0], "person.restore")
    assert world.counts() == {"adopt": 1}
    assert world.last_audit("alice") == ("sync:csv", "person.adopt")


def test_what_is_being_moved_is_renamed_and_deleted_afterwards(world: World, file: Path):
    world.sync()
    busy: dict = {world.person("bob").aor: "batch-1"}
    world.work._moving = lambda connection, aors: {aor: busy[aor] for aor in aors if aor in busy}
    edit(file, "bob@", "robert@")
    assert world.counts() == {"conflict": 1}
    assert "is being moved (batch-1)" in world.conflicts()["2"]
    busy.clear()
    assert world.counts() == {"rename": 1}
    assert world.conflicts() == {}


def test_another_source_takes_over_once_the_first_is_no_longer_configured(world: World, file: Path):
    world.sync()
    world.sources["new"] = csv_source(file, name="new")
    assert world.counts("new") == {"conflict": 2}
    assert set(world.conflicts().values()) == {
        "alice@contoso.example is kept by the source csv",
        "bob@contoso.example is kept by the source csv",
    }
    del world.sources["csv"]
    assert world.counts("new") == {"adopt": 2}
    assert world.conflicts() == {}


def test_the_number_of_one_who_vanished_is_kept_until_somebody_gives_it_away(world: World, file: Path):
    world.sync()
    file.write_text(f"{HEADING}\n2,bob@contoso.example,Bob,,,\n3,carol@contoso.example,Carol,+14255550101,,\n")
    world.sync()
    assert "isthmus user set alice@contoso.example --no-number" in world.conflicts()["3"]
    world.directory.set(world.person("alice").aor, PersonChanges(number=None), actor="cli:root")
    assert world.counts() == {"change": 1}
    assert world.person("carol").number == "+14255550101"


def test_runs_by_themselves_that_found_nothing_do_not_hide_the_others(world: World, file: Path):
    done = [world.sync().id]
    edit(file, "Alice", "Alice A.")
    done.insert(0, world.sync().id)
    for _ in range(60):
        run = world.service.start("csv", full=False, approved=False, actor=store.INTERVAL)
        world.work.read(run.id)
        world.work.apply(run.id)
        world.now += 1
    assert [each.id for each in world.service.runs(limit=100)] == [run.id, *done]
    for _ in range(60):
        world.sync()
    assert len(world.service.runs(limit=100)) == 50


def test_a_manager_is_found_by_id_and_by_what_the_source_calls_them(world: World, file: Path):
    lines = ("1,alice@contoso.example,2", f'2,bob@contoso.example,"{_DN}"', "3,carol@contoso.example,")
    file.write_text("\n".join(("id,aor,manager", *lines)))
    world.sync()
    service = world.service
    assert service.manager(service.details(aor("alice"))) == aor("bob")
    assert service.manager(service.details(aor("bob"))) is None
    assert service.manager(service.details(aor("carol"))) is None
    carol = service.details(aor("carol"))
    called = replace(carol, wanted=replace(carol.wanted, name=_DN))
    with writing(world.engine) as connection:
        store.put_links(connection, [called])
    assert service.manager(service.details(aor("bob"))) == aor("carol")


def test_how_far_a_run_is_can_be_told_while_it_is_under_way(world: World, file: Path):
    file.write_text(HEADING + "\n" + "".join(f"{n},p{n}@contoso.example,,,,\n" for n in range(1200)))
    run = world.service.start(None, full=False, approved=True, actor="test")
    assert world.service.applied(run.id) == (0, 0, 0)
    world.work.read(run.id)
    told = [world.service.applied(run.id)]
    while world.work.apply(run.id):
        told.append(world.service.applied(run.id))
    assert told == [(1200, 0, 0), (1200, 500, 0), (1200, 1000, 0), (1200, 1200, 0)], told
