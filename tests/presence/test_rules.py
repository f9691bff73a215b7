"""What a person's presence is made of, and what is seen of it."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import UsageError
from isthmus.presence import rules
from isthmus.presence.model import Availability, Chosen, Device, Known, Level, Published, Seen, State, Version

NOW = 1_800_000_000_000
ACTIVE, IDLE, TALKS = Seen(Device.ACTIVE), Seen(Device.IDLE), Seen(in_call=True)
PHONE = Seen(phone=True)
DND = Chosen(availability="do-not-disturb")

choices = st.builds(
    Chosen,
    availability=st.sampled_from(["", *rules.CHOICES]),
    until_ms=st.sampled_from([0, NOW - 1, NOW, NOW + 1]),
    out_of_office=st.booleans(),
    out_until_ms=st.sampled_from([0, NOW - 1, NOW + 1]),
)
places = st.sampled_from(["", "office", "hotel"])
published = st.builds(Published, st.sampled_from(Availability), st.sampled_from(["", "in the lab"]), places)
seens = st.builds(
    Seen,
    st.sampled_from(Device),
    st.booleans(),
    st.lists(published, max_size=2).map(tuple),
    st.sampled_from([0, NOW - 1, NOW + 1]),
    st.booleans(),
)


def state(chosen: Chosen, *seen: Seen) -> State:
    return rules.merged(chosen, seen, NOW)


@pytest.mark.parametrize(
    ("seen", "availability"),
    [
        ((), "offline"),
        ((IDLE,), "away"),
        ((IDLE, ACTIVE), "available"),
        ((TALKS,), "busy"),
        ((Seen(published=(Published(Availability.BUSY),)), ACTIVE), "busy"),
        ((Seen(published=(Published(Availability.AVAILABLE),)), IDLE), "available"),
        ((PHONE,), "available"),
        ((Seen(), PHONE), "available"),
        ((PHONE, IDLE), "away"),
        ((PHONE, TALKS), "busy"),
        ((PHONE, Seen(published=(Published(Availability.AWAY),))), "away"),
        # Another client of theirs has ended; the phone would ring all the same.
        ((PHONE, Seen(published=(Published(Availability.OFFLINE),))), "available"),
    ],
)
def test_devices_and_calls_of_all_sites_make_the_state(seen: tuple[Seen, ...], availability: str):
    assert state(Chosen(), *seen).availability == availability


@pytest.mark.parametrize("chosen", rules.CHOICES)
def test_what_was_chosen_comes_first(chosen: Availability):
    assert state(Chosen(availability=chosen), ACTIVE, PHONE).availability is chosen


def test_who_talks_is_busy_though_they_chose_away():
    assert state(Chosen(availability="away"), TALKS) == State(Availability.BUSY, in_call=True, since_ms=NOW)


def test_who_wants_to_look_offline_is_not_seen_talking():
    assert not state(Chosen(availability="offline"), TALKS).in_call


def test_what_was_chosen_until_a_time_is_over_then():
    chosen = Chosen(availability="busy", until_ms=NOW + 1000, out_of_office=True, out_until_ms=NOW + 5000)
    assert rules.ends_ms(chosen, NOW) == NOW + 1000
    assert rules.merged(chosen, [ACTIVE], NOW + 999).availability == "busy"
    later = rules.merged(chosen, [ACTIVE], NOW + 1000)
    assert (later.availability, later.out_of_office) == ("available", True)
    assert not rules.merged(chosen, [ACTIVE], NOW + 5000).out_of_office


def test_where_somebody_is_they_say_themselves_and_else_their_clients_of_several_the_one_that_says_most():
    hotel = Seen(published=(Published(Availability.AWAY, place="hotel"),))
    office = Seen(published=(Published(Availability.AVAILABLE, place="office"),))
    gone = Seen(published=(Published(Availability.OFFLINE, place="home"),))
    assert state(Chosen(), hotel, office, gone, TALKS).location == "office"
    assert state(Chosen(location="Room 5"), office).location == "Room 5"
    assert state(Chosen(), gone).location == state(Chosen(), PHONE).location == ""


def test_since_is_when_the_availability_changed():
    first = rules.merged(Chosen(), [ACTIVE], NOW)
    noted = rules.merged(Chosen(note="hello"), [ACTIVE], NOW + 5, first)
    assert noted.since_ms == NOW
    assert rules.merged(Chosen(), [IDLE], NOW + 9, noted).since_ms == NOW + 9


@given(choices, st.lists(seens, max_size=3))
def test_the_order_of_sites_is_of_no_matter(chosen: Chosen, seen: list[Seen]):
    found = [rules.merged(chosen, each, NOW) for each in itertools.permutations(seen)]
    assert len({(each.availability, each.location) for each in found}) == 1


@given(choices, st.lists(seens, max_size=3), seens)
def test_one_more_device_never_makes_anybody_unreachable(chosen: Chosen, seen: list[Seen], more: Seen):
    if rules.merged(chosen, seen, NOW).availability is not Availability.OFFLINE:
        assert rules.merged(chosen, [*seen, more], NOW).availability is not Availability.OFFLINE


@given(choices, st.lists(seens, max_size=3))
def test_phones_are_quiet_only_while_do_not_disturb_is_seen(chosen: Chosen, seen: list[Seen]):
    if rules.is_quiet(chosen, seen, NOW):
        assert rules.merged(chosen, seen, NOW).availability is Availability.DO_NOT_DISTURB


def test_who_called_for_help_is_called_back():
    assert rules.is_quiet(DND, [ACTIVE], NOW)
    assert not rules.is_quiet(DND, [Seen(emergency_until_ms=NOW + 1)], NOW)


ALICE = Known(
    "p1",
    "alice@contoso.example",
    "contoso",
    "online",
    Version(1, 2, 3),
    State(Availability.BUSY, True, True, "with Bob", "Room 5", "Europe/Berlin", NOW),
    Level.AVAILABILITY,
    ("boss@contoso.example",),
)


def test_levels_say_who_sees_how_much():
    for asker, level in (("boss", Level.EVERYTHING), ("alice", Level.EVERYTHING), ("carol", Level.AVAILABILITY)):
        assert rules.level_for(ALICE, f"{asker}@contoso.example") is level
    everything, some, nothing = (rules.shown(ALICE, level) for level in Level)
    assert (everything["note"], everything["in_call"], everything["location"]) == ("with Bob", True, "Room 5")
    assert some["availability"] == "busy"
    assert nothing["availability"] == "unknown"
    for less in (some, nothing):
        assert not any(less[name] for name in ("note", "in_call", "out_of_office", "location", "time_zone"))
    assert nothing["since"] == 0


@given(st.sampled_from(Availability), st.booleans(), st.booleans(), st.text(max_size=5))
def test_who_shows_nothing_looks_alike_whatever_they_do(
    availability: Availability, in_call: bool, out: bool, note: str
):
    known = msgspec.structs.replace(ALICE, state=State(availability, in_call, out, note, since_ms=NOW))
    assert rules.shown(known, Level.NOTHING) == rules.shown(ALICE, Level.NOTHING)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"availability": "on-fire"}, "availability"),
        ({"availability": "available"}, "availability"),
        ({"until_ms": NOW - 1}, "until_ms"),
        ({"until_ms": NOW + 400 * 86_400_000}, "until_ms"),
        ({"note": "x" * 301}, "note"),
        ({"note": "\u202egnihton"}, "note"),
        ({"note": "a\0b"}, "note"),
        ({"location": "a\nb"}, "location"),
        ({"time_zone": "Mars/Phobos"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"exceptions": ["nobody"]}, "exceptions"),
        ({"trusted": ["+14255550100"]}, "trusted"),
        ({"trusted": [f"a{n}@contoso.example" for n in range(201)]}, "trusted"),
        ({"changed_ms": 5}, "changed_ms"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_can_not_be_chosen_is_refused(changes: dict[str, object], where: str):
    with pytest.raises(UsageError) as refused:
        rules.changed(Chosen(), changes, NOW)
    assert refused.value.where == where


@pytest.mark.parametrize("changes", [{"note": 5}, {"availability": None}, {"out_of_office": "yes"}, {"shows": "all"}])
def test_values_of_other_kinds_are_refused(changes: dict[str, object]):
    with pytest.raises(UsageError):
        rules.changed(Chosen(), changes, NOW)


def test_names_are_brought_to_their_one_form():
    wanted = rules.changed(Chosen(), {"exceptions": ["Boss@Contoso.Example", "+1 (425) 555-0100"]}, NOW)
    assert wanted.exceptions == ("boss@contoso.example", "+14255550100")
    assert wanted.changed_ms == NOW


def test_a_new_choice_has_no_end_of_the_former_one():
    before = Chosen(availability="busy", until_ms=NOW + 9)
    assert rules.changed(before, {"availability": "away"}, NOW).until_ms == 0
    assert rules.changed(before, {"note": "x"}, NOW).until_ms == NOW + 9


def test_what_clients_write_is_tidied_and_not_refused():
    assert rules.tidied("  in\r\na \u202emeeting\0 ") == "in a meeting"
    assert len(rules.tidied("x" * 5000)) == rules.LONGEST_NOTE
