"""The change feed: nothing missed, nothing out of order, the same state in the end however it is cut."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from isthmus.directory import wire
from isthmus.directory.model import FeedPage, PersonChanges
from isthmus.directory.service import Directory
from isthmus.errors import RefusedError, UsageError
from tests.directory.conftest import aor, authority, new


def pump(source: Directory, sink: Directory, limit: int = 1000) -> int:
    """Carry the feed over, through its form on the link, until the sink has everything."""
    while True:
        page = source.changes_since(sink.position("premises"), limit)
        reached = sink.apply_feed(wire.decode_page(wire.encode_page(page)), "premises")
        if reached == page.last_seq:
            return reached


def people_of(directory: Directory) -> list[object]:
    return list(directory.everybody()[1])


def test_it_carries_tenants_domains_and_people(directory: Directory, other_site):
    away = other_site()
    directory.create(new("alice", "+14255550101", groups=("a",)), actor="test")
    directory.create(new("bob", home="online"), actor="test")
    assert pump(directory, away) == directory.last_seq()
    assert people_of(away) == people_of(directory)
    assert away.domains() == {"contoso.example": "main"}
    directory.delete(aor("alice"), actor="test")
    pump(directory, away)
    assert people_of(away) == people_of(directory)


def test_an_object_appears_once_as_it_is_now(directory: Directory):
    directory.create(new("alice"), actor="test")
    start = directory.last_seq()
    for name in ("A", "B", "C"):
        directory.set(aor("alice"), PersonChanges(display_name=name), actor="test")
    page = directory.changes_since(0)
    assert [person.display_name for _, person in page.people] == ["C"]
    assert (page.to_seq, page.last_seq) == (start + 3, start + 3)
    assert not directory.changes_since(page.to_seq).people


def test_the_receiving_site_has_a_feed_of_its_own_for_its_snapshot(directory: Directory, other_site):
    away = other_site()
    directory.create(new("alice"), actor="test")
    pump(directory, away)
    seq = away.last_seq()
    assert [each for each, _ in away.changes_since(0).people] == [aor("alice")]
    pump(directory, away)
    assert away.last_seq() == seq


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_numbers_may_change_hands_in_any_order(directory: Directory, other_site, limit: int):
    away = other_site()
    directory.create(new("alice", "+14255550101"), actor="test")
    directory.create(new("bob", "+14255550102"), actor="test")
    pump(directory, away)
    for user, number in (("alice", None), ("bob", "+14255550101"), ("alice", "+14255550102"), ("bob", "+14255550101")):
        directory.set(aor(user), PersonChanges(number=number), actor="test")
    pump(directory, away, limit)
    assert people_of(away) == people_of(directory)


def test_a_page_applied_again_does_nothing(directory: Directory, other_site):
    away = other_site()
    directory.create(new("alice"), actor="test")
    page = directory.changes_since(0)
    directory.set(aor("alice"), PersonChanges(display_name="Later"), actor="test")
    reached = pump(directory, away)
    seq = away.last_seq()
    assert away.apply_feed(page, "premises") == reached
    assert away.get(aor("alice")).display_name == "Later"
    assert away.last_seq() == seq


def test_a_gap_is_refused_saying_where_to_go_on(directory: Directory, other_site):
    away = other_site()
    directory.create(new("alice"), actor="test")
    page = directory.changes_since(1)
    with pytest.raises(RefusedError, match="Send what follows 0"):
        away.apply_feed(page, "premises")
    assert away.position("premises") == 0


def test_an_epoch_never_goes_back_and_the_whole_page_is_refused(directory: Directory, other_site):
    away = other_site()
    directory.create(new("alice"), actor="test")
    directory.commit_homes([(aor("alice"), "premises", 1, "online")], actor="test")
    reached = pump(directory, away)
    alice = away.get(aor("alice"))
    bob = replace(alice, aor=aor("bob"), display_name="Bob")
    forged = FeedPage(
        directory.changes_since(0).stream,
        reached,
        reached + 2,
        reached + 2,
        people=((aor("bob"), bob), (aor("alice"), replace(alice, home="premises", home_epoch=1))),
    )
    with pytest.raises(RefusedError, match="back from 2 to 1"):
        away.apply_feed(forged, "premises")
    assert away.get(aor("alice")) == alice
    assert away.count() == 1
    assert away.position("premises") == reached


def test_not_even_by_way_of_a_deletion(directory: Directory, other_site):
    away = other_site()
    directory.create(new("alice"), actor="test")
    directory.commit_homes([(aor("alice"), "premises", 1, "online")], actor="test")
    pump(directory, away)
    old = replace(away.get(aor("alice")), home_epoch=1)
    directory.delete(aor("alice"), actor="test")
    reached = pump(directory, away)
    page = FeedPage(directory.changes_since(0).stream, reached, reached + 1, reached + 1, people=((aor("alice"), old),))
    with pytest.raises(RefusedError, match="back from 2 to 1"):
        away.apply_feed(page, "premises")


def test_a_feed_of_another_database_is_refused(directory: Directory, other_site):
    away = other_site()
    pump(directory, away)
    page = replace(directory.changes_since(0), stream="another")
    with pytest.raises(RefusedError, match="another database"):
        away.apply_feed(page, "premises")


def test_a_position_the_feed_never_reached_is_refused(directory: Directory):
    with pytest.raises(RefusedError, match="backup"):
        directory.changes_since(directory.last_seq() + 1)


def test_the_authority_takes_no_feed_and_nobody_takes_a_strangers(directory: Directory, other_site):
    page = directory.changes_since(0)
    with pytest.raises(RefusedError):
        directory.apply_feed(page, "premises")
    with pytest.raises(RefusedError):
        other_site().apply_feed(page, "mallory")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"\xff",
        b'{"stream":"s","from_seq":2,"to_seq":1,"last_seq":1,"tenants":[],"domains":[],"people":[],"gone":[]}',
        b'{"stream":"s","from_seq":0,"to_seq":1,"last_seq":1,"tenants":[],"domains":[],"people":[],"gone":["x"]}',
        b'{"stream":"s","from_seq":0,"to_seq":1,"last_seq":1,"tenants":[],"domains":[],"people":[],'
        b'"gone":["a@b.example","a@b.example"]}',
        b'{"stream":"s","from_seq":0,"to_seq":1,"last_seq":1,"tenants":[],"domains":[],"gone":[],'
        b'"people":[["a@b.example","t","A","12","online",1,"","",true,[]]]}',
    ],
)
def test_what_is_no_page_is_refused(raw: bytes):
    with pytest.raises(UsageError):
        wire.decode_page(raw)


def test_a_reader_never_misses_a_change_of_writers_at_work(engine: Engine):
    """Sequence numbers become visible in order, though many transactions overlap."""
    directory = authority(engine)
    writers, each = 4, 12
    failures: list[BaseException] = []

    def write(index: int) -> None:
        try:
            for turn in range(each):
                directory.create(new(f"u{index}-{turn}"), actor="test")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(index,)) for index in range(writers)]
    for thread in threads:
        thread.start()
    seen: list[str] = []
    position = 0
    while any(thread.is_alive() for thread in threads) or position < directory.last_seq():
        page = directory.changes_since(position, 7)
        seen += [str(each_aor) for each_aor, person in page.people if person is not None]
        position = page.to_seq
    assert not failures
    assert len(seen) == len(set(seen)) == writers * each
