"""Who has a phone registered, for presence (presence/phones.py)."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import unquote

from isthmus.addressing import Aor
from isthmus.engines.kamailio import contact
from isthmus.engines.kamailio.registrar import KamailioRegistrar
from isthmus.errors import IsthmusError, UnavailableError
from isthmus.presence.phones import BROWSERS

# The engine keeps times as Julian days.
_BINDINGS = "SELECT username, domain, received, path FROM location WHERE expires > julianday('now')"


def everybody(file: Path) -> set[str]:
    """Addresses of all who have a phone, as the engine has them on disk, at most some seconds late. file: location.db.

    By its commands they would be a text of 100 MB at 100,000 phones, put together while calls wait for the registrar.
    Raises UnavailableError.
    """
    if not file.exists():  # the engine has never run here
        return set()
    try:
        with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=5.0)) as database:
            rows = database.execute(_BINDINGS)
            phones = (row[:2] for row in rows if is_phone(row[3] or "", row[2] or ""))
            return {f"{user}@{domain}".lower() for user, domain in phones}
    except sqlite3.Error as error:
        raise UnavailableError(f"the bindings on disk can't be read ({error})", where=str(file)) from error


def has_phone(registrar: KamailioRegistrar, aor: str) -> bool:
    """Whether somebody has one now. Raises UnavailableError."""
    try:
        address = Aor.parse(aor)
    except IsthmusError:
        return False
    return any(is_phone(each.path, each.received) for each in registrar.bindings(address))


def is_phone(path: str, received: str) -> bool:
    """Whether a binding is a phone's, and no browser's. path, received: as the registrar has them."""
    return contact.edge_of(unquote(path) or received) != BROWSERS
