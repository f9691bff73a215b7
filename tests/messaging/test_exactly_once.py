"""Whatever is cut, lost, repeated, delayed and killed: each message once, in one order, everywhere it belongs."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from isthmus.errors import IsthmusError
from isthmus.link.client import LinkDownError
from isthmus.messaging.feed import Sender
from isthmus.messaging.model import Page
from tests.messaging.conftest import HOMES, SITES, World, aor

_PEOPLE = st.sampled_from(sorted(HOMES))
_SITES = st.sampled_from(SITES)
how = settings(
    stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        urls = {site: f"sqlite:///{folder}/{site}.db" for site in SITES}
        world = World(urls, Path(folder) / "files")
        yield world
        world.close()


def machine(world: World) -> type[RuleBasedStateMachine]:
    class Talk(RuleBasedStateMachine):
        """One group of four, and what was said in it."""

        def __init__(self) -> None:
            super().__init__()
            world.wipe()
            self.chat = str(uuid.uuid4())
            others = [aor(user) for user in HOMES if user != "alice"]
            world.ask("alice", "chat.group", chat=self.chat, title="All", aors=others)
            world.exchange()
            self.said: dict[str, tuple[str, int]] = {}  # id -> author, and which of theirs
            self.unsure: dict[str, tuple[str, str]] = {}  # id -> user and text that a tab has no answer for
            self.deleted: set[str] = set()
            self.pages: list[tuple[str, str, Page]] = []
            self.count = 0

        def _send(self, user: str, id_: str, text: str, at: str) -> None:
            try:
                world.ask(user, "chat.send", at=at, chat=self.chat, message=id_, text=text)
            except LinkDownError:
                self.unsure[id_] = (user, text)
                return
            self.unsure.pop(id_, None)
            self.said[id_] = (user, int(text.split()[1]))

        @precondition(lambda self: not self.unsure)
        @rule(user=_PEOPLE, at=_SITES)
        def says(self, user: str, at: str) -> None:
            self.count += 1
            self._send(user, str(uuid.uuid4()), f"{user} {self.count}", at)

        @precondition(lambda self: self.unsure)
        @rule(at=_SITES)
        def tries_again(self, at: str) -> None:
            """A tab that has no answer sends the same again before anything else."""
            for id_, (user, text) in list(self.unsure.items()):
                self._send(user, id_, text, at)

        @precondition(lambda self: self.said)
        @rule(which=st.integers(0, 10**6))
        def deletes(self, which: int) -> None:
            id_ = sorted(self.said)[which % len(self.said)]
            world.ask(self.said[id_][0], "chat.delete", message=id_)
            self.deleted.add(id_)

        @rule(site=_SITES, down=st.booleans(), loses=st.booleans())
        def link_changes(self, site: str, down: bool, loses: bool) -> None:
            world.links[site].down, world.links[site].loses_answers = down, loses

        @rule(site=_SITES)
        def sends(self, site: str) -> None:
            for sender in world.sites[site].senders.values():
                try:
                    sender.send()
                except LinkDownError:
                    assert sender.acknowledged == -1

        @rule(site=_SITES, limit=st.integers(1, 5), back=st.integers(0, 5))
        def page_is_delayed(self, site: str, limit: int, back: int) -> None:
            """A request that is still on its way when others have come."""
            (peer,) = set(SITES) - {site}
            after = max(0, world.sites[peer].messaging.position(site)[1] - back)
            self.pages.append((peer, site, world.sites[site].messaging.page(peer, after, limit)))

        @precondition(lambda self: self.pages)
        @rule(which=st.integers(0, 10**6))
        def delayed_page_comes(self, which: int) -> None:
            peer, site, page = self.pages[which % len(self.pages)]
            world.sites[peer].messaging.apply(page, site)

        @rule(site=_SITES)
        def is_killed(self, site: str) -> None:
            world.restart(site)

        @rule(seconds=st.sampled_from([-30.0, -0.5, 0.0, 0.5, 30.0]))
        def clock_jumps(self, seconds: float) -> None:
            world.clock.now_s += seconds

        @precondition(lambda self: not any(link.down or link.loses_answers for link in world.links.values()))
        @rule(user=_PEOPLE)
        def moves(self, user: str) -> None:
            world.move(user, "online" if world.home(user) == "premises" else "premises")

        @invariant()
        def nothing_twice_and_each_in_the_order_it_was_said(self) -> None:
            for user in HOMES:
                numbers: dict[str, list[int]] = {}
                shown = world.sites[world.home(user)].messaging.history(world.ids[user], self.chat, limit=1000)
                ids = [each["id"] for each in shown]
                assert len(ids) == len(set(ids))
                mine = {id_ for id_, (author, _) in self.said.items() if author == user}
                assert mine <= set(ids), "what was said is at the home of who said it"
                for each in shown:
                    if each["text"]:
                        author, number = each["text"].split()
                        numbers.setdefault(author, []).append(int(number))
                assert all(those == sorted(those) for those in numbers.values())

        def teardown(self) -> None:
            for link in world.links.values():
                link.down = link.loses_answers = False
            for id_, (user, text) in list(self.unsure.items()):
                self._send(user, id_, text, world.home(user))
            world.exchange()
            world.exchange()
            seen = [
                world.sites[world.home(user)].messaging.history(world.ids[user], self.chat, limit=1000)
                for user in HOMES
            ]
            assert all(each == seen[0] for each in seen)
            assert {each["id"] for each in seen[0]} == set(self.said)
            assert {each["id"] for each in seen[0] if each["state"] == "deleted"} == self.deleted
            places = [(each["stamp"], each["site"]) for each in seen[0]]
            assert places == sorted(places) and len(places) == len(set(places))

    return Talk


def test_each_message_once_and_in_one_order(shared: World):
    run_state_machine_as_test(machine(shared), settings=settings(how, max_examples=15))


def test_the_machine_can_fail(shared: World, monkeypatch: pytest.MonkeyPatch):
    """A sender that goes on as if all had arrived is caught."""

    def careless(self: Sender) -> None:
        page = self._messaging.page(self._peer.peer, max(self.acknowledged, 0))
        self.acknowledged = page.last
        self._peer.ask("/link/messages/feed", msgspec.to_builtins(page))

    monkeypatch.setattr(Sender, "send", careless)
    with pytest.raises((AssertionError, IsthmusError, ExceptionGroup)):
        run_state_machine_as_test(machine(shared), settings=settings(how, max_examples=50, phases=[Phase.generate]))
