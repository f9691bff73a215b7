"""Ending a call from here: what has to be known of it, and the two BYEs. Pure.

A proxy has no part in a dialog, but a BYE by the routes that either end would take itself, through our own seals, is as
good as theirs (RFC 3261 section 15; the way of Kamailio's dialog module, which goes straight to the phone's address,
leads nowhere for phones behind TLS, WebSocket or the other site).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

VARIABLE = "ends"
"""Name of the dialog's variable that keeps what `kept` makes."""
_MARK = "|"
_CSEQ = 1_000_000


class Bye(NamedTuple):
    """A request to be sent by this site to itself. headers: whole lines."""

    uri: str
    headers: str

    def data(self, sent_by: str, branch: str) -> bytes:
        """The datagram. sent_by: `host:port` that sends it. branch: makes it another one than any before."""
        via = f"Via: SIP/2.0/UDP {sent_by};branch=z9hG4bK{branch};rport"
        return f"BYE {self.uri} SIP/2.0\r\n{via}\r\n{self.headers}Content-Length: 0\r\n\r\n".encode()


def kept(record_route: Sequence[str], is_ours: Callable[[str], bool], caller: str, callee: str) -> str:
    """What is to be known of a call that was answered, as text; empty where it can't be ended from here.

    record_route: URIs of the answer, the first is the called side's. is_ours: whether this site wrote it. caller,
    callee: URIs of their Contacts, as the other end has them.
    """
    own = [place for place, uri in enumerate(record_route) if is_ours(uri)]
    if not own or not caller or not callee or any(" " in each for each in (*record_route, caller, callee)):
        return ""
    to_callee = reversed(record_route[: own[-1] + 1])
    return " ".join([callee, *to_callee, _MARK, caller, *record_route[own[0] :]])


def way_to_other_end(kept_of_it: str, is_ours: Callable[[str], bool], *, from_caller: bool) -> list[str]:
    """The Contact of one end, and the Routes from here to it, past whoever else the call goes through and back again.

    kept_of_it: as `kept` made it. from_caller: the caller's side asks, so the end is the called one. Empty where
    nothing was kept.
    """
    ends = kept_of_it.split(" ")
    if ends.count(_MARK) != 1:
        return []
    at = ends.index(_MARK)
    uri, *routes = ends[:at] if from_caller else ends[at + 1 :]
    own = [place for place, route in enumerate(routes) if is_ours(route)]
    if not own:
        return []
    start = own[-1]
    while start and is_ours(routes[start - 1]):
        start -= 1
    return [uri, *routes[start:]]


def byes(dialog: Mapping[str, Any], reason: str) -> list[Bye]:
    """The BYE to each end of a dialog, as Kamailio's dlg.list shows it. reason: a Reason header (RFC 3326).

    Empty where the call was not answered, or nothing was kept of it.
    """
    variables = {name: value for entry in dialog.get("variables") or () for name, value in entry.items()}
    ends = str(variables.get(VARIABLE) or "").split(" ")
    if ends.count(_MARK) != 1:
        return []
    at = ends.index(_MARK)
    if not 0 < at < len(ends) - 1:
        return []
    caller = (str(dialog["from_uri"]), str(dialog["caller"]["tag"]))
    callee = (str(dialog["to_uri"]), str(dialog["callee"]["tag"]))
    call_id = str(dialog["call-id"])
    return [
        bye(ends[:at], caller, callee, call_id, reason),
        bye(ends[at + 1 :], callee, caller, call_id, reason),
    ]


def bye(way: list[str], sender: tuple[str, str], receiver: tuple[str, str], call_id: str, reason: str) -> Bye:
    """A BYE by `way`, a Contact and Routes. sender, receiver: URI and tag of each."""
    uri, *routes = way
    lines = [
        *(f"Route: <{route}>" for route in routes),
        f"From: <{sender[0]}>;tag={sender[1]}",
        f"To: <{receiver[0]}>;tag={receiver[1]}",
        f"Call-ID: {call_id}",
        f"CSeq: {_CSEQ} BYE",
        "Max-Forwards: 20",
        f"Reason: {reason}",
    ]
    return Bye(uri, "".join(f"{line}\r\n" for line in lines))
