"""Logs stay small whatever the engines say."""

import stat
from pathlib import Path

from isthmus.site.logs import KEPT, LogFile, Throttle


def test_lines_get_the_time_and_only_the_owner_reads_them(tmp_path: Path):
    path = tmp_path / "engine.log"
    log = LogFile(path)
    log.feed(b"one\ntw", 0.0)
    log.feed(b"o\n", 0.0)
    lines = path.read_text().splitlines()
    assert [line.split("Z ", 1)[1] for line in lines] == ["one", "two"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_flood_is_cut_and_said_so(tmp_path: Path):
    path = tmp_path / "engine.log"
    log = LogFile(path)
    log.feed(b"noise\n" * 100_000, 100.0)
    log.feed(b"after\n", 110.0)
    lines = path.read_text().splitlines()
    assert len(lines) < 1100
    assert "99000 lines left out" in lines[-2]
    assert lines[-1].endswith("after")


def test_files_are_rotated_and_the_oldest_go(tmp_path: Path):
    path = tmp_path / "engine.log"
    log = LogFile(path, max_bytes=1000)
    for second in range(200):
        log.feed(b"x" * 90 + b"\n", second * 10.0)
    files = sorted(file.name for file in tmp_path.iterdir())
    assert files == ["engine.log", "engine.log.1", "engine.log.2"]
    assert len(files) == KEPT
    assert all(file.stat().st_size < 1300 for file in tmp_path.iterdir())


def test_an_endless_line_is_cut(tmp_path: Path):
    path = tmp_path / "engine.log"
    log = LogFile(path)
    for _ in range(100):
        log.feed(b"x" * 10_000, 0.0)
    assert max(map(len, path.read_text().splitlines())) < 4100


def test_a_disk_that_refuses_stops_nothing(tmp_path: Path):
    (tmp_path / "engine.log").mkdir()
    LogFile(tmp_path / "engine.log").feed(b"line\n", 0.0)


def test_the_bucket_fills_again():
    throttle = Throttle(rate=10, burst=2, tokens=2)
    assert [throttle.take(0.0) for _ in range(4)] == [0, 0, None, None]
    assert throttle.take(0.1) == 2
