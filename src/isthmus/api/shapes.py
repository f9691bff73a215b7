"""What routes answer, for the description of the API. Times: Unix seconds, unless they are text (then RFC 3339).

The tests hold every answer they get against these (tests/api/test_openapi.py, tests/api/test_properties.py).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from isthmus.records.reports import CallReportBody

Answers = dict[tuple[str, str], Any]


class Person(BaseModel):
    """Who has an address. home: the site's name; home_epoch grows with each move. barred: what they are kept from."""

    aor: str
    tenant: str
    display_name: str
    number: str | None
    home: str
    home_epoch: int
    enabled: bool
    groups: list[str]
    id: str
    barred: list[str]


class EditedPerson(BaseModel):
    """A person before and after. why: why it was not done. tag: of the person as they are now, for If-Match."""

    aor: str
    changed: bool
    why: str
    before: Person | None
    after: Person | None
    tag_before: str | None
    tag: str | None


class PeopleEdited(BaseModel):
    """What the same change came to, or would come to, for each."""

    dry_run: bool
    people: list[EditedPerson]


class Contact(BaseModel):
    """Whom one can call."""

    aor: str
    display_name: str
    number: str | None


class Count(BaseModel):
    """How many there are."""

    count: int


class Account(BaseModel):
    """Who may sign in. active: was signed in to, or has a password. person: the address of whom it is."""

    name: str
    id: str
    tenant: str | None
    display_name: str
    person: str | None
    enabled: bool
    active: bool
    password: bool
    factors: list[str]
    recovery_codes: int
    outside: list[str]
    created: float
    signed_in: float | None


class NewAccount(Account):
    """The account; new_password where one was made."""

    new_password: str | None = None


class HeldRole(BaseModel):
    """A role that an account has, and how far it reaches; null: no limit."""

    id: str
    role: str
    tenants: list[str] | None
    sites: list[str] | None
    groups: list[str] | None


class AccountWithRoles(Account):
    """An account and its roles."""

    roles: list[HeldRole]


class Role(BaseModel):
    """What may be done. tenant: whose role it is; null for the built-in ones."""

    name: str
    tenant: str | None
    description: str
    built_in: bool
    permissions: list[str]


class Holder(HeldRole):
    """Who holds a role."""

    account: str


class RoleWithHolders(Role):
    """A role and who holds it."""

    holders: list[Holder]


class Token(BaseModel):
    """A program's token, without its secret."""

    id: str
    name: str
    account: str
    permissions: list[str]
    created: float
    expires: float
    used: float | None


class NewToken(Token):
    """The token with its secret, which is shown once."""

    token: str


class SignedIn(BaseModel):
    """A session, as others may see it."""

    id: str
    account: str
    stage: str
    created: float
    seen: float
    expires: float
    second_factor_at: float | None
    browser: str
    address: str


class PermissionText(BaseModel):
    """A permission. second_factor: whether it takes a fresh proof of it."""

    name: str
    description: str
    second_factor: bool


class Group(BaseModel):
    """A group. people: its own members; effective: with those of the groups in it."""

    name: str
    people: int
    effective: int | None


class Plan(BaseModel):
    """A plan. held: how many have it; waiting: who should and can't for want of licences."""

    name: str
    count: int
    held: int
    free: int
    waiting: int
    given: bool
    assigned: list[dict[str, Any]]


class Place(BaseModel):
    """A person's place in the line for a plan."""

    aor: str
    place: int
    holds: bool


class PlanWithPeople(Plan):
    """A plan and the line for it."""

    people: list[Place]


class PolicyGrant(BaseModel):
    """To whom a policy is granted. rank: of groups alone; the lowest wins."""

    tenant: str
    kind: str
    policy: str
    level: str
    target: str
    rank: int | None


class Policy(BaseModel):
    """Named settings."""

    kind: str
    name: str
    tenant: str
    description: str
    settings: dict[str, Any]


class PolicyWithGrants(Policy):
    """A policy and to whom it is granted."""

    grants: list[PolicyGrant]


class Trunk(BaseModel):
    """A way to the PSTN. state: up, down, waiting or unknown. most_calls, calls_per_s: 0 for any number.

    registered: whether this site is registered there, None where it has no account; until: Unix seconds.
    """

    name: str
    address: str
    port: int
    transport: str
    state: str
    answers_ms: float | None
    calls: int | None
    most_calls: int
    calls_per_s: int
    answer_s: float
    media: str
    registered: bool | None
    registered_until: int | None
    registration_error: str


