"""What `decide` takes and gives: Request, Decision and Trace. Frozen values, cheap to make on a call's path."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec

from isthmus.dialling.plan import Dialling
from isthmus.routing.hours import Hours
from isthmus.routing.refusals import Refusal


class Source(StrEnum):
    """Who handed us the request, as proved by the connection or a digest, never by what a header claims."""

    PHONE = "phone"  # a user agent that authenticated as `Request.caller`
    PEER = "peer"  # the other site, over the mutually authenticated link
    TRUNK = "trunk"  # a gateway or carrier, known by its address
    BRANCH = "branch"  # a phone at a connector, which has proved nothing yet


class Request(msgspec.Struct, frozen=True):
    """One out-of-dialog request, reduced to what routing depends on.

    method: SIP method in capitals.
    target: an AOR `user@domain` in lower case, an E.164 number `+...`, or what is dialled as it is in the country: an
        emergency number `sos.112`, a short code `short.411`.
    source, via: who handed it over; `via` is the peer's or trunk's name, empty for a phone.
    caller: AOR of the authenticated person calling, or the asserted identity a trunk or peer gave.
    epoch: home epoch the peer routed by (-1 where none was given).
    unreachable: names of sites the link to which is known to be down.
    tried: ways to the PSTN (see Dial) that this call was tried on in vain. down, full: trunks that are known not to
    answer, and that have as many calls as they may.
    calls: of the caller to the PSTN that are up or being set up. spent: keys (see AtOnce) under which there are as many
    calls as there may be.
    called_back: of who called the emergency services, who answers to whom they called.
    place: the network site (see NetworkSite) that the caller's phone is at, empty where that is none.
    at_s: now, in Unix seconds, for routes that have hours. lot: 0 to 99, for routes that share calls out.
    phone: IP address of the caller's phone, where it is known to whoever asks why.
    tenant: position in `Config.tenants` of the one whose people alone it can reach; -1: what `caller` says.
    """

    method: str
    target: str
    source: Source
    caller: str = ""
    via: str = ""
    epoch: int = -1
    unreachable: frozenset[str] = frozenset()
    tried: frozenset[str] = frozenset()
    down: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()
    calls: int = 0
    at_s: int = 0
    lot: int = 0
    tenant: int = -1
    spent: frozenset[str] = frozenset()
    called_back: bool = False
    place: str = ""
    phone: str = ""


class Local(msgspec.Struct, frozen=True, tag="local"):
    """Here is home: look the bindings of `aor` up (REGISTER: save them). `epoch` is the one acted on.

    place: the network site whose phones alone may ring; empty: all.
    """

    aor: str
    epoch: int
    place: str = ""


class Relay(msgspec.Struct, frozen=True, tag="relay"):
    """Hand over to `site`, home of `aor`, with `epoch` attached. An empty `aor` relays a PSTN call."""

    site: str
    aor: str
    epoch: int


class Dial(msgspec.Struct, frozen=True, tag="dial"):
    """Send to the PSTN: `number` (E.164, or digits of an emergency number or short code) by `trunk`.

    Where that comes to nothing, ask again with the trunk among `Request.tried`. `instead_of` is the site a link cut
    keeps us from. emergency: no limit of the trunk's counts.
    """

    trunk: str
    number: str
    instead_of: str = ""
    emergency: bool = False


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """Refuse with a SIP status `code` and a reason phrase a person understands."""

    code: int
    reason: str


Decision = Local | Relay | Dial | Answer


SOS, SHORT = "sos.", "short."
"""What targets begin with that are dialled as they are in the country (see `Request.target`)."""


class Step(msgspec.Struct, frozen=True):
    """One rule that spoke. `rule` names it (see rules.py); `text` has the facts in words."""

    rule: str
    text: str


class Outcome(msgspec.Struct, frozen=True):
    """A decision and the steps that led to it, in order.

    shown: of a call to the PSTN, the number that the called are to see; empty for none; None: what is asserted already.
    """

    decision: Decision
    trace: tuple[Step, ...]
    shown: str | None = None


class Order(StrEnum):
    """By what the voice routes of one usage are sorted first."""

    PRIORITY = "priority"
    LONGEST_PREFIX = "longest-prefix"
    LEAST_COST = "least-cost"


class Class(msgspec.Struct, frozen=True, array_like=True):
    """A class of service: what policies say of the calls of those who have it.

    reach: which numbers of the PSTN they may call: `international`, `domestic` (the country of their own number) or
    `none`. dear: whether premium and satellite numbers too. most_calls: how many at a time there. usages, order: see
    routing/pstn.py. shown: what the called see there: `own`, `substitute` or `anonymous`.
    unassigned: whether they may call numbers abroad that are in no range in use.
    location_based: whether calls of and to them go by where they are (see routing/located.py).
    """

    dialling: Dialling = Dialling()
    reach: str = "international"
    dear: bool = False
    most_calls: int = 8
    usages: tuple[str, ...] = ("default",)
    order: Order = Order.PRIORITY
    shown: str = "own"
    substitute: str = ""
    location_based: bool = False
    unassigned: bool = False


class RouteRecord(msgspec.Struct, frozen=True, array_like=True):
    """A voice route (see routing/pstn.py). tenant: position in `Config.tenants`.

    ways: names of trunks, or `@SITE`, each with its share of 100 (all 0: in their order). cost: millionths a minute.
    """

    name: str
    tenant: int
    usages: tuple[str, ...]
    patterns: tuple[str, ...]
    ways: tuple[tuple[str, int], ...]
    priority: int = 100
    cost: int = 0
    hours: Hours | None = None


class Direction(StrEnum):
    """Which calls a block is for."""

    IN = "in"  # from the PSTN
    OUT = "out"  # to it


class BlockRecord(msgspec.Struct, frozen=True, array_like=True):
    """Numbers that calls are not taken from, or not made to (see routing/blocking.py); or an exception from such.

    tenant: position in `Config.tenants`.
    """

    tenant: int
    direction: Direction
    pattern: str
    exception: bool = False


class PersonRecord(msgspec.Struct, frozen=True, array_like=True):
    """A person as the snapshot holds them: a short msgpack array, at most 300 bytes with keys and indexes.

    home, tenant and service are positions in `Config.sites`, `Config.tenants` and `Config.classes`: short, and the
    names stand once.
    """

    aor: str
    tenant: int
    home: int
    epoch: int
    ha1_md5: bytes
    ha1_sha256: bytes
    number: str | None = None
    display_name: str = ""
    enabled: bool = True
    barred: tuple[str, ...] = ()
    service: int = 0


class DeviceRecord(msgspec.Struct, frozen=True, array_like=True):
    """A device as the snapshot holds it, under its name: whose it is, and its secrets, which are for their domain.

    ha1_md5: empty where MD5 is not for it. former_*: the secret before, of the generation before, good until
    `former_until_ms` (milliseconds since 1970); empty for none.
    """

    aor: str
    generation: int
    ha1_md5: bytes
    ha1_sha256: bytes
    former_md5: bytes = b""
    former_sha256: bytes = b""
    former_until_ms: int = 0


class TrunkRecord(msgspec.Struct, frozen=True):
    """A way to the PSTN from this site. address: `host:port`; transport: udp, tcp or tls.

    plan: see routing/pstn.py. network_site: where it is, if calls may pass it only from and to there (see
    routing/located.py); else empty. media, codecs, direct_networks: see routing/bypass.py.
    """

    name: str
    address: str
    transport: str = "udp"
    plan: bool = False
    network_site: str = ""
    media: str = "rtp"
    codecs: tuple[str, ...] = ()
    direct_networks: tuple[str, ...] = ()


class NetworkSite(msgspec.Struct, frozen=True, array_like=True):
    """A part of the network at one place. usages: that calls from there go by. subnets: CIDR.

    location_based: whether calls from there go by `usages`, whatever usages the caller has.
    """

    name: str
    subnets: tuple[str, ...]
    location_based: bool = False
    usages: tuple[str, ...] = ()


class AtOnce(msgspec.Struct, frozen=True, array_like=True):
    """How many calls to the PSTN a tenant may have at once, in all or to one country. key: as in refusals.py."""

    key: str
    most: int


class ConnectorRecord(msgspec.Struct, frozen=True, array_like=True):
    """A connector, which is reached by the connections that it opens itself.

    host: `host:port` as it stands in Path and Record-Route. slot: which listener hears it. tenant: position in
    `Config.tenants`. site: the connector site it belongs to. drains: it takes no new calls to the PSTN.
    """

    name: str
    host: str
    slot: int
    tenant: int
    site: str
    drains: bool = False


FORMAT = 2
"""Of what the snapshot holds: one compiled by another version is compiled anew."""


class Config(msgspec.Struct, frozen=True):
    """All of the snapshot that is not people.

    site: the site whose snapshot this is. sites, tenants: names, indexed by PersonRecord.
    pstn_sites: the sites, by name, that have a trunk. domains: domain -> index in tenants.
    when_down: ways out, in order, when the home of a called person can't be reached ("pstn").
    classes: indexed by PersonRecord; the first is for everybody of whom policies say nothing. routes: see RouteRecord.
    blocks: see blocking.py. at_once: limits of calls at once. network_sites: parts of the network that this site knows.
    barred_networks: those (CIDR) whose phones get no answer but a refusal at this site.
    role: premises, online or connector. suspended: positions in tenants of those whose people are let in nowhere.
    connectors: those that may come to this site. upstream: of a connector, the site that judges for it. fallback: of a
    connector, the number that answers what comes from the PSTN for those who can't be reached while upstream is away.
    """

    site: str
    role: str
    sites: tuple[str, ...]
    tenants: tuple[str, ...]
    domains: dict[str, int]
    trunks: tuple[TrunkRecord, ...] = ()
    pstn_sites: tuple[str, ...] = ()
    when_down: tuple[str, ...] = ("pstn",)
    suspended: frozenset[int] = frozenset()
    barred_networks: tuple[str, ...] = ()
    classes: tuple[Class, ...] = (Class(),)
    routes: tuple[RouteRecord, ...] = ()
    blocks: tuple[BlockRecord, ...] = ()
    at_once: tuple[AtOnce, ...] = ()
    network_sites: tuple[NetworkSite, ...] = ()
    format: int = 0
    connectors: tuple[ConnectorRecord, ...] = ()
    upstream: str = ""
    fallback: str = ""

    def class_of(self, person: PersonRecord | None) -> Class:
        """What policies say of somebody's calls; of nobody known, what is said of everybody."""
        # A worker that starts with a snapshot of an earlier version knows one class, whatever people's records say.
        place = 0 if person is None else person.service
        return self.classes[place] if place < len(self.classes) else self.classes[0]


class Snapshot(Protocol):
    """What `decide` may ask. One consistent view; every answer is O(1) in the number of people."""

    @property
    def config(self) -> Config: ...

    def person(self, aor: str) -> PersonRecord | None: ...

    def owner_of(self, number: str) -> PersonRecord | None: ...

    def refusals(self, key: str) -> tuple[Refusal, ...]: ...
