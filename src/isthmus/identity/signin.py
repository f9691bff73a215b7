"""Signing in: password, second factor, session. Who is wrong learns nothing of who exists, and bars nobody else."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from isthmus.access.model import Principal, Proof, Stage, Way
from isthmus.directory.journal import Journal
from isthmus.errors import ForbiddenError, TooManyError, UnauthenticatedError
from isthmus.identity import rules, store, totp
from isthmus.identity.ledger import Ledger, grants_of, principal_of
from isthmus.identity.model import Account, Client, Session, Settings
from isthmus.identity.sealing import Passwords, Sealer, random_token, token_hash
from isthmus.identity.throttle import BackOff, network

_FREE_GUESSES = 5  # by one browser or network, for one name
_FREE_OF_NETWORK = 50  # by one network, for all names: many people may stand behind one address
_HASHING_AT_ONCE = 4  # 64 MiB each
_HALFWAY_S = 600.0  # from password to second factor
_TOUCH_S = 60.0
_LONGEST_AGENT = 512
WRONG = "the name or the password is wrong"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What the browser is to keep. device: for a cookie that tells a known browser; empty before it is all proved."""

    cookie: str
    session: Session
    account: Account
    device: str = ""


class SignIn:
    """Sessions and how they are come by. monotonic: seconds for the back-off. codes: back-off by account.

    told: who tried to sign in, from where, whether that was right, and whether there is such an account.
    """

    def __init__(
        self,
        ledger: Ledger,
        passwords: Passwords,
        sealer: Sealer,
        settings: Settings,
        monotonic: Callable[[], float] = time.monotonic,
        told: Callable[[str, Client, bool, bool], object] = lambda name, client, right, known: None,
    ) -> None:
        self._told = told
        self._ledger, self._passwords, self._sealer, self.settings = ledger, passwords, sealer, settings
        self._guesses = BackOff(_FREE_GUESSES, monotonic)
        self._network = BackOff(_FREE_OF_NETWORK, monotonic)
        self.codes = BackOff(_FREE_GUESSES, monotonic)
        self._hashing = threading.BoundedSemaphore(_HASHING_AT_ONCE)

    # In and out

    def begin(self, name: str, password: str, client: Client, replaces: str = "") -> SignedIn:
        """Name and password. replaces: the session cookie the browser has, which ends with this.

        Raises UnauthenticatedError, the same for whatever was wrong; TooManyError while there is a pause.
        """
        try:
            wanted = rules.account_name(name)
        except Exception:
            wanted = ""
        account, stored = self._ledger.read(lambda connection: _account(connection, wanted))
        key = self.guess(account, wanted, client)
        right = self._right(stored, rules.normalised_password(password[:1024]))
        if account is None or not account.active or not right:
            self.guessed_wrong(account, client, "password")
            self._told(wanted, client, False, account is not None)
            raise UnauthenticatedError(WRONG)
        self.guessed_right(key)
        self._told(account.name, client, True, True)
        return self._ledger.write(
            f"account:{account.name}", lambda log: self._opened(log, account.id, client, replaces, stored, password)
        )

    def second_factor(self, principal: Principal, code: str, client: Client) -> SignedIn:
        """A TOTP or recovery code: ends the sign-in, or proves anew for a dangerous act. The cookie is a new one.

        Raises UnauthenticatedError for a wrong or used code, TooManyError.
        """
        # Only who knows the password gets here, so this pause can't be laid on others by strangers.
        self.codes.check(principal.id)
        self.codes.failed(principal.id)

        def work(log: Journal) -> SignedIn | None:
            how = self._use_code(log, principal.id, code)
            return self.proved(log, principal, client, how) if how else None

        done = self._ledger.write(principal.actor, work)
        if done is None:
            account = self._ledger.read(lambda connection: store.accounts(connection, ids=[principal.id])[0])
            self._told(account.name, client, False, True)
            self._note_failure(account, client, "second factor")
            raise UnauthenticatedError("the code is wrong, too old or used already")
        self.codes.succeeded(principal.id)
        return done

    def sign_out(self, principal: Principal) -> None:
        """End the session."""
        self._ledger.write(
            principal.actor, lambda log: store.delete_sessions(log.connection, session_id=principal.session)
        )

    def proved(self, log: Journal, principal: Principal, client: Client, how: str) -> SignedIn:
        """The second factor was proved: the session is full and its cookie a new one (no fixation)."""
        account = store.accounts(log.connection, ids=[principal.id])[0]
        now = log.at_ms / 1000
        found = {each.id: each for each in store.sessions(log.connection, [account.id])}.get(principal.session)
        if found is None:
            raise UnauthenticatedError("the session is over", do="Sign in again.")
        cookie = random_token()
        first = found.stage is not Stage.FULL
        store.set_session(
            log.connection,
            found.id,
            hash=token_hash(cookie),
            stage=Stage.FULL.value,
            factor_ms=log.at_ms,
            seen_ms=log.at_ms,
            expires_ms=int(self._expiry(found.created, now) * 1000),
        )
        log.entry(
            "session.full" if first else "session.step-up",
            f"account:{account.name}",
            None,
            {"by": how, "address": client.address, "tenant": account.tenant},
        )
        session = Session(
            found.id, account.id, Stage.FULL, found.created, now, self._expiry(found.created, now), now,
            found.browser, found.address,
        )  # fmt: skip
        return SignedIn(cookie, session, account, self._device(account))

    def opened_by_passkey(self, log: Journal, account: Account, client: Client, replaces: str) -> SignedIn:
        """A passkey with user verification is both factors in one."""
        self._told(account.name, client, True, True)
        return self._open(log, account, client, replaces, Stage.FULL, "passkey")

    def opened_by_provider(
        self, log: Journal, account: Account, client: Client, how: str, *, ends: str, proved_at: float | None
    ) -> SignedIn:
        """A provider outside says who it is. ends: id of the session that this one replaces.

        proved_at: when the provider saw a second factor, if it may speak for that; None: it is to be proved here.
        """
        self._told(account.name, client, True, True)
        if ends:
            store.delete_sessions(log.connection, session_id=ends)
        stage = Stage.FULL if proved_at is not None else self._stage(log.connection, account)
        return self._open(log, account, client, "", stage, how, proved_at)

    # Guesses

    def guess(self, account: Account | None, name: str, client: Client) -> str:
        """Count a guess before it is known to be right, so that those made at the same time count as well.

        Returns what `guessed_right` wants. Raises TooManyError while there is a pause.
        """
        key = self._guesser(account, name, client)
        self._guesses.check(key)
        if not key.startswith("device:"):
            self._network.check(network(client.address))
        self._guesses.failed(key)
        return key

    def guessed_right(self, key: str) -> None:
        """It was right: forget the wrong ones before."""
        self._guesses.succeeded(key)

    def guessed_wrong(self, account: Account | None, client: Client, what: str) -> None:
        """It was wrong; `what` says in the audit log why, without secrets."""
        self._network.failed(network(client.address))
        self._note_failure(account, client, what)

    # Who is it?

    def by_session(self, cookie: str, client: Client) -> Principal:
        """Who has this cookie, in this browser. Raises UnauthenticatedError."""
        now = self._ledger.clock()

        def work(connection: Connection) -> tuple[Principal | None, Session | None]:
            found = store.session_by_hash(connection, token_hash(cookie))
            if found is None or found[0].expires <= now or not hmac.compare_digest(found[1], _agent(client)):
                return None, None
            session = found[0]
            account = store.accounts(connection, ids=[session.account])[0]
            proof = Proof(Way.SESSION, session.stage, session.second_factor_at)
            return principal_of(connection, account, proof, session=session.id), session

        principal, session = self._ledger.read(work)
        if principal is None or session is None or not principal.enabled:
            raise UnauthenticatedError("the session is over", do="Sign in again.")
        if session.stage is Stage.FULL and now - session.seen > _TOUCH_S:
            expires = int(self._expiry(session.created, now) * 1000)
            self._ledger.quietly(
                lambda connection: store.set_session(
                    connection, session.id, seen_ms=int(now * 1000), expires_ms=expires, address=client.address
                )
            )
        return principal

    def csrf(self, cookie: str) -> str:
        """What a page sends along with every change: known to who can read answers, not to who can cause requests."""
        return hmac.new(cookie.encode(), b"csrf", hashlib.sha256).hexdigest()

    def needs_factor(self, connection: Connection, account: Account) -> bool:
        """Whether this account has to have a second factor."""
        everyone = self.settings.second_factor == "everyone"
        return everyone or rules.is_administrator(grants_of(connection, account))

    # Parts

    def _guesser(self, account: Account | None, name: str, client: Client) -> str:
        """Whose guesses are counted together: those of one known browser, else of one network, for this name."""
        if account is not None and client.device:
            nonce, _, mac = client.device.partition(".")
            if hmac.compare_digest(mac, self._sealer.digest(f"device:{account.id}:{nonce}")):
                return f"device:{account.id}:{nonce}"
        return f"name:{name}:{network(client.address)}"

    def _device(self, account: Account) -> str:
        nonce = secrets.token_urlsafe(12)
        return f"{nonce}.{self._sealer.digest(f'device:{account.id}:{nonce}')}"

    def _right(self, stored: str | None, password: str) -> bool:
        if not self._hashing.acquire(timeout=5):
            raise TooManyError("too many are signing in at this moment", retry_after_s=5)
        try:
            return self._passwords.right(stored, password)
        finally:
            self._hashing.release()

    def _opened(
        self, log: Journal, account_id: str, client: Client, replaces: str, stored: str | None, password: str
    ) -> SignedIn:
        found = store.accounts(log.connection, ids=[account_id])
        if not found or not found[0].active or store.password_of(log.connection, account_id) != stored:
            raise UnauthenticatedError(WRONG)  # it changed this instant
        account = found[0]
        if stored is not None and self._passwords.outdated(stored):
            fresh = self._passwords.hash(rules.normalised_password(password))
            store.set_account(log.connection, account_id, password=fresh)
        return self._open(log, account, client, replaces, self._stage(log.connection, account), "password")

    def _stage(self, connection: Connection, account: Account) -> Stage:
        """How far the first factor leads."""
        if account.factors:
            return Stage.SECOND_FACTOR
        return Stage.ENROL if self.needs_factor(connection, account) else Stage.FULL

    def _open(
        self,
        log: Journal,
        account: Account,
        client: Client,
        replaces: str,
        stage: Stage,
        how: str,
        proved_at: float | None = None,
    ) -> SignedIn:
        now = log.at_ms / 1000
        full = stage is Stage.FULL
        session = Session(
            id=uuid.uuid4().hex[:16],
            account=account.id,
            stage=stage,
            created=now,
            seen=now,
            expires=self._expiry(now, now) if full else now + _HALFWAY_S,
            second_factor_at=now if how == "passkey" else proved_at,
            browser=_printable(client.agent),
            address=client.address,
        )
        cookie = random_token()
        store.forget_sessions(log.connection, log.at_ms)
        if replaces and (old := store.session_by_hash(log.connection, token_hash(replaces))):
            store.delete_sessions(log.connection, session_id=old[0].id)
        store.insert_session(log.connection, session, token_hash(cookie), _agent(client))
        store.set_account(log.connection, account.id, signed_in_ms=log.at_ms)
        log.entry(
            "session.create", f"account:{account.name}", None,
            {"by": how, "stage": stage.value, "address": client.address, "tenant": account.tenant},
        )  # fmt: skip
        return SignedIn(cookie, session, account, self._device(account) if full else "")

    def _use_code(self, log: Journal, account_id: str, code: str) -> str:
        """Use a code up; returns which kind it was, empty for a wrong one."""
        if registered := store.totp(log.connection, account_id):
            sealed, confirmed, last = registered
            secret = self._sealer.open(sealed, account_id)
            step = totp.matching_step(secret, code, log.at_ms / 1000, last) if confirmed else None
            if step is not None:
                store.put_totp(log.connection, account_id, sealed, True, step)
                return "totp"
        plain = "".join(code.upper().split()).replace("-", "")
        digest = self._sealer.digest(f"recovery:{account_id}:{plain}")
        return "recovery code" if store.use_recovery(log.connection, account_id, digest, log.at_ms) else ""

    def _note_failure(self, account: Account | None, client: Client, what: str) -> None:
        # For unknown names as well, since it takes time; but without the name: people type passwords there.
        name = account.name if account else "?"
        entry = {"wrong": what, "address": client.address, "tenant": account.tenant if account else None}
        self._ledger.write("stranger", lambda log: log.entry("session.refused", f"account:{name}", None, entry))

    def _expiry(self, created: float, now: float) -> float:
        return min(created + self.settings.longest_s, now + self.settings.idle_s)


def require_fresh(principal: Principal, account: Account, now: float, window_s: float) -> None:
    """Raises ForbiddenError unless the second factor was proved just now; an account without one has none to prove."""
    proved = principal.proof.second_factor_at
    if account.factors and (proved is None or now - proved > window_s):
        raise ForbiddenError("prove your second factor first", do="POST /v1/session/second-factor")


def _account(connection: Connection, name: str) -> tuple[Account | None, str | None]:
    found = store.accounts(connection, name=name)
    return (found[0], store.password_of(connection, found[0].id)) if found else (None, None)


def _agent(client: Client) -> str:
    return hashlib.sha256(client.agent.encode("utf-8", "replace")).hexdigest()


def _printable(agent: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in agent[:_LONGEST_AGENT])
