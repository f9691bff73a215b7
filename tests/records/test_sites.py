"""What sites tell each other: once, in order, after a cut of any length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec import to_builtins

from isthmus.directory.service import Directory
from isthmus.errors import RefusedError
from isthmus.link.client import LinkDownError
from isthmus.records import service
from isthmus.records.model import Filter
from isthmus.records.service import Records
from tests.records.conftest import Office, begins, failed


class Peer:
    """The link to another site; down where a test says so, and answers get lost."""

    peer = "premises"

    def __init__(self, records: Records) -> None:
        self.records, self.down, self.lose, self.asked = records, False, False, 0

    def ask(self, path: str, body: Any) -> Any:
        assert path == "/link/records"
        self.asked += 1
        if self.down:
            raise LinkDownError(self.peer, "no answer in time")
        told = to_builtins(self.records.page(body["stream"], body["after"]))
        if self.lose:
            raise LinkDownError(self.peer, "the connection broke")
        return told


@pytest.fixture
def there(other_site: Callable[[], Directory]) -> Records:
    return Records(other_site().engine, "online")


def calls(office: Office, *names: str) -> None:
    for name in names:
        office.tell(begins(100, name), failed(101, call_id=name))


def here(records: Records) -> list[tuple[int, str]]:
    return sorted((each.seq, each.call_id) for each in records.find(Filter(), limit=1000))


def test_records_come_once_and_in_order_whatever_is_cut_and_lost(office: Office, there: Records, monkeypatch):
    monkeypatch.setattr(service, "_PAGE", 2)
    monkeypatch.setattr(Records.page, "__defaults__", (2,))
    peer, streams = Peer(office.records), dict[str, str]()
    calls(office, "a", "b", "c")
    assert there.pull(peer, streams) == 3
    peer.down = True
    calls(office, "d", "e", "f", "g", "h")
    with pytest.raises(LinkDownError):
        there.pull(peer, streams)
    peer.down, peer.lose = False, True
    with pytest.raises(LinkDownError):
        there.pull(peer, streams)
    peer.lose = False
    assert there.pull(peer, dict[str, str]()) == 5  # the service was started anew meanwhile
    assert there.pull(peer, streams) == 0
    assert here(there) == list(zip(range(1, 9), "abcdefgh", strict=True)) == here(office.records)


def test_a_page_that_comes_twice_is_stored_once(office: Office, there: Records):
    calls(office, "a", "b")
    page = office.records.page("", 0)
    assert there.apply(page, "premises", 0) == there.apply(page, "premises", 0) == 2
    assert here(there) == [(1, "a"), (2, "b")]


def test_a_page_that_would_leave_a_gap_is_not_stored(office: Office, there: Records):
    calls(office, "a", "b", "c")
    page = office.records.page(office.directory.stream(), 2)
    assert there.apply(page, "premises", 2) == 0
    assert here(there) == []


def test_what_a_peer_was_told_by_others_is_not_passed_on(office: Office, there: Records):
    calls(office, "a")
    there.pull(Peer(office.records), {})
    assert there.page("", 0).records == ()


def test_a_peer_speaks_for_itself_alone(office: Office, there: Records):
    calls(office, "a")
    with pytest.raises(RefusedError, match="not its own"):
        there.apply(office.records.page("", 0), "elsewhere", 0)


def test_retention_at_the_other_site_leaves_no_hole_to_wait_for(office: Office, there: Records):
    calls(office, "a", "b")
    office.clock.now_s += 400 * 86_400
    office.records.purge(30)
    calls(office, "c")
    there.pull(Peer(office.records), {})
    assert here(there) == [(3, "c")]


def test_a_database_that_was_made_anew_counts_anew(office: Office, there: Records):
    calls(office, "a")
    there.pull(Peer(office.records), {})
    page = office.records.page("", 0)
    anew = msgspec.structs.replace(
        page, stream="other", records=tuple(msgspec.structs.replace(r, stream="other") for r in page.records)
    )
    assert there.apply(anew, "premises", 0) == 1
    assert here(there) == [(1, "a"), (1, "a")]


def test_what_is_no_page_is_refused(there: Records):
    class Odd:
        peer = "premises"

        def ask(self, path: str, body: Any) -> Any:
            return {"site": "premises"}

    with pytest.raises(RefusedError, match="no call records"):
        there.pull(Odd(), {})
