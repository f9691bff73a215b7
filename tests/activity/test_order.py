"""Events of several workers reach the rules in the order of their times."""

from __future__ import annotations

import socket
from pathlib import Path

from isthmus.activity.feed import Feed
from isthmus.activity.model import Event, Kind
from isthmus.activity.wire import encode
from tests.support import wait_for


def test_the_end_of_a_call_never_comes_before_its_beginning(tmp_path: Path):
    taken: list[Event] = []
    feed = Feed(tmp_path / "s", taken.append)
    feed.start()
    workers = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
    for worker in workers:
        worker.connect(str(tmp_path / "s"))
    ends, begins = workers
    for number in range(100):
        begins.send(encode(Event(number, Kind.CALL, call_id=f"{number}"), 0))
        ends.send(encode(Event(number + 0.5, Kind.ENDED, call_id=f"{number}"), 1))
    begins.send(b"nonsense")
    wait_for(lambda: len(taken) == 200, 60, "all events")
    feed.stop()
    for worker in workers:
        worker.close()

    assert (feed.dropped, feed.malformed) == (100, 1)
    for number in range(100):
        kinds = [event.kind for event in taken if event.call_id == f"{number}"]
        assert kinds == [Kind.CALL, Kind.ENDED]
