"""Places as documents that go with a call: PIDF-LO (RFC 4119, RFC 5139, RFC 5491) and its headers (RFC 6442). Pure.

The place is a device's, so it stands in `device`. An address and a point describe the same place in two ways, so each
has an element of its own (RFC 5491 section 3); the address comes first, which says that it counts for more: it is
what those go by who come.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
from lxml import etree

from isthmus.emergency.civic import ELEMENTS
from isthmus.emergency.model import Civic, Located, Point, Source
from isthmus.errors import UsageError

TYPE = "application/pidf+xml"
_PIDF = "urn:ietf:params:xml:ns:pidf"
_DATA_MODEL = "urn:ietf:params:xml:ns:pidf:data-model"
_GEOPRIV = "urn:ietf:params:xml:ns:pidf:geopriv10"
_POLICY = "urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy"
_CIVIC = "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"
_GML = "http://www.opengis.net/gml"
_NAMES = {None: _PIDF, "dm": _DATA_MODEL, "gp": _GEOPRIV, "gbp": _POLICY, "ca": _CIVIC, "gml": _GML}
_WGS84 = "urn:ogc:def:crs:EPSG::4326"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_INFO = f".//{{{_GEOPRIV}}}location-info"
_BOUNDARY = re.compile(rb"[0-9a-f]{32}")
_MOST_BYTES = 64 * 1024
_DEVICES = uuid.UUID("6d2f5c3e-6d0e-5f5a-9a55-2f0f3c9b1a11")  # names within which devices have ids of their own
# How it was found out, of the registry of method tokens (RFC 4119 section 6.1).
_METHODS = {
    Source.PORT: "Wiremap",
    Source.SWITCH: "Wiremap",
    Source.BSSID: "802.11",
    Source.SUBNET: "Derived",
    Source.CHOSEN: "Manual",
    Source.POLICY: "Manual",
    Source.DEFAULT: "Manual",
}


class Document(msgspec.Struct, frozen=True):
    """What a PIDF-LO says. entity: whose, as `pres:alice@contoso.example`. method: a token. at_s: Unix seconds."""

    entity: str
    civic: Civic | None
    point: Point | None
    method: str = ""
    at_s: int = 0


def of_call(found: Located, aor: str, at_s: int) -> Document | None:
    """The document of a call; None where nobody knows the place."""
    if found.place is None:
        return None
    return Document(f"pres:{aor}", found.place.civic, found.place.point, _METHODS[found.source], at_s)


def written(document: Document) -> bytes:
    """The XML, UTF-8. It may be passed on (RFC 4119 section 2.2.4): the emergency centre hands it to who comes."""
    at = datetime.fromtimestamp(document.at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    root = etree.Element(_name(_PIDF, "presence"), nsmap=_NAMES, entity=document.entity)
    if document.civic is not None:
        address = _child(_location(root, "address", document, at), _CIVIC, "civicAddress")
        address.set(_LANG, "und")
        _child(address, _CIVIC, "country", document.civic.country)
        for name, text in document.civic.elements:
            _child(address, _CIVIC, name, text)
    if document.point is not None:
        point = _child(_location(root, "point", document, at), _GML, "Point")
        point.set("srsName", _WGS84)
        _child(point, _GML, "pos", f"{document.point.latitude:.6f} {document.point.longitude:.6f}")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _location(root: Any, id_: str, document: Document, at: str) -> Any:
    """A device with the place to be; returns what the place is to be put into."""
    device = _child(root, _DATA_MODEL, "device")
    device.set("id", id_)
    geopriv = _child(device, _GEOPRIV, "geopriv")
    info = _child(geopriv, _GEOPRIV, "location-info")
    rules = _child(geopriv, _GEOPRIV, "usage-rules")
    _child(rules, _POLICY, "retransmission-allowed", "yes")
    if document.method:
        _child(geopriv, _GEOPRIV, "method", document.method)
    _child(device, _DATA_MODEL, "deviceID", f"urn:uuid:{uuid.uuid5(_DEVICES, document.entity)}")
    _child(device, _DATA_MODEL, "timestamp", at)
    return info


def read(raw: bytes) -> Document:
    """What a PIDF-LO says, of whoever wrote it: the first address and the first point in it.

    Raises UsageError for what is none. No DTD, no entities, nothing from elsewhere; what it says is text, and believed
    by nobody: a civic address is not checked here.
    """
    root = _parsed(raw)
    geopriv = root.find(f".//{_name(_GEOPRIV, 'geopriv')}")
    if root.tag != _name(_PIDF, "presence") or geopriv is None:
        raise UsageError("the document says no location", where="PIDF-LO")
    civic, point = _read_civic(root), _read_point(root)
    if civic is None and point is None:
        raise UsageError("the document has neither a civic address nor a point", where="PIDF-LO")
    return Document(
        root.get("entity", ""), civic, point, _text(geopriv, _GEOPRIV, "method"), _read_time(geopriv.getparent())
    )


def headers(content_id: str) -> tuple[tuple[str, str], ...]:
    """The headers that lead to the document in the body (RFC 6442 sections 4.1, 4.2). content_id: without `<>`."""
    return (("Geolocation", f"<cid:{content_id}>"), ("Geolocation-Routing", "yes"))


def multipart(boundary: str, sdp: bytes, document: bytes, content_id: str) -> bytes:
    """The body of the INVITE: its SDP, and the document by reference (RFC 5621 section 3.1, RFC 6442 section 5.1).

    Its Content-Type is `multipart/mixed;boundary=BOUNDARY`. Raises UsageError for a boundary that stands in a part.
    """
    mark = boundary.encode("ascii")
    if mark in sdp or mark in document:
        raise UsageError("the boundary stands in the body itself")
    disposition = b"Content-Disposition: by-reference;handling=optional\r\n"
    parts = (
        (b"Content-Type: application/sdp\r\n", sdp),
        (f"Content-Type: {TYPE}\r\nContent-ID: <{content_id}>\r\n".encode("ascii") + disposition, document),
    )
    return b"".join(b"--%b\r\n%b\r\n%b\r\n" % (mark, head, part) for head, part in parts) + b"--%b--\r\n" % mark


def sdp_of(content_type: str, body: bytes) -> bytes:
    """The SDP in a body that `multipart` made; empty where there is none."""
    kind, _, boundary = content_type.partition(";boundary=")
    mark = boundary.strip().encode("ascii", "replace")
    if kind.strip().lower() != "multipart/mixed" or _BOUNDARY.fullmatch(mark) is None:
        return b""
    for part in body.split(b"--" + mark)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        if head.strip().lower() == b"content-type: application/sdp":
            return content.removesuffix(b"\r\n")
    return b""


def _parsed(raw: bytes) -> Any:
    if len(raw) > _MOST_BYTES:
        raise UsageError(f"the document is larger than {_MOST_BYTES} bytes", where="PIDF-LO")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        collect_ids=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise UsageError("the document is no well-formed XML", where="PIDF-LO") from None
    if root.getroottree().docinfo.internalDTD is not None or root.getroottree().docinfo.doctype:
        raise UsageError("the document has a DTD", where="PIDF-LO")
    return root


def _read_civic(root: Any) -> Civic | None:
    address = root.find(f"{_INFO}/{_name(_CIVIC, 'civicAddress')}")
    if address is None:
        return None
    said = {name: text for name in ELEMENTS if (text := _text(address, _CIVIC, name))}
    return Civic(_text(address, _CIVIC, "country"), tuple(said.items()))


def _read_point(root: Any) -> Point | None:
    point = root.find(f"{_INFO}/{_name(_GML, 'Point')}")
    if point is None:
        return None
    try:
        latitude, longitude = map(float, _text(point, _GML, "pos").split()[:2])
    except ValueError:
        raise UsageError("its point is none", where="PIDF-LO") from None
    if not (-90.0 <= latitude <= 90.0 and -180.0 <= longitude <= 180.0):
        raise UsageError("its point is not on the earth", where="PIDF-LO")
    return Point(latitude, longitude)


def _read_time(device: Any) -> int:
    text = _text(device, _DATA_MODEL, "timestamp") or _text(device, _PIDF, "timestamp")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def _child(parent: Any, space: str, name: str, text: str | None = None) -> Any:
    made = etree.SubElement(parent, _name(space, name))
    made.text = text
    return made


def _text(parent: Any, space: str, name: str) -> str:
    if parent is None:
        return ""
    return " ".join((parent.findtext(_name(space, name)) or "").split())


def _name(space: str, name: str) -> str:
    return f"{{{space}}}{name}"
