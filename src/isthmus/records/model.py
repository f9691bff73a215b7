"""The values of call records: what the SIP engine tells (Event), a leg that is not over (Leg), a record, a rate."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What happened to a call."""

    BEGINS = "begins"  # a route was chosen
    REROUTED = "rerouted"  # that came to nothing, and there was another one
    ANSWERED = "answered"
    ENDS = "ends"
    PROGRESS = "progress"  # a provisional reply
    WITHIN = "within"  # a request in the dialog that does not end it; with a code, the final answer to any


NOTES = (Kind.PROGRESS, Kind.WITHIN)
"""What says nothing of a leg but what was signalled."""


class Route(StrEnum):
    """Where a leg was led."""

    LOCAL = "local"  # to the phones of somebody at home at the site
    RELAY = "relay"  # to another site
    DIAL = "dial"  # out by a trunk
    PHONE = "phone"  # to one phone, whose home is the other site
    TRANSFER = "transfer"  # to the phone of a call that it replaces (RFC 5589 section 7.2)
    REFUSE = "refuse"  # nowhere


class MediaPath(StrEnum):
    """Where the media of a leg went."""

    RELAYED = "relayed"  # by this site
    PAST = "past"  # not through this site: directly, or by the relay of another one
    PAST_FIRST = "past-first"  # so it began, and an end that asked for something else had it relayed from then on


class By(StrEnum):
    """Who ended a call."""

    CALLER = "caller"
    CALLEE = "callee"
    NETWORK = "network"  # the site itself, or silence
    UNKNOWN = "unknown"


class Event(msgspec.Struct, frozen=True, array_like=True):
    """One thing that happened to a leg, as a worker of the SIP engine saw it.

    at: Unix seconds. side: whether the leg's first request came from the edge or over the link; with the Call-ID it
    names the leg at its site. tag: the From tag. caller: an address-of-record or number; callee: the same, after the
    dial plan. source, via: who handed the call over (routing.model.Source), and the trunk or peer.
    route, way, whom: how it went; the site or trunk; whose phones it was for. rule: the routing rule that spoke last,
    text: its words.
    code, reason: the final SIP answer. cause: the Reason header (RFC 3326). by: who ended it; of a BYE the tag tells.
    agent: User-Agent of who sent what this tells of. mos: 1 to 5. jitter_ms, round_trip_ms, loss_percent: averages.
    method: of what comes within the dialog; its answer has the tag of who sent the request. media: a MediaPath, of the
    answer and of the end; empty where it is not known.
    """

    at: float
    kind: Kind
    call_id: str
    side: str
    tag: str = ""
    caller: str = ""
    callee: str = ""
    source: str = ""
    via: str = ""
    route: str = ""
    way: str = ""
    whom: str = ""
    rule: str = ""
    text: str = ""
    code: int = 0
    reason: str = ""
    cause: str = ""
    by: str = ""
    agent: str = ""
    mos: float | None = None
    jitter_ms: float | None = None
    loss_percent: float | None = None
    round_trip_ms: float | None = None
    method: str = ""
    media: str = ""

    @property
    def leg(self) -> tuple[str, str]:
        """The name of the leg at its site."""
        return self.call_id, self.side


class Note(msgspec.Struct, frozen=True, array_like=True):
    """One message of a leg that is not over, as an event told of it. tag: the From tag; way: a route and its name."""

    at: float
    kind: Kind
    method: str
    code: int
    text: str
    tag: str
    way: str
    by: str


class Message(msgspec.Struct, frozen=True, array_like=True):
    """One SIP message that passed the site: its first line's words, no header and no body.

    back: it goes to the caller. code: of a reply, 0 for a request; the method of a reply within the dialog is that of
    what it answers. way: where what follows is led, where that changes. first: it began the leg. own: the site itself
    made it.
    """

    at_ms: int
    method: str
    code: int
    text: str
    back: bool
    way: str = ""
    first: bool = False
    own: bool = False


class Leg(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a leg that has no record yet. heard: Unix seconds when something of it was heard last.

    seen: when the SIP engine was last found to know its dialog, 0 for never. missed: how often in a row it did not.
    notes: what was signalled, in the order in which it was heard.
    """

    heard: float
    begins: Event | None = None
    rerouted: Event | None = None
    answered: Event | None = None
    ends: Event | None = None
    seen: float = 0.0
    missed: int = 0
    notes: tuple[Note, ...] = ()


class Cost(msgspec.Struct, frozen=True):
    """What a call cost. micro: millionths of the currency's unit. prefix: the rate's."""

    micro: int
    currency: str
    prefix: str


class Rate(msgspec.Struct, frozen=True):
    """The price of calls to numbers that begin with `prefix` (E.164).

    price_micro: millionths of the currency's unit a minute. Calls are charged for at least `minimum_s`, and for whole
    increments of `increment_s`, both in seconds.
    """

    prefix: str
    name: str
    price_micro: int
    currency: str
    minimum_s: int = 0
    increment_s: int = 1


class Person(msgspec.Struct, frozen=True):
    """One of our people at an end of a call: the stable id, and the tenant. Empty for anybody else."""

    id: str = ""
    tenant: str = ""


class Record(msgspec.Struct, frozen=True):
    """A leg of a call that is over. Times in milliseconds since 1970; site, stream and seq name it everywhere.

    stream: of the site's database, whose sequence numbers `seq` counts. answered_ms: None where nobody answered.
    way: the site or trunk it was led to, empty for phones here. by: who ended it. media: a MediaPath, empty where
    nobody answered or nobody saw. messages: what was signalled; a search leaves them out. The rest as in Event.
    """

    site: str
    stream: str
    seq: int
    call_id: str
    side: str
    began_ms: int
    answered_ms: int | None
    ended_ms: int
    caller: str
    callee: str
    caller_person: str
    caller_tenant: str
    callee_person: str
    callee_tenant: str
    source: str
    via: str
    route: str
    way: str
    rule: str
    text: str
    code: int
    reason: str
    cause: str
    by: str
    caller_agent: str
    callee_agent: str
    mos: float | None
    jitter_ms: float | None
    loss_percent: float | None
    round_trip_ms: float | None
    cost_micro: int | None
    currency: str
    rate_prefix: str
    media: str = ""
    messages: tuple[Message, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it was answered."""
        return 0.0 if self.answered_ms is None else max(0, self.ended_ms - self.answered_ms) / 1000


class Filter(msgspec.Struct, frozen=True):
    """What a search asks for; None asks for nothing.

    who: an address or number at either end. trunk: that brought or took it. since_ms, until_ms: of its beginning.
    code: the final SIP code. by: who ended it. answered: whether anybody answered.
    """

    who: str | None = None
    call_id: str | None = None
    site: str | None = None
    trunk: str | None = None
    code: int | None = None
    by: str | None = None
    answered: bool | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class ReportFilter(msgspec.Struct, frozen=True):
    """What a search of browsers' reports asks for; None asks for nothing.

    who: whose report it is, an address or number. mos_below: quality worse than that, where it was measured.
    """

    who: str | None = None
    kind: str | None = None
    mos_below: float | None = None
    since_ms: int | None = None
    until_ms: int | None = None
