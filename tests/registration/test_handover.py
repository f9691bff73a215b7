"""Bindings move between two real registrars without a phone noticing."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.addressing import Aor
from isthmus.homing.service import CHUNK
from isthmus.registration.service import RegistrationParticipant
from tests.engines.kamailio.registrar_site import RegistrarSite, running
from tests.support import Loopback

pytestmark = pytest.mark.engine
BOB = Aor.parse("bob@contoso.example")
INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-0000-0000-000000000001>";reg-id=1'


class Phone:
    """Sends REGISTER and reads the answer, nothing else."""

    def __init__(self, address: str, aor: Aor = BOB, tail: str = "", user_agent: str = "Desk Phone") -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.settimeout(3)
        self.host, self.port = self._socket.getsockname()
        self.aor, self.tail, self.agent = aor, tail, user_agent
        self.call_id, self.cseq = uuid.uuid4().hex, 0

    @property
    def contact(self) -> str:
        return f"sip:{self.aor.user}@{self.host}:{self.port}"

    def register(self, site: RegistrarSite, expires: int = 600) -> str:
        self.cseq += 1
        lines = [
            f"REGISTER sip:{self.aor.domain} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{uuid.uuid4().hex};rport",
            f"From: <{self.aor.uri}>;tag=1",
            f"To: <{self.aor.uri}>",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} REGISTER",
            "Max-Forwards: 70",
            "Supported: path, outbound",
            f"Contact: <{self.contact}>;expires={expires}{';' + self.tail if self.tail else ''}",
            f"User-Agent: {self.agent}",
            "Content-Length: 0",
        ]
        self._socket.sendto(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape"), (site.address, 5060))
        return self._socket.recv(65535).decode("utf-8", "surrogateescape")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def sites(
    loopback: Loopback, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RegistrarSite, RegistrarSite]]:
    folder: Path = tmp_path_factory.mktemp("registrars")
    with running(loopback(), folder / "a") as a, running(loopback(), folder / "b") as b:
        yield a, b


@pytest.fixture
def pair(
    sites: tuple[RegistrarSite, RegistrarSite],
) -> tuple[RegistrarSite, RegistrarSite]:
    for site in sites:
        site.registrar.remove_all(BOB)
    return sites


def part(site: RegistrarSite, name: str) -> RegistrationParticipant:
    return RegistrationParticipant(site.registrar, f"{name}.contoso.example:5062")


def test_a_binding_arrives_with_all_that_the_phone_said(pair: tuple[RegistrarSite, RegistrarSite]) -> None:
    a, b = pair
    phone = Phone(a.address, tail=f"q=0.5;{INSTANCE}", user_agent='Büro "7" \udcff')
    phone.register(a)
    data = part(a, "a").export([BOB])
    assert part(b, "b").import_(data, None) == {BOB: None}
    there, here = a.registrar.bindings(BOB)[0], b.registrar.bindings(BOB)[0]
    for field in ("contact", "call_id", "cseq", "q", "user_agent", "instance", "reg_id"):
        assert getattr(here, field) == getattr(there, field), field
    assert abs(here.expires_at - there.expires_at) <= 2
    received = f"sip:{phone.host}:{phone.port}"
    assert here.path == (f"<sip:a.contoso.example:5062;transport=tls;lr;received={received}%3Btransport%3Dudp>")
    assert here.received == f"{received};transport=udp"
    assert part(b, "b").verify(data) == {BOB: None}
    phone.close()


def test_importing_twice_changes_nothing(pair: tuple[RegistrarSite, RegistrarSite]) -> None:
    a, b = pair
    Phone(a.address, tail=INSTANCE).register(a)
    data = part(a, "a").export([BOB])
    for before in (None, None, data, data):
        assert part(b, "b").import_(data, before) == {BOB: None}
    assert len(b.registrar.bindings(BOB)) == 1


def test_the_phones_next_register_at_the_target_follows_on(pair: tuple[RegistrarSite, RegistrarSite]) -> None:
    a, b = pair
    phone = Phone(a.address, tail=INSTANCE)
    phone.register(a)
    part(b, "b").import_(part(a, "a").export([BOB]), None)
    assert " 200 " in phone.register(b).splitlines()[0]
    assert [(binding.cseq, binding.path) for binding in b.registrar.bindings(BOB)] == [(2, "")]


def test_a_newer_register_at_the_target_is_not_undone_by_the_hand_over(
    pair: tuple[RegistrarSite, RegistrarSite],
) -> None:
    a, b = pair
    phone = Phone(a.address, tail=INSTANCE)
    phone.register(a)
    first = part(a, "a").export([BOB])
    part(b, "b").import_(first, None)
    phone.register(a)
    phone.register(b)
    assert part(b, "b").import_(part(a, "a").export([BOB]), first) == {BOB: None}
    assert b.registrar.bindings(BOB)[0].cseq == 3


def test_a_phone_that_restarted_at_the_target_stays(pair: tuple[RegistrarSite, RegistrarSite]) -> None:
    a, b = pair
    phone = Phone(a.address, tail=INSTANCE)
    phone.register(a)
    first = part(a, "a").export([BOB])
    part(b, "b").import_(first, None)
    phone.call_id, phone.cseq = "after-the-restart", 0
    phone.register(b)
    part(b, "b").import_(part(a, "a").export([BOB]), first)
    assert [binding.call_id for binding in b.registrar.bindings(BOB)] == ["after-the-restart"]


def test_what_came_and_went_at_the_source_comes_and_goes_at_the_target(
    pair: tuple[RegistrarSite, RegistrarSite],
) -> None:
    a, b = pair
    old, new = Phone(a.address), Phone(a.address)
    old.register(a)
    first = part(a, "a").export([BOB])
    part(b, "b").import_(first, None)
    old.register(a, expires=0)
    new.register(a)
    now = part(a, "a").export([BOB])
    assert part(a, "a").changed(first[BOB], now[BOB])
    part(b, "b").import_(now, first)
    assert [binding.contact for binding in b.registrar.bindings(BOB)] == [new.contact]


def test_left_overs_of_an_earlier_life_do_not_ring(pair: tuple[RegistrarSite, RegistrarSite]) -> None:
    a, b = pair
    Phone(b.address).register(b)
    phone = Phone(a.address)
    phone.register(a)
    part(b, "b").import_(part(a, "a").export([BOB]), None)
    assert [binding.contact for binding in b.registrar.bindings(BOB)] == [phone.contact]


def test_cleaning_up_leaves_what_came_in_meanwhile(pair: tuple[RegistrarSite, RegistrarSite]) -> None:
    a, _ = pair
    phone = Phone(a.address, tail=INSTANCE)
    phone.register(a)
    handed = part(a, "a").export([BOB])
    phone.register(a)
    assert part(a, "a").clean_up(handed)[BOB] is not None
    assert len(a.registrar.bindings(BOB)) == 1
    assert part(a, "a").clean_up(part(a, "a").export([BOB])) == {BOB: None}
    assert a.registrar.bindings(BOB) == []


def test_undo_forgets_and_may_be_repeated(pair: tuple[RegistrarSite, RegistrarSite]) -> None:
    a, b = pair
    Phone(a.address).register(a)
    part(b, "b").import_(part(a, "a").export([BOB]), None)
    for _ in range(2):
        part(b, "b").undo([BOB])
        assert b.registrar.bindings(BOB) == []
    assert len(a.registrar.bindings(BOB)) == 1


def test_an_imported_binding_that_was_verified_survives_kill_9(pair: tuple[RegistrarSite, RegistrarSite]) -> None:
    a, b = pair
    Phone(a.address, tail=INSTANCE).register(a)
    data = part(a, "a").export([BOB])
    part(b, "b").import_(data, None)
    assert part(b, "b").verify(data) == {BOB: None}
    b.kill()
    b.start()
    assert part(b, "b").verify(data) == {BOB: None}


def test_a_thousand_people_are_handed_over(sites: tuple[RegistrarSite, RegistrarSite]) -> None:
    a, b = sites
    phone = Phone(a.address)
    people = [Aor(f"user{number}", "contoso.example") for number in range(1000)]
    for person in people:
        phone.aor, phone.call_id = person, f"call-{person.user}"
        phone.register(a)
    started = time.perf_counter()
    data = part(a, "a").export(people)
    exported = time.perf_counter()
    verdicts = part(b, "b").import_(data, None)
    imported = time.perf_counter()
    print(f"export {exported - started:.2f} s, import {imported - exported:.2f} s")
    assert set(verdicts.values()) == {None}
    # In the portions in which people are moved: each has its own time to get to a disk that others use as well.
    aors = list(data)
    for start in range(0, len(aors), CHUNK):
        portion = {aor: data[aor] for aor in aors[start : start + CHUNK]}
        assert set(part(b, "b").verify(portion).values()) == {None}
