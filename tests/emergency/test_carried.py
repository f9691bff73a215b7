"""What one site tells the other of an emergency call, and what the other makes of it."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.emergency import carried, rules
from isthmus.emergency.carried import Carried
from isthmus.emergency.compiled import TenantMap, compiled
from isthmus.emergency.model import Choice, Civic, Element, Known, NetworkElement, Point, Settings, Source
from tests.emergency.addresses import place, us

ALICE = "alice@contoso.example"
FLOOR = NetworkElement("main", Element.SUBNET, "10.1.3.0/24", "hq3")
POINT = NetworkElement("main", Element.BSSID, "00:1a:2b:3c:4d:5e", "hq4")


def site(*parts: NetworkElement, **more: object) -> TenantMap:
    return compiled([place("hq3"), place("hq4"), place("lobby", default=True)], parts, **more)  # type: ignore[arg-type]


def told_by(where: TenantMap, known: Known, settings: Settings = Settings(), **more: object) -> Carried:  # noqa: B008
    """As the other site reads what a site with this map tells."""
    found = rules.found(where, known, settings, aor=ALICE)
    read = carried.read(carried.written(carried.of_call(known, found, **more)))  # type: ignore[arg-type]
    assert read is not None
    return read


def taken(told: Carried, where: TenantMap) -> tuple[str, Source, bool]:
    """Name and source of the place that a site with this map takes it for, and whether it was found there."""
    found, here = carried.found(told, where, Settings(), aor=ALICE)
    at = found.located.place
    return (at.name if at is not None else "", found.located.source, here)


def test_the_place_that_the_site_of_the_phone_found():
    told = told_by(site(FLOOR), Known("10.1.3.20"))
    assert taken(told, site()) == ("hq3", Source.SUBNET, False)
    found, _ = carried.found(told, site(), Settings(), aor=ALICE)
    assert found.located.place is not None
    assert found.located.place.civic == us(FLR="3")
    assert found.located.why == ("address 10.1.3.20: hq3 (by 10.1.3.0/24)",)


def test_the_site_of_the_trunk_knows_the_building():
    told = told_by(TenantMap(), Known("10.1.3.20"))
    assert told.source is Source.NOTHING
    assert taken(told, site(FLOOR)) == ("hq3", Source.SUBNET, True)


def test_the_more_exact_of_both_is_right_and_of_two_alike_that_of_the_phones_site():
    known = Known("10.1.3.20", bssid="00:1a:2b:3c:4d:5e")
    assert taken(told_by(site(FLOOR), known), site(POINT)) == ("hq4", Source.BSSID, True)
    assert taken(told_by(site(POINT), known), site(FLOOR)) == ("hq4", Source.BSSID, False)
    other = NetworkElement("main", Element.SUBNET, "10.1.3.0/24", "hq4")
    assert taken(told_by(site(FLOOR), known), site(other)) == ("hq3", Source.SUBNET, False)


def test_what_the_person_chose_at_home_counts_before_the_default_of_the_phones_site():
    told = told_by(site(), Known("198.51.100.7"))
    assert told.source is Source.DEFAULT
    home = site(choices={ALICE: (Choice(ALICE, civic=us(UNIT="4")),)})
    assert taken(told, home) == ("", Source.CHOSEN, True)


def test_the_default_place_of_a_site_is_for_its_own_phones():
    assert taken(told_by(TenantMap(), Known("198.51.100.7")), site()) == ("", Source.NOTHING, False)


def test_what_is_in_force_where_the_phone_is_goes_along():
    told = told_by(site(FLOOR), Known("10.1.3.20"), Settings(send="none"))
    assert (told.source, told.civic, told.send) == (Source.NOTHING, None, "none")
    found, here = carried.found(told, site(), Settings(), aor=ALICE)
    assert (here, found.settings.send, found.located.place) == (False, "none", None)


def test_a_number_that_was_lent_and_a_phones_own_word_are_told():
    told = told_by(site(FLOOR), Known("10.1.3.20"), device="desk", lent="+14255550190", own_word=True)
    assert (told.device, told.lent, told.own_word) == ("desk", "+14255550190", True)


def test_of_what_is_found_and_what_was_told_the_more_exact_is_right():
    home = site(choices={ALICE: (Choice(ALICE, civic=us(UNIT="4"), confirmed_ms=7),)})
    told = told_by(home, Known("198.51.100.7"))
    by_default = rules.located(site(), Known("198.51.100.7"))
    sharper = carried.sharper(by_default, told)
    assert (sharper.source, sharper.confirmed_ms) == (Source.CHOSEN, 7)
    by_subnet = rules.located(site(FLOOR), Known("10.1.3.20"))
    assert carried.sharper(by_subnet, told) == by_subnet == carried.sharper(by_subnet, None)


def test_what_somebody_chose_is_spelt_out_for_the_site_of_their_phone():
    chosen = (
        Choice(ALICE, civic=us(UNIT="4"), confirmed_ms=7),
        Choice(ALICE, "desk", "hq3", confirmed_ms=8),
        Choice(ALICE, "lab", "no-more", confirmed_ms=9),
    )
    read = carried.read_choices(carried.written_choices(chosen, site()), ALICE)
    assert read == (chosen[0], Choice(ALICE, "desk", civic=us(FLR="3"), confirmed_ms=8))
    assert carried.written_choices((), site()) == ""


@pytest.mark.parametrize("value", ["", "!", "aGVsbG8=", "é", "A" * (carried.LONGEST + 4)])
def test_choices_that_can_not_be_read_are_none(value: str):
    assert carried.read_choices(value, ALICE) == ()


def test_a_peer_says_what_the_one_who_registers_chose_and_of_nobody_else():
    other = Choice("bob@contoso.example", "desk\r\n", "hq3", us(), confirmed_ms=10**18)
    raw = base64.urlsafe_b64encode(msgspec.json.encode([other] * 20)).decode()
    read = carried.read_choices(raw, ALICE)
    assert len(read) == 8
    assert read[0] == Choice(ALICE, "desk", "", us(), None, 253_402_300_799_000)


def header(**more: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(more)).decode()


@pytest.mark.parametrize(
    "value",
    ["", "!", "aGVsbG8=", header(address=7), header(source="guessed"), "A" * (carried.LONGEST + 4), "é"],
)
def test_what_can_not_be_read_says_nothing(value: str):
    assert carried.read(value) is None


def test_parts_that_can_not_be_true_are_left_out():
    told = carried.read(
        header(
            address="10.1.3.20; drop",
            bssid="nowhere",
            source="subnet",
            civic=["us", []],
            point=[91.0, 200.0],
            lent="911",
            minutes=10**9,
            send="everything",
            device="a\r\nX-Isthmus-Epoch: 9",
        )
    )
    assert told is not None
    assert told == Carried(send="none", device="aX-Isthmus-Epoch: 9", minutes=1440)


def test_an_address_is_cut_to_its_form():
    told = carried.read(header(source="subnet", civic=["US", [["RD", "Main\x00" + "a" * 500], ["XYZ", "1"]]]))
    assert told is not None
    assert told.civic == Civic("US", (("RD", "Main" + "a" * 96),))


def test_what_would_be_too_long_goes_without_the_place():
    long = Civic("US", tuple((name, "ä" * 100) for name in ("A1", "A2", "A3", "A4", "A5", "A6", "RD", "LMK", "LOC")))
    big = Carried("10.1.3.20", civic=long, source=Source.SUBNET, why=("ä" * 200,) * 10, device="desk")
    assert carried.read(carried.written(big)) == Carried("10.1.3.20", device="desk")


@given(st.text(max_size=200) | st.binary(max_size=300).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_nothing_breaks_it(value: str):
    assert carried.read(value) is None or isinstance(carried.read(value), Carried)


def test_points_go_along():
    told = carried.read(header(source="subnet", point=[47.6, -122.3]))
    assert told is not None
    assert told.point == Point(47.6, -122.3)
