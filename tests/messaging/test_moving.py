"""What was said moves with the person: all of it, at any instant, and the old home keeps no copy that is nobody's."""

from __future__ import annotations

import uuid

import pytest

from isthmus.addressing import Aor
from isthmus.errors import UnavailableError
from isthmus.link.client import LinkDownError
from isthmus.messaging import store
from tests.messaging.conftest import World, aor


def group(world: World, owner: str, *others: str) -> str:
    return world.ask(owner, "chat.group", chat=str(uuid.uuid4()), title="G", aors=[aor(each) for each in others])["id"]


def say(world: World, user: str, chat: str, *texts: str) -> None:
    for text in texts:
        world.ask(user, "chat.send", chat=chat, message=str(uuid.uuid4()), text=text)


def copies(world: World, site: str) -> set[str]:
    with world.engines[site].connect() as connection:
        return set(store.without_residents(connection, "nowhere"))


def test_a_conversation_that_only_the_old_home_knew_comes_along(world: World):
    local, across = group(world, "alice", "anna"), group(world, "alice", "bob")
    say(world, "alice", local, *map(str, range(7)))
    say(world, "anna", local, "seven")
    world.exchange()
    read = {each["site"]: each["stamp"] for each in world.ask("alice", "chat.history", chat=local)}
    world.ask("alice", "chat.mark", chat=local, upTo=read)
    before = world.said("alice", local)
    world.move("alice", "online")
    assert world.home("alice") == "online"
    assert world.said("alice", local) == before == world.said("anna", local)
    assert {each["id"]: each["unread"] for each in world.ask("alice", "chats")} == {local: 0, across: 0}
    say(world, "anna", local, "still there?")
    world.exchange()
    say(world, "alice", local, "yes")
    world.exchange()
    assert world.said("alice", local)[-2:] == world.said("anna", local)[-2:] == ["still there?", "yes"]


def test_the_old_home_keeps_what_others_there_are_in_and_nothing_else(world: World):
    alone, shared = group(world, "alice"), group(world, "alice", "anna")
    say(world, "alice", alone, "a note")
    say(world, "alice", shared, "hello")
    world.exchange()
    world.move("alice", "online")
    assert copies(world, "premises") == {shared}
    assert copies(world, "online") == {alone, shared}
    world.move("alice", "premises")
    assert world.said("alice", alone) == ["a note"]
    world.exchange()
    world.sites["online"].sweep()
    assert copies(world, "online") == set()


def test_what_is_said_during_the_move_is_there_after_it(world: World):
    chat, who = group(world, "alice", "anna"), Aor.parse(aor("alice"))
    say(world, "alice", chat, "before")
    source, target = world.sites["premises"].participant, world.sites["online"].participant
    handed = source.export([who])[who]
    target.import_({who: handed}, None)
    say(world, "anna", chat, "between")
    person = world.directory.get(who)
    world.directory.commit_homes([(who, "premises", person.home_epoch, "online")], actor="test")
    say(world, "anna", chat, "after the commit")  # premises knows already, and online does not
    world.exchange()
    world.follow()
    now = source.export([who])[who]
    assert source.changed(handed, now)
    target.import_({who: now}, {who: handed})
    assert target.verify({who: now}) == {who: None}
    assert world.said("alice", chat) == ["before", "between", "after the commit"]


def test_who_asks_in_the_midst_of_a_move_is_answered_when_both_sites_know_of_it(world: World):
    """Alice moved, and online has not heard of it: premises asks there until it has."""
    chat, who, asking = group(world, "alice", "bob"), Aor.parse(aor("alice")), world.sites["premises"].asking
    say(world, "alice", chat, "hello")
    world.exchange()
    epoch = world.directory.get(who).home_epoch
    world.directory.commit_homes([(who, "premises", epoch, "online")], actor="test")
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            world.follow()

    asking._sleep = pause
    assert asking.ask(world.ids["alice"], "chat.history", {"chat": chat})[0]["text"] == "hello"
    assert len(pauses) == 2


def test_a_long_history_takes_several_turns(world: World, monkeypatch: pytest.MonkeyPatch):
    chat, who = group(world, "alice"), Aor.parse(aor("alice"))
    say(world, "alice", chat, *map(str, range(23)))
    monkeypatch.setattr(type(world.sites["premises"].messaging).part, "__defaults__", (5,))
    target = world.sites["online"].participant
    data = {who: world.sites["premises"].participant.export([who])[who]}
    ticks = iter(range(10_000))
    target._clock = lambda: float(next(ticks)) * 7  # two pages, and the time of a call is over
    target.import_(data, None)
    turns = 0
    while True:
        try:
            target.verify(data)
            break
        except UnavailableError:
            turns += 1
    assert turns >= 1
    with world.engines["online"].connect() as connection:
        assert len(store.history(connection, chat, limit=100)) == 23


def test_a_move_that_does_not_come_about_leaves_nothing_at_the_target(world: World):
    chat, who = group(world, "alice"), Aor.parse(aor("alice"))
    say(world, "alice", chat, "mine")
    target = world.sites["online"].participant
    data = {who: world.sites["premises"].participant.export([who])[who]}
    target.import_(data, None)
    assert copies(world, "online") == {chat}
    world.sites["online"].sweep()
    assert copies(world, "online") == {chat}, "it is not swept away while it may be needed"
    world.exchange()
    target.undo([who])
    assert copies(world, "online") == set()
    world.links["online"].down = True
    with pytest.raises(LinkDownError):
        target.import_(data, None)
