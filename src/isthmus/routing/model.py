"""What `decide` takes and gives: Request, Decision and Trace. Frozen values, cheap to make on a call's path."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec

from isthmus.dialling.plan import Dialling


class Source(StrEnum):
    """Who handed us the request, as proved by the connection or a digest, never by what a header claims."""

    PHONE = "phone"  # a user agent that authenticated as `Request.caller`
    PEER = "peer"  # the other site, over the mutually authenticated link
    TRUNK = "trunk"  # a gateway or carrier, known by its address


class Request(msgspec.Struct, frozen=True):
    """One out-of-dialog request, reduced to what routing depends on.

    method: SIP method in capitals.
    target: an AOR `user@domain` in lower case, an E.164 number `+...`, or what is dialled as it is in the country: an
        emergency number `sos.112`, a short code `short.411`.
    source, via: who handed it over; `via` is the peer's or trunk's name, empty for a phone.
    caller: AOR of the authenticated person calling, or the asserted identity a trunk or peer gave.
    epoch: home epoch the peer routed by (-1 where none was given).
    unreachable: names of sites the link to which is known to be down.
    """

    method: str
    target: str
    source: Source
    caller: str = ""
    via: str = ""
    epoch: int = -1
    unreachable: frozenset[str] = frozenset()


class Local(msgspec.Struct, frozen=True, tag="local"):
    """Here is home: look the bindings of `aor` up (REGISTER: save them). `epoch` is the one acted on."""

    aor: str
    epoch: int


class Relay(msgspec.Struct, frozen=True, tag="relay"):
    """Hand over to `site`, home of `aor`, with `epoch` attached. An empty `aor` relays a PSTN call."""

    site: str
    aor: str
    epoch: int


class Dial(msgspec.Struct, frozen=True, tag="dial"):
    """Send to the PSTN: `number` (E.164, or digits of an emergency number or short code) by `trunk`.

    `instead_of` is the site a link cut keeps us from.
    """

    trunk: str
    number: str
    instead_of: str = ""


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
    """A decision and the steps that led to it, in order."""

    decision: Decision
    trace: tuple[Step, ...]


class PersonRecord(msgspec.Struct, frozen=True, array_like=True):
    """A person as the snapshot holds them: a short msgpack array, at most 300 bytes with keys and indexes.

    home, tenant and dial_plan are positions in `Config.sites`, `Config.tenants` and `Config.dial_plans`: short, and the
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
    dial_plan: int = 0


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
    """A way to the PSTN from this site. address: `host:port`; transport: udp, tcp or tls."""

    name: str
    address: str
    transport: str = "udp"


class Config(msgspec.Struct, frozen=True):
    """All of the snapshot that is not people.

    site: the site whose snapshot this is. sites, tenants: names, indexed by PersonRecord.
    pstn_sites: the sites, by name, that have a trunk. domains: domain -> index in tenants.
    when_down: ways out, in order, when the home of a called person can't be reached ("pstn").
    dial_plans: indexed by PersonRecord; the first is for everybody who has none.
    barred_networks: those (CIDR) whose phones get no answer but a refusal at this site.
    role: premises, online or connector. suspended: positions in tenants of those whose people are let in nowhere.
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
    dial_plans: tuple[Dialling, ...] = (Dialling(),)


class Snapshot(Protocol):
    """What `decide` may ask. One consistent view; every answer is O(1) in the number of people."""

    @property
    def config(self) -> Config: ...

    def person(self, aor: str) -> PersonRecord | None: ...

    def owner_of(self, number: str) -> PersonRecord | None: ...
