"""Reading and rewriting the Contact of a dialog. Pure.

What nearly every message brings is read without a regular expression: in a worker that has something else in its
caches the first one a message costs as much as all else that is done for a ringing phone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

from isthmus.sip import base64url
from isthmus.sip.sealing import EDGES

_NAME_ADDR = re.compile(r'\s*((?:"(?:[^"\\]|\\.)*"|[^<",]*)\s*<)\s*([sS][iI][pP][sS]?:[^<>\s]+)\s*>\s*((?:;[^,]*)?)\s*')
_ADDR_SPEC = re.compile(r"\s*([sS][iI][pP][sS]?:[^<>\s;,?]+)((?:;[^,]*)?)\s*")
_WITHIN = re.compile(r";isc=([A-Za-z0-9_-]+)")
_PLAIN_URI = re.compile(r"[sS][iI][pP][sS]?:[!-~]+")
_SEAL = re.compile(r";isf=([A-Za-z0-9_-]*)")
_ROUTE_SEAL = re.compile(r";isd=([A-Za-z0-9_-]+)")
_RECEIVED_PARAMETER = re.compile(r";\s*received\b", re.IGNORECASE)
_FIRST_URI = re.compile(r"\s*(?:\"(?:[^\"\\]|\\.)*\"\s*|[^<\",]*)<([^<>]+)>")
_HOST = re.compile(r"sips?:(?:[^@;?]*@)?(?:\[([^\]]+)\]|([^:;?>\s]+))", re.IGNORECASE)
_RECEIVED = re.compile(r";received=([^;>,]+)")


def with_flow(contact: str, seal: Callable[[str], str]) -> str | None:
    """A Contact value whose URI carries the sealed flow; None where `contact` is not one SIP address.

    seal: makes the seal, given the URI it has to be bound to (see `bound`).
    """
    if contact.startswith("<sip:") and _is_one(within := contact[1:-1]) and contact.endswith(">"):
        head, uri, tail = "<", within, ""
    elif match := _NAME_ADDR.fullmatch(contact):
        head, uri, tail = match.groups()
    else:
        bare = _ADDR_SPEC.fullmatch(contact)
        if bare is None:
            return None
        head, uri, tail = "<", bare[1], bare[2]
    own = _without_seal(uri)
    return f"{head}{own};isf={seal(bound(own))}>{tail.rstrip()}"


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
    own, found, seal = uri.partition(";isf=")
    if not found or _is_seal(seal):
        return own, seal
    match = _SEAL.search(uri)
    return (uri, "") if match is None else (_without_seal(uri), match[1])


def named(contact: str, user: str, host: str) -> str:
    """A Contact value by which a trunk sees a name instead of an address; what it leads to is written into it.

    contact: as everybody else would be told it. user: user part, empty for none. host: `name:port`. Empty where
    `contact` has no URI in angle brackets. No seal of its own: within is a URI that is sealed.
    """
    uri = first_uri(contact)
    head = f"{user}@" if user else ""
    return f"<sip:{head}{host};transport=tls;isc={base64url.encode(uri.encode())}>" if uri else ""


def unnamed(uri: str) -> str:
    """The URI within one of `named`; any other URI as it is."""
    match = _WITHIN.search(uri)
    if match is None:
        return uri
    try:
        found = base64url.decode(match[1]).decode()
    except ValueError:
        return uri
    # Whoever writes one of their own could have sent its URI as it is: but no line, and nothing that is no URI.
    return found if _PLAIN_URI.fullmatch(found) else uri


def _is_one(uri: str) -> bool:
    """Whether it can stand in angle brackets: no more of them, and no blanks."""
    return "<" not in uri and ">" not in uri and len(uri.split()) == 1 and not uri[-1].isspace() and len(uri) > 4


def _is_seal(text: str) -> bool:
    """Whether it is letters, digits, `-` and `_` alone, and some of them."""
    return text.isascii() and text.replace("-", "0").replace("_", "0").isalnum()


def _without_seal(uri: str) -> str:
    return _SEAL.sub("", uri) if ";isf=" in uri else uri


def first_uri(route: str) -> str:
    """The first URI of a Route header's value, empty where there is none in angle brackets."""
    if route.startswith("<"):
        uri, found, _ = route[1:].partition(">")
        return uri if found and "<" not in uri else ""
    match = _FIRST_URI.match(route)
    return match[1] if match else ""


def user_of(uri: str) -> str:
    """The user part of a SIP URI, the number of a tel URI; empty where there is none."""
    scheme, _, rest = uri.strip().partition(":")
    if scheme.lower() == "tel":
        return rest.partition(";")[0]
    user, at, _ = rest.partition("@")
    return unquote(user.partition(":")[0].partition(";")[0]) if at and scheme.lower() in ("sip", "sips") else ""


def uris(routes: str) -> list[str]:
    """Every URI in angle brackets of a Record-Route header's value."""
    within = (each.partition(">") for each in routes.split("<")[1:])
    return [uri for uri, found, _ in within if found and uri]


def route_seal(uri: str) -> str:
    """The sealed passage in a Route URI of ours; empty where there is none."""
    _, found, rest = uri.partition(";isd=")
    seal = rest.partition(";")[0]
    if not found or _is_seal(seal):
        return seal
    match = _ROUTE_SEAL.search(uri)
    return match[1] if match else ""


def received_of(uri: str) -> str:
    """The `received` address of a Path URI (the phone's flow at its edge); empty where there is none."""
    match = _RECEIVED.search(uri)
    return unquote(match[1]) if match else ""


def path_uri(link_host: str, received: str) -> str:
    """The Path by which the home reaches a phone through this site (RFC 3327)."""
    return f"sip:{link_host};transport=tls;lr;received={quote(received, safe=':')}"


def host_of(uri: str) -> str:
    """The host of a SIP URI, without brackets; empty where there is none."""
    match = _HOST.match(uri)
    return (match[1] or match[2]) if match else ""


def edge_of(uri: str) -> str:
    """The listener kind in a flow URI: udp, tcp, tls or ws; empty where it is none of ours."""
    _, found, tail = uri.partition(";edge=")
    edge = tail.partition(";")[0].partition(">")[0]
    return edge if found and edge in EDGES else ""
