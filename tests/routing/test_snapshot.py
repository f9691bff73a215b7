"""The snapshot in LMDB: what is written is what is read, whole or incremental, by any number of processes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.addressing import Aor
from isthmus.directory.model import Credentials, Device, Person
from isthmus.errors import IsthmusError, UnavailableError
from isthmus.routing.snapshot import LmdbSnapshot, SnapshotWriter
from tests.routing.people import config, person

ALICE, BOB = person("alice", number="+14255550101"), person("bob")


@pytest.fixture
def writer(tmp_path: Path):
    writer = SnapshotWriter(tmp_path / "snapshot")
    yield writer
    writer.close()


def read(writer: SnapshotWriter, path: Path) -> dict[str, tuple[str, int, str | None]]:
    """Everybody in the snapshot as another process sees it: LMDB opens a file once a process."""
    script = (
        "import sys, json; from pathlib import Path\n"
        "from isthmus.routing.snapshot import LmdbSnapshot\n"
        "snapshot = LmdbSnapshot.open(Path(sys.argv[1]))\n"
        "with snapshot.view() as view:\n"
        "    people = {p.aor: (view.config.sites[p.home], p.epoch, p.number) for p in view.people()}\n"
        "    assert all(view.person(a) is not None for a in people)\n"
        "    owners = {p[2]: view.owner_of(p[2]).aor for p in people.values() if p[2]}\n"
        "    assert all(people[a][2] == n for n, a in owners.items())\n"
        "    print(json.dumps(people))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    import json

    return {aor: tuple(values) for aor, values in json.loads(done.stdout).items()}


def test_what_is_compiled_is_what_is_read(writer: SnapshotWriter, tmp_path: Path) -> None:
    assert writer.rebuild(config(), [ALICE, BOB], 7) == 2
    assert writer.seq == 7
    assert read(writer, tmp_path / "snapshot") == {
        "alice@contoso.example": ("premises", 1, "+14255550101"),
        "bob@contoso.example": ("premises", 1, None),
    }


def test_a_change_replaces_the_person_and_frees_the_number(writer: SnapshotWriter, tmp_path: Path) -> None:
    writer.rebuild(config(), [ALICE, BOB], 1)
    writer.apply([(ALICE.aor, replace(ALICE, number=None).moved_to("online"))], 2)
    assert read(writer, tmp_path / "snapshot")["alice@contoso.example"] == ("online", 2, None)
    assert writer.seq == 2


def test_two_people_can_swap_numbers_in_one_change(writer: SnapshotWriter, tmp_path: Path) -> None:
    bob = replace(BOB, number="+14255550102")
    writer.rebuild(config(), [ALICE, bob], 1)
    swapped = [(ALICE.aor, replace(ALICE, number=bob.number)), (bob.aor, replace(bob, number=ALICE.number))]
    writer.apply(swapped, 2)
    people = read(writer, tmp_path / "snapshot")
    assert people["alice@contoso.example"][2] == "+14255550102"
    assert people["bob@contoso.example"][2] == "+14255550101"


def test_people_out_of_order_leave_the_old_state_untouched(writer: SnapshotWriter, tmp_path: Path) -> None:
    writer.rebuild(config(), [ALICE], 1)
    with pytest.raises(IsthmusError, match="ascending order"):
        writer.rebuild(config(), [BOB, ALICE], 2)
    assert writer.seq == 1
    assert list(read(writer, tmp_path / "snapshot")) == ["alice@contoso.example"]


def test_a_home_nobody_knows_is_refused_and_nothing_is_half_written(writer: SnapshotWriter, tmp_path: Path) -> None:
    writer.rebuild(config(), [ALICE], 1)
    with pytest.raises(IsthmusError, match="'nowhere'"):
        writer.apply([(BOB.aor, BOB), (ALICE.aor, replace(ALICE, home="nowhere"))], 2)
    assert list(read(writer, tmp_path / "snapshot")) == ["alice@contoso.example"]
    assert writer.seq == 1


def test_it_is_opened_for_reading_while_another_thread_writes(tmp_path: Path) -> None:
    """In a process of its own: where that waits for the writer, all threads of it stand still."""
    script = (
        "import sys, threading; from pathlib import Path\n"
        "from isthmus.routing.snapshot import SnapshotWriter\n"
        "from tests.routing.people import config, person\n"
        "writer, ended = SnapshotWriter(Path(sys.argv[1])), threading.Event()\n"
        "people = [(one.aor, one) for one in map(person, map(str, range(100, 150)))]\n"
        "writer.rebuild(config(), [], 0)\n"
        "def write():\n"
        "    for seq in range(1, 100):\n"
        "        writer.apply(people, seq)\n"
        "    ended.set()\n"
        "threading.Thread(target=write, daemon=True).start()\n"
        "while not ended.is_set():\n"
        "    with writer.reader().view() as view:\n"
        "        view.seq\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "snapshot")], check=True, timeout=60)


def test_without_a_snapshot_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no snapshot"):
        LmdbSnapshot.open(tmp_path / "none")


def test_names_too_long_for_a_key_are_simply_not_there(writer: SnapshotWriter, tmp_path: Path) -> None:
    writer.rebuild(config(), [ALICE], 1)
    writer.close()
    snapshot = LmdbSnapshot.open(tmp_path / "snapshot")
    with snapshot.view() as view:
        assert view.person("x" * 600) is None
        assert view.person("") is None
        assert view.owner_of("") is None
    snapshot.close()


_names = st.sampled_from(["ann", "ben", "cat", "dan"])
_numbers = st.sampled_from([None, "+14255550101", "+14255550102"])
_changes = st.lists(st.tuples(_names, st.booleans(), _numbers, st.sampled_from(["premises", "online"])), max_size=12)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=_changes)
def test_any_sequence_of_changes_reads_like_a_rebuild(tmp_path_factory: pytest.TempPathFactory, changes: list) -> None:
    """Incremental and whole compilation agree, with one owner for each number."""
    path = tmp_path_factory.mktemp("snapshot")
    writer = SnapshotWriter(path)
    writer.rebuild(config(), [], 0)
    state: dict[Aor, object] = {}
    for seq, (name, exists, number, home) in enumerate(changes, start=1):
        new = person(name, home, seq, number)
        if number and any(p.number == number and aor != new.aor for aor, p in state.items()):  # type: ignore[attr-defined]
            continue  # the directory would have refused it
        if exists:
            state[new.aor] = new
        else:
            state.pop(new.aor, None)
        writer.apply([(new.aor, new if exists else None)], seq)
    seen = read(writer, path)
    writer.close()
    assert seen == {str(aor): (p.home, p.home_epoch, p.number) for aor, p in state.items()}  # type: ignore[attr-defined]


def phone(name: str, owner: int = 0) -> Device:
    return Device(name, name, Credentials(b"m" * 16, bytes([owner]) * 32), 0, 0)


def devices_in(path: Path, names: list[str]) -> dict[str, tuple[str, bytes] | None]:
    """Whose each device is, and its digest by SHA-256."""
    snapshot = LmdbSnapshot.open(path)
    with snapshot.view() as view:
        found = {name: view.device(name) for name in names}
    snapshot.close()
    return {name: device and (device.aor, device.ha1_sha256) for name, device in found.items()}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    steps=st.lists(
        st.tuples(_names, st.booleans(), st.sets(st.sampled_from(["dev1", "dev2", "dev3"]))), min_size=1, max_size=8
    )
)
def test_devices_changed_one_by_one_are_as_after_a_rebuild(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, bool, set[str]]]
) -> None:
    whole, apart = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("apart")
    writer = SnapshotWriter(apart)
    writer.rebuild(config(), [], 0)
    state: dict[Aor, Person] = {}
    for seq, (user, exists, wanted) in enumerate(steps, start=1):
        before = person(user)
        taken = {device.name for aor, other in state.items() if aor != before.aor for device in other.devices}
        devices = tuple(phone(name, seq) for name in sorted(wanted - taken))
        state.pop(before.aor, None)
        if exists:
            state[before.aor] = replace(before, devices=devices)
        writer.apply([(before.aor, state.get(before.aor))], seq)
    writer.close()
    writer = SnapshotWriter(whole)
    writer.rebuild(config(), [state[aor] for aor in sorted(state, key=str)], 1)
    writer.close()
    names = ["dev1", "dev2", "dev3"]
    expected = dict.fromkeys(names) | {
        device.name: (str(aor), device.credentials.ha1_sha256) for aor, each in state.items() for device in each.devices
    }
    assert devices_in(whole, names) == devices_in(apart, names) == expected


def test_a_snapshot_of_an_earlier_version_has_no_devices_until_it_is_written_anew(tmp_path: Path) -> None:
    script = (
        "import sys, lmdb, msgspec; from tests.routing.people import config\n"
        "env = lmdb.open(sys.argv[1], max_dbs=3)\n"
        "tables = [env.open_db(name) for name in (b'aor', b'number', b'meta')]\n"
        "with env.begin(write=True) as txn:\n"
        "    txn.put(b'config', msgspec.msgpack.encode(config()), db=tables[2])\n"
    )
    path = tmp_path / "snapshot"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    snapshot = LmdbSnapshot.open(path)
    with snapshot.view() as view:
        assert view.device("dev1") is None
    write = (
        "import sys; from pathlib import Path; from dataclasses import replace\n"
        "from isthmus.routing.snapshot import SnapshotWriter\n"
        "from tests.routing.test_snapshot import ALICE, phone\n"
        "SnapshotWriter(Path(sys.argv[1])).apply([(ALICE.aor, replace(ALICE, devices=(phone('dev1'),)))], 1)\n"
    )
    subprocess.run([sys.executable, "-c", write, str(path)], check=True)
    with snapshot.view() as view:
        found = view.device("dev1")
        assert found is not None and found.aor == str(ALICE.aor)
    snapshot.close()