class VoiceRoute(BaseModel):
    """Numbers, and the ways by which calls to them go. cost: a minute."""

    tenant: str
    name: str
    patterns: list[str]
    ways: list[str]
    usages: list[str]
    priority: int
    cost: str
    hours: str
    zone: str
    description: str


class CallBlock(BaseModel):
    """What is blocked, or, as an exception, let through. at: Unix seconds. site: where it was made."""

    tenant: str
    direction: str
    what: str
    exception: bool
    reason: str
    by: str
    at: float
    site: str


class CallCap(BaseModel):
    """What calls may come to, and have come to today. reached: `minutes`, `cost`, or nothing."""

    tenant: str
    kind: str
    key: str
    calls: int
    minutes: int
    cost: str
    ends: bool
    zone: str
    used_minutes: float
    used_cost: str
    reached: str


class ConnectorTrunk(BaseModel):
    """A trunk as a connector finds it."""

    name: str
    state: str
    calls: int | None


class Connector(BaseModel):
    """A connector and how it is. code_until, certificate_until, seen: milliseconds since 1970.

    in_force, refused: which settings it works by, which it does not take and why. capacity: calls it carries.
    """

    name: str
    site: str
    tenant: str
    state: str
    fqdn: str
    drains: bool
    slot: int | None
    code_until: int | None
    certificate_until: int | None
    seen: int | None
    version: str | None
    calls: int | None
    capacity: int | None
    trunks: list[ConnectorTrunk]
    in_force: str | None
    refused: str
    phase: str
    trouble: list[str]


class WhereOnlineIs(BaseModel):
    """How connectors reach the site. ca: its CA's certificate, PEM; fingerprint: SHA-256 of that."""

    name: str
    fqdn: str
    address: str
    web: int
    link_sip: int
    link_api: int
    ca: str
    fingerprint: str


class InvitedConnector(Connector):
    """A new connector. code: works once, and is shown once."""

    code: str
    online: WhereOnlineIs


class EnrolledConnector(BaseModel):
    """What a connector gets for its code. certificate: with its chain, PEM."""

    name: str
    site: str
    tenant: str
    fqdn: str
    certificate: str
    online: WhereOnlineIs


class ConnectorSite(BaseModel):
    """A place with connectors. settings: sections of their site files. window, zone: when they may be updated."""

    tenant: str
    name: str
    settings: dict[str, Any]
    window: str
    zone: str
    version: str


class Address(BaseModel):
    """A civic address (RFC 5139). country: ISO 3166 code."""

    country: str
    elements: dict[str, str]


class Point(BaseModel):
    """Degrees, WGS 84."""

    latitude: float
    longitude: float


class OwnAddress(BaseModel):
    """An address with its point, and in words."""

    address: Address
    point: Point | None
    words: str


class EmergencyPlace(OwnAddress):
    """Where people can be found. elins: numbers lent to emergency calls from there."""

    name: str
    tenant: str
    elins: list[str]
    policy: str | None
    default: bool


class NetworkElement(BaseModel):
    """A part of the network, and the place it leads to. port: of ports alone."""

    kind: str
    id: str
    port: str | None
    place: str
    tenant: str


class NetworkFault(BaseModel):
    """What is wrong in a line; 0 for the whole."""

    line: int
    what: str


class NetworkImport(BaseModel):
    """What an import did, or would do; with errors it did nothing."""

    created: int
    updated: int
    unchanged: int
    removed: int
    dry_run: bool
    errors: list[NetworkFault]


class FoundLocation(BaseModel):
    """Where a device is, and why; what a call from there would be like. words: None where nobody knows the place."""

    source: str
    place: str | None
    address: Address | None
    point: Point | None
    words: str | None
    why: list[str]
    confirmed: float | None
    send: str
    elin: bool
    notify: bool
    desk: str | None
    test_number: str | None


class Loan(BaseModel):
    """A number lent to an emergency call: who calls it until then reaches who called."""

    number: str
    tenant: str
    place: str
    aor: str
    device: str | None
    call_id: str | None
    lent: float
    until: float


class ChosenPlace(BaseModel):
    """Where a person says they are. device: None for all that have no choice of their own."""

    aor: str
    device: str | None
    place: str | None
    own: OwnAddress | None
    confirmed: float


class ChosenPresence(BaseModel):
    """What somebody set of their presence. Times in milliseconds since 1970, 0: until it is set anew."""

    availability: str
    until_ms: int
    note: str
    out_of_office: bool
    out_until_ms: int
    location: str
    time_zone: str
    exceptions: list[str]
    shows: str
    trusted: list[str]
    changed_ms: int


