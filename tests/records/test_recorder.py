"""From events to records, through the database: late events, restarts, a database that is down."""

from __future__ import annotations

import pytest

from isthmus.addressing import Aor
from isthmus.errors import UnavailableError
from isthmus.records import recorder as module
from isthmus.records.model import By, Filter
from isthmus.records.recorder import Recorder
from isthmus.records.service import cursor_of, cursor_text, parse_cursor
from tests.records.conftest import ALICE, BOB, Office, answered, begins, bye, dials, failed

pytestmark = pytest.mark.timeout(120)


def test_a_call_has_one_record(office: Office):
    (record,) = office.tell(begins(100), answered(103), bye(163))
    assert (record.site, record.seq, record.seconds, record.by) == ("premises", 1, 60.0, By.CALLER)
    ids = [office.directory.get(Aor.parse(each)).id for each in (ALICE, BOB)]
    assert [record.caller_person, record.callee_person] == ids
    assert record.caller_tenant == record.callee_tenant == "main"
    assert (record.caller_agent, record.callee_agent) == ("Phone/1", "Phone/2")


def test_records_are_numbered_in_the_order_in_which_calls_ended(office: Office):
    told = [begins(1, "a"), begins(2, "b"), begins(3, "c"), failed(9, call_id="a"), failed(5, call_id="b")]
    office.tell(*told, failed(7, call_id="c"))
    assert {each.call_id: each.seq for each in office.all()} == {"b": 1, "c": 2, "a": 3}
    office.tell(begins(20, "d"), failed(21, call_id="d"))
    assert office.all()[0].seq == 4


def test_both_passages_of_a_call_through_one_site_have_their_records(office: Office):
    there = [begins(1), answered(2), bye(3)]
    back = [begins(1.1, side="link"), answered(1.9, side="link"), bye(3.1, side="link")]
    assert {each.side for each in office.tell(*there, *back)} == {"edge", "link"}


def test_a_restart_of_the_service_in_mid_call_loses_nothing(office: Office):
    office.tell(begins(100), answered(103), after_s=1)
    office.restart()
    (record,) = office.tell(bye(163))
    assert (record.caller, record.seconds) == (ALICE, 60.0)


def test_what_comes_after_the_record_makes_no_second_one(office: Office):
    office.tell(begins(100), answered(103), bye(163))
    office.restart()
    assert len(office.tell(bye(163.2, tag="b"), answered(103.5), begins(100))) == 1
    assert office.recorder.late == 3


def test_an_end_without_a_beginning_is_recorded_with_what_it_tells(office: Office):
    (record,) = office.tell(bye(163))
    assert (record.caller, record.by, record.call_id) == ("", By.UNKNOWN, "c1")


def test_the_same_call_id_again_is_another_call(office: Office):
    records = office.tell(begins(1), failed(2, 422), begins(2.1), answered(3), bye(4))
    assert [each.code for each in records] == [200, 422]


def test_a_beginning_whose_end_was_lost_is_closed_when_its_dialog_is_gone(office: Office):
    now = office.clock()
    office.tell(begins(now), answered(now + 1), after_s=120)
    office.recorder.look(lambda: {"c1"})
    seen = office.clock()
    for _ in range(2):
        office.clock.now_s += 60
        assert office.all() == []
        office.recorder.look(lambda: None)  # Kamailio does not answer: nothing is known
        office.recorder.look(lambda: set())
    (record,) = office.tell()
    assert (record.ended_ms, record.by) == (int(seen * 1000), By.NETWORK)


def test_nothing_is_lost_while_the_database_is_down(office: Office, monkeypatch: pytest.MonkeyPatch):
    def down(*_: object) -> None:
        raise UnavailableError("the database refuses")

    with monkeypatch.context() as broken:
        broken.setattr(module, "writing", down)
        office.recorder.take(begins(100))
        with pytest.raises(UnavailableError):
            office.recorder.write()
        office.recorder.take(answered(103))
    (record,) = office.tell(bye(163))
    assert record.seconds == 60.0


def test_what_memory_does_not_hold_is_counted(office: Office):
    small = Recorder(office.engine, "premises", clock=office.clock, most=2)
    for event in (begins(1), answered(2), bye(3)):
        small.take(event)
    assert small.health() == {"open": 0, "waiting": 2, "overflowed": 1, "late": 0}


def test_a_call_out_is_charged_to_the_tenant_of_who_called(office: Office):
    text = "prefix,name,price_per_minute,currency\n+1,North America,0.60,USD\n+1206,Seattle,0.06,USD\n"
    office.rates.replace("main", text, actor="test")
    (record,) = office.tell(dials(100, "+12065550123"), answered(103), bye(163))
    assert (record.cost_micro, record.currency, record.rate_prefix) == (60_000, "USD", "+1206")
    office.rates.replace("main", "prefix,name,price_per_minute,currency\n", actor="test")
    assert office.all() == [record]


def test_a_call_that_nobody_of_ours_made_has_no_cost(office: Office):
    office.rates.replace("main", "prefix,name,price_per_minute,currency\n+1,x,0.60,USD\n", actor="test")
    (record,) = office.tell(dials(1, "+12065550123", caller="+12065550199"), answered(2), bye(3))
    assert record.cost_micro is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(who=ALICE), ["out", "in"]),
        (Filter(who=BOB), ["in"]),
        (Filter(who="+14255550102"), ["in"]),  # Bob's number
        (Filter(who="+12065550123"), ["out"]),
        (Filter(trunk="carrier"), ["out"]),
        (Filter(trunk="other"), []),
        (Filter(code=486), ["in"]),
        (Filter(answered=True), ["out"]),
        (Filter(by=By.CALLEE), ["in"]),
        (Filter(call_id="out"), ["out"]),
        (Filter(site="online"), []),
        (Filter(since_ms=150_000), ["out"]),
        (Filter(until_ms=150_000), ["in"]),
    ],
)
def test_records_are_found(office: Office, wanted: Filter, found: list[str]):
    office.tell(begins(100, "in"), failed(101, call_id="in"))
    office.tell(dials(200, "+12065550123", "out"), answered(201, "out"), bye(202, "out"))
    assert [each.call_id for each in office.records.find(wanted)] == found


def test_records_are_listed_page_by_page(office: Office):
    for number in range(5):
        office.recorder.take(begins(100, f"c{number}"))  # all at once: the time does not tell them apart
        office.recorder.take(failed(101, call_id=f"c{number}"))
    office.tell()
    whole = office.all()
    seen, before = [], None
    while page := office.records.find(Filter(), before=before, limit=2):
        seen += page
        before = parse_cursor(cursor_text(cursor_of(page[-1])))
    assert seen == whole


def test_records_are_removed_when_their_days_are_over(office: Office):
    now = office.clock()
    office.tell(begins(now - 40 * 86_400, "old"), failed(now - 40 * 86_400 + 1, call_id="old"))
    office.tell(begins(now, "new"), failed(now + 1, call_id="new"))
    assert office.records.purge(0) == 0
    assert office.records.purge(30) == 1
    assert [each.call_id for each in office.all()] == ["new"]
    office.tell(begins(now + 2, "next"), failed(now + 3, call_id="next"))
    assert [each.seq for each in office.all()] == [3, 2]  # numbers are never used again
