"""Signing in by providers outside: who they are to us, and the account they get at their first sign-in."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from isthmus.access.model import Principal
from isthmus.directory.journal import Journal
from isthmus.errors import IsthmusError, NotFoundError, RefusedError, UnauthenticatedError, UsageError
from isthmus.federation import rules, store
from isthmus.federation.model import Outside, Terms, Waiting
from isthmus.identity import rules as accounts
from isthmus.identity import store as identity
from isthmus.identity.ledger import Ledger, note
from isthmus.identity.model import Account, Client, Link
from isthmus.identity.own import Own
from isthmus.identity.sealing import Sealer, random_token, token_hash
from isthmus.identity.signin import SignedIn, SignIn

_AT_PROVIDER_MS = 10 * 60_000
_REFUSAL_S = 0.25
_WRONG = "the name or the password is wrong"
_NOT_IN = "the sign-in did not succeed"


class Passwords(Protocol):
    """A directory that says whose password it is."""

    def ask(self, name: str, password: str) -> Outside: ...


class Redirecting(Protocol):
    """A provider that browsers are sent to."""

    def address(self, state: str, waiting: Waiting) -> str: ...

    def outside(self, waiting: Waiting, answer: Mapping[str, str]) -> Outside: ...


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: whom it may sign in, and one of the two ways to ask it.

    metadata: what its administrator is to know of us, for SAML alone, whose answers come by POST from its own page.
    """

    terms: Terms
    passwords: Passwords | None = None
    redirecting: Redirecting | None = None
    metadata: Callable[[], bytes] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a browser that is back. signed_in: None where an account was linked, and nobody signed in."""

    signed_in: SignedIn | None
    back: str


class Federation:
    """Sign-in by the providers of a site. refusal_s: seconds that a refusal takes at least; who was unknown and whose
    password was wrong look the same by that."""

    def __init__(
        self,
        ledger: Ledger,
        sealer: Sealer,
        sign_in: SignIn,
        own: Own,
        providers: Sequence[Provider],
        refusal_s: float = _REFUSAL_S,
    ) -> None:
        self._ledger, self._sealer, self.sign_in, self._own = ledger, sealer, sign_in, own
        self._providers = {each.terms.name: each for each in providers}
        self._refusal_s = refusal_s

    def choices(self) -> list[dict[str, str]]:
        """What a sign-in page offers."""
        return [
            {"name": name, "title": each.terms.title, "kind": "password" if each.passwords else "redirect"}
            for name, each in self._providers.items()
        ]

    def answers_by_post(self, provider: str) -> bool:
        """Whether the browser comes back by a POST from the provider's page."""
        found = self._providers.get(provider)
        return found is not None and found.metadata is not None

    def metadata(self, provider: str) -> bytes:
        """What a SAML provider is to know of us. Raises NotFoundError, UnavailableError."""
        found = self._providers.get(provider)
        if found is None or found.metadata is None:
            raise _no_provider(provider)
        return found.metadata()

    # By password

    def by_password(self, provider: str, name: str, password: str, client: Client, replaces: str) -> SignedIn:
        """Name and password, as the directory has them. Raises UnauthenticatedError, the same for whatever was wrong;
        TooManyError while there is a pause, UnavailableError while the directory does not answer."""
        found = self._providers.get(provider)
        if found is None or found.passwords is None:
            raise _no_provider(provider)
        began, passwords = time.monotonic(), found.passwords
        key = self.sign_in.guess(None, f"{provider}:{name.strip().lower()[:256]}", client)
        try:
            outside = passwords.ask(name, password[:1024])
            ends = self._session_of(replaces)
            done = self._entered(found.terms, outside, client, ends)
        except UnauthenticatedError as error:
            self.sign_in.guessed_wrong(None, client, f"{provider}: {error.what}")
            time.sleep(max(0.0, self._refusal_s - (time.monotonic() - began)))
            raise UnauthenticatedError(_WRONG) from None
        self.sign_in.guessed_right(key)
        return done

    # By redirection

    def begin(
        self, provider: str, client: Client, *, present: Principal | None, back: str = "", link: bool = False
    ) -> tuple[str, str]:
        """The address to send the browser to, and what its cookie is to hold meanwhile.

        present: who is signed in; they are asked to prove anew who they are. link: link the provider to their account
        instead. Raises NotFoundError, UsageError, UnauthenticatedError, ForbiddenError, UnavailableError.
        """
        found = self._providers.get(provider)
        if found is None or found.redirecting is None:
            raise _no_provider(provider)
        if link:
            self._may_link(found.terms, present)
        waiting = Waiting(
            provider=provider,
            nonce=random_token(),
            verifier=random_token(),
            links=present.id if link and present else "",
            ends=present.session if present and not link else "",
            back=rules.return_path(back),
            fresh=present is not None,
        )
        state, browser = random_token(), random_token()
        address = found.redirecting.address(state, waiting)
        now = self._ledger.now_ms()
        self._ledger.quietly(
            lambda connection: store.put_waiting(
                connection, self._sealer, state, browser, waiting, now, _AT_PROVIDER_MS
            )
        )
        return address, browser

    def finish(self, provider: str, answer: Mapping[str, str], browser: str, client: Client) -> Done:
        """The browser is back. answer: the query it brings. browser: its cookie. Raises UnauthenticatedError,
        RefusedError, UnavailableError."""
        found = self._providers.get(provider)
        if found is None or found.redirecting is None:
            raise _no_provider(provider)
        redirecting, now = found.redirecting, self._ledger.now_ms()
        try:
            waiting = self._ledger.quietly(
                lambda connection: store.take_waiting(connection, self._sealer, answer.get("state", ""), browser, now)
            )
            if waiting is None or waiting.provider != provider:
                raise UnauthenticatedError("no sign-in of this browser waits for that answer")
            outside = redirecting.outside(waiting, answer)
            if waiting.links:
                self._link(found.terms, outside, waiting.links)
                return Done(None, waiting.back)
            return Done(self._entered(found.terms, outside, client, waiting.ends), waiting.back)
        except UnauthenticatedError as error:
            self.sign_in.guessed_wrong(None, client, f"{provider}: {error.what}")
            raise UnauthenticatedError(_NOT_IN, do="Try again, or ask an administrator.") from None

    # Links

    def links(self, principal: Principal) -> list[Link]:
        """The providers that may say who one is."""
        return self._ledger.read(lambda connection: identity.links(connection, account_id=principal.id))

    def unlink(self, principal: Principal, link_id: str) -> None:
        """Take one away. Raises NotFoundError, RefusedError where no other way in would be left."""

        def work(log: Journal) -> None:
            account = identity.accounts(log.connection, ids=[principal.id])[0]
            self._own.fresh(principal, account)
            found = {each.id: each for each in identity.links(log.connection, account_id=account.id)}.get(link_id)
            if found is None:
                raise NotFoundError("there is no such link")
            if not account.has_password and not account.passkeys and len(account.linked) == 1:
                raise RefusedError("it is the only way into the account", do="Register a passkey first.")
            identity.delete_link(log.connection, account.id, link_id)
            note(log, account, "account.link", _told(found), None)

        self._ledger.write(principal.actor, work)

    # Parts

    def _session_of(self, cookie: str) -> str:
        """Id of the session that a browser has; empty without one."""
        found = self._ledger.read(lambda connection: identity.session_by_hash(connection, token_hash(cookie)))
        return found[0].id if cookie and found else ""

    def _entered(self, terms: Terms, outside: Outside, client: Client, ends: str) -> SignedIn:
        """A session of the account that is linked, or is made and linked now. Raises UnauthenticatedError."""

        def work(log: Journal) -> SignedIn:
            account = self._account(log, terms, outside)
            # A provider of one tenant speaks for nobody else, whatever it says.
            if account.tenant != terms.tenant or not account.active:
                raise UnauthenticatedError("the account is disabled, or another tenant's")
            return self.sign_in.opened_by_provider(
                log, account, client, f"provider {terms.name}", ends=ends, proved_at=outside.proved_at
            )

        try:
            return self._ledger.write(f"provider:{terms.name}", work)
        except (UsageError, RefusedError) as error:
            raise UnauthenticatedError(error.what) from error

    def _account(self, log: Journal, terms: Terms, outside: Outside) -> Account:
        connection = log.connection
        if linked := identity.links(connection, authority=outside.authority, subject=outside.subject):
            identity.link_used(connection, linked[0].id, log.at_ms)
            return identity.accounts(connection, ids=[linked[0].account])[0]
        if terms.accounts == "linked":
            raise UnauthenticatedError("no account is linked to them")
        account = self._first(log, terms, outside)
        self._insert_link(log, account, outside)
        return account

    def _first(self, log: Journal, terms: Terms, outside: Outside) -> Account:
        """Whose account it is at a first sign-in: by the source's object id, never by name or mail."""
        connection = log.connection
        person = store.person_of(connection, terms.source, outside.entry, terms.tenant) if outside.entry else None
        if person is None:
            if terms.accounts != "anyone":
                raise UnauthenticatedError("they are nobody of the directory")
            return self._made(log, terms, outside.login or outside.subject, outside.display_name, "")
        id_, aor, display_name = person
        if own := identity.account_of_person(connection, id_):
            return own
        return self._made(log, terms, aor, display_name, id_)

    def _made(self, log: Journal, terms: Terms, name: str, display_name: str, person: str) -> Account:
        checked = accounts.account_name(name)
        if identity.accounts(log.connection, name=checked):
            # Whoever has that name is somebody else, as far as we can know.
            raise RefusedError(f"the account name {checked} is taken by an account that is not linked")
        made = Account(
            id=uuid.uuid4().hex,
            name=checked,
            tenant=terms.tenant,
            display_name=_shown(display_name) or checked,
            person=person,
            enabled=True,
            has_password=False,
            created=log.at_ms / 1000,
            signed_in=None,
        )
        identity.insert_account(log.connection, made, None, log.at_ms)
        note(log, made, "account.create", None, {"name": checked, "by": f"provider {terms.name}"})
        return identity.accounts(log.connection, ids=[made.id])[0]

    def _insert_link(self, log: Journal, account: Account, outside: Outside) -> None:
        made = Link(uuid.uuid4().hex[:12], account.id, outside.authority, outside.subject, log.at_ms / 1000)
        identity.insert_link(log.connection, made)
        note(log, account, "account.link", None, _told(made))

    def _may_link(self, terms: Terms, present: Principal | None) -> None:
        if present is None or not present.session or present.proof.stage != "full":
            raise UnauthenticatedError("sign in first")
        if present.tenant != terms.tenant:
            raise RefusedError(f"{terms.name} speaks for accounts of another tenant")
        account = self._own.account(present)
        self._own.fresh(present, account)

    def _link(self, terms: Terms, outside: Outside, account_id: str) -> None:
        def work(log: Journal) -> None:
            found = identity.accounts(log.connection, ids=[account_id])
            if not found or not found[0].active or found[0].tenant != terms.tenant:
                raise UnauthenticatedError("the account is disabled, or another tenant's")
            if identity.links(log.connection, authority=outside.authority, subject=outside.subject):
                raise UnauthenticatedError("they are linked to an account already")
            if identity.links(log.connection, account_id=account_id, authority=outside.authority):
                raise UnauthenticatedError("the account is linked to somebody else there")
            self._insert_link(log, found[0], outside)

        self._ledger.write(f"provider:{terms.name}", work)


def _told(link: Link) -> dict[str, str]:
    return {"authority": link.authority, "subject": link.subject}


def _shown(text: str) -> str:
    try:
        return accounts.display_text(text[:128], "the display name")
    except IsthmusError:
        return ""


def _no_provider(name: str) -> NotFoundError:
    return NotFoundError(f"there is no identity provider {name[:80]!r}")
