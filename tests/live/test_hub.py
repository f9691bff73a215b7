"""Who is told what, and what becomes of tabs that are too slow."""

from __future__ import annotations

import asyncio
import threading

import pytest

from isthmus.addressing import Aor
from isthmus.errors import NotFoundError, TooManyError
from isthmus.live.hub import MOST_OF_A_PERSON, MOST_TOPICS, MOST_WAITING, Hub, Member, Session

ALICE = Member("contoso", "p-alice", Aor.parse("alice@contoso.example"), "account:alice")
BOB = Member("contoso", "p-bob", Aor.parse("bob@contoso.example"), "account:bob")


async def test_a_topic_reaches_those_who_follow_it_and_nobody_else():
    hub = Hub()
    alice, bob = hub.join(ALICE), hub.join(BOB)
    hub.follow(alice, "presence:carol")
    hub.publish("presence:carol", {"event": "presence", "state": "busy"})
    bob.send({"event": "end"})
    assert await alice.take(0) == [{"event": "presence", "state": "busy"}]
    assert await bob.take(0) == [{"event": "end"}]


async def test_every_tab_of_a_person_is_told_what_is_theirs():
    hub = Hub()
    tabs = [hub.join(ALICE), hub.join(ALICE)]
    hub.tell("p-alice", {"event": "message"})
    assert [await tab.take(0) for tab in tabs] == [[{"event": "message"}]] * 2


async def test_the_newest_of_a_key_is_told_alone_and_all_without_one_in_order():
    hub = Hub()
    alice = hub.join(ALICE)
    hub.follow(alice, "t")
    for number in range(5):
        hub.publish("t", {"n": number}, key="carol")
        hub.publish("t", {"m": number})
    assert await alice.take(0) == [{"n": 4}, *({"m": number} for number in range(5))]


async def test_a_thread_may_publish():
    hub = Hub()
    alice = hub.join(ALICE)
    hub.follow(alice, "t")
    thread = threading.Thread(target=hub.publish, args=("t", {"n": 1}))
    thread.start()
    assert await asyncio.wait_for(alice.take(0), 10) == [{"n": 1}]
    thread.join()


async def test_who_falls_too_far_behind_is_told_to_come_again():
    hub = Hub()
    alice = hub.join(ALICE)
    for number in range(MOST_WAITING + 1):
        alice.send({"n": number})
    with pytest.raises(TooManyError):
        await alice.take(0)


async def test_tabs_and_topics_have_bounds():
    hub = Hub()
    tabs = [hub.join(ALICE) for _ in range(MOST_OF_A_PERSON)]
    with pytest.raises(TooManyError):
        hub.join(ALICE)
    hub.leave(tabs[0])
    alice = hub.join(ALICE)
    for number in range(MOST_TOPICS):
        hub.follow(alice, f"t{number}")
    with pytest.raises(TooManyError):
        hub.follow(alice, "one more")
    hub.follow(alice, "t1")


async def test_nothing_is_left_of_who_has_gone():
    hub = Hub()
    gone: list[Member] = []
    hub.on_leave(lambda session: gone.append(session.member))
    alice = hub.join(ALICE)
    hub.follow(alice, "t")
    hub.leave(alice)
    assert gone == [ALICE]
    assert (hub.sessions, hub.is_here("p-alice"), hub.follows("t")) == (0, False, False)


async def test_a_features_fault_leaves_no_session_behind():
    hub = Hub()
    heard: list[Member] = []

    def broken(session: Session) -> None:
        raise ZeroDivisionError

    hub.on_join(broken)
    hub.on_join(lambda session: heard.append(session.member))
    hub.leave(hub.join(ALICE))
    assert (heard, hub.sessions, hub.is_here("p-alice")) == ([ALICE], 0, False)


async def test_what_nobody_answers_is_refused():
    hub = Hub()
    alice = hub.join(ALICE)
    with pytest.raises(NotFoundError):
        await hub.ask(alice, "nothing", {})
