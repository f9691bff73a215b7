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
