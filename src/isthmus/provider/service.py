"""Codes, tokens and who shows them: OpenID Connect Core 1.0 with PKCE (RFC 7636), tied to the sign-in's session."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from sqlalchemy import Connection

from isthmus.access.model import Principal, Proof, Stage, Way
from isthmus.directory.journal import Journal
from isthmus.errors import IsthmusError, UnauthenticatedError
from isthmus.identity import store as identity
from isthmus.identity.ledger import Ledger, principal_of
from isthmus.identity.model import Account, Session, Settings
from isthmus.identity.sealing import Sealer, random_token
from isthmus.provider import rules, store
from isthmus.provider.keys import Keys, Signer
from isthmus.provider.model import ACCESS_S, MOST_CODE_S, Asked, Grant, Issued, OpenidClient, ProtocolError

_ACCESS = "ia_"  # what access tokens begin with, so that they are not looked for among API tokens
_ID_TOKEN_S = 600.0


class OpenidProvider:
    """One site as a provider. issuer: its own address. admitted: raises IsthmusError for a tenant not let in."""

    def __init__(
        self,
        ledger: Ledger,
        sealer: Sealer,
        settings: Settings,
        issuer: str,
        clients: Sequence[OpenidClient],
        admitted: Callable[[str | None], None] = lambda tenant: None,
    ) -> None:
        self._ledger, self._sealer, self._settings, self._admitted = ledger, sealer, settings, admitted
        self.issuer, self.clients = issuer, {each.id: each for each in clients}
        self.keys = Keys(ledger, sealer)

    # Authorization

    def asked(self, query: Mapping[str, str], client: OpenidClient, redirect_uri: str) -> Asked:
        """The request, if it is in order. Raises ProtocolError."""
        stamp = query.get("proved_after", "")
        time, _, mac = stamp.partition(".")
        if stamp and not hmac.compare_digest(mac, self._sealer.digest(f"proved after {time}")):
            raise ProtocolError("invalid_request", "proved_after is ours alone to say")
        checked = {**query, "proved_after": time} if stamp else query
        return rules.asked(checked, client, redirect_uri, self._ledger.clock())

    def stamp(self, wanted: Asked) -> str:
        """What stands in place of `prompt` and `max_age` once it is settled since when somebody must have signed in."""
        time = str(int(wanted.proved_after or 0))
        return f"{time}.{self._sealer.digest(f'proved after {time}')}"

    def has_proved(self, principal: Principal | None, wanted: Asked) -> bool:
        """Whether who is signed in needs to be asked nothing."""
        if principal is None or not principal.session or principal.proof.stage is not Stage.FULL:
            return False
        found = self._ledger.read(lambda connection: _session(connection, principal.session))
        return found is not None and rules.is_proved(_proved_at(found), wanted)

    def code(self, principal: Principal, wanted: Asked) -> str:
        """A code for the client, good once and for a minute. Raises ProtocolError (access_denied)."""
        if wanted.client.tenant and principal.tenant != wanted.client.tenant:
            raise ProtocolError("access_denied", "the account is not of the tenant whose program it is")
        code, now = random_token(), self._ledger.clock()

        def work(log: Journal) -> None:
            store.forget_unused(log.connection, log.at_ms)
            session = _session(log.connection, principal.session)
            if session is None:
                raise ProtocolError("login_required", "the session is over")
            made = Grant(
                uuid.uuid4().hex, wanted.client.id, principal.id, session.id, wanted.redirect_uri, wanted.challenge,
                wanted.nonce, wanted.scopes, _proved_at(session), now + MOST_CODE_S, False, 0.0,
            )  # fmt: skip
            store.insert_grant(log.connection, made, code)
            told = {"client": wanted.client.id, "scopes": list(wanted.scopes), "tenant": principal.tenant}
            log.entry("session.client", f"account:{principal.name}", None, told)

        self._ledger.write(principal.actor, work)
        return code

    # Tokens

    def client(self, client_id: str, secret: str) -> OpenidClient:
        """The client that asks. Raises ProtocolError (invalid_client)."""
        found = self.clients.get(client_id)
        right = hmac.compare_digest((found.secret if found else "").encode(), secret.encode("utf-8", "replace"))
        if found is None or not right:
            raise ProtocolError("invalid_client", "no such client, or another secret")
        return found

    def by_code(self, client: OpenidClient, code: str, redirect_uri: str, verifier: str) -> Issued:
        """Tokens for a code. A code that comes again ends what came of it (RFC 6749 4.1.2). Raises ProtocolError."""

        def work(log: Journal) -> Issued | None:
            grant = store.grant_by(log.connection, "code", code)
            if grant is None or grant.client != client.id:
                return None
            if not store.use_code(log.connection, grant.id) or not rules.is_code_of(
                grant, client, redirect_uri, verifier, log.at_ms / 1000
            ):
                store.delete_grant(log.connection, grant.id)
                return None
            return self._issued(log, sign, grant, None)

        sign = self.keys.signer(client.algorithm)
        return self._given(client, work, "the code is wrong, used or too old")

    def by_refresh(self, client: OpenidClient, token: str) -> Issued:
        """New tokens for a refresh token, which is good for nothing then.

        One that comes again was stolen, by whoever came first or second: the grant ends (RFC 9700 4.14.2). Raises
        ProtocolError.
        """

        def work(log: Journal) -> Issued | None:
            if stolen := store.grant_before(log.connection, token):
                store.delete_grant(log.connection, stolen.id)
                log.entry("session.client-ended", f"grant:{stolen.id}", {"client": stolen.client}, None)
                return None
            grant = store.grant_by(log.connection, "refresh", token)
            if grant is None or grant.client != client.id:
                return None
            return self._issued(log, sign, grant, token)

        sign = self.keys.signer(client.algorithm)
        return self._given(client, work, "the refresh token is wrong, used, or its session is over")

    def revoke(self, client: OpenidClient, token: str) -> None:
        """End the grant that a token is of (RFC 7009); nothing where it is none of the client's."""

        def work(connection: Connection) -> None:
            for column in ("refresh", "access"):
                found = store.grant_by(connection, column, token)
                if found is not None and found.client == client.id:
                    store.delete_grant(connection, found.id)

        self._ledger.quietly(work)

    def by_token(self, token: str) -> Principal | None:
        """Who shows an access token; None for what is none. Raises UnauthenticatedError."""
        if not token.startswith(_ACCESS):
            return None
        now = self._ledger.clock()

        def work(connection: Connection) -> Principal | None:
            grant = store.grant_by(connection, "access", token)
            if grant is None or grant.access_expires <= now:
                return None
            session = _session(connection, grant.session)
            account = _account(connection, grant.account)
            if session is None or session.expires <= now or account is None:
                return None
            # No more than the session may. A proof of the second factor counts where it was made while this token was
            # in use, by who wanted to do something dangerous: one from before would arm every token in silence.
            proved, issued = session.second_factor_at, grant.access_expires - ACCESS_S
            proof = Proof(Way.OPENID, session.stage, proved if proved is not None and proved > issued else None)
            limit = None if "api" in grant.scopes else frozenset[str]()
            return principal_of(connection, account, proof, limit=limit, session=session.id)

        found = self._ledger.read(work)
        if found is None or not found.enabled:
            raise UnauthenticatedError("the access token is not known, expired or revoked")
        return found

    def claims(self, principal: Principal) -> dict[str, Any]:
        """What is told of somebody. Raises UnauthenticatedError."""
        account = self._ledger.read(lambda connection: _account(connection, principal.id))
        if account is None:
            raise UnauthenticatedError("there is no such account any more")
        return {"sub": account.id, **_profile(account)}

    # Signing out

    def signs_out(self, hint: str, principal: Principal | None) -> OpenidClient | None:
        """The client whose ID token says that this session is to end; None where none does. Nobody else can ask."""
        claims = self._hinted(hint)
        if claims is None or principal is None or claims.get("sid") != principal.session or not principal.session:
            return None
        return self.clients.get(str(claims.get("aud")))

    # Parts

    def _hinted(self, token: str) -> dict[str, Any] | None:
        """The claims of an ID token of ours, which may be too old by now."""
        for key_id, algorithm, _, _ in self._ledger.read(store.keys):
            found = self.keys.find(key_id)
            if found is None:
                continue
            try:
                return dict(jwt.decode(token, found[1], algorithms=[algorithm]).claims)
            except (JoseError, ValueError):
                continue
        return None

    def _given(self, client: OpenidClient, work: Callable[[Journal], Issued | None], refusal: str) -> Issued:
        issued = self._ledger.write(f"client:{client.id}", work)
        if issued is None:
            raise ProtocolError("invalid_grant", refusal)
        return issued

    def _issued(self, log: Journal, sign: Signer, grant: Grant, former: str | None) -> Issued | None:
        now = log.at_ms / 1000
        session, account = _session(log.connection, grant.session), _account(log.connection, grant.account)
        if session is None or session.expires <= now or account is None or not account.active:
            store.delete_grant(log.connection, grant.id)
            return None
        try:
            self._admitted(account.tenant)
        except IsthmusError as error:
            raise ProtocolError("invalid_grant", error.what) from error
        self._go_on(log, session)
        access, refresh = _ACCESS + random_token(), random_token()
        store.put_tokens(log.connection, grant.id, access, refresh, former, now + ACCESS_S)
        id_token = sign(self._id_claims(grant, session, account, access, now))
        return Issued(access, id_token, refresh, grant.scopes, ACCESS_S)

    def _go_on(self, log: Journal, session: Session) -> None:
        """The program that asks is what the session is used by."""
        expires = min(session.created + self._settings.longest_s, log.at_ms / 1000 + self._settings.idle_s)
        identity.set_session(log.connection, session.id, seen_ms=log.at_ms, expires_ms=int(expires * 1000))

    def _id_claims(self, grant: Grant, session: Session, account: Account, access: str, now: float) -> dict[str, Any]:
        claims = {
            "iss": self.issuer,
            "sub": account.id,
            "aud": grant.client,
            "iat": int(now),
            "exp": int(now + _ID_TOKEN_S),
            "auth_time": int(grant.proved_at),
            "sid": session.id,
            "at_hash": rules.at_hash(access),
            **rules.factors(session.second_factor_at is not None),
            **({"nonce": grant.nonce} if grant.nonce else {}),
        }
        return claims | (_profile(account) if "profile" in grant.scopes else {})


def _profile(account: Account) -> dict[str, Any]:
    told = {
        "name": account.display_name,
        "preferred_username": account.name,
        "tenant": account.tenant,
        "sip_address": account.aor,
    }
    return {name: value for name, value in told.items() if value}


def _proved_at(session: Session) -> float:
    return max(session.created, session.second_factor_at or 0.0)


def _account(connection: Connection, account_id: str) -> Account | None:
    found = identity.accounts(connection, ids=[account_id])
    return found[0] if found else None


def _session(connection: Connection, session_id: str) -> Session | None:
    return identity.session(connection, session_id)
