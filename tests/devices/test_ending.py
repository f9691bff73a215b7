"""What a secret has registered ends with it: at once, and again for as long as such a registration could come back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from isthmus.addressing import Aor
from isthmus.database import reading, writing
from isthmus.devices import store
from isthmus.devices.ending import Endings, next_look_s
from isthmus.devices.model import Use
from isthmus.devices.service import Devices
from isthmus.directory import device_store
from isthmus.directory.model import Credentials, Device
from isthmus.directory.service import Directory
from isthmus.errors import UnavailableError
from isthmus.registration.memory import MemoryRegistrar
from isthmus.registration.model import Binding
from tests.devices.conftest import Clock, rename
from tests.directory.conftest import aor, new

ALICE = aor("alice")
_LONGEST_S = 7200


class Registrar(MemoryRegistrar):
    """One that can be down."""

    down = False

    def bindings(self, aor: Aor) -> list[Binding]:
        if self.down:
            raise UnavailableError("the registrar is down")
        return super().bindings(aor)

    def remove(self, aor: Aor, bindings: Iterable[Binding]) -> None:
        super().remove(aor, list(bindings))


@pytest.fixture
def registrar(clock: Clock) -> Registrar:
    return Registrar(clock)


@pytest.fixture
def endings(engine: Engine, registrar: Registrar, clock: Clock) -> Endings:
    return Endings(engine, registrar, clock)


@pytest.fixture
def name(directory: Directory, devices: Devices) -> str:
    directory.create(new("alice"), actor="test")
    return devices.add(ALICE, "desk phone", actor="test")[0].device.name


def binding(clock: Clock, device: str, contact: str = "sip:a@10.0.0.1", *, path: bool = False) -> Binding:
    """One that a device registered: at its home, or by way of another site."""
    received = f"sip:10.0.0.1:5070;transport=udp;edge=udp{';device=' + device if device else ''}"
    quoted = received.replace(";", "%3B").replace("=", "%3D")
    way = f"<sip:online.contoso.example:5062;transport=tls;lr;received={quoted}>" if path else ""
    return Binding(contact, contact, 1, round(clock()) + 3600, received="" if path else received, path=way)


@pytest.mark.parametrize("path", [False, True])
def test_its_registrations_end_and_no_others(
    devices: Devices, registrar: Registrar, endings: Endings, clock: Clock, name: str, path: bool
) -> None:
    kept = [binding(clock, each, f"sip:{each or 'own'}@10.0.0.2", path=path) for each in ("", "dev0000000000.1")]
    for each in (*kept, binding(clock, f"{name}.1", path=path)):
        registrar.register(ALICE, each)
    assert endings.run() == 0
    devices.revoke(name, actor="test")
    assert endings.run() == 1
    assert registrar.bindings(ALICE) == kept


def test_after_a_rotation_the_former_secrets_end_alone(
    devices: Devices, registrar: Registrar, endings: Endings, clock: Clock, name: str
) -> None:
    old, young = binding(clock, f"{name}.1", "sip:old@10.0.0.1"), binding(clock, f"{name}.2", "sip:young@10.0.0.1")
    registrar.register(ALICE, old)
    registrar.register(ALICE, young)
    devices.rotate(name, overlap_s=60, actor="test")
    assert endings.run() == 0
    clock.now_s += 60
    devices.settle()
    assert endings.run() == 1
    assert registrar.bindings(ALICE) == [young]


def test_one_that_comes_back_ends_as_well_until_none_can_live_any_more(
    engine: Engine, devices: Devices, registrar: Registrar, endings: Endings, clock: Clock, name: str
) -> None:
    """A move may bring it along, or a registrar killed in the wrong second remember it."""
    devices.revoke(name, actor="test")
    endings.run()
    began_s = clock()
    looks = 0
    while _waiting(engine):
        clock.now_s += 60
        registrar.register(ALICE, binding(clock, f"{name}.1"))
        looks += endings.run()
    assert clock() - began_s > _LONGEST_S
    assert 5 <= looks <= 16


def _waiting(engine: Engine) -> bool:
    with reading(engine) as connection:
        return bool(store.due(connection, 1 << 62, 1))


def test_looks_come_less_and_less_often_for_longer_than_a_registration_lives() -> None:
    waits = [wait_s for looked in range(40) if (wait_s := next_look_s(looked)) is not None]
    assert waits == sorted(waits)
    assert sum(waits) > _LONGEST_S
    assert next_look_s(len(waits)) is None


def test_while_the_registrar_is_down_nothing_is_forgotten(
    devices: Devices, registrar: Registrar, endings: Endings, clock: Clock, name: str
) -> None:
    registrar.register(ALICE, binding(clock, f"{name}.1"))
    devices.revoke(name, actor="test")
    registrar.down = True
    with pytest.raises(UnavailableError):
        endings.run()
    registrar.down = False
    assert endings.run() == 1


def test_a_device_that_is_back_at_the_address_keeps_what_it_registers(
    engine: Engine, directory: Directory, devices: Devices, registrar: Registrar, endings: Endings, clock: Clock,
    name: str,
) -> None:  # fmt: skip
    """After two renames, there and back again."""
    rename(engine, directory, ALICE, aor("alicia"))
    rename(engine, directory, aor("alicia"), ALICE)
    registrar.register(ALICE, binding(clock, f"{name}.1"))
    assert endings.run() == 0
    assert len(registrar.bindings(ALICE)) == 1


def test_many_are_ended_in_one_run(
    engine: Engine, registrar: Registrar, endings: Endings, clock: Clock, directory: Directory
) -> None:
    phones = tuple(Device(f"dev{n:010}", f"phone {n}", Credentials(b"", b"s" * 32), 0, 0) for n in range(1200))
    alice = directory.create(new("alice"), actor="test")
    with writing(engine) as connection:
        device_store.put(connection, [replace(alice, devices=phones)])
        device_store.put(connection, [alice])
    for phone in phones:
        registrar.register(ALICE, binding(clock, f"{phone.name}.1", f"sip:{phone.name}@10.0.0.1"))
    assert endings.run() == 1200
    assert registrar.bindings(ALICE) == []


def test_of_a_device_that_is_no_more_nothing_is_kept(
    engine: Engine, devices: Devices, endings: Endings, clock: Clock, name: str
) -> None:
    with writing(engine) as connection:
        store.put_uses(connection, [Use(name, 1, 5, "10.0.0.1", "udp", "")])
    devices.revoke(name, actor="test")
    while _waiting(engine):
        endings.run()
        clock.now_s += 600
    with reading(engine) as connection:
        assert store.uses(connection, [name]) == {}
