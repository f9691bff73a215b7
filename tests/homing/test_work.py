"""The stages of a move, on the real directory, with sites in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.addressing import Aor
from isthmus.homing.model import BatchState, State
from isthmus.homing.rules import FINAL
from tests.homing.world import ONLINE, PREMISES, Crash, Phone, World


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path, url=database_url)
    yield made
    made.close()


def phone_at(world: World, aor: Aor, edge: str, number: int = 1) -> Phone:
    phone = Phone(aor, number, f"call-{number}")
    world.phones.append(phone)
    assert world.register(phone, edge)
    return phone


def states(world: World, batch: str) -> list[State]:
    return [move.state for move in world.moves.people(batch)]


@pytest.mark.parametrize("edge", [PREMISES, ONLINE])
@pytest.mark.parametrize("number", [0, 1])
def test_a_person_moves_with_their_phone_both_ways(world: World, edge: str, number: int) -> None:
    aor = world.people[number]
    source = world.home(aor)
    target = ONLINE if source == PREMISES else PREMISES
    phone = phone_at(world, aor, edge)
    batch = world.moves.start([aor], target, actor="test")
    world.finish([batch.id])
    assert states(world, batch.id) == [State.MOVED]
    assert world.home(aor) == target
    assert world.directory.get(aor).home_epoch == 2
    assert world.ringing(aor, PREMISES) == world.ringing(aor, ONLINE) == [phone.instance]
    assert world.sites[source].registrar.bindings(aor) == []
    assert world.moves.get(batch.id).state is BatchState.DONE


def test_all_reasons_are_given_at_once_and_the_others_go_on(world: World) -> None:
    moving, there = world.people[0], world.people[1]
    batch = world.moves.start([moving, there, Aor.parse("nobody@contoso.example")], ONLINE, actor="test")
    by_aor = {move.aor: move for move in world.moves.people(batch.id)}
    assert by_aor[there].reasons == ("already at home at online",)
    assert by_aor[Aor.parse("nobody@contoso.example")].reasons == ("nobody with this address is in the directory",)
    again = world.moves.plan([moving], ONLINE)[0]
    assert again.reasons == (f"a move is under way already ({batch.id})",)
    world.finish([batch.id])
    assert world.home(moving) == ONLINE


def test_several_reasons_against_one_person(world: World) -> None:
    world.link = False
    batch = world.moves.start([world.people[0]], ONLINE, actor="test")
    planned = world.moves.plan([world.people[0]], "mars")[0]
    assert batch.counts == {State.NOT_MOVED: 1}
    assert planned.reasons == ("there is no site 'mars' (sites: online, premises)",)


def test_a_link_cut_before_commit_ends_as_not_moved(world: World) -> None:
    aor = world.people[0]
    phone = phone_at(world, aor, PREMISES)
    batch = world.moves.start([aor], ONLINE, actor="test")
    world.drive(batch.id)
    world.drive(batch.id)
    world.link = False
    while world.drive(batch.id, forgiving=False):
        pass
    move = world.moves.people(batch.id)[0]
    assert move.state is State.NOT_MOVED
    assert "link to online is down" in move.reasons[0]
    world.link = True
    assert world.home(aor) == PREMISES
    assert world.ringing(aor, ONLINE) == [phone.instance]


def test_a_link_cut_after_commit_only_delays(world: World) -> None:
    aor = world.people[0]
    phone = phone_at(world, aor, PREMISES)
    batch = world.moves.start([aor], ONLINE, actor="test")
    while states(world, batch.id)[0] is not State.PUBLISHING:
        world.drive(batch.id)
    world.link = False
    for _ in range(20):
        world.drive(batch.id, forgiving=False)
    assert states(world, batch.id) == [State.PUBLISHING]
    world.link = True
    world.finish([batch.id])
    assert states(world, batch.id) == [State.MOVED]
    assert world.ringing(aor, PREMISES) == [phone.instance]


def test_a_phone_that_registers_at_the_source_in_the_middle_is_handed_over(world: World) -> None:
    aor = world.people[1]
    phone = phone_at(world, aor, ONLINE)
    batch = world.moves.start([aor], PREMISES, actor="test")
    late = Phone(aor, 2, "late")

    def at(point: str) -> None:
        if point == "inside commit":
            world.phones.append(late)
            world.on_point = lambda point: None
            assert world.register(late, ONLINE)

    world.on_point = at
    world.finish([batch.id])
    assert world.ringing(aor, PREMISES) == [phone.instance, late.instance]


def test_pause_resume_and_cancel_act_between_chunks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.homing.service.CHUNK", 1)
    first, second = world.people[0], world.people[2]
    batch = world.moves.start([first, second], ONLINE, actor="test")
    world.drive(batch.id)
    world.moves.pause(batch.id)
    world.finish([batch.id])
    assert states(world, batch.id) == [State.MOVED, State.QUEUED]
    world.moves.resume(batch.id)
    world.moves.cancel(batch.id)
    world.finish([batch.id])
    assert states(world, batch.id) == [State.MOVED, State.CANCELLED]
    assert world.moves.get(batch.id).finished is not None
    assert world.home(second) == PREMISES


def test_the_same_key_gives_the_same_batch(world: World) -> None:
    one = world.moves.start(world.people[:1], ONLINE, actor="test", key="k")
    assert world.moves.start(world.people[:1], ONLINE, actor="test", key="k").id == one.id


def test_killed_at_every_point_it_ends_and_loses_nothing(tmp_path: Path) -> None:
    number = 0
    while True:
        folder = tmp_path / str(number)
        folder.mkdir()
        world = World(folder)
        aor = world.people[0]
        phone = phone_at(world, aor, PREMISES)
        batch = world.moves.start([aor], ONLINE, actor="test")
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
            assert world.ringing(aor, PREMISES) == world.ringing(aor, ONLINE) == [phone.instance], passed
            world.finish([batch.id])
        assert states(world, batch.id)[0] in FINAL
        assert states(world, batch.id)[0] is State.MOVED
        assert world.directory.get(aor).home_epoch == 2
        assert world.ringing(aor, PREMISES) == world.ringing(aor, ONLINE) == [phone.instance], passed
        world.close()
        if len(passed) <= number:
            break
        number += 1
    assert number > 10
