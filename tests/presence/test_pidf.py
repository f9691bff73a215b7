"""Presence documents of SIP clients, friendly and hostile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from isthmus.errors import UsageError
from isthmus.presence import pidf
from isthmus.presence.model import Availability, Known, Level, Published, State, Version

# As baresip, and a client with RPID, write it.
PLAIN = b"""<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:alice@contoso.example">
 <tuple id="t1"><status><basic>%s</basic></status><note>at my desk</note></tuple></presence>"""
RICH = b"""<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:d="urn:ietf:params:xml:ns:pidf:data-model"
 xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:alice@contoso.example">
 <tuple id="t1"><status><basic>open</basic></status></tuple>
 <d:person id="p1"><r:activities>%s</r:activities></d:person></presence>"""


def known(availability: Availability, note: str = "", place: str = "") -> Known:
    state = State(availability, True, True, note, place, since_ms=1_800_000_000_000)
    return Known("p1", "alice@contoso.example", "contoso", "online", Version(1, 2, 3), state)


def test_open_and_closed_are_read_with_the_note():
    assert pidf.published(PLAIN % b"open") == Published(Availability.AVAILABLE, "at my desk")
    assert pidf.published(PLAIN % b"closed").availability is Availability.OFFLINE


@pytest.mark.parametrize(
    ("activity", "availability"),
    [
        (b"<r:busy/>", "busy"),
        (b"<r:on-the-phone/>", "busy"),
        (b"<r:meeting/>", "busy"),
        (b"<r:away/>", "away"),
        (b"<r:vacation/>", "away"),
        (b"<r:other>do-not-disturb</r:other>", "do-not-disturb"),
        (b"<r:other>gardening</r:other>", "available"),
        (b"<r:working/>", "available"),
    ],
)
def test_activities_are_read(activity: bytes, availability: str):
    assert pidf.published(RICH % activity).availability == availability


PLACED = b"""<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:d="urn:ietf:params:xml:ns:pidf:data-model"
 xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" xmlns:p="urn:ietf:params:xml:ns:location-type" xmlns:x="urn:example:mine"
 entity="sip:alice@contoso.example"><tuple id="t1"><status><basic>open</basic></status></tuple>
 <d:person id="p1">%s<d:note>in</d:note></d:person></presence>"""


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        (b"", ""),
        (b"<r:place-type><p:office/></r:place-type>", "office"),
        (b"<r:place-type><p:airport/><p:cafe/></r:place-type>", "airport, cafe"),
        (b"<r:place-type><r:other>Room 5</r:other></r:place-type>", "Room 5"),
        (b"<r:place-type><r:note>Room 5</r:note><p:office/></r:place-type>", "Room 5"),
        (b"<r:place-type/><r:place-type><p:hotel/></r:place-type>", "hotel"),
        (b"<r:place-type><p:on-fire/><x:office/><p:unknown/></r:place-type>", ""),
        (b"<r:place-type><r:other>\xe2\x80\xaea\nb</r:other></r:place-type>", "a b"),
        (b"<r:place-type><r:other>" + b"x" * 5000 + b"</r:other></r:place-type>", "x" * 100),
    ],
)
def test_places_are_read_as_far_as_they_can_be_shown(kind: bytes, place: str):
    assert pidf.published(PLACED % kind) == Published(Availability.AVAILABLE, "in", place)


BOMB = (
    b'<!DOCTYPE p [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>' + PLAIN.partition(b"?>")[2] % b"&b;"
)
FILE = b'<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + PLAIN.partition(b"?>")[2] % b"&a;"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"<presence>",
        b"<presence/>",
        b"\0" * 100,
        b'<presence xmlns="urn:example:else"/>',
        BOMB,
        FILE,
        b"<!DOCTYPE presence>" + PLAIN.partition(b"?>")[2] % b"open",
        PLAIN % (b"x" * pidf.MOST_BYTES),
        b'<presence xmlns="urn:ietf:params:xml:ns:pidf">' + b"<a>" * 300 + b"</a>" * 300 + b"</presence>",
        b'<presence xmlns="urn:ietf:params:xml:ns:pidf">' + b"<a/>" * 500 + b"</presence>",
    ],
    ids=[
        "none",
        "text",
        "cut",
        "no namespace",
        "zeros",
        "other",
        "bomb",
        "file",
        "doctype",
        "long",
        "deep",
        "wide",
    ],
)
def test_hostile_documents_are_refused(body: bytes):
    with pytest.raises(UsageError):
        pidf.published(body)


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(body: bytes):
    try:
        pidf.published(body)
    except UsageError:
        return


@pytest.mark.parametrize("availability", [each for each in Availability if each is not Availability.UNKNOWN])
def test_what_is_told_is_read_as_it_was_meant(availability: Availability):
    told = pidf.published(pidf.document(known(availability, "<&\" in 'XML'"), Level.EVERYTHING, current=True))
    # Who talks is on the phone, which is busy for a reader that knows no better.
    expected = Availability.BUSY if availability in (Availability.AVAILABLE, Availability.AWAY) else availability
    assert told == Published(expected, "<&\" in 'XML'")


@pytest.mark.parametrize("place", ["office", "train-station", "Room 5 <&>", "office, Berlin"])
def test_a_place_that_is_told_is_read_as_it_was_meant(place: str):
    told = pidf.document(known(Availability.AVAILABLE, place=place), Level.EVERYTHING, current=True)
    assert pidf.published(told).place == place


def test_a_place_is_told_by_its_type_where_it_has_one():
    assert b"<rpid:place-type><lt:office/></rpid:place-type>" in pidf.document(
        known(Availability.AVAILABLE, place="Office"), Level.EVERYTHING, current=True
    )
    assert b"place-type" not in pidf.document(known(Availability.AVAILABLE), Level.EVERYTHING, current=True)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), max_size=40))
def test_notes_can_not_break_out_of_the_document(note: str):
    root = etree.fromstring(pidf.document(known(Availability.BUSY, note), Level.EVERYTHING, current=True))
    assert [each.text or "" for each in root.iter("{*}note")] == ([note] if note else [])


def test_the_last_that_is_known_says_that_it_is_no_more():
    assert b"unknown" not in pidf.document(known(Availability.BUSY), Level.EVERYTHING, current=True)
    assert b"<rpid:unknown/>" in pidf.document(known(Availability.BUSY), Level.EVERYTHING, current=False)


def test_who_may_see_the_availability_alone_sees_no_reasons():
    told = pidf.document(known(Availability.AWAY, "at the dentist", "hospital"), Level.AVAILABILITY, current=True)
    assert b"<rpid:away/>" in told
    assert not any(word in told for word in (b"dentist", b"phone", b"out-of-office", b"place-type"))
