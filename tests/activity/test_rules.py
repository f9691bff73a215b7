"""The rules, each by itself, read as sentences."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.activity.model import Alert, Event, Kind, Severity, State
from isthmus.activity.places import client_of, network_of
from isthmus.activity.profile import Profile
from isthmus.activity.rules import Settings, Thresholds
from isthmus.activity.watch import Watch
from isthmus.addressing.destination import destination_of
from isthmus.site.file import ThresholdsSection
from isthmus.site.watching import thresholds_of
from tests.activity.conftest import DAY, START, call, refused, register

AOR = "alice@contoso.example"


def world(*events: Event) -> Watch:
    made = Watch(Settings())
    take(made, events)
    return made


def take(watch: Watch, events: Iterable[Event]) -> list[Alert]:
    """The alerts as they are in the end."""
    raised = {alert.id: alert for event in events for alert in watch.take(event, "main")}
    return list(raised.values())


def weeks(days: int = 14) -> list[Event]:
    """A desk phone in the office all day, and a call at home in each hour of work."""
    return [
        event
        for day in range(days)
        for hour in range(24)
        for event in [
            register(START + day * DAY + hour * 3600, country="US"),
            *([call("+12065550123", START + day * DAY + hour * 3600 + 60)] if 8 <= hour < 17 else []),
        ]
    ]


def later(hours: float = 0.0) -> float:
    """So many hours after the midnight behind `weeks`."""
    return START + 14 * DAY + hours * 3600


def test_weeks_of_the_same_raise_nothing():
    assert take(Watch(Settings()), weeks()) == []


@pytest.mark.parametrize(
    ("event", "raised"),
    [
        (register(later(9), "192.0.2.99", "Desk 1.1", "US"), False),  # another phone of the same kind, updated
        (register(later(9), "198.51.100.7", "Desk 1.0", "US"), False),  # a new network alone
        (register(later(9), "192.0.2.7", "Soft 3.0", "US"), False),  # a new client alone
        (register(later(9), "198.51.100.7", "Soft 3.0", "US"), True),  # both
        (register(later(9), "198.51.100.7", "Desk 1.0", "RO"), True),  # a new country
    ],
)
def test_a_sign_in_is_weighed_by_what_is_new(event: Event, raised: bool):
    found = take(world(*weeks()), [event])
    assert [alert.rule for alert in found] == ["unusual-sign-in"] * raised


def test_an_alert_says_what_is_odd_and_what_is_usual():
    (alert,) = take(world(*weeks()), [register(later(3), "198.51.100.7", "Soft 3.0", "RO")])
    assert alert.summary == (
        "alice@contoso.example registered a phone from 198.51.100.0/24 (RO) with soft: a new country, a new network, "
        "a new client, both at once, at 03h, when it never does anything. Usual: 192.0.2.0/24 (US) with desk."
    )
    assert alert.severity is Severity.HIGH
    assert alert.blocks == ("network:198.51.100.0/24", "account")


def test_what_goes_on_is_one_alert_that_grows_and_is_never_learnt():
    watch = world(*weeks())
    events = [register(later(hour), "198.51.100.7", "Soft 3.0", "RO") for hour in range(24 * 30)]
    (alert,) = take(watch, events)
    assert alert.count == 24 * 30
    assert (alert.first, alert.last) == (later(0), later(24 * 30 - 1))
    assert not watch.profiles[AOR].networks.knows("198.51.100.0/24", 30_000)


def test_a_false_alarm_is_usual_from_then_on():
    watch = world(*weeks())
    odd = register(later(9), "198.51.100.7", "Soft 3.0", "RO")
    (alert,) = take(watch, [odd])
    watch.judge(msgspec.structs.replace(alert, state=State.FALSE_ALARM), "main")
    assert take(watch, [register(later(33), "198.51.100.7", "Soft 3.0", "RO")]) == []


def test_a_confirmed_alert_stays_unusual():
    watch = world(*weeks())
    (alert,) = take(watch, [register(later(9), "198.51.100.7", "Soft 3.0", "RO")])
    watch.judge(msgspec.structs.replace(alert, state=State.CONFIRMED), "main")
    (again,) = take(watch, [register(later(8 * 24), "198.51.100.7", "Soft 3.0", "RO")])
    assert again.id != alert.id, "after a week of quiet it is news"


def test_guesses_and_then_a_success_count_from_the_first_day_on():
    events = [refused(START + index) for index in range(6)]
    found = take(Watch(Settings()), [*events, register(START + 60, "203.0.113.9", "guesser")])
    assert [alert.rule for alert in found] == ["unusual-sign-in"]
    assert "after 6 wrong passwords from there" in found[0].now


def test_a_cold_start_is_quiet_but_for_what_costs_money():
    watch = Watch(Settings())
    assert take(watch, [register(START), register(START + 60, "198.51.100.7", "Soft 3.0"), call("+442079460123")]) == []
    (premium,) = take(watch, [call("+19005550123", START + 120)])
    assert (premium.rule, premium.severity) == ("premium-call", Severity.HIGH)
    fraud = [call("+5352612345", START + 300 + index * 60, call_id=f"f{index}") for index in range(16)]
    assert "call-volume" in {alert.rule for alert in take(watch, fraud)}


def test_minutes_abroad_are_counted_from_the_answer_to_the_end():
    watch = Watch(Settings())
    ids = [f"f{index}" for index in range(4)]
    events = [call("+5352612345", START + index * 4000, call_id=each) for index, each in enumerate(ids)]
    for index, each in enumerate(ids):
        events.append(Event(START + index * 4000 + 100, Kind.ANSWERED, call_id=each))
        events.append(Event(START + index * 4000 + 3700, Kind.ENDED, call_id=each))
    (alert,) = take(watch, sorted(events, key=lambda event: event.at))
    assert alert.subject == AOR
    assert "240 minutes abroad within a day" in alert.now


def test_a_country_that_colleagues_call_is_not_new():
    bobs = [call("+442079460123", START + day * DAY, "bob@contoso.example", f"b{day}") for day in range(14)]
    history = sorted([*weeks(), *bobs], key=lambda event: event.at)
    assert take(world(*history), [call("+442079460124", later(10))]) == []
    (alert,) = take(world(*history), [call("+390645678901", later(10))])
    assert (alert.rule, alert.severity) == ("new-country", Severity.NOTICE)
    assert alert.usual == "it calls US, and nobody here calls IT"


def test_calls_without_registering_are_weighed_as_sign_ins():
    odd = msgspec.structs.replace(call("+12065550123", later(3)), address="198.51.100.7", client="sipcli")
    assert [alert.rule for alert in take(world(*weeks()), [odd])] == ["unusual-sign-in"]


def test_a_burst_of_wrong_passwords_is_one_alert_however_long():
    events = [refused(START + index * 2, address="") for index in range(1000)]
    (alert,) = take(Watch(Settings()), events)
    assert (alert.rule, alert.count) == ("failures", 976)


def test_one_network_and_many_accounts_is_a_spray_and_many_networks_a_wide_one():
    spray = [refused(START + index, f"u{index}@contoso.example") for index in range(10)]
    assert {alert.rule for alert in take(Watch(Settings()), spray)} == {"password-spray"}
    wide = [refused(START + index, f"u{index}@contoso.example", f"203.0.{index}.9") for index in range(20)]
    assert {alert.rule for alert in take(Watch(Settings()), wide)} == {"wide-spray"}


def test_names_that_nobody_has_are_a_scan():
    tries = [msgspec.structs.replace(refused(START + n, f"{n}@contoso.example"), known=False) for n in range(20)]
    (alert,) = take(Watch(Settings()), tries)
    assert (alert.subject, alert.rule) == ("network:203.0.113.0/24", "scan")


def test_exports_are_measured_by_what_is_usual():
    nightly = [Event(START + day * DAY, Kind.EXPORT, "account:backup", count=400) for day in range(14)]
    watch = world(*nightly)
    assert take(watch, [Event(later(), Kind.EXPORT, "account:backup", count=450)]) == []
    assert [a.rule for a in take(watch, [Event(later(24), Kind.EXPORT, "account:backup", count=5000)])] == [
        "bulk-export"
    ]


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("+19005550123", "US premium"),
        ("+37190112345", "LV premium"),
        ("+88213212345", "+882 premium"),
        ("+12425551234", "BS"),
        ("+442079460123", "GB"),
        ("+999123", "+999"),
    ],
)
def test_where_a_number_is(number: str, told: str):
    assert str(destination_of(number)) == told


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("Yealink SIP-T46S 66.85.0.5", "yealink sip-t46s"),
        ("Yealink SIP-T46S 66.86.0.15", "yealink sip-t46s"),
        ("snomD785/10.1.54.13", "snomd785"),
        ("PolyEdge-E350-UA/8.1.1 64167f0a1b2c", "polyedge-e350-ua"),
        ("", "(none)"),
    ],
)
def test_a_client_is_the_same_after_an_update(agent: str, told: str):
    assert client_of(agent) == told


def test_networks():
    assert network_of("192.0.2.7") == network_of("::ffff:192.0.2.99") == "192.0.2.0/24"
    assert network_of("[2001:db8:1:2::3]") == "2001:db8:1::/48"
    assert network_of("nonsense") == ""


_events = st.builds(
    Event,
    at=st.floats(0, 3e8),
    kind=st.sampled_from(list(Kind)),
    account=st.sampled_from([AOR, "bob@contoso.example", "account:admin", ""]),
    known=st.booleans(),
    address=st.sampled_from(["", "192.0.2.1", "2001:db8::1", "x"]) | st.ip_addresses().map(str),
    country=st.sampled_from(["", "US", "RO", "FR"]),
    client=st.text(max_size=30),
    number=st.sampled_from(["+19005550123", "+5352612345", "+12065550123", "+1", "+999999"]),
    own_number=st.sampled_from(["", "+14255550101"]),
    call_id=st.sampled_from(["", "a", "b", "c"]),
    count=st.integers(0, 10_000),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_events, max_size=80), st.booleans())
def test_whatever_comes_it_is_looked_at_alike_and_a_profile_stays_small(events: list[Event], ordered: bool):
    events = sorted(events, key=lambda event: event.at) if ordered else events
    one, other = Watch(Settings()), Watch(Settings())
    assert take(one, events) == take(other, events)
    for name, profile in one.profiles.items():
        raw = msgspec.msgpack.encode(profile)
        assert raw == msgspec.msgpack.encode(other.profiles[name])
        assert msgspec.msgpack.encode(msgspec.msgpack.decode(raw, type=Profile)) == raw


def test_a_profile_is_bounded_whatever_strangers_send():
    watch = Watch(Settings())
    for number in range(3000):
        address, client = f"{number % 200 + 1}.{number // 200}.1.1", f"{'abcdefgh'[number % 8] * 300}{number:x}"
        at = START + number * 700
        take(
            watch,
            [
                register(at, address, client),
                refused(at, address=address),
                call(f"+{number % 90 + 10}12345678", at, call_id=f"c{number}"),
            ],
        )
    assert len(msgspec.msgpack.encode(watch.profiles[AOR])) < 16_000


def test_thresholds_are_the_sites_to_set_and_by_default_those_that_the_figures_are_of():
    assert thresholds_of(None) == Thresholds()
    busy = Watch(Settings(thresholds=thresholds_of(ThresholdsSection(abroad_calls=40, abroad_at_once=30))))
    calls = [call("+442071838750", START + n, call_id=f"c{n}") for n in range(25)]
    assert "call-volume" in {alert.rule for alert in take(Watch(Settings()), calls)}
    assert "call-volume" not in {alert.rule for alert in take(busy, calls)}


def test_an_alert_names_the_device_that_did_it():
    used = msgspec.structs.replace(call("+19005550123", START), device="dev0000000000.2")
    (alert,) = take(Watch(Settings()), [used])
    assert alert.evidence["device"] == ["dev0000000000"]
