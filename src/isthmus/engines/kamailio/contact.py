"""Reading and rewriting the Contact of a dialog. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

from isthmus.sip.sealing import EDGES

_NAME_ADDR = re.compile(r'\s*((?:"(?:[^"\\]|\\.)*"|[^<",]*)\s*<)\s*([sS][iI][pP][sS]?:[^<>\s]+)\s*>\s*((?:;[^,]*)?)\s*')
_ADDR_SPEC = re.compile(r"\s*([sS][iI][pP][sS]?:[^<>\s;,?]+)((?:;[^,]*)?)\s*")
_SEAL = re.compile(r";isf=([A-Za-z0-9_-]*)")
_ROUTE_SEAL = re.compile(r";isd=([A-Za-z0-9_-]+)")
_RECEIVED_PARAMETER = re.compile(r";\s*received\b", re.IGNORECASE)
_FIRST_URI = re.compile(r"\s*(?:\"(?:[^\"\\]|\\.)*\"\s*|[^<\",]*)<([^<>]+)>")
_RECEIVED = re.compile(r";received=([^;>,]+)")


def with_flow(contact: str, seal: Callable[[str], str]) -> str | None:
    """A Contact value whose URI carries the sealed flow; None where `contact` is not one SIP address.

    seal: makes the seal, given the URI it has to be bound to (see `bound`).
    """
    match = _NAME_ADDR.fullmatch(contact)
    if match:
        head, uri, tail = match.groups()
    else:
        bare = _ADDR_SPEC.fullmatch(contact)
        if bare is None:
            return None
        head, uri, tail = "<", bare[1], bare[2]
    own = _without_seal(uri)
    return f"{head}{own};isf={seal(bound(own))}>{tail}"


def may_register(contacts: str) -> bool:
    """Whether a phone may register these Contacts (all of them, comma-separated).

    `received` as a parameter is how registrars copy bindings to one another: from a phone it would lead calls to any
    address. `*` stands alone (RFC 3261 section 10.2.2).
    """
    if _RECEIVED_PARAMETER.search(contacts):
        return False
    return "*" not in (part.strip() for part in contacts.split(",")) or contacts.strip() == "*"


def bound(uri: str) -> str:
    """The URI a seal is bound to. A GRUU (RFC 5627) leads somewhere by itself, and so a seal must be for it alone."""
    return uri if is_gruu(uri) else ""


def is_gruu(uri: str) -> bool:
    """Whether a URI says of itself that it is globally routable."""
    return ";gr" in uri and (";gr=" in uri or uri.endswith(";gr") or ";gr;" in uri)


def split_flow(uri: str) -> tuple[str, str]:
    """A Request-URI as (the phone's own URI, sealed flow), the latter empty where none is there."""
    match = _SEAL.search(uri)
    return (uri, "") if match is None else (_without_seal(uri), match[1])


def _without_seal(uri: str) -> str:
    return _SEAL.sub("", uri) if ";isf=" in uri else uri


def first_uri(route: str) -> str:
    """The first URI of a Route header's value, empty where there is none in angle brackets."""
    match = _FIRST_URI.match(route)
    return match[1] if match else ""


def route_seal(uri: str) -> str:
    """The sealed passage in a Route URI of ours; empty where there is none."""
    match = _ROUTE_SEAL.search(uri)
    return match[1] if match else ""


def received_of(uri: str) -> str:
    """The `received` address of a Path URI (the phone's flow at its edge); empty where there is none."""
    match = _RECEIVED.search(uri)
    return unquote(match[1]) if match else ""


def path_uri(link_host: str, received: str) -> str:
    """The Path by which the home reaches a phone through this site (RFC 3327)."""
    return f"sip:{link_host};transport=tls;lr;received={quote(received, safe=':')}"


def edge_of(uri: str) -> str:
    """The listener kind in a flow URI: udp, tcp, tls or ws; empty where it is none of ours."""
    _, found, tail = uri.partition(";edge=")
    edge = tail.partition(";")[0].partition(">")[0]
    return edge if found and edge in EDGES else ""
