"""The values of signing in by a provider outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Outside:
    """Who somebody is, as a provider says.

    authority, subject: stable, and what accounts are linked by. entry: id of the object in the source that people
    come from; empty where the provider does not tell. login: what a new account may be called. proved_at: Unix
    seconds at which the provider saw a second factor; None unless it says so and is trusted to.
    """

    authority: str
    subject: str
    entry: str = ""
    login: str = ""
    display_name: str = ""
    proved_at: float | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """Whom a provider may sign in.

    name, title: for settings, and as people see it. tenant: the one whose accounts it speaks for. source: the
    directory source whose object ids it knows; empty: none. accounts: for whom an account is made at the first
    sign-in: `people` (of `source`), `anyone`, `linked` (nobody: only accounts that were linked by their owners).
    """

    name: str
    title: str
    tenant: str
    source: str = ""
    accounts: str = "people"


@dataclass(frozen=True, slots=True)
class Openid:
    """How an OpenID provider is used. issuer: exactly as it writes itself. secret: empty for a public client.

    algorithms: signatures that are taken. entry_claim: the claim that holds the id in `Terms.source`. acr, amr: of
    which one says that a second factor was proved; empty: it is not trusted for that.
    """

    issuer: str
    client_id: str
    secret: str
    redirect_uri: str
    scopes: tuple[str, ...] = ("openid", "profile")
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256")
    entry_claim: str = ""
    login_claim: str = "preferred_username"
    acr: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()
    ca_file: Path | None = None

    def __repr__(self) -> str:
        return f"Openid({self.issuer}, {self.client_id})"


@dataclass(frozen=True, slots=True)
class Saml:
    """How a SAML provider is used, and who we are to it.

    entity_id, sign_on: its name, and where browsers are sent. certificates: DER, of which one has to have signed.
    sp_entity_id, acs: our name, and where browsers come back to. subject_attribute: holds the stable id; empty: a
    persistent NameID is it. entry_attribute: holds the id in `Terms.source`. acr: of which authentication contexts
    one says that a second factor was proved. key: PEM with the key and certificate that sign requests; None: unsigned.
    """

    entity_id: str
    sign_on: str
    certificates: tuple[bytes, ...]
    sp_entity_id: str
    acs: str
    subject_attribute: str = ""
    entry_attribute: str = ""
    login_attribute: str = ""
    acr: tuple[str, ...] = ()
    key: bytes | None = None

    def __repr__(self) -> str:
        return f"Saml({self.entity_id})"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sign-in that is at the provider now.

    links: the account that is to be linked; empty where somebody signs in. ends: the session the browser had.
    back: the page to go to in the end. fresh: the provider was asked to prove anew who it is.
    """

    provider: str
    nonce: str
    verifier: str
    links: str
    ends: str
    back: str
    fresh: bool
