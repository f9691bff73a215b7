"""A gateway that a call has left, and that may be ringing all the same: what it is told once it is heard. Pure.

Who has not been heard of can't be cancelled: a CANCEL that comes before its INVITE ends nothing (RFC 3261 section 9.1).
So what is known of such a branch is kept for as long as somebody may be left ringing, and its answers are met by us:
what is provisional with a CANCEL, 2xx with an ACK and a BYE, what refuses with the ACK it waits for (section 17.1.1.3).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from isthmus.calls.waiting import branch_of

_TAG = re.compile(r"\s*;\s*tag\s*=\s*[^;\s]*", re.IGNORECASE)
_MARK = "|"
_COOKIE = "z9hG4bK"


class Left(NamedTuple):
    """What is kept of such a branch. to: URI of where it was sent. uri: the Request-URI that it was sent with.

    due: the request that it has to answer yet; empty for none.
    """

    to: str
    uri: str
    due: str = ""

    def __str__(self) -> str:
        return _MARK.join(self)

    @classmethod
    def parse(cls, kept: str) -> Left:
        """As `str` made it."""
        return cls(*kept.split(_MARK, 2))


class Heard(NamedTuple):
    """The headers of an answer to an INVITE that its transaction is known by. via: the topmost, which is our own.

    sender, receiver: From and To. number: of CSeq.
    """

    via: str
    sender: str
    receiver: str
    call_id: str
    number: int


def key(call_id: str, place_of_transaction: int, place: int) -> str:
    """What a branch of a call is kept by. place_of_transaction: in the engine's table. place: of the branch, from 0.

    Not by the number of CSeq, which the engine counts up where a carrier wants a call proved.
    """
    return f"{place_of_transaction:x} {place:x} {call_id}"


def key_of(call_id: str, branch: str) -> str:
    """The same of an answer. branch: that of its topmost Via, where the engine has written both places."""
    transaction, _, rest = branch.removeprefix(_COOKIE).partition(".")
    return f"{transaction[::-1]} {rest.rpartition('.')[2]} {call_id}"  # the last digit comes first there


def cancel(uri: str, heard: Heard) -> str:
    """CANCEL of the INVITE that was sent with this Request-URI: all as there, so without the far end's tag."""
    return _request("CANCEL", uri, heard._replace(receiver=_TAG.sub("", heard.receiver)), branch_of(heard.via))


def ack(uri: str, heard: Heard) -> str:
    """ACK of an answer that refuses."""
    return _request("ACK", uri, heard, branch_of(heard.via))


def ack_of_2xx(contact: str, routes: Sequence[str], heard: Heard) -> str:
    """ACK of the far end that has answered. contact: its URI. routes: URIs of what the way from here there leads by."""
    return _request("ACK", contact, heard, branch_within("ACK", heard), routes)


def bye(contact: str, routes: Sequence[str], heard: Heard) -> str:
    """BYE to the far end that has answered."""
    after = heard._replace(number=heard.number + 1)
    return _request("BYE", contact, after, branch_within("BYE", heard), routes)


def branch_within(method: str, heard: Heard) -> str:
    """The branch of a request in the dialog that an answer began: the same each time that the answer comes."""
    of = f"{method} {branch_of(heard.via)} {heard.receiver}"
    return f"{_COOKIE}{hashlib.blake2b(of.encode(), digest_size=10).hexdigest()}"


def _request(method: str, uri: str, heard: Heard, branch: str, routes: Sequence[str] = ()) -> str:
    # Without what the far end has written into our Via (received, rport).
    sent_by = heard.via.partition(",")[0].partition(";")[0].strip()
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {sent_by};branch={branch}",
        *(f"Route: <{route}>" for route in routes),
        f"From: {heard.sender}",
        f"To: {heard.receiver}",
        f"Call-ID: {heard.call_id}",
        f"CSeq: {heard.number} {method}",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "".join(f"{line}\r\n" for line in lines) + "\r\n"
