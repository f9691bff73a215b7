"""`accounts.json`: what one needs to know to register a phone as one of the demo's people."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from isthmus.demo.plan import Plan, PlannedPerson
from isthmus.errors import UsageError
from isthmus.pki.store import write_private

_DELETE = "Delete it: new passwords are made at the next start."


@dataclass(frozen=True, slots=True)
class Account:
    """One phone account. site_address: IP address of the site that is home; any site will do, though."""

    aor: str
    username: str
    password: str
    number: str
    home: str
    site_address: str

    def __repr__(self) -> str:
        return f"Account({self.aor})"


def read_or_make(path: Path, plan: Plan) -> tuple[list[Account], bool]:
    """The accounts of all the plan's people, and whether any password was made just now.

    Passwords are made once, with 16 bytes of the system's randomness each, and kept in `path` (0600).
    Raises UsageError when the file is there and can't be read.
    """
    known = {account.aor: account for account in _read(path)}
    accounts = [known.get(str(person.aor)) or _make(person, plan) for person in plan.people]
    fresh = any(account.aor not in known for account in accounts)
    if fresh:
        write(path, accounts)
    return accounts, fresh


def write(path: Path, accounts: list[Account]) -> None:
    """Replace the file in one step; nobody but the owner may read it."""
    write_private(path, (json.dumps([asdict(account) for account in accounts], indent=2) + "\n").encode())


def with_homes(accounts: list[Account], homes: Mapping[str, str], plan: Plan) -> list[Account]:
    """The accounts with the homes people have by now. homes: address-of-record to site name."""
    addresses = {site.name: site.address for site in plan.sites}
    return [
        replace(account, home=home, site_address=addresses[home])
        if (home := homes.get(account.aor)) in addresses
        else account
        for account in accounts
    ]


def _make(person: PlannedPerson, plan: Plan) -> Account:
    address = next(site.address for site in plan.sites if site.name == person.home)
    password = secrets.token_urlsafe(16)
    return Account(str(person.aor), person.user, password, person.number, person.home, address)


def _read(path: Path) -> list[Account]:
    try:
        return [Account(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"the demo's accounts can't be read ({error})", where=str(path), do=_DELETE) from error
