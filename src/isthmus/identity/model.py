"""The values of accounts and of signing in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from isthmus.access.model import Object, Scope, Stage


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in here.

    id: stable. name: what they type. tenant: None for accounts of the whole installation. person: the stable id of
    the person it is; empty for accounts that are nobody's in the directory. aor, site, groups: of that person now.
    linked: the providers outside that may say who it is.
    Times: Unix seconds.
    """

    id: str
    name: str
    tenant: str | None
    display_name: str
    person: str
    enabled: bool
    has_password: bool
    created: float
    signed_in: float | None
    totp: bool = False
    passkeys: int = 0
    recovery_codes: int = 0
    aor: str = ""
    site: str = ""
    groups: tuple[str, ...] = ()
    person_enabled: bool = True
    linked: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """Whether it may be used: it is enabled, and so is the person, who is still there."""
        return self.enabled and (not self.person or (bool(self.aor) and self.person_enabled))

    @property
    def factors(self) -> tuple[str, ...]:
        """The second factors that are registered."""
        return (*(("passkey",) if self.passkeys else ()), *(("totp",) if self.totp else ()))

    def as_object(self) -> Object:
        """What rights to it go by."""
        return Object("account", self.name, self.tenant or "", self.site, self.groups, self.person)


@dataclass(frozen=True, slots=True)
class Held:
    """A role that an account holds. id: to take it away by."""

    id: str
    account: str
    role: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request comes from. address: IP address. agent: User-Agent. device: cookie of a known browser."""

    address: str
    agent: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in, or on the way. browser: what the browser called itself. Times: Unix seconds."""

    id: str
    account: str
    stage: Stage
    created: float
    seen: float
    expires: float
    second_factor_at: float | None
    browser: str
    address: str


@dataclass(frozen=True, slots=True)
class Token:
    """An API token; its secret is known to its owner alone. Times: Unix seconds."""

    id: str
    account: str
    name: str
    permissions: frozenset[str]
    created: float
    expires: float
    used: float | None


@dataclass(frozen=True, slots=True)
class Passkey:
    """A WebAuthn credential. id: base64url. attestation: what is known of the authenticator that made it."""

    id: str
    account: str
    public_key: bytes
    sign_count: int
    name: str
    aaguid: str
    attestation: str
    backed_up: bool
    created: float
    used: float | None


@dataclass(frozen=True, slots=True)
class Link:
    """Who an account is to a provider outside: `subject` of `authority`. Times: Unix seconds."""

    id: str
    account: str
    authority: str
    subject: str
    created: float
    used: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How sign-in is set up. second_factor: who needs one: `administrators` (whoever holds a role) or `everyone`.

    breached: why a password is known to others (`breached.Breaches.told`).
    """

    second_factor: str = "administrators"
    idle_s: float = 30 * 60
    longest_s: float = 12 * 3600
    shortest_password: int = 12
    breached: Callable[[str], str] = lambda password: ""
