"""Passkeys and hardware keys (WebAuthn Level 3), by py_webauthn. User verification is required: one is both factors."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from isthmus.access.model import Principal
from isthmus.directory.journal import Journal
from isthmus.errors import NotFoundError, RefusedError, UnauthenticatedError
from isthmus.identity import rules, store
from isthmus.identity.ledger import Ledger, note
from isthmus.identity.model import Client, Passkey
from isthmus.identity.own import Own
from isthmus.identity.signin import SignedIn, SignIn

_CEREMONY_S = 300.0
_MOST_CEREMONIES = 10_000
_MOST_KEYS = 20
_BAD = "the passkey was not accepted"


class Passkeys:
    """Registration and sign-in. rp_id: host name of the site. origins: where its pages are, as browsers say it."""

    def __init__(
        self,
        ledger: Ledger,
        sign_in: SignIn,
        own: Own,
        rp_id: str,
        origins: list[str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger, self._sign_in, self._own = ledger, sign_in, own
        self._rp_id, self._origins = rp_id, origins
        self._challenges = _Challenges(monotonic)

    def begin_registration(self, principal: Principal) -> dict[str, Any]:
        """Options for `navigator.credentials.create`. Attestation is asked for, and recorded."""
        account = self._own.account(principal)
        self._own.fresh(principal, account)
        known = self._ledger.read(lambda connection: store.passkeys(connection, account.id))
        if len(known) >= _MOST_KEYS:
            raise RefusedError(f"an account has at most {_MOST_KEYS} passkeys", do="Remove one first.")
        options = generate_registration_options(
            rp_id=self._rp_id,
            rp_name="Isthmus",
            user_id=account.id.encode(),
            user_name=account.name,
            user_display_name=account.display_name,
            attestation=AttestationConveyancePreference.DIRECT,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(base64url_to_bytes(each.id)) for each in known],
        )
        self._challenges.put(f"register:{principal.session}", options.challenge)
        return _plain(options)

    def register(
        self, principal: Principal, credential: dict[str, Any], name: str, client: Client
    ) -> tuple[SignedIn, list[str]]:
        """Take the new credential. Returns the session with a new cookie, and recovery codes when they are the first.

        Raises UnauthenticatedError for a credential that does not answer the challenge.
        """
        account = self._own.account(principal)
        self._own.fresh(principal, account)
        challenge = self._challenges.take(f"register:{principal.session}")
        try:
            verified = verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise UnauthenticatedError(f"{_BAD} ({_reason(error)})") from error
        made = Passkey(
            id=bytes_to_base64url(verified.credential_id),
            account=account.id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            name=rules.display_text(name, "the name", 64) or "passkey",
            aaguid=verified.aaguid,
            attestation=str(getattr(verified.fmt, "value", verified.fmt)),
            backed_up=verified.credential_backed_up,
            created=self._ledger.clock(),
            used=None,
        )

        def work(log: Journal) -> tuple[SignedIn, list[str]]:
            store.insert_passkey(log.connection, made)
            note(log, account, "account.passkey", None, passkey_json(made))
            return self._own.registered(log, principal, account, client, "passkey")

        return self._ledger.write(principal.actor, work)

    def begin_sign_in(self) -> tuple[str, dict[str, Any]]:
        """A ceremony's id, and options for `navigator.credentials.get`. Names no account: nothing is given away."""
        options = generate_authentication_options(
            rp_id=self._rp_id, user_verification=UserVerificationRequirement.REQUIRED
        )
        ceremony = secrets.token_urlsafe(16)
        self._challenges.put(f"sign-in:{ceremony}", options.challenge)
        return ceremony, _plain(options)

    def sign_in(
        self, ceremony: str, credential: dict[str, Any], client: Client, present: Principal | None, replaces: str
    ) -> SignedIn:
        """End the ceremony: a new session, or for who is signed in (or halfway) a proof anew, with a new cookie.

        Raises UnauthenticatedError, the same for unknown credentials and wrong signatures.
        """
        challenge = self._challenges.take(f"sign-in:{ceremony}")
        key_id = str(credential.get("id", ""))
        found = self._ledger.read(lambda connection: store.passkeys(connection, key_id=key_id))
        if not found:
            raise UnauthenticatedError(_BAD)
        key = found[0]
        try:
            verified = verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                credential_public_key=key.public_key,
                credential_current_sign_count=key.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise UnauthenticatedError(_BAD) from error

        def work(log: Journal) -> SignedIn:
            account = store.accounts(log.connection, ids=[key.account])[0]
            if not account.active:
                raise UnauthenticatedError(_BAD)
            store.passkey_used(log.connection, key.id, verified.new_sign_count, log.at_ms)
            if present is not None and present.id == account.id:
                return self._sign_in.proved(log, present, client, "passkey")
            return self._sign_in.opened_by_passkey(log, account, client, replaces)

        return self._ledger.write("passkey", work)

    def listed(self, principal: Principal) -> list[Passkey]:
        """One's own."""
        return self._ledger.read(lambda connection: store.passkeys(connection, principal.id))

    def remove(self, principal: Principal, key_id: str) -> None:
        """Forget one of one's own. Raises NotFoundError, RefusedError (the last factor)."""

        def work(log: Journal) -> None:
            account = self._own.account(principal)
            self._own.fresh(principal, account)
            if not any(each.id == key_id for each in store.passkeys(log.connection, account.id)):
                raise NotFoundError("there is no such passkey")
            self._own.keeping_a_factor(log.connection, account, account.passkeys - 1 + account.totp)
            store.delete_passkeys(log.connection, account.id, key_id)
            note(log, account, "account.passkey", {"id": key_id}, None)

        self._ledger.write(principal.actor, work)


class _Challenges:
    """Challenges that wait for their answer: each is taken once."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic, self._waiting = monotonic, OrderedDict[str, tuple[float, bytes]]()
        self._lock = threading.Lock()

    def put(self, name: str, challenge: bytes) -> None:
        with self._lock:
            self._waiting[name] = (self._monotonic() + _CEREMONY_S, challenge)
            while len(self._waiting) > _MOST_CEREMONIES:
                self._waiting.popitem(last=False)

    def take(self, name: str) -> bytes:
        with self._lock:
            until, challenge = self._waiting.pop(name, (0.0, b""))
        if until <= self._monotonic():
            raise UnauthenticatedError("the ceremony is over, or was never begun", do="Begin again.")
        return challenge


def passkey_json(key: Passkey) -> dict[str, Any]:
    """A passkey as its owner may see it. attestation: the format by which its maker vouched for it."""
    return {
        "id": key.id,
        "name": key.name,
        "aaguid": key.aaguid,
        "attestation": key.attestation,
        "backed_up": key.backed_up,
        "created": key.created,
        "used": key.used,
    }


def _plain(options: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(options_to_json(options))
    return plain


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]
