"""The ladder of a call: from what workers tell to who signalled what to whom."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from isthmus.records import ladder, rules
from isthmus.records.ladder import Participant
from isthmus.records.model import By, Event, Kind, Record, Route
from tests.records.conftest import ALICE, BOB, Office, answered, begins, bye
from tests.records.test_rules import leg_of, record_of

PREMISES, ONLINE = Participant("site", "premises"), Participant("site", "online")
ANN, BEN = Participant("person", ALICE), Participant("person", BOB)


def at(event: Event, **more: object) -> Event:
    return msgspec.structs.replace(event, **more)


def ringing(when: float, like: Event) -> Event:
    return Event(when, Kind.PROGRESS, like.call_id, like.side, code=180, reason="Ringing")


def within(when: float, method: str, like: Event, tag: str) -> Event:
    return Event(when, Kind.WITHIN, like.call_id, like.side, tag=tag, method=method)


def call(site: str = "premises", shift: float = 0.0, **more: object) -> Record:
    """Rung, answered and ended by who called."""
    first = at(begins(100 + shift), **more)
    events = (
        first,
        ringing(101 - shift, first),
        at(answered(103 - shift), side=first.side),
        within(103.1 + shift, "ACK", first, first.tag),
        at(bye(163 + shift), side=first.side),
    )
    return msgspec.structs.replace(record_of(leg_of(*events)), site=site)


def told(records: list[Record]) -> list[tuple[str, str, str]]:
    return [(arrow.sender.name, arrow.receiver.name, arrow.what) for arrow in ladder.of(records).arrows]


def test_each_message_passes_the_site():
    drawn = ladder.of([call()])
    assert drawn.participants == (ANN, PREMISES, BEN)
    assert told([call()]) == [
        (ALICE, "premises", "INVITE"), ("premises", BOB, "INVITE"),
        (BOB, "premises", "180 Ringing"), ("premises", ALICE, "180 Ringing"),
        (BOB, "premises", "200 OK"), ("premises", ALICE, "200 OK"),
        (ALICE, "premises", "ACK"), ("premises", BOB, "ACK"),
        (ALICE, "premises", "BYE"), ("premises", BOB, "BYE"),
    ]  # fmt: skip
    assert [arrow.after_ms for arrow in drawn.arrows[:4]] == [0, 0, 1000, 1000]


def test_two_sites_make_one_ladder_without_a_message_twice():
    here = call(route=Route.RELAY, way="online")
    there = call("online", 0.01, side="link", source="peer", via="premises")
    drawn = ladder.of([there, here])
    assert drawn.participants == (ANN, PREMISES, ONLINE, BEN)
    assert [(s, r) for s, r, what in told([here, there]) if what == "INVITE"] == [
        (ALICE, "premises"), ("premises", "online"), ("online", BOB),
    ]  # fmt: skip
    assert [(s, r) for s, r, what in told([here, there]) if what == "200 OK"] == [
        (BOB, "online"), ("online", "premises"), ("premises", ALICE),
    ]  # fmt: skip


def test_what_the_site_itself_answers_comes_from_nobody_else():
    first = at(begins(100), route=Route.REFUSE)
    end = Event(100.5, Kind.ENDS, first.call_id, first.side, code=404, reason="Not Found", by=By.NETWORK)
    assert told([record_of(leg_of(first, end))]) == [
        (ALICE, "premises", "INVITE"), ("premises", ALICE, "404 Not Found"),
    ]  # fmt: skip


def test_who_gives_up_is_seen_to_cancel():
    first = begins(100)
    end = Event(105, Kind.ENDS, first.call_id, first.side, code=487, reason="Request Terminated", by=By.CALLER)
    said = [what for _, _, what in told([record_of(leg_of(first, end))])]
    assert said == ["INVITE"] * 2 + ["CANCEL"] * 2 + ["487 Request Terminated"] * 2


def test_a_second_way_is_tried_by_the_site_alone():
    first = at(begins(100), route=Route.DIAL, way="one")
    again = Event(102, Kind.REROUTED, first.call_id, first.side, route=Route.DIAL, way="two")
    end = Event(105, Kind.ENDS, first.call_id, first.side, code=503, reason="No", by=By.CALLEE)
    assert told([record_of(leg_of(first, again, end))])[:3] == [
        (ALICE, "premises", "INVITE"), ("premises", "one", "INVITE"), ("premises", "two", "INVITE"),
    ]  # fmt: skip


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_order_in_which_workers_tell_makes_no_difference(order: tuple[int, ...]):
    first = begins(100)
    events = (first, ringing(101, first), answered(103), bye(163))
    assert record_of(leg_of(*(events[each] for each in order))).messages == record_of(leg_of(*events)).messages


def test_answers_within_the_dialog_go_the_other_way_than_what_they_answer():
    first = begins(100)
    reply = {"code": 200, "reason": "OK"}
    events = (
        first,
        answered(103),
        within(104, "UPDATE", first, first.tag),
        at(within(104.1, "UPDATE", first, first.tag), **reply),
        within(105, "INFO", first, "callees"),
        at(within(105.1, "INFO", first, "callees"), code=481, reason="Gone"),
        bye(163),
        at(within(163.1, "BYE", first, bye(163).tag), **reply),
    )
    record = record_of(leg_of(*events))
    by_caller = bye(163).tag == first.tag
    ends = (ALICE, BOB) if by_caller else (BOB, ALICE)
    assert told([record])[4:] == [
        (ALICE, "premises", "UPDATE"), ("premises", BOB, "UPDATE"),
        (BOB, "premises", "200 OK (UPDATE)"), ("premises", ALICE, "200 OK (UPDATE)"),
        (BOB, "premises", "INFO"), ("premises", ALICE, "INFO"),
        (ALICE, "premises", "481 Gone (INFO)"), ("premises", BOB, "481 Gone (INFO)"),
        (ends[0], "premises", "BYE"), ("premises", ends[1], "BYE"),
        (ends[1], "premises", "200 OK (BYE)"), ("premises", ends[0], "200 OK (BYE)"),
    ]  # fmt: skip
    assert (record.code, record.reason) == (200, "OK")


def test_what_is_kept_of_a_leg_is_bounded():
    first = begins(100)
    many = [within(101 + each, "INFO", first, first.tag) for each in range(500)]
    leg = leg_of(first, *many)
    assert len(leg.notes) == rules.MOST_NOTES


def test_it_is_kept_with_the_record_told_to_the_other_site_and_removed_before_it(office: Office):
    first = begins(100)
    office.clock.now_s = 163.0
    for event in (first, ringing(101, first), answered(103), bye(163)):
        office.recorder.take(event)
    office.recorder.write()
    office.clock.now_s += rules.SETTLE_S + 1
    office.recorder.write()
    (record,) = office.records.ladder(first.call_id)
    assert [ladder.what(each) for each in record.messages] == ["INVITE", "180 Ringing", "200 OK", "BYE"]
    (sent,) = office.records.page(record.stream, 0).records
    assert sent == record
    office.clock.now_s = 163 + 31 * 86_400
    assert office.records.purge_signalling(30) == 1
    (record,) = office.records.ladder(first.call_id)
    assert record.messages == ()


def test_what_is_noted_of_no_call_makes_no_record(office: Office):
    office.recorder.take(within(100, "INFO", begins(100), "t"))
    office.recorder.write()
    assert office.recorder.health()["open"] == 0
