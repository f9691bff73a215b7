"""What the SIP engine's workers tell of devices in use is remembered, and written down now and then."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from sqlalchemy import event as database_event

from isthmus.activity.model import Event, Kind
from isthmus.addressing import Aor
from isthmus.database import reading
from isthmus.devices import store
from isthmus.devices.model import Use
from isthmus.devices.service import Devices
from isthmus.devices.uses import Uses, use_of
from isthmus.directory.service import Directory
from tests.directory.conftest import aor, new

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


def event(device: str, at: float = 1.0) -> Event:
    return Event(at, Kind.DEVICE, address="192.0.2.7", client="Desk Phone 1.0", device=device, edge="tls")


def test_what_the_engine_tells_is_the_last_use_and_is_kept(engine: Engine, uses: Uses, name: str) -> None:
    uses.take(event(f"{name}.3"))
    expected = Use(name, 3, 1000, "192.0.2.7", "tls", "Desk Phone 1.0")
    assert uses.of([name]) == {name: expected}
    assert written(engine, name) is None
    uses.write()
    assert written(engine, name) == expected


@pytest.mark.parametrize("device", ["dev0000000000", "dev0000000000.", "dev0000000000.x", "dev0000000000.²", "", ".1"])
def test_whatever_names_no_device_is_passed_over(uses: Uses, device: str) -> None:
    assert use_of(event(device)) is None
    uses.take(event(device))
    assert uses.of([device, device.partition(".")[0]]) == {}


def test_a_phone_that_stays_where_it_is_is_written_down_once_a_minute(engine: Engine, uses: Uses, name: str) -> None:
    writes: list[str] = []
    database_event.listen(engine, "before_cursor_execute", lambda c, u, statement, *_: writes.append(statement))
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
    monkeypatch.setattr("isthmus.devices.uses._MOST", 2)
    uses = Uses(engine)
    for name in ("a", "b", "c"):
        uses.note(Use(name, 1, 1, "", "", ""))
    uses.note(Use("a", 1, 2, "", "", ""))
    assert {name: use.at_ms for name, use in uses.of("abc").items()} == {"a": 2, "b": 1}
