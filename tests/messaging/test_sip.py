"""When the listener for phones looks for the phones of somebody, with a SIP engine that answers for them."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Iterator

import pytest

from isthmus.messaging import sip, texts
from isthmus.messaging.gateway import Gateway
from isthmus.messaging.phones import Phone, Waiting
from isthmus.messaging.sip import SipMessages
from isthmus.useragent.message import Request, parse, response_to
from tests.messaging.conftest import World, aor
from tests.support import wait_for

SLOW_S = 30.0


class Engine:
    """Takes every MESSAGE for the phone. registered: whether that is there; looked: how often it was asked for."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._socket.getsockname()
        self.got: list[Request] = []
        self.registered, self.looked = False, 0
        self.looking: threading.Event | None = None
        threading.Thread(target=self._answer, daemon=True).start()

    def phones(self, whose: str) -> list[Phone]:
        self.looked += 1
        there = [Phone(f"sip:{whose}", "sip:127.0.0.1", "", "one", True, True)] if self.registered else []
        if self.looking is not None:
            self.looking.wait(SLOW_S)
        return there

    def _answer(self) -> None:
        while True:
            try:
                data, sender = self._socket.recvfrom(65536)
            except OSError:
                return
            request = parse(data)
            if isinstance(request, Request):
                self._socket.sendto(bytes(response_to(request, 200, "OK", to_tag="t")), sender)
                self.got.append(request)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def engine(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """And a listener for it that would not look again by itself within this test."""
    monkeypatch.setattr(sip, "_FIRST_S", 3600.0)
    monkeypatch.setattr(sip, "_LONGEST_S", 3600.0)
    made, messages = Engine(), world.sites["premises"]
    messages.messaging.phones = True
    yield made
    made.close()


@pytest.fixture
def listener(world: World, engine: Engine) -> Iterator[SipMessages]:
    messages = world.sites["premises"]
    made = SipMessages(
        Gateway(messages.messaging, messages.asking, lambda: "secret"),
        Waiting(messages.messaging, messages.asking, world.clock),
        engine.phones,
        address=("127.0.0.1", 0),
        proxy=engine.address,
        secret=lambda: "secret",
    )
    messages.messaging.waiting = made.wake
    made.start()
    yield made
    made.stop()


def say(world: World, text: str) -> None:
    chat = world.ask("alice", "chat.open", aor=aor("anna"))["id"]
    world.ask("alice", "chat.send", chat=chat, message=str(uuid.uuid4()), text=text)


def test_a_phone_that_registers_gets_at_once_what_waits(world: World, engine: Engine, listener: SipMessages):
    say(world, "while no phone was there")
    wait_for(lambda: engine.looked, SLOW_S, "it is looked for phones")
    wait_for(lambda: listener.idle, SLOW_S, "there is none")
    listener.registered(aor("alice"))  # nobody for whom something waits
    engine.registered = True
    listener.registered(aor("anna"))
    wait_for(lambda: engine.got, SLOW_S, "the message")
    assert [each.body.decode() for each in engine.got] == ["while no phone was there"]
    assert engine.looked == 2


def test_a_phone_that_registers_while_it_was_just_looked_for_is_looked_for_again(
    world: World, engine: Engine, listener: SipMessages
):
    engine.looking = threading.Event()
    say(world, "in that moment")
    wait_for(lambda: engine.looked, SLOW_S, "it is looked for phones")
    engine.registered = True
    listener.registered(aor("anna"))
    engine.looking.set()
    wait_for(lambda: engine.got, SLOW_S, "the message")
    assert [each.body.decode() for each in engine.got] == ["in that moment"]


def test_a_phone_in_a_conversation_is_told_that_the_other_writes_and_when_that_is_over(
    world: World, engine: Engine, listener: SipMessages, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sip, "_WRITES_S", 1.0)
    world.sites["premises"].telling.typing = listener.typing
    engine.registered = True
    chat = world.ask("alice", "chat.open", aor=aor("anna"))["id"]
    world.ask("alice", "chat.typing", chat=chat)  # nothing was said: the phone may not know what that is
    say(world, "one")
    wait_for(lambda: engine.got, SLOW_S, "the message")
    wait_for(lambda: listener.idle, SLOW_S, "it was taken")
    for _ in range(3):
        world.ask("alice", "chat.typing", chat=chat)
    wait_for(lambda: len(engine.got) >= 3, SLOW_S, "that she writes, and that she does no more")
    first, active, idle = engine.got
    assert first.body == b"one"
    assert {each.get("Content-Type") for each in (active, idle)} == {texts.COMPOSING}
    assert (texts.read(texts.COMPOSING, active.body), texts.read(texts.COMPOSING, idle.body)) == (
        texts.Composing(True),
        texts.Composing(False),
    )
    assert active.get("From").startswith(f'"Alice" <sip:{aor("alice")}>')
    wait_for(lambda: listener.idle, SLOW_S, "nothing more is under way")
    assert len(engine.got) == 3


def test_a_phone_in_a_group_is_told_that_somebody_writes_there_and_by_nobody_else(
    world: World, engine: Engine, listener: SipMessages, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sip, "_WRITES_S", 1.0)
    world.sites["premises"].telling.typing = listener.typing
    engine.registered = True
    people = [aor("anna"), aor("bob")]
    group = str(world.ask("alice", "chat.group", chat=str(uuid.uuid4()), title="Choir", aors=people)["id"])
    world.ask("alice", "chat.send", chat=group, message=str(uuid.uuid4()), text="at eight")
    wait_for(lambda: engine.got, SLOW_S, "the message")
    wait_for(lambda: listener.idle, SLOW_S, "it was taken")
    world.ask("anna", "chat.typing", chat=group)  # her own page: nothing for her own phone
    world.exchange()
    world.ask("bob", "chat.typing", chat=group)  # at the other site
    world.exchange()
    wait_for(lambda: len(engine.got) >= 3, SLOW_S, "that somebody writes, and that nobody does any more")
    said = [texts.read(each.get("Content-Type"), each.body) for each in engine.got]
    assert said == [texts.Text("Alice: at eight"), texts.Composing(True), texts.Composing(False)]
    address = f'"Choir" <sip:group+{group}@contoso.example>'
    assert all(each.get("From").startswith(address) for each in engine.got)
    assert all(each.get("To") == f"<sip:{aor('anna')}>" for each in engine.got)
    wait_for(lambda: listener.idle, SLOW_S, "nothing more is under way")
    assert len(engine.got) == 3