class Presence(BaseModel):
    """How somebody can be reached, as far as the asker may see it. since: Unix seconds.

    version: of two that were told, the greater one holds, compared from the left. current: whether their home is heard
    of now. chosen: for the person themselves, and who may set it.
    """

    aor: str
    home: str
    version: list[int]
    availability: str
    in_call: bool
    out_of_office: bool
    note: str
    location: str
    time_zone: str
    since: float
    current: bool
    chosen: ChosenPresence | None


class Batch(BaseModel):
    """A move of people. rate_per_s: people moved a second since it began. begins: while it is scheduled."""

    id: str
    to: str
    state: str
    actor: str
    created: float
    finished: float | None
    begins: float | None
    note: str
    total: int
    moved: int
    not_moved: int
    waiting: int
    under_way: int
    counts: dict[str, int]
    rate_per_s: float


class Run(BaseModel):
    """A run of synchronisation. counts: of people read and of changes, by kind."""

    id: str
    source: str
    mode: str
    state: str
    actor: str
    started: float
    finished: float | None
    note: str
    counts: dict[str, int]


class SourceSetting(BaseModel):
    """A setting of a source that the site file names."""

    name: str
    value: str


class Source(BaseModel):
    """Where people come from.

    synced: when a run was last done. file: where the settings stand; null for what is pushed.
    """

    name: str
    kind: str
    interval_s: float
    people: int
    conflicts: int
    synced: float | None
    last: Run | None
    settings: list[SourceSetting]
    file: str | None


class Conflict(BaseModel):
    """Who could not be brought in, and why."""

    source: str
    id: str
    object: str
    aor: str | None
    wanted: str | None
    home: str | None
    extension: str | None
    details: dict[str, Any]
    vanished: float | None
    conflicts: list[str]


class Means(BaseModel):
    """A block, and what it keeps somebody from."""

    block: str
    means: str


class Alert(BaseModel):
    """Something unusual. now, usual: what was seen, and what is usual. blocks: what can be done about it."""

    id: str
    subject: str
    rule: str
    severity: str
    state: str
    summary: str
    now: Any
    usual: Any
    first: float
    last: float
    count: int
    evidence: Any
    blocks: list[Means]
    judged_by: str | None
    judged_at: float | None


class Barred(BaseModel):
    """What somebody is kept from."""

    aor: str
    barred: list[Means]


class AuditEntry(BaseModel):
    """Who changed what. before, after: the object; digest: the chain's link."""

    id: int
    at: str
    at_ms: int
    actor: str
    action: str
    object: str
    tenant: str
    path: str
    address: str
    before: Any
    after: Any
    digest: str


class Use(BaseModel):
    """A device's last use."""

    at: float
    site: str
    address: str
    edge: str
    client: str | None
    generation: int


class Device(BaseModel):
    """A phone's own credential, without its secret."""

    name: str
    aor: str
    label: str
    last_use: Use | None = None


class CallRecord(BaseModel):
    """A leg of a call that is over. by: who ended it; cost: in units of the currency."""

    id: str
    site: str
    seq: int
    call_id: str
    side: str
    began: float
    answered: float | None
    ended: float
    seconds: float
    caller: str
    callee: str
    caller_tenant: str | None
    callee_tenant: str | None
    source: str
    via: str | None
    route: str
    way: str | None
    rule: str
    text: str
    code: int
    reason: str
    cause: str | None
    by: str
    caller_agent: str | None
    callee_agent: str | None
    mos: float | None
    jitter_ms: float | None
    loss_percent: float | None
    round_trip_ms: float | None
    media: str | None
    cost: str | None
    currency: str | None
    rate: str | None


class LadderEnd(BaseModel):
    """Who takes part in a call: `site`, `trunk`, `person` or `unknown`."""

    kind: str
    name: str


class LadderArrow(BaseModel):
    """One message. after_ms: since the call began. what: a method, or a code and its reason. site: who saw it."""

    at_ms: int
    after_ms: int
    sender: LadderEnd
    receiver: LadderEnd
    what: str
    site: str


class CallLadder(BaseModel):
    """What was signalled of a call: participants from left to right, arrows from top to bottom, the legs' records."""

    call_id: str
    participants: list[LadderEnd]
    arrows: list[LadderArrow]
    legs: list[CallRecord]


