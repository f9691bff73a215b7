"""A history recorded from real engines (tests/activity/recording.py), looked at as on a site's first day."""

from __future__ import annotations

import msgspec
import pytest

from isthmus.activity.model import Alert, Event, Kind, State
from isthmus.activity.rules import Settings
from isthmus.activity.watch import Watch
from tests.activity.recording import read

DAY = 86_400.0


@pytest.fixture(scope="module")
def recorded() -> list[Event]:
    """The stranger sits elsewhere: on the loopback of the recording he was in the phones' own network."""
    return [
        msgspec.structs.replace(event, address="203.0.113.9") if event.kind is Kind.REFUSED else event
        for event in read()
    ]


def peaceful(events: list[Event]) -> list[Event]:
    """What people did themselves."""
    dear = {event.call_id for event in events if event.number.startswith("+1900")}
    return [event for event in events if event.kind is not Kind.REFUSED and event.call_id not in dear]


def watched(watch: Watch, events: list[Event]) -> list[Alert]:
    raised = {alert.id: alert for event in events for alert in watch.take(event, "main")}
    return list(raised.values())


def moved(events: list[Event], days: float) -> list[Event]:
    """The same, so many days later; calls are other calls."""
    return [
        msgspec.structs.replace(event, at=event.at + days * DAY, call_id=event.call_id and f"{event.call_id}-{days}")
        for event in events
    ]


def test_every_call_that_was_told_has_an_end(recorded: list[Event]):
    began = [event.call_id for event in recorded if event.kind is Kind.CALL]
    ended = {event.call_id for event in recorded if event.kind is Kind.ENDED}
    assert len(began) >= 7
    assert set(began) <= ended


def test_on_the_first_day_only_strangers_and_dear_calls_are_told(recorded: list[Event]):
    found = watched(Watch(Settings()), recorded)
    assert {alert.rule for alert in found} == {"scan", "premium-call"}
    assert {alert.subject for alert in found if alert.rule == "premium-call"} == {"erin@contoso.example"}


def test_weeks_of_such_peaceful_days_raise_nothing_and_the_rest_is_told_then_as_well(recorded: list[Event]):
    watch = Watch(Settings())
    for day in range(20):
        assert watched(watch, moved(peaceful(recorded), day)) == []
    found = watched(watch, moved(recorded, 20))
    assert {alert.rule for alert in found} == {"scan", "premium-call"}
    profile = watch.profiles["alice@contoso.example"]
    assert profile.destinations.usual(int(recorded[0].at // DAY) + 20) == ["US"]


def test_marked_as_a_false_alarm_the_same_call_is_usual(recorded: list[Event]):
    watch = Watch(Settings())
    (alert,) = [alert for alert in watched(watch, recorded) if alert.rule == "premium-call"]
    assert alert.count == 3
    watch.judge(msgspec.structs.replace(alert, state=State.FALSE_ALARM), "main")
    assert [found.rule for found in watched(watch, moved(recorded, 1)) if found.rule == "premium-call"] == []
