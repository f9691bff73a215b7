"""The values of a decision: who acts, by what right, on what, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Object:
    """What an act is on, as far as rights go by it.

    name: as people call it. tenant: whose it is; empty: of no single tenant. site, groups, person: where a person is
    at home, the groups they are in, and their stable id. owner: the principal (`Principal.actor`) whose own it is.
    """

    kind: str
    name: str = ""
    tenant: str = ""
    site: str = ""
    groups: tuple[str, ...] = ()
    person: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """How far a right reaches: an object must fit all that is given; None fits every object.

    own: the stable id of a person, who is then the only one it reaches. owner: the principal (`Principal.actor`)
    whose own things alone it reaches.
    """

    tenants: frozenset[str] | None = None
    sites: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    own: str = ""
    owner: str = ""

    @property
    def everything(self) -> bool:
        """Whether nothing is out of it."""
        return self.tenants is self.sites is self.groups is None and not self.own and not self.owner

    def covers(self, what: Object) -> bool:
        """Whether `what` is in it."""
        if self.own:
            return what.person == self.own
        return (
            (not self.owner or what.owner == self.owner)
            and (self.tenants is None or what.tenant in self.tenants)
            and (self.sites is None or what.site in self.sites)
            and (self.groups is None or not self.groups.isdisjoint(what.groups))
        )

    def within(self, wider: Scope) -> bool:
        """Whether all of it is in `wider`."""
        if wider.everything or self == wider:
            return True
        if self.own or self.owner or wider.own or wider.owner:
            return False
        pairs = ((self.tenants, wider.tenants), (self.sites, wider.sites), (self.groups, wider.groups))
        return all(there is None or (here is not None and here <= there) for here, there in pairs)

    def __str__(self) -> str:
        if self.own or self.owner:
            return "themselves"
        named = (("tenant", self.tenants), ("site", self.sites), ("group", self.groups))
        words = [f"{word} {' or '.join(sorted(names))}" for word, names in named if names is not None]
        return ", ".join(words) or "everything"


@dataclass(frozen=True, slots=True)
class Reach:
    """The objects that somebody may do one thing to, and those whose existence they may know.

    Empty reaches nothing. also: reaches that an object has to be in as well, where one act is several.
    """

    scopes: tuple[Scope, ...]
    visible: tuple[Scope, ...] = ()
    also: tuple[Reach, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether no object is out of it."""
        return any(scope.everything for scope in self.scopes) and all(other.everything for other in self.also)

    def covers(self, what: Object) -> bool:
        """Whether it may be done to `what`."""
        return any(scope.covers(what) for scope in self.scopes) and all(other.covers(what) for other in self.also)

    def sees(self, what: Object) -> bool:
        """Whether the existence of `what` is no secret."""
        return any(scope.covers(what) for scope in (*self.scopes, *self.visible))

    def tenant(self, name: str) -> bool:
        """Whether anything of that tenant is in it."""
        here = any(not (scope.own or scope.owner) and _holds(scope.tenants, name) for scope in self.scopes)
        return here and all(other.tenant(name) for other in self.also)


EVERYTHING = Reach((Scope(),))


def _holds(names: frozenset[str] | None, name: str) -> bool:
    return names is None or name in names


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions. tenant: whose custom role it is; empty for the built-in ones."""

    name: str
    permissions: frozenset[str]
    description: str = ""
    tenant: str = ""
    built_in: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that somebody holds, and how far it reaches."""

    role: Role
    scope: Scope


class Stage(StrEnum):
    """How far somebody has got in proving who they are."""

    SECOND_FACTOR = "second_factor"
    """The password was right; the second factor is still to come."""
    ENROL = "enrol"
    """The password was right; they have to register a second factor before anything else."""
    FULL = "full"


class Way(StrEnum):
    """How somebody came in."""

    LOCAL = "local"
    SESSION = "session"
    TOKEN = "token"  # noqa: S105
    OPENID = "openid"
    """By an access token of the site as an OpenID provider: with what its session has proved, and no more."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How it was proved who acts. second_factor_at: Unix seconds of the last proof by a second factor."""

    way: Way
    stage: Stage = Stage.FULL
    second_factor_at: float | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts.

    id: stable. name: as the audit log shows it. tenant: beyond it nothing is reached, whatever the roles say; None
    for the operator and for accounts of the whole installation. person: stable id of the person it is, if any.
    limit: the permissions of the token that was shown; None where there is no such limit.
    """

    kind: str
    id: str
    name: str
    tenant: str | None
    proof: Proof
    grants: tuple[Grant, ...] = ()
    person: str = ""
    limit: frozenset[str] | None = None
    session: str = ""
    enabled: bool = True

    @property
    def actor(self) -> str:
        """What the audit log and idempotency keys go by."""
        return self.name if self.kind == "operator" else f"{self.kind}:{self.name}"


class Outcome(StrEnum):
    """What came of asking."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    HIDDEN = "hidden"
    """Forbidden, and the answer is that of an object that does not exist."""
    STEP_UP = "step_up"
    """Allowed once the second factor is proved anew."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of asking, and why, in words."""

    outcome: Outcome
    reasons: Sequence[str] = field(default=())

    @property
    def allowed(self) -> bool:
        """Whether it may be done now."""
        return self.outcome is Outcome.ALLOWED