class Rate(BaseModel):
    """What calls to numbers that begin with `prefix` cost."""

    prefix: str
    name: str
    price_per_minute: str
    currency: str
    minimum_s: int
    increment_s: int


class RateFault(BaseModel):
    """A line of a rate table that is no rate."""

    line: int
    what: str


class RatesImported(BaseModel):
    """Prefixes. faults: where there are any, nothing was done."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: int
    faults: list[RateFault]
    dry_run: bool


class Binding(BaseModel):
    """Where a phone can be reached. edge: the site that it is connected to; device: null for the person's password."""

    contact: str
    edge: str
    expires_s: int
    device: str | None
    user_agent: str
    received: str
    path: str
    call_id: str
    cseq: int
    q: float
    instance: str
    reg_id: int


class Registration(BaseModel):
    """A person's phones."""

    aor: str
    home: str
    bindings: list[Binding]


class Call(BaseModel):
    """A call that is up, or being set up. site: where it is."""

    site: str
    call_id: str
    caller: str
    callee: str
    state: str
    since: int


class Snapshot(BaseModel):
    """What calls are routed by. seq: the directory's change it was made of."""

    site: str
    seq: int
    directory_seq: int | None
    current: bool
    bytes: int
    path: str


class Rebuilt(Snapshot):
    """The snapshot after it was compiled anew."""

    people: int


class Health(BaseModel):
    """How the site is. ok: whether it can change and route; features add more."""

    site: str
    role: str
    ok: bool


class Verdict(BaseModel):
    """Whether somebody may do something, and why."""

    who: str
    action: str
    allowed: bool
    outcome: str
    reasons: list[str]
    second_factor: bool
    object: dict[str, str | None]


class Session(BaseModel):
    """One's own sign-in. permissions: what one may do somewhere. csrf: of the browser's session, null by a token."""

    account: str
    display_name: str
    tenant: str | None
    person: str | None
    stage: str
    factors: list[str]
    second_factor_at: float | None
    second_factor_lasts_s: float
    second_factor_for: list[str]
    csrf: str | None
    session: str | None
    permissions: list[str]


class ImportFault(BaseModel):
    """What is wrong in a row; line 0: in the whole."""

    line: int
    aor: str
    what: str


class PeopleImport(BaseModel):
    """What an import did, or would do; with errors it did nothing."""

    created: int
    updated: int
    unchanged: int
    dry_run: bool
    errors: list[ImportFault]


class PersonMove(BaseModel):
    """A person in a batch. epoch: of the new home, once it counts. reasons: why not moved."""

    aor: str
    state: str
    from_: str = Field(alias="from")
    epoch: int | None
    reasons: list[str]
    note: str


class BatchWithPeople(Batch):
    """A move, and the people of it that were asked for."""

    people: list[PersonMove] | None = None


class SiteProcess(BaseModel):
    """One of the programs of a site. since: when `state` began."""

    name: str
    state: str
    restarts: int
    since: float
    reason: str


class SiteCertificate(BaseModel):
    """What a site shows. days: that are left; fault: why there is none."""

    name: str
    serial: str
    not_before: float | None
    not_after: float | None
    days: float | None
    fault: str


class SiteConnector(BaseModel):
    """A connector that comes to the site."""

    name: str
    site: str
    state: str
    calls: int | None


class SiteState(BaseModel):
    """How a site is. here: it is the one that answers. reached: else `why` says what kept it from telling.

    web: the port of its pages. calls, people: up there now, at home there; null where nobody could be asked.
    change: the directory's change that its calls go by.
    """

    name: str
    role: str
    fqdn: str
    web: int | None
    here: bool
    reached: bool
    why: str
    authority: bool
    ok: bool
    parts: dict[str, bool]
    processes: list[SiteProcess]
    alarms: list[str]
    certificates: list[SiteCertificate]
    calls: int | None
    trunks: list[Trunk]
    connectors: list[SiteConnector]
    people: int | None
    change: int | None
    at: float


class SetupStep(BaseModel):
    """One thing to set up. needed: without it the set-up is not done. why: what is wrong, in words."""

    name: str
    mark: str
    needed: bool
    count: int
    why: str
    command: str


class Setup(BaseModel):
    """How far the site is set up, step by step. done: all is there that is needed."""

    done: bool
    steps: list[SetupStep]


class ExplainedStep(BaseModel):
    """A rule that spoke, in words."""

    rule: str
    text: str


