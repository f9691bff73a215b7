"""What routes answer, for the description of the API. Times: Unix seconds, unless they are text (then RFC 3339).

The tests hold every answer they get against these (tests/api/test_openapi.py, tests/api/test_properties.py).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

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


class Batch(BaseModel):
    """A move of people. rate_per_s: people moved a second since it began."""

    id: str
    to: str
    state: str
    actor: str
    created: float
    finished: float | None
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


class Source(BaseModel):
    """Where people come from."""

    name: str
    kind: str
    interval_s: float
    people: int
    conflicts: int
    last: Run | None


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
    """A call that is up, or being set up."""

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


class Up(BaseModel):
    """The site that answers."""

    site: str
    status: str = Field(examples=["up"])


ANSWERS: Answers = {
    ("GET", "/healthz"): Up,
    ("GET", "/v1/people"): list[Person],
    ("GET", "/v1/people/count"): Count,
    ("GET", "/v1/people/{aor}"): Person,
    ("POST", "/v1/people"): Person,
    ("PATCH", "/v1/people/{aor}"): Person,
    ("GET", "/v1/groups"): list[Group],
    ("GET", "/v1/groups/{name}"): Group,
    ("GET", "/v1/licences"): list[Plan],
    ("GET", "/v1/licences/features"): dict[str, str],
    ("GET", "/v1/licences/check"): list[PlanWithPeople],
    ("GET", "/v1/licences/{plan}"): PlanWithPeople,
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
    ("GET", "/v1/audit"): list[AuditEntry],
    ("GET", "/v1/audit/{id_}"): AuditEntry,
    ("GET", "/v1/moves"): list[Batch],
    ("GET", "/v1/moves/{batch_id}"): Batch,
    ("POST", "/v1/moves/{batch_id}/pause"): Batch,
    ("POST", "/v1/moves/{batch_id}/resume"): Batch,
    ("POST", "/v1/moves/{batch_id}/cancel"): Batch,
    ("GET", "/v1/devices"): list[Device],
    ("GET", "/v1/devices/{device}"): Device,
    ("GET", "/v1/scim/tokens"): list[Token],
    ("POST", "/v1/scim/tokens"): NewToken,
    ("GET", "/v1/registrations"): list[Registration],
    ("GET", "/v1/calls"): list[Call],
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
