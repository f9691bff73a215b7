"""PIDF-LO: what is written is read back, as the schemas want it, and hostile documents are refused."""

from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from isthmus.emergency import pidflo
from isthmus.emergency.model import Located, Place, Point, Source
from isthmus.emergency.pidflo import Document
from isthmus.errors import UsageError
from tests.emergency.addresses import civics, points, us

ENTITY = "pres:alice@contoso.example"
WHOLE = Document(ENTITY, us(FLR="3"), Point(47.64, -122.13), "802.11", 1_800_000_000)
NAMES = {
    "p": "urn:ietf:params:xml:ns:pidf", "dm": "urn:ietf:params:xml:ns:pidf:data-model",
    "gp": "urn:ietf:params:xml:ns:pidf:geopriv10", "ca": "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr",
    "gml": "http://www.opengis.net/gml",
}  # fmt: skip


@given(
    st.builds(
        Document, st.just(ENTITY), civics, st.none() | points, st.sampled_from(["", "Manual"]), st.integers(1, 2**31)
    )
)
def test_what_is_written_is_read_back(document: Document):
    assert pidflo.read(pidflo.written(document)) == document


def test_an_address_and_a_point_have_an_element_each_and_the_address_counts_for_more():
    root = etree.fromstring(pidflo.written(WHOLE))
    devices = root.findall("dm:device", NAMES)
    assert [each.get("id") for each in devices] == ["address", "point"]
    paths = ["gp:geopriv/gp:location-info/ca:civicAddress", "gp:geopriv/gp:location-info/gml:Point"]
    assert [each.find(path, NAMES) is not None for each, path in zip(devices, paths, strict=True)] == [True, True]
    assert [child.tag.rpartition("}")[2] for child in devices[0]] == ["geopriv", "deviceID", "timestamp"]
    assert len({each.findtext("dm:deviceID", None, NAMES) for each in devices}) == 1
    assert root.findtext(".//gml:pos", None, NAMES) == "47.640000 -122.130000"
    assert root.findtext(".//dm:timestamp", None, NAMES) == "2027-01-15T08:00:00Z"


def test_the_elements_of_an_address_are_in_the_schemas_order():
    address = etree.fromstring(pidflo.written(WHOLE)).find(".//ca:civicAddress", NAMES)
    assert [child.tag.rpartition("}")[2] for child in address] == [
        "country", "A1", "A3", "RD", "STS", "HNO", "FLR", "PC",
    ]  # fmt: skip


def test_what_a_call_says_of_how_it_was_found():
    place = Place("main", "hq", us())
    made = pidflo.of_call(Located(place, Source.BSSID), "alice@contoso.example", 5)
    assert made == Document(ENTITY, us(), None, "802.11", 5)
    assert pidflo.of_call(Located(None, Source.NOTHING), "alice@contoso.example", 5) is None
    for source in set(Source) - {Source.NOTHING}:
        assert pidflo.of_call(Located(place, source), "alice@contoso.example", 5) is not None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no xml",
        b"<presence/>",
        b'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:a@b"/>',
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>' + b"<presence>&b;</presence>",
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><presence/>',
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><presence>&e;</presence>',
        b"<a>" * 5000 + b"</a>" * 5000,
        b"<presence>" + b" " * 70_000 + b"</presence>",
        pidflo.written(WHOLE).replace(b"47.640000", b"147.64"),
        pidflo.written(WHOLE).replace(b"47.640000 -122.130000", b"here"),
        pidflo.written(WHOLE).replace(b"<presence", b"<!DOCTYPE presence><presence"),
    ],
)
def test_hostile_documents_are_refused(raw: bytes):
    with pytest.raises(UsageError):
        pidflo.read(raw)


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(raw: bytes):
    with pytest.raises(UsageError):
        pidflo.read(raw)


def test_what_others_write_is_read_too():
    """As RFC 4119 had it: in a tuple, with comments between."""
    raw = b"""<?xml version="1.0"?>
    <presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"
        xmlns:cl="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr" entity="pres:geotarget@example.com">
      <tuple id="sg89ae"><status><gp:geopriv><gp:location-info><!-- here -->
        <cl:civicAddress><cl:country>US</cl:country><cl:A1>New York</cl:A1><cl:HNO> 123 </cl:HNO></cl:civicAddress>
      </gp:location-info><gp:method>Manual</gp:method></gp:geopriv></status>
      <timestamp>2003-06-22T20:57:29Z</timestamp></tuple>
    </presence>"""
    read = pidflo.read(raw)
    assert (read.entity, read.method, read.point) == ("pres:geotarget@example.com", "Manual", None)
    assert read.civic is not None
    assert dict(read.civic.elements) == {"A1": "New York", "HNO": "123"}


def test_the_body_is_one_that_a_mime_parser_takes_apart():
    document, sdp = pidflo.written(WHOLE), b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
    body = pidflo.multipart("b1", sdp, document, "loc@contoso.example")
    message = email.message_from_bytes(
        b"Content-Type: multipart/mixed;boundary=b1\r\n\r\n" + body, policy=email.policy.SMTP
    )
    first, second = message.iter_parts()
    assert (first.get_content_type(), second.get_content_type()) == ("application/sdp", pidflo.TYPE)
    assert second["Content-ID"] == "<loc@contoso.example>"
    assert first.get_payload(decode=True).rstrip() == sdp.rstrip()
    assert pidflo.read(second.get_payload(decode=True)) == WHOLE
    assert dict(pidflo.headers("loc@contoso.example")) == {
        "Geolocation": "<cid:loc@contoso.example>", "Geolocation-Routing": "yes",
    }  # fmt: skip
    with pytest.raises(UsageError):
        pidflo.multipart("v=0", sdp, document, "x")