class ExplainedHop(BaseModel):
    """What one site was asked, and decided."""

    site: str
    source: str
    via: str | None
    target: str
    decision: dict[str, Any]
    steps: list[ExplainedStep]


class UnknownSite(BaseModel):
    """A site that could not be asked."""

    site: str
    why: str


class Entrance(BaseModel):
    """One thing that reaches somebody: who calls what, and the way it takes.

    means: of what is dialled by a dial plan, how it is read, in words.
    """

    who: str
    dials: str
    means: str
    ends: str
    hops: list[ExplainedHop]


class Reaching(BaseModel):
    """Who and what reaches somebody, and by which ways.

    means: how what was asked for is read, in words, where it is no address or number. extension: what stood behind
    `;ext=`. behind: who has that extension, though no call goes by it; null where nobody has, or this site can't tell.
    """

    aor: str
    number: str | None
    home: str
    enabled: bool
    means: str
    extension: str | None
    behind: str | None
    entrances: list[Entrance]
    unknown: list[UnknownSite]


class ExplainedCall(BaseModel):
    """A call's way. ends: how it ended, in words. via: the trunk that it comes by."""

    from_: str = Field(alias="from")
    to: str
    at: str
    via: str | None
    ends: str
    hops: list[ExplainedHop]
    unknown: list[UnknownSite]


class PeerLinkState(BaseModel):
    """How it stands with a peer. since: when it came up or went down. pending: changes it has not got yet."""

    peer: str
    up: bool
    since: float
    why: str
    role: str
    acknowledged: int
    pending: int


class Up(BaseModel):
    """The site that answers."""

    site: str
    status: str = Field(examples=["up"])


class IceServer(BaseModel):
    """As RTCPeerConnection takes it. username, credential: of TURN servers alone."""

    urls: list[str] = Field(examples=[["turns:premises.contoso.example:5349?transport=tcp"]])
    username: str | None = None
    credential: str | None = None


class CallReport(BaseModel):
    """What somebody's browser reported of a call. at: Unix seconds. site: where the browser was."""

    at: float
    who: str
    site: str
    report: CallReportBody


class IceServers(BaseModel):
    """None where this site has no such server. lifetime_s: seconds from now on that credentials hold."""

    iceServers: list[IceServer]  # noqa: N815 (W3C's word)
    lifetime_s: int


