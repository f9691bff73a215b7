"""The durable workflow: killed at any step by the process's end, it is finished by the next process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.errors import RefusedError, UsageError
from isthmus.homing.model import BatchState, State
from tests.homing.durable import DurableMoves, FileWorld, in_child
from tests.homing.world import ONLINE, PREMISES, Phone, World
from tests.support import wait_for

_POINTS = 18  # at least so many places where a move can be killed; the test finds them all
_KILLED = 9


def _prepared(folder: Path) -> tuple[str, str]:
    folder.mkdir()
    world = FileWorld(folder)
    phone = Phone(world.people[0], 1, "call-1")
    world.phones.append(phone)
    world.register(phone, PREMISES)
    batch = world.moves.start([world.people[0]], ONLINE, actor="test")
    world.keep()
    world.close()
    return batch.id, phone.instance


def _killed_and_started_again(folder: Path, crash_at: int) -> bool:
    """Whether there was such a point. Asserts that the move ended, and that the phone rings at the new home."""
    batch, instance = _prepared(folder)
    first = in_child(folder, batch, crash_at)
    assert first in (0, _KILLED)
    if first == _KILLED:
        assert in_child(folder, batch, 0) == 0
    world = FileWorld(folder)
    assert [move.state for move in world.moves.people(batch)] == [State.MOVED]
    person = world.directory.get(world.people[0])
    assert (person.home, person.home_epoch) == (ONLINE, 2)
    for entry in (PREMISES, ONLINE):
        assert world.ringing(person.aor, entry) == [instance], (crash_at, entry)
    assert world.sites[PREMISES].registrar.bindings(person.aor) == []
    world.close()
    return first == _KILLED


def test_killed_at_every_step_it_is_moved_by_the_next_process(tmp_path: Path) -> None:
    number = 1
    while _killed_and_started_again(tmp_path / str(number), number):
        number += 1
    assert number > _POINTS


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path, url=database_url)
    yield made
    made.close()


def test_after_a_stop_the_next_start_goes_on(world: World) -> None:
    world.link = False
    batch = _paused_at_commit(world)
    first = DurableMoves(world, patience_s=0.2, watch_s=0.1)
    first.start()
    first.begin(batch, 1)
    wait_for(lambda: "link to online is down" in world.moves.get(batch).note)
    first.stop()
    assert [move.state for move in world.moves.people(batch)] == [State.PUBLISHING]
    world.link = True
    second = DurableMoves(world, watch_s=0.1)
    second.start()
    wait_for(lambda: world.moves.get(batch).finished is not None)
    second.stop()
    assert world.moves.get(batch).state is BatchState.DONE


def _paused_at_commit(world: World) -> str:
    world.link = True
    batch = world.moves.start([world.people[0]], ONLINE, actor="test")
    while world.moves.people(batch.id)[0].state is not State.PUBLISHING:
        world.drive(batch.id)
    world.link = False
    return batch.id


def test_a_failure_before_commit_is_given_up_after_its_patience(world: World) -> None:
    batch = world.moves.start([world.people[0]], ONLINE, actor="test")
    world.drive(batch.id)
    world.drive(batch.id)
    world.link = False
    workflows = DurableMoves(world, patience_s=0.2, watch_s=0.1)
    workflows.start()
    workflows.begin(batch.id, 1)
    wait_for(lambda: world.moves.get(batch.id).finished is not None)
    workflows.stop()
    assert world.moves.get(batch.id).counts == {State.NOT_MOVED: 1}


def test_a_scheduled_move_begins_when_its_moment_comes(world: World) -> None:
    begins = time.time() + 1.0
    batch = world.moves.start([world.people[0]], ONLINE, actor="test", at=begins).id
    assert world.moves.get(batch).state is BatchState.SCHEDULED
    assert world.moves.get(batch).begins == pytest.approx(begins, abs=0.001)
    assert world.ledger.unfinished() == []
    workflows = DurableMoves(world, watch_s=0.1)
    workflows.start()
    wait_for(lambda: world.moves.get(batch).finished is not None)
    workflows.stop()
    assert time.time() >= begins
    assert [move.state for move in world.moves.people(batch)] == [State.MOVED]


def test_a_scheduled_move_can_be_cancelled_and_its_people_moved_otherwise(world: World) -> None:
    batch = world.moves.start([world.people[0]], ONLINE, actor="test", at=time.time() + 3600).id
    assert "is under way already" in " ".join(world.moves.plan([world.people[0]], ONLINE)[0].reasons)
    with pytest.raises(RefusedError, match="can't be paused"):
        world.moves.pause(batch)
    world.moves.cancel(batch)
    assert world.moves.plan([world.people[0]], ONLINE)[0].reasons == ()
    with pytest.raises(UsageError, match="in the future"):
        world.moves.start([world.people[0]], ONLINE, actor="test", at=time.time() - 1)


def test_nothing_listens_and_nothing_is_sent_out(world: World) -> None:
    before = _sockets()
    workflows = DurableMoves(world)
    workflows.start()
    assert _sockets() == before
    workflows.stop()


def _sockets() -> list[str]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target.startswith("socket:"):
            found.append(target)
    own = {target[8:-1] for target in found}
    return sorted(
        line.split()[1]
        for table in ("tcp", "tcp6", "udp", "udp6")
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]
        if line.split()[9] in own
    )
