"""Where a device is: each line of the order, and what is said of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.emergency import rules
from isthmus.emergency.compiled import TenantMap, compiled
from isthmus.emergency.model import Choice, Element, Known, NetworkElement, Settings, Source
from isthmus.policy.kinds import KINDS
from tests.emergency.addresses import place, us

NAMES = ("port3", "switch2", "air4", "net1", "home5", "policy6", "default7")
PLACES = [place(name, default=name == "default7", elins=("+14255550190",) if name == "net1" else ()) for name in NAMES]
PARTS = [
    NetworkElement("main", Element.PORT, "00:1a:2b:3c:4d:5e", "port3", "Gi1/0/12"),
    NetworkElement("main", Element.SWITCH, "00:1a:2b:3c:4d:5e", "switch2"),
    NetworkElement("main", Element.BSSID, "aa:bb:cc:dd:ee:f*", "air4"),
    NetworkElement("main", Element.SUBNET, "10.1.0.0/16", "net1"),
]
MAP = compiled(PLACES, PARTS)
CHOSEN = Choice("alice@contoso.example", "", "home5", confirmed_ms=1_800_000_000_000)
ALL = {
    "address": "10.1.2.3", "chassis": "001A.2B3C.4D5E", "port": "Gi1/0/12", "bssid": "AA-BB-CC-DD-EE-FF",
    "chosen": CHOSEN, "default": "policy6",
}  # fmt: skip


@pytest.mark.parametrize(
    ("unknown", "name", "source"),
    [
        ((), "port3", Source.PORT),
        (("port",), "switch2", Source.SWITCH),
        (("port", "chassis"), "air4", Source.BSSID),
        (("port", "chassis", "bssid"), "net1", Source.SUBNET),
        (("port", "chassis", "bssid", "address"), "home5", Source.CHOSEN),
        (("port", "chassis", "bssid", "address", "chosen"), "policy6", Source.POLICY),
        (("port", "chassis", "bssid", "address", "chosen", "default"), "default7", Source.DEFAULT),
    ],
)
def test_the_most_exact_that_is_known_decides(unknown: tuple[str, ...], name: str, source: Source):
    found = rules.located(MAP, Known(**{key: value for key, value in ALL.items() if key not in unknown}))
    assert found.place is not None
    assert (found.place.name, found.source) == (name, source)
    assert name in found.why[-1]


def test_nothing_known_and_no_default():
    found = rules.located(compiled(PLACES[:3], []), Known(address="192.0.2.1"))
    assert (found.place, found.source) == (None, Source.NOTHING)
    assert found.why == (
        "address 192.0.2.1: leads to no place",
        "nothing leads to a place, and the tenant has no default place at this site",
    )


def test_every_step_is_told():
    known = Known("192.0.2.1", "sw-unknown", "7", "00:00:00:00:00:01", None, "gone")
    assert rules.located(MAP, known).why == (
        "port 7 of switch sw-unknown: leads to no place",
        "switch sw-unknown: leads to no place",
        "access point 00:00:00:00:00:01: leads to no place",
        "address 192.0.2.1: leads to no place",
        "the policy names gone: leads to no place",
        "the default of the tenant: default7",
    )


def test_two_phones_of_one_person_are_found_at_two_places():
    at_work, at_home = Known("10.1.2.3", chosen=CHOSEN), Known("198.51.100.7", chosen=CHOSEN)
    places = [rules.located(MAP, each).place for each in (at_work, at_home)]
    assert [each and each.name for each in places] == ["net1", "home5"]


def test_somebody_at_home_is_at_the_address_they_gave():
    own = Choice("alice@contoso.example", "", "", us(UNIT="4"), confirmed_ms=1_800_000_000_000)
    found = rules.located(MAP, Known("198.51.100.7", chosen=own))
    assert found.place is not None
    assert (found.place.civic, found.source, found.confirmed_ms) == (us(UNIT="4"), Source.CHOSEN, 1_800_000_000_000)
    assert found.why[-1] == "chosen by alice@contoso.example, confirmed 2027-01-15: an address of their own"


def test_a_choice_for_the_device_beats_one_for_the_person():
    general, special = CHOSEN, Choice("alice@contoso.example", "dev1", "net1")
    assert rules.chosen([general, special], "dev1") == special
    assert rules.chosen([general, special], "dev2") == general
    assert rules.chosen([special], "dev2") is None


def test_a_switch_that_is_known_covers_its_ports_that_are_not():
    found = rules.located(MAP, Known(chassis="00:1a:2b:3c:4d:5e", port="Gi1/0/99"))
    assert found.source is Source.SWITCH


@given(st.builds(Known, st.text(max_size=40), st.text(max_size=40), st.text(max_size=10), st.text(max_size=30)))
def test_whatever_a_device_reports_the_call_has_a_place(known: Known):
    assert rules.located(MAP, known).place is not None
    assert rules.located(TenantMap(), known).place is None


def test_who_is_lent_a_number():
    pool, none = PLACES[3], PLACES[0]
    assert not rules.wants_elin(Settings(), pool, "")
    by_elin = Settings(send="elin")
    assert rules.wants_elin(by_elin, pool, "")
    assert not rules.wants_elin(by_elin, pool, "+14255550101")
    assert rules.wants_elin(Settings(send="elin", elin_for="everybody"), pool, "+14255550101")
    assert not rules.wants_elin(by_elin, none, "")
    assert not rules.wants_elin(by_elin, None, "")


def test_the_defaults_are_those_of_the_policies():
    assert rules.settings_over(Settings(), KINDS["emergency"].defaults()) == Settings()
    assert {each.name for each in KINDS["emergency"].settings} == set(Settings.__struct_fields__)


def test_a_call_finds_what_a_question_finds():
    """All that a call asks: the person's choice and the place's own policy come from the map."""
    places = [place("home5", policy="floor"), place("hq", policy="gone")]
    where = compiled(places, [], {"floor": {"desk": "the floor's"}, "other": {}}, {"alice@contoso.example": (CHOSEN,)})
    assert set(where.policies) == {"floor"}
    found = rules.found(where, Known("192.0.2.1"), Settings(desk="mine", place="hq"), aor="alice@contoso.example")
    assert (found.located.source, found.settings.desk) == (Source.CHOSEN, "the floor's")
    found = rules.found(where, Known("192.0.2.1"), Settings(desk="mine", place="hq"), aor="bob@contoso.example")
    assert (found.located.source, found.settings.desk) == (Source.POLICY, "mine")


def test_the_test_number_is_the_policys_alone():
    assert rules.is_test("933", Settings(test_number="933"))
    assert not rules.is_test("", Settings())
    assert not rules.is_test("911", Settings(test_number="933"))
