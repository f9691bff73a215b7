"""What the SIP engine's workers tell of devices in use is heard, remembered, and written down now and then."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from isthmus.addressing import Aor
from isthmus.database import reading
from isthmus.devices import store
from isthmus.devices.hearing import Ear, Uses, use_of
from isthmus.devices.model import Sighting, Use
from isthmus.devices.service import Devices
from isthmus.directory.service import Directory
from tests.directory.conftest import aor, new
from tests.support import wait_for

ALICE: Aor = aor("alice")


@pytest.fixture
def name(directory: Directory, devices: Devices) -> str:
    directory.create(new("alice"), actor="test")
    return devices.add(ALICE, "desk phone", actor="test")[0].device.name


@pytest.fixture
def uses(engine: Engine) -> Uses:
    return Uses(engine)


def written(engine: Engine, name: str) -> Use | None:
    with reading(engine) as connection:
        return store.uses(connection, [name]).get(name)


def datagram(device: str, at_ms: int = 1000) -> bytes:
    return msgspec.msgpack.encode(Sighting(device, at_ms, "192.0.2.7", "tls", "Desk Phone 1.0"))


def test_what_is_told_at_the_socket_is_the_last_use(tmp_path: Path, engine: Engine, uses: Uses, name: str) -> None:
    path = tmp_path / "devices.sock"
    path.write_text("left over from a service that was killed")
    ear = Ear(path, uses)
    ear.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as worker:
        worker.connect(str(path))
        worker.send(b"")
        worker.send(b"no message of ours")
        worker.send(datagram(f"{name}.3"))
    expected = Use(name, 3, 1000, "192.0.2.7", "tls", "Desk Phone 1.0")
    wait_for(lambda: uses.of([name]) == {name: expected}, 5, "it was heard")
    assert written(engine, name) is None
    ear.stop()
    assert written(engine, name) == expected
    assert not path.exists()


@given(st.binary(max_size=200))
def test_whatever_else_comes_is_passed_over(data: bytes) -> None:
    found = use_of(data)
    assert found is None or found.name


def test_what_a_sighting_says_is_what_is_read() -> None:
    assert use_of(datagram("dev0000000000.12", 5)) == Use("dev0000000000", 12, 5, "192.0.2.7", "tls", "Desk Phone 1.0")
    for wrong in ("dev0000000000", "dev0000000000.", "dev0000000000.x", ""):
        assert use_of(datagram(wrong)) is None


def test_a_phone_that_stays_where_it_is_is_written_down_once_a_minute(engine: Engine, uses: Uses, name: str) -> None:
    writes: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda c, u, statement, *_: writes.append(statement))
    for second in range(0, 121):
        uses.note(Use(name, 1, second * 1000, "192.0.2.7", "tls", "x"))
        uses.write()
    assert sum("INSERT INTO device_use" in statement for statement in writes) == 3
    uses.note(Use(name, 1, 121_000, "192.0.2.8", "tls", "x"))
    uses.write()
    assert sum("INSERT INTO device_use" in statement for statement in writes) == 4
    last = written(engine, name)
    assert last is not None and (last.at_ms, last.address) == (121_000, "192.0.2.8")


def test_an_older_one_that_comes_late_changes_nothing(uses: Uses, name: str) -> None:
    for at_ms in (2000, 1000):
        uses.note(Use(name, 1, at_ms, f"192.0.2.{at_ms // 1000}", "udp", ""))
    assert uses.of([name])[name].address == "192.0.2.2"


def test_what_was_written_by_an_earlier_service_is_known(engine: Engine, uses: Uses, name: str) -> None:
    uses.note(Use(name, 1, 1000, "192.0.2.7", "tls", "x"))
    uses.write(everything=True)
    later = Uses(engine)
    assert later.of([name, "dev9999999999"]) == {name: Use(name, 1, 1000, "192.0.2.7", "tls", "x")}


def test_a_full_memory_takes_no_more_devices_but_still_those_it_knows(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isthmus.devices.hearing._MOST", 2)
    uses = Uses(engine)
    for name in ("a", "b", "c"):
        uses.note(Use(name, 1, 1, "", "", ""))
    uses.note(Use("a", 1, 2, "", "", ""))
    assert {name: use.at_ms for name, use in uses.of("abc").items()} == {"a": 2, "b": 1}


def test_the_descriptor_is_given_back(tmp_path: Path, uses: Uses) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        ear = Ear(tmp_path / "devices.sock", uses)
        ear.start()
        ear.stop()
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # noqa: PTH208
