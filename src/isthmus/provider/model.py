"""The values of being an OpenID provider."""

from __future__ import annotations

from dataclasses import dataclass

SCOPES = ("openid", "profile", "api")
MOST_CODE_S = 60.0
ACCESS_S = 600.0
ONE_FACTOR, TWO_FACTORS = "urn:isthmus:acr:one-factor", "urn:isthmus:acr:two-factor"


@dataclass(frozen=True, slots=True)
class OpenidClient:
    """A program whose people we sign in. An administrator put it into the site file, and so consented for them.

    tenant: whose accounts it may have; empty: everybody's. redirect_uris: compared as they stand. secret: empty for
    a public client. logout_uris: where a browser may go after signing out. api: whether its access tokens open the API
    for what the account may do; those of others open userinfo alone.
    """

    id: str
    redirect_uris: tuple[str, ...]
    tenant: str = ""
    secret: str = ""
    logout_uris: tuple[str, ...] = ()
    algorithm: str = "RS256"
    api: bool = False

    def __repr__(self) -> str:
        return f"OpenidClient({self.id})"


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request that is in order. proved_after: Unix seconds since which they must have signed in."""

    client: OpenidClient
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    nonce: str
    challenge: str
    silent: bool
    proved_after: float | None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a sign-in at a client came to. It lives as long as the session it was made in. Times: Unix seconds."""

    id: str
    client: str
    account: str
    session: str
    redirect_uri: str
    challenge: str
    nonce: str
    scopes: tuple[str, ...]
    proved_at: float
    code_expires: float
    code_used: bool
    access_expires: float


@dataclass(frozen=True, slots=True)
class Issued:
    """What a token request gives."""

    access_token: str
    id_token: str
    refresh_token: str
    scopes: tuple[str, ...]
    expires_s: float


class ProtocolError(Exception):
    """An answer of RFC 6749 4.1.2.1 or 5.2: a code for the program, and words for whoever wrote it."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(f"{code}: {what}")
        self.code, self.what = code, what
