"""Whom a REFER names (RFC 3515 section 2.1), and which methods somebody is told that the other end takes. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote

import msgspec

_NAMED = re.compile(r"[^<,]*<([^<>\s]+)>\s*(?:;[^,]*)?")
_BARE = re.compile(r"([^<>,;?\s]+)\s*(?:;[^,]*)?")
_SIP = re.compile(r"(sips?):(?:([^@?]+)@)?([^@?;:]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?(;[^?]*)?", re.IGNORECASE)
_TEL = re.compile(r"tel:([^;?]+)(;[^?]*)?", re.IGNORECASE)


class ReferTo(msgspec.Struct, frozen=True):
    """A Refer-To header. uri: without its headers. user: empty for none. host: lower case; empty for a tel URI.

    replaces: as in a Replaces header (RFC 3891), which makes an attended transfer of it; empty for none.
    """

    uri: str
    user: str
    host: str
    replaces: str = ""


def refer_to(value: str) -> ReferTo | None:
    """None for what names nobody, more than one, or wants more headers in the call than Replaces."""
    found = _NAMED.fullmatch(value.strip()) or _BARE.fullmatch(value.strip())
    if found is None:
        return None
    uri, _, more = found[1].partition("?")
    headers = [each.partition("=") for each in more.split("&") if each]
    if any(name.lower() != "replaces" for name, _, _ in headers) or len(headers) > 1:
        return None
    replaces = unquote(headers[0][2]) if headers else ""
    sip, tel = _SIP.fullmatch(uri), _TEL.fullmatch(uri)
    if sip is not None:
        return ReferTo(uri, unquote(sip[2] or ""), sip[3].lower(), replaces)
    return ReferTo(uri, tel[1], "", replaces) if tel is not None else None


def without_refer(allow: str) -> str:
    """The methods of an Allow header (all of its values, with commas between) without REFER."""
    return ", ".join(each.strip() for each in allow.split(",") if each.strip().upper() not in ("", "REFER"))
