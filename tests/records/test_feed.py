"""The pipe between Kamailio's workers and the control service: nobody waits, nothing is lost or mixed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from isthmus.engines.kamailio import spool as module
from isthmus.engines.kamailio.spool import Spool
from isthmus.records.feed import Feed
from isthmus.records.model import Event
from isthmus.records.wire import LONGEST, decode, encode
from tests.records.conftest import begins, bye
from tests.support import wait_for

Listen = Callable[[], Feed]


@pytest.fixture
def taken() -> list[Event]:
    return []


@pytest.fixture
def listen(tmp_path: Path, taken: list[Event]):
    started: list[Feed] = []

    def start() -> Feed:
        started.append(Feed(tmp_path / "pipe", taken.append))
        started[-1].start()
        return started[-1]

    yield start
    for feed in started:
        feed.stop()


def test_an_event_goes_round_as_a_line():
    event = bye(1.5, cause='SIP;cause=200;text="a\nb"', mos=4.2)
    line = encode(event, 7)
    assert line.count(b"\n") == 1
    assert decode(line.rstrip()) == (7, event)


def test_a_line_is_never_longer_than_a_pipe_takes_whole():
    words = "\U0001f600" * 256
    names = dict.fromkeys(("text", "agent", "tag", "via"), words)
    line = encode(begins(1, **names), 1)
    assert len(line) <= LONGEST
    assert decode(line)[1].caller == begins(1).caller


def test_what_is_told_while_nobody_listens_is_there_when_somebody_does(listen: Listen, tmp_path: Path, taken):
    spool = Spool(str(tmp_path / "pipe"))
    spool.tell(begins(1))  # before there is a pipe: kept by the worker
    listen().stop()
    time.sleep(1.1)
    spool.tell(begins(2))
    spool.tell(begins(3))
    assert taken == []
    listen()
    wait_for(lambda: len(taken) == 3, 60, "all was taken")
    assert [event.at for event in taken] == [1, 2, 3]


def test_a_full_pipe_keeps_nobody_waiting_and_is_counted(listen: Listen, tmp_path: Path, taken, monkeypatch):
    monkeypatch.setattr(module, "_KEPT", 10)
    listen().stop()
    spool = Spool(str(tmp_path / "pipe"))
    began = time.monotonic()
    for number in range(20_000):
        spool.tell(begins(number))
    assert time.monotonic() - began < 20
    assert spool._dropped > 1000
    feed = listen()
    wait_for(lambda: len(taken) > 1000 and not feed._rest, 60, "what the pipe held was taken")
    before = len(taken)
    spool.flush()
    spool.tell(begins(99_999))
    wait_for(lambda: len(taken) == before + 11, 60, "what the worker held was taken")
    assert feed.dropped + len(taken) == 20_001
    assert feed.malformed == 0


def test_workers_that_write_at_once_do_not_mix(listen: Listen, tmp_path: Path, taken):
    listen()

    def work(name: int) -> None:
        spool = Spool(str(tmp_path / "pipe"))
        for number in range(500):
            spool.tell(begins(number, f"{name}-{number}", text="x" * 200))
            time.sleep(0)
        while spool._kept:
            spool.flush()

    workers = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wait_for(lambda: len(taken) == 2000, 60, "all was taken")
    assert len({event.call_id for event in taken}) == 2000


def test_who_begins_in_the_middle_of_a_line_is_right_at_the_next(listen: Listen, tmp_path: Path, taken):
    feed = listen()
    pipe = os.open(tmp_path / "pipe", os.O_RDWR | os.O_NONBLOCK)
    os.write(pipe, encode(begins(1), 0)[40:] + encode(begins(2), 0))
    wait_for(lambda: len(taken) == 1, 60, "the whole one was taken")
    assert (taken[0].at, feed.malformed) == (2, 1)
    with pytest.raises(msgspec.DecodeError):
        decode(b"[0]")
    os.close(pipe)
