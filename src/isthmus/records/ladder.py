"""The ladder of a call: who signalled what to whom, and when, from the records of its legs at all sites. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from isthmus.records.model import Message, Record, Route


class Participant(msgspec.Struct, frozen=True):
    """Who takes part. kind: `site`, `trunk`, `person` (their phones), or `unknown`."""

    kind: str
    name: str


class Arrow(msgspec.Struct, frozen=True):
    """One message from a participant to the next. after_ms: since the call began. site: who saw it."""

    at_ms: int
    after_ms: int
    sender: Participant
    receiver: Participant
    what: str
    site: str


class Ladder(msgspec.Struct, frozen=True):
    """Participants from left to right, arrows from top to bottom."""

    participants: tuple[Participant, ...]
    arrows: tuple[Arrow, ...]


def of(records: Iterable[Record]) -> Ladder:
    """The ladder of one call. Where two sites saw the same message, the one that sent it tells of it."""
    legs = sorted(records, key=lambda leg: (leg.began_ms, leg.side != "edge", leg.seq))
    if not legs:
        return Ladder((), ())
    began = legs[0].began_ms
    sites = {leg.site for leg in legs}
    drawn = [
        Arrow(message.at_ms, message.at_ms - began, sender, receiver, what(message), leg.site)
        for leg in legs
        for message, sender, receiver in _passages(leg, legs)
        # The other site draws what it sends to this one.
        if not (sender.kind == "site" and sender.name != leg.site and sender.name in sites)
    ]
    drawn.sort(key=lambda arrow: arrow.at_ms)
    return Ladder(_participants(legs), tuple(drawn))


def what(message: Message) -> str:
    """A message in SIP's own words: a method, or a code and its reason; within the dialog, with what it answers."""
    if not message.code:
        return message.method
    answers = f" ({message.method})" if message.method else ""
    return f"{message.code} {message.text}".strip() + answers


def _passages(leg: Record, legs: Sequence[Record]) -> Iterator[tuple[Message, Participant, Participant]]:
    """Each message twice, as it comes in and as it goes out. What the site itself answers does not come in."""
    here, before, after = Participant("site", leg.site), _before(leg), None
    for message in leg.messages:
        if message.way or after is None:
            after = _after(leg, message.way, legs)
        if message.way and not message.first:
            yield message, here, after  # tried anew elsewhere: the caller said nothing more
            continue
        sender, receiver = (after, before) if message.back else (before, after)
        if sender != Participant("unknown", "") and not message.own:
            yield message, sender, here
        if receiver != Participant("unknown", ""):
            yield message, here, receiver


def _before(leg: Record) -> Participant:
    match leg.source:
        case "trunk":
            return Participant("trunk", leg.via)
        case "peer" | "connector":
            return Participant("site", leg.via)
    return Participant("person", leg.caller or "?")


def _after(leg: Record, way: str, legs: Sequence[Record]) -> Participant:
    """way: as `rules` writes it, the route and a name."""
    route, _, name = way.partition(" ")
    match route or leg.route:
        case Route.RELAY:
            return Participant("site", name or leg.way)
        case Route.DIAL:
            return Participant("trunk", name or leg.way)
        case Route.REFUSE:
            return Participant("unknown", "")
    edge = next((other.site for other in legs if other.route == Route.PHONE and other.via == leg.site), None)
    if edge is not None and edge != leg.site and leg.route != Route.PHONE:
        return Participant("site", edge)  # where the phone is connected
    return Participant("person", leg.callee or "?")


def _participants(legs: Sequence[Record]) -> tuple[Participant, ...]:
    found: dict[Participant, None] = {}
    ends: dict[Participant, None] = {}
    for leg in legs:
        found.setdefault(_before(leg))
        found.setdefault(Participant("site", leg.site))
        for message in leg.messages:
            if message.way:
                after = _after(leg, message.way, legs)
                (found if after.kind == "site" else ends).setdefault(after)
    ends.pop(Participant("unknown", ""), None)
    return tuple(dict.fromkeys((*found, *ends)))
