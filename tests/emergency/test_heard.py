"""What calls for help keep beside the engine: values that end, in files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from isthmus.emergency import heard
from isthmus.emergency.heard import Heard

NOW = 1_700_000_000.0
ALICE, BOB = "alice@contoso.example", "bob@contoso.example"


@pytest.fixture
def now() -> list[float]:
    return [NOW]


@pytest.fixture
def kept(tmp_path: Path, now: list[float]) -> Heard:
    return Heard(tmp_path / "heard" / "choices", lambda: now[0])


def files(kept: Heard) -> int:
    return len(list(kept._folder.iterdir()))


def test_a_value_is_there_until_it_ends(kept: Heard, now: list[float]):
    assert kept.get(ALICE) is None
    kept.put(ALICE, b"home", NOW + 10)
    assert (kept.get(ALICE), kept.get(BOB)) == (b"home", None)
    now[0] += 11
    assert kept.get(ALICE) is None


def test_it_lasts_longer_when_it_is_said_again(kept: Heard, now: list[float]):
    kept.put(ALICE, b"home", NOW + 10)
    kept.put(ALICE, b"home", NOW + 100)
    now[0] += 50
    assert kept.get(ALICE) == b"home"
    kept.put(ALICE, b"away", NOW + 100)
    assert kept.get(ALICE) == b"away"
    assert files(kept) == 1


def test_another_process_reads_it(kept: Heard, tmp_path: Path):
    kept.put(ALICE, b"home", NOW + 10)
    assert Heard(tmp_path / "heard" / "choices", lambda: NOW).get(ALICE) == b"home"


def test_what_is_dropped_is_gone_and_dropped_twice_it_is_no_error(kept: Heard):
    kept.drop(ALICE)
    kept.put(ALICE, b"home", NOW + 10)
    kept.drop(ALICE)
    kept.drop(ALICE)
    assert kept.get(ALICE) is None


def test_it_is_for_nobody_else_to_read_and_its_names_tell_nobody(kept: Heard):
    kept.put(ALICE, b"home", NOW + 10)
    (file,) = kept._folder.iterdir()
    assert (file.stat().st_mode & 0o077, kept._folder.stat().st_mode & 0o077) == (0, 0)
    assert "alice" not in file.name


def test_what_has_ended_is_taken_away_and_of_too_many_what_ends_first(
    kept: Heard, now: list[float], monkeypatch: pytest.MonkeyPatch
):
    kept.prune()  # nothing was ever kept
    for number in range(5):
        kept.put(f"{number}", b"x", NOW + 10 * number)
    kept._folder.joinpath("half.123").write_bytes(b"")  # of a worker that was killed as it wrote
    os.utime(kept._folder / "half.123", (NOW - 1, NOW - 1))
    now[0] += 10
    kept.prune()
    assert files(kept) == 3
    monkeypatch.setattr(heard, "_MOST", 2)
    kept.prune()
    assert (files(kept), kept.get("2"), kept.get("4")) == (2, None, b"x")


def test_of_all_kinds_what_has_ended_is_taken_away(tmp_path: Path):
    both = [Heard(tmp_path / kind) for kind in heard.KINDS]
    for each in both:
        each.put(ALICE, b"x", time.time() - 1)
        each.put(BOB, b"x", time.time() + 1000)
    heard.prune_all(tmp_path)
    assert [files(each) for each in both] == [1, 1]


def test_a_disk_that_takes_nothing_is_told_and_leaves_what_was_there(kept: Heard, monkeypatch: pytest.MonkeyPatch):
    kept.put(ALICE, b"home", NOW + 10)

    def full(path: Path, _to: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        kept.put(ALICE, b"away", NOW + 20)
    assert (kept.get(ALICE), files(kept)) == (b"home", 1)
