"""Accounts put together for one site."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from sqlalchemy import Engine

from isthmus.identity.accounts import Accounts
from isthmus.identity.ledger import Ledger
from isthmus.identity.model import Client, Settings
from isthmus.identity.own import Own
from isthmus.identity.passkeys import Passkeys
from isthmus.identity.sealing import HASHER, Passwords, Sealer
from isthmus.identity.signin import SignIn


@dataclass(frozen=True)
class Identity:
    """What the routes of accounts and of sign-in need, and sign-in by providers outside."""

    accounts: Accounts
    own: Own
    sign_in: SignIn
    passkeys: Passkeys
    ledger: Ledger
    sealer: Sealer


def build_identity(
    engine: Engine,
    *,
    key_file: Path,
    tenant: str,
    fqdn: str,
    port: int,
    settings: Settings,
    hasher: PasswordHasher = HASHER,
    told: Callable[[str, Client, bool, bool], object] = lambda name, client, right, known: None,
) -> Identity:
    """tenant: the site's own. fqdn, port: where browsers find it. told: see `SignIn`.

    Raises UnavailableError for an unreadable key.
    """
    ledger = Ledger(engine)
    sealer, passwords = Sealer.from_file(key_file), Passwords(hasher)
    sign_in = SignIn(ledger, passwords, sealer, settings, told=told)
    own = Own(ledger, passwords, sealer, sign_in, fqdn)
    origins = [f"https://{fqdn}:{port}", f"https://{fqdn}"]
    passkeys = Passkeys(ledger, sign_in, own, fqdn, origins)
    return Identity(Accounts(ledger, passwords, settings, tenant), own, sign_in, passkeys, ledger, sealer)
