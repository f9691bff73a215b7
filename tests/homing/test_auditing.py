"""What the audit log tells of moves: who asked, what was done, and each person's end, once, whatever is killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.audit import Actor, Origin, store, verifying
from isthmus.audit.model import Entry
from isthmus.database import reading
from tests.homing.world import DOMAIN, ONLINE, PREMISES, Crash, World

EVE = Actor("cli:eve", Origin("cli", "192.0.2.1"))


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path, url=database_url)
    yield made
    made.close()


def told(world: World) -> list[Entry]:
    """Every entry about moves, the oldest first; and the whole log has to be right."""
    with reading(world.engine) as connection:
        assert verifying.verify(connection, ()).faults == ()
        entries = [each.entry for each in store.find(connection, after=0, limit=1000)]
    return [entry for entry in entries if entry.action.startswith("move.") or entry.action == "person.move"]


def test_a_move_is_told_from_the_request_to_the_end(world: World) -> None:
    moved, already = world.people[0], world.people[1]
    batch = world.moves.start([moved, already], ONLINE, actor=EVE)
    world.finish([batch.id])
    entries = told(world)
    assert [(entry.action, entry.object) for entry in entries] == [
        ("move.request", batch.id),
        ("move.not_moved", str(already)),
        ("person.move", str(moved)),
        ("move.moved", str(moved)),
        ("move.finish", batch.id),
    ]
    assert {(entry.actor, entry.tenant) for entry in entries} == {("cli:eve", "main")}
    assert [(entry.path, entry.address) for entry in entries] == [
        ("cli", "192.0.2.1"),
        *[("move", "")] * 4,
    ]
    assert json.loads(entries[0].after or "") == {"to": ONLINE, "people": 2, "refused": 1}
    assert json.loads(entries[1].after or "")["reasons"] == [f"already at home at {ONLINE}"]
    assert json.loads(entries[4].after or "") == {"state": "done", "moved": 1, "not_moved": 1}


def test_pause_resume_and_cancel_are_told_with_who_did_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.homing.service.CHUNK", 1)
    people = [world.people[0], world.people[2]]
    batch = world.moves.start(people, ONLINE, actor=EVE)
    world.drive(batch.id)
    world.moves.pause(batch.id, actor="cli:root")
    world.moves.pause(batch.id, actor="cli:root")  # is paused: nothing is done, and nothing told
    world.moves.resume(batch.id, actor="cli:mallory")
    world.moves.cancel(batch.id, actor="cli:root")
    world.finish([batch.id])
    entries = [entry for entry in told(world) if entry.action != "person.move"]
    assert [(entry.action, entry.actor, entry.object) for entry in entries] == [
        ("move.request", "cli:eve", batch.id),
        ("move.pause", "cli:root", batch.id),
        ("move.resume", "cli:mallory", batch.id),
        ("move.cancel", "cli:root", batch.id),
        ("move.cancelled", "cli:eve", str(people[1])),
        ("move.moved", "cli:eve", str(people[0])),
        ("move.finish", "cli:eve", batch.id),
    ]
    before = [entry.before for entry in entries[1:4]]
    assert before == [
        '{"state":"running"}',
        '{"state":"paused"}',
        '{"state":"running"}',
    ]
    assert {entry.tenant for entry in entries} == {"main"}


def test_a_failure_is_told_with_its_reason(world: World) -> None:
    aor = world.people[0]
    batch = world.moves.start([aor], ONLINE, actor=EVE)
    world.drive(batch.id)
    world.ledger.give_up(batch.id, 0, "the moon is in the way")
    last = told(world)[-1]
    assert (last.action, last.object) == ("move.not_moved", str(aor))
    assert "the moon is in the way" in (last.after or "")


def test_killed_at_every_point_each_end_is_told_once(tmp_path: Path) -> None:
    number = 0
    while True:
        folder = tmp_path / str(number)
        folder.mkdir()
        world = World(folder, people=1)
        batch = world.moves.start(world.people, ONLINE, actor=EVE)
        passed: list[str] = []

        def at(point: str, passed: list[str] = passed, crash_at: int = number) -> None:
            passed.append(point)
            if len(passed) == crash_at + 1:
                raise Crash(point)

        world.on_point = at
        try:
            world.finish([batch.id])
        except Crash:
            world.restart()
            world.finish([batch.id])
        actions = [entry.action for entry in told(world)]
        assert actions == ["move.request", "person.move", "move.moved", "move.finish"], passed
        world.close()
        if len(passed) <= number:
            break
        number += 1
    assert number > 10


def test_the_tenant_of_several_is_nobodys(world: World) -> None:
    world.directory.create_tenant("other", actor="test")
    batch = world.moves.start([world.people[0], world.people[0].__class__("nobody", DOMAIN)], ONLINE, actor=EVE)
    entries = told(world)
    assert [(entry.action, entry.tenant) for entry in entries] == [("move.request", "main"), ("move.not_moved", "")]
    world.finish([batch.id])
    assert world.home(world.people[0]) != PREMISES
