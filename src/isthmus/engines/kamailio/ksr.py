"""Kamailio's own functions, which exist inside its workers alone, and the few wrappers all rooms share."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

KSR: Any = importlib.import_module("KSR")

# Message flags, kept with the transaction and so seen again in reply and failure routes.
FLAG_OFFERED = 1  # the request carried SDP: an answer is due in the reply
FLAG_MEDIA = 2  # also a branch flag: media of this passage is relayed here
FLAG_PASS_LINK = 3  # the first request of this dialog came over the link
FLAG_PRIVATE = 4  # the caller asked for privacy (RFC 3323): no identity towards phones
FLAG_OUTSIDE = 5  # a call of one of our people to the PSTN, which was told to the activity's profile
FLAG_RECORDED = 6  # a leg that was told to the records, and whose end was not
FLAG_BEGINS = 7  # the INVITE of a call, none within it
FLAG_NOTED = 8  # a request in a dialog that was told to the records: its final answer is too


# Read by us, and so by nobody else's leave. What else begins with X-Isthmus- means nothing to anybody.
INTERNAL = (
    "X-Isthmus-Epoch",
    "X-Isthmus-Direct",
    "X-Isthmus-Control",
    "X-Isthmus-Seal",
    "X-Isthmus-Person",
    "X-Isthmus-Hop",
    "X-Isthmus-Place",
)
# Over the link, of an emergency call: where its phone is (emergency/carried.py).
PLACE = "X-Isthmus-Place"
# To the control service: who has proved to have sent a request of presence, or a message.
PERSON = "X-Isthmus-Person"
# By these the engine is told how to count CSeq up (carriers.py), and so they are nobody else's to write.
COUNTING = ("P-K-CSeq-Auth", "P-K-CSeq-Refresh")
# A connector's word, read from connectors alone: the call came from this trunk of its own; the address of the phone; by
# which country's emergency numbers those at the branch call for help.
TRUNK, PHONE, COUNTRY = "X-Isthmus-Trunk", "X-Isthmus-Phone", "X-Isthmus-Country"
# Whom a network vouches for (RFC 3325), and what a client only wishes.
IDENTITY = ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Identity")
CREDENTIALS = ("Proxy-Authorization", "Authorization")


class Refused(Exception):  # noqa: N818 - an outcome, not an error
    """Ends the handling of a request with a final answer."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)


# The engine's own functions, without one of Python around them: they are called some eighty times a call.
text: Callable[[str], str] = KSR.pv.gete
"""A pseudo-variable that is text, empty where it is unset. For those that are numbers see `number`.

Raises UnicodeDecodeError for bytes that are not UTF-8: whoever sent them gets 400.
"""
header: Callable[[str], str] = KSR.hdr.gete
"""The first header of that name, empty where there is none. Sees what was received, not what was changed."""


def number(pseudo_variable: str) -> int:
    """A pseudo-variable that is a number, 0 where it is unset."""
    return int(KSR.pv.get(pseudo_variable) or 0)


def headers(name: str) -> str:
    """All headers of a name as one comma-separated list (RFC 3261 section 7.3.1)."""
    found: list[str] = []
    while (value := KSR.pv.get(f"$(hdr({name})[{len(found)}])")) is not None:
        found.append(str(value))
    return ",".join(found)


def strip(*names: str) -> None:
    """Remove all headers of these names from what is sent on, however they are written.

    One by one: a regular expression over all headers costs several times as much. So does a look by Python's own for
    those that are there.
    """
    for name in names:
        KSR.hdr.remove(name)


def answer(code: int, reason: str) -> None:
    """Send a final answer, in the transaction if there is one."""
    KSR.sl.send_reply(code, reason)


def has_sdp() -> bool:
    """Whether the message at hand carries a session description. Some name the type of a body that they don't have."""
    kind = KSR.pv.get("$cT")
    if kind is None or not str(kind).lower().startswith(("application/sdp", "multipart/")):
        return False
    return int(KSR.pv.get("$bs") or 0) > 0
