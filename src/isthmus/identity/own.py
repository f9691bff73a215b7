"""What people do with their own account: password, authenticator app, recovery codes, API tokens, sessions."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Connection

from isthmus.access import rules as access
from isthmus.access.model import Principal, Proof, Stage, Way
from isthmus.access.permissions import PERMISSIONS
from isthmus.directory.journal import Journal
from isthmus.errors import ForbiddenError, NotFoundError, RefusedError, UnauthenticatedError, UsageError
from isthmus.identity import rules, store, totp
from isthmus.identity.ledger import Ledger, grants_of, missing_account, note, principal_of
from isthmus.identity.model import Account, Client, Session, Token
from isthmus.identity.sealing import Passwords, Sealer, random_token, token_hash
from isthmus.identity.signin import SignedIn, SignIn, require_fresh

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32 characters that can't be taken for one another
_CODES, _CODE_LENGTH = 10, 16  # 80 bits each
_DAY_S = 86_400
_LONGEST_TOKEN_S = 366 * _DAY_S
TOKEN_PREFIX = "isthmus_"  # noqa: S105 (lets scanners of repositories find one that leaked)


class Own:
    """One's own account, and the tokens and sessions of others as far as one's roles reach."""

    def __init__(self, ledger: Ledger, passwords: Passwords, sealer: Sealer, sign_in: SignIn, issuer: str) -> None:
        self._ledger, self._passwords, self._sealer = ledger, passwords, sealer
        self._sign_in, self._issuer = sign_in, issuer

    def account(self, principal: Principal) -> Account:
        """One's own."""
        return self._ledger.read(lambda connection: _own(connection, principal))

    # Password and second factors

    def set_password(self, principal: Principal, present: str, wanted: str) -> None:
        """Change one's password; all other sessions end. Raises UnauthenticatedError, UsageError, ForbiddenError."""
        self._sign_in.codes.check(principal.id)
        account, stored = self._ledger.read(
            lambda connection: (_own(connection, principal), store.password_of(connection, principal.id))
        )
        self.fresh(principal, account)
        if not self._passwords.right(stored, rules.normalised_password(present)):
            self._sign_in.codes.failed(principal.id)
            raise UnauthenticatedError("the present password is wrong")
        about = (account.name, account.display_name, self._issuer)
        settings = self._sign_in.settings
        checked = rules.new_password(wanted, settings.shortest_password, about, settings.breached)
        hashed = self._passwords.hash(checked)

        def work(log: Journal) -> None:
            store.set_account(log.connection, account.id, password=hashed, password_ms=log.at_ms)
            store.delete_sessions(log.connection, account_id=account.id, but=principal.session)
            note(log, account, "account.password", None, {"password": "changed"})

        self._ledger.write(principal.actor, work)

    def begin_totp(self, principal: Principal) -> tuple[str, str]:
        """A new secret for an authenticator app, as text and as URI. It counts once a code has confirmed it."""

        def work(log: Journal) -> tuple[str, str]:
            account = _own(log.connection, principal)
            self.fresh(principal, account)
            if account.totp:
                raise RefusedError("an authenticator app is registered already", do="Remove it first.")
            secret = secrets.token_bytes(totp.SECRET_BYTES)
            store.put_totp(log.connection, account.id, self._sealer.seal(secret, account.id), False, 0)
            return totp.text(secret), totp.uri(secret, account.name, f"Isthmus {self._issuer}")

        return self._ledger.write(principal.actor, work)

    def confirm_totp(self, principal: Principal, code: str, client: Client) -> tuple[SignedIn, list[str]]:
        """The first code of a new app. Returns the session, with a new cookie, and new recovery codes."""
        self._sign_in.codes.check(principal.id)
        self._sign_in.codes.failed(principal.id)

        def work(log: Journal) -> tuple[SignedIn, list[str]]:
            account = _own(log.connection, principal)
            registered = store.totp(log.connection, account.id)
            if registered is None or registered[1]:
                raise RefusedError("no authenticator app waits to be confirmed", do="POST /v1/session/totp")
            secret = self._sealer.open(registered[0], account.id)
            step = totp.matching_step(secret, code, log.at_ms / 1000, registered[2])
            if step is None:
                raise UnauthenticatedError("the code is wrong or too old", do="Look at the clock of the device.")
            store.put_totp(log.connection, account.id, registered[0], True, step)
            return self.registered(log, principal, account, client, "totp")

        done = self._ledger.write(principal.actor, work)
        self._sign_in.codes.succeeded(principal.id)
        return done

    def registered(
        self, log: Journal, principal: Principal, account: Account, client: Client, factor: str
    ) -> tuple[SignedIn, list[str]]:
        """A factor was registered: the session is full, and the account has recovery codes."""
        note(log, account, "account.factor", None, {"registered": factor})
        codes = [] if account.recovery_codes else self._new_codes(log.connection, account.id)
        return self._sign_in.proved(log, principal, client, factor), codes

    def remove_totp(self, principal: Principal) -> None:
        """Forget the app. Raises RefusedError for the last factor of an account that has to have one."""

        def work(log: Journal) -> None:
            account = _own(log.connection, principal)
            self.fresh(principal, account)
            self.keeping_a_factor(log.connection, account, account.passkeys)
            store.delete_totp(log.connection, account.id)
            note(log, account, "account.factor", {"registered": "totp"}, None)

        self._ledger.write(principal.actor, work)

    def keeping_a_factor(self, connection: Connection, account: Account, left: int) -> None:
        """Raises RefusedError when no factor would be left though one is needed."""
        if not left and self._sign_in.needs_factor(connection, account):
            raise RefusedError("it is the only second factor, and one is needed", do="Register another one first.")

    def new_recovery_codes(self, principal: Principal) -> list[str]:
        """Ten new codes; the old ones are void."""

        def work(log: Journal) -> list[str]:
            account = _own(log.connection, principal)
            self.fresh(principal, account)
            if not account.factors:
                raise RefusedError("there is no second factor that codes could stand in for")
            note(log, account, "account.recovery-codes", None, {"codes": _CODES})
            return self._new_codes(log.connection, account.id)

        return self._ledger.write(principal.actor, work)

    # Tokens

    def create_token(
        self, by: Principal, name: str, permissions: Collection[str], lifetime_s: float, account: str | None = None
    ) -> tuple[Token, str]:
        """A token that can do some of what its account can. Returns it and its secret, which is not kept.

        account: whose, where that is not one's own: the operator's right alone.
        """
        if by.kind != "operator" and (by.proof.way is not Way.SESSION or account not in (None, by.name)):
            raise ForbiddenError("tokens are made by who is signed in, for themselves")
        if by.kind == "operator" and account is None:
            raise UsageError("name the account the token is for")
        for permission in permissions:
            access.known_permission(permission)
        if not 60 <= lifetime_s <= _LONGEST_TOKEN_S:
            raise UsageError(f"a token lives between a minute and {_LONGEST_TOKEN_S // _DAY_S} days")
        secret = TOKEN_PREFIX + random_token()

        def work(log: Journal) -> Token:
            found = store.accounts(log.connection, name=account or by.name)
            if not found:
                raise missing_account(account or "")
            owner = found[0]
            self._has_all(log.connection, owner, permissions)
            now = log.at_ms / 1000
            shown = rules.display_text(name, "the name", 64)
            made = Token(uuid.uuid4().hex[:12], owner.id, shown, frozenset(permissions), now, now + lifetime_s, None)
            store.insert_token(log.connection, made, token_hash(secret))
            note(log, owner, "token.create", None, token_json(made, owner.name))
            return made

        return self._ledger.write(by.actor, work), secret

    def _has_all(self, connection: Connection, owner: Account, permissions: Collection[str]) -> None:
        had = {each for grant in grants_of(connection, owner) for each in grant.role.permissions}
        if not permissions:
            raise UsageError("a token without permissions", do=f"Some of: {', '.join(PERMISSIONS)}.")
        if more := sorted(set(permissions) - had):
            raise ForbiddenError(f"{owner.name} has no {', '.join(more[:5])}")

    def tokens(self, by: Principal) -> list[tuple[Token, str]]:
        """One's own, and those of others within reach, with the names of their accounts."""

        def work(connection: Connection) -> list[tuple[Token, str]]:
            owners = self._within(connection, by, "token.read")
            return [(each, owners[each.account]) for each in store.tokens(connection, accounts_=owners)]

        return self._ledger.read(work)

    def revoke_token(self, by: Principal, token_id: str) -> None:
        """At once and for good. Raises NotFoundError."""

        def work(log: Journal) -> None:
            found = store.tokens(log.connection, token_id=token_id)
            owner = self._owner(log.connection, by, "token.revoke", found[0].account if found else None, "token")
            store.delete_tokens(log.connection, token_id=token_id)
            note(log, owner, "token.revoke", token_json(found[0], owner.name), None)

        self._ledger.write(by.actor, work)

    # Sessions

    def sessions(self, by: Principal) -> list[tuple[Session, str]]:
        """One's own, and those of others within reach, with the names of their accounts."""

        def work(connection: Connection) -> list[tuple[Session, str]]:
            owners = self._within(connection, by, "session.read")
            found = store.sessions(connection, owners, self._ledger.now_ms())
            return [(each, owners[each.account]) for each in found]

        return self._ledger.read(work)

    def revoke_session(self, by: Principal, session_id: str) -> None:
        """End it at once. Raises NotFoundError."""

        def work(log: Journal) -> None:
            found = [each for each in store.sessions(log.connection) if each.id == session_id]
            owner = self._owner(log.connection, by, "session.revoke", found[0].account if found else None, "session")
            store.delete_sessions(log.connection, session_id=session_id)
            note(log, owner, "session.revoke", session_json(found[0], owner.name), None)

        self._ledger.write(by.actor, work)

    # Parts

    def _within(self, connection: Connection, by: Principal, action: str) -> dict[str, str]:
        """Id and name of the accounts whose things may be seen: one's own always."""
        found = store.accounts(connection, reach=access.reach(by, action), limit=100_000)
        own = {by.id: _own(connection, by).name} if by.proof.way is Way.SESSION else {}
        return {each.id: each.name for each in found} | own

    def _owner(self, connection: Connection, by: Principal, action: str, owner: str | None, kind: str) -> Account:
        missing = NotFoundError(f"there is no such {kind}", do=f"To see which there are: isthmus {kind} list")
        found = store.accounts(connection, ids=[owner]) if owner else []
        if found and found[0].id == by.id and by.proof.way is Way.SESSION:  # a token may what it was given
            return found[0]
        return access.seen(found[0] if found else None, access.reach(by, action), Account.as_object, lambda: missing)

    def fresh(self, principal: Principal, account: Account) -> None:
        """Raises ForbiddenError unless they are signed in, with the second factor they have proved just now."""
        if principal.proof.way is not Way.SESSION or principal.proof.stage is Stage.SECOND_FACTOR:
            raise ForbiddenError("this is done by who is signed in, not by a token")
        require_fresh(principal, account, self._ledger.clock(), access.STEP_UP_S)

    def _new_codes(self, connection: Connection, account_id: str) -> list[str]:
        codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH)) for _ in range(_CODES)]
        digests = [self._sealer.digest(f"recovery:{account_id}:{code}") for code in codes]
        store.put_recovery(connection, account_id, digests)
        return ["-".join(code[start : start + 4] for start in range(0, _CODE_LENGTH, 4)) for code in codes]

    def by_token(self, text: str) -> Principal:
        """Who shows this API token. Raises UnauthenticatedError."""
        now = self._ledger.clock()

        def work(connection: Connection) -> tuple[Principal, Token] | None:
            found = store.tokens(connection, digest=token_hash(text))
            if not found or found[0].expires <= now:
                return None
            account = store.accounts(connection, ids=[found[0].account])[0]
            proof = Proof(Way.TOKEN)
            principal = principal_of(connection, account, proof, kind="token", limit=found[0].permissions)
            return replace(principal, name=f"{account.name}/{found[0].id}"), found[0]

        known = self._ledger.read(work)
        if known is None or not known[0].enabled:
            raise UnauthenticatedError("the token is not known, expired or revoked")
        principal, token = known
        if token.used is None or now - token.used > _DAY_S / 24 / 60:
            self._ledger.quietly(lambda connection: store.token_used(connection, token.id, int(now * 1000)))
        return principal


def _own(connection: Connection, principal: Principal) -> Account:
    found = store.accounts(connection, ids=[principal.id])
    if not found:
        raise RefusedError("the operator on the machine has no account of its own")
    return found[0]


def token_json(token: Token, account: str) -> dict[str, object]:
    """A token as others may see it."""
    return {
        "id": token.id,
        "name": token.name,
        "account": account,
        "permissions": sorted(token.permissions),
        "created": token.created,
        "expires": token.expires,
        "used": token.used,
    }


def session_json(session: Session, account: str) -> dict[str, object]:
    """A session as others may see it."""
    return {
        "id": session.id,
        "account": account,
        "stage": session.stage.value,
        "created": session.created,
        "seen": session.seen,
        "expires": session.expires,
        "second_factor_at": session.second_factor_at,
        "browser": session.browser,
        "address": session.address,
    }