ANSWERS: Answers = {
    ("GET", "/v1/media/ice"): IceServers,
    ("GET", "/healthz"): Up,
    ("GET", "/v1/people"): list[Person],
    ("GET", "/v1/people/count"): Count,
    ("POST", "/v1/people/edit"): PeopleEdited,
    ("POST", "/v1/people/import"): PeopleImport,
    ("GET", "/v1/session"): Session,
    ("GET", "/v1/contacts"): list[Contact],
    ("GET", "/v1/people/{aor}"): Person,
    ("POST", "/v1/people"): Person,
    ("PATCH", "/v1/people/{aor}"): Person,
    ("GET", "/v1/groups"): list[Group],
    ("GET", "/v1/groups/{name}"): Group,
    ("GET", "/v1/licences"): list[Plan],
    ("GET", "/v1/licences/features"): dict[str, str],
    ("GET", "/v1/licences/check"): list[PlanWithPeople],
    ("GET", "/v1/licences/{plan}"): PlanWithPeople,
    ("GET", "/v1/trunks"): list[Trunk],
    ("GET", "/v1/routes"): list[VoiceRoute],
    ("GET", "/v1/routes/{name}"): VoiceRoute,
    ("POST", "/v1/routes"): VoiceRoute,
    ("PATCH", "/v1/routes/{name}"): VoiceRoute,
    ("GET", "/v1/blocks"): list[CallBlock],
    ("POST", "/v1/blocks"): CallBlock,
    ("GET", "/v1/caps"): list[CallCap],
    ("POST", "/v1/caps"): CallCap,
    ("GET", "/v1/connectors"): list[Connector],
    ("GET", "/v1/connectors/{name}"): Connector,
    ("POST", "/v1/connectors"): InvitedConnector,
    ("PATCH", "/v1/connectors/{name}"): Connector,
    ("POST", "/v1/connectors/enrol"): EnrolledConnector,
    ("GET", "/v1/connector-sites"): list[ConnectorSite],
    ("GET", "/v1/connector-sites/{site}"): ConnectorSite,
    ("PUT", "/v1/connector-sites/{site}"): ConnectorSite,
    ("GET", "/v1/policies"): list[PolicyWithGrants],
    ("GET", "/v1/policies/{kind}/{name}"): PolicyWithGrants,
    ("POST", "/v1/policies"): Policy,
    ("PATCH", "/v1/policies/{kind}/{name}"): Policy,
    ("GET", "/v1/directory/sources"): list[Source],
    ("GET", "/v1/directory/runs"): list[Run],
    ("GET", "/v1/directory/runs/{run_id}"): Run,
    ("GET", "/v1/directory/conflicts"): list[Conflict],
    ("GET", "/v1/directory/people/{aor}"): Conflict,
    ("GET", "/v1/activity/alerts"): list[Alert],
    ("GET", "/v1/activity/alerts/{alert}"): Alert,
    ("POST", "/v1/activity/alerts/{alert}/confirm"): Alert,
    ("POST", "/v1/activity/alerts/{alert}/false-alarm"): Alert,
    ("POST", "/v1/activity/block"): Barred,
    ("POST", "/v1/activity/unblock"): Barred,
    ("GET", "/v1/locations/places"): list[EmergencyPlace],
    ("GET", "/v1/locations/places/{place}"): EmergencyPlace,
    ("POST", "/v1/locations/places"): EmergencyPlace,
    ("PATCH", "/v1/locations/places/{place}"): EmergencyPlace,
    ("GET", "/v1/locations/networks"): list[NetworkElement],
    ("POST", "/v1/locations/networks"): NetworkElement,
    ("POST", "/v1/locations/networks/import"): NetworkImport,
    ("GET", "/v1/locations/find"): FoundLocation,
    ("GET", "/v1/locations/loans"): list[Loan],
    ("GET", "/v1/locations/callback"): Loan,
    ("GET", "/v1/locations/chosen/{aor}"): list[ChosenPlace],
    ("PUT", "/v1/locations/chosen/{aor}"): ChosenPlace,
    ("GET", "/v1/presence/{aor}"): Presence,
    ("PUT", "/v1/presence/{aor}"): Presence,
    ("GET", "/v1/audit"): list[AuditEntry],
    ("GET", "/v1/audit/{id_}"): AuditEntry,
    ("GET", "/v1/moves"): list[Batch],
    ("GET", "/v1/moves/{batch_id}"): BatchWithPeople,
    ("POST", "/v1/moves/{batch_id}/pause"): Batch,
    ("POST", "/v1/moves/{batch_id}/resume"): Batch,
    ("POST", "/v1/moves/{batch_id}/cancel"): Batch,
    ("GET", "/v1/devices"): list[Device],
    ("GET", "/v1/devices/{device}"): Device,
    ("GET", "/v1/scim/tokens"): list[Token],
    ("POST", "/v1/scim/tokens"): NewToken,
    ("GET", "/v1/registrations"): list[Registration],
    ("GET", "/v1/calls"): list[Call],
    ("GET", "/v1/calls/explain"): ExplainedCall,
    ("GET", "/v1/calls/reaching"): Reaching,
    ("GET", "/v1/sites"): list[SiteState],
    ("GET", "/v1/setup"): Setup,
    ("GET", "/v1/link"): list[PeerLinkState],
    ("GET", "/v1/calls/reports"): list[CallReport],
    ("GET", "/v1/calls/records"): list[CallRecord],
    ("GET", "/v1/calls/ladder"): CallLadder,
    ("GET", "/v1/rates"): list[Rate],
    ("POST", "/v1/rates/import"): RatesImported,
    ("GET", "/v1/health"): Health,
    ("GET", "/v1/snapshot"): Snapshot,
    ("POST", "/v1/snapshot/rebuild"): Rebuilt,
    ("GET", "/v1/accounts"): list[Account],
    ("POST", "/v1/accounts"): NewAccount,
    ("GET", "/v1/accounts/{name}"): AccountWithRoles,
    ("PATCH", "/v1/accounts/{name}"): NewAccount,
    ("POST", "/v1/accounts/{name}/reset-mfa"): Account,
    ("POST", "/v1/accounts/{name}/roles"): HeldRole,
    ("GET", "/v1/roles"): list[Role],
    ("GET", "/v1/roles/{role}"): RoleWithHolders,
    ("PUT", "/v1/roles/{role}"): Role,
    ("GET", "/v1/tokens"): list[Token],
    ("POST", "/v1/tokens"): NewToken,
    ("GET", "/v1/sessions"): list[SignedIn],
    ("GET", "/v1/access/permissions"): list[PermissionText],
    ("GET", "/v1/access/explain"): Verdict,
}
