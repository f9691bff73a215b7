"""Passwords asked of an LDAP directory, by signing in to it (RFC 4513 5.1.3): the password is never compared here."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from isthmus.errors import RefusedError, UnauthenticatedError
from isthmus.federation.model import Outside
from isthmus.sync.sources.ad import sid_text
from isthmus.sync.sources.connection import Directory, Server, escaped

_READ: Mapping[str, Callable[[bytes], str]] = {
    "entryUUID": lambda raw: raw.decode("ascii", "replace"),
    "objectGUID": lambda raw: str(uuid.UUID(bytes_le=raw)),
    "objectSid": sid_text,
}


@dataclass(frozen=True, slots=True)
class Lookup:
    """How the object of a name is found.

    names: attributes of which one must be the name. id: the one links go by: entryUUID, objectGUID or objectSid.
    """

    bases: tuple[str, ...]
    filter: str
    names: tuple[str, ...]
    id: str = "entryUUID"


class LdapPasswords:
    """The passwords of one directory. authority: what links to its objects are known by."""

    def __init__(self, authority: str, server: Server, lookup: Lookup) -> None:
        self._authority, self._server, self._lookup = authority, server, lookup

    def ask(self, name: str, password: str) -> Outside:
        """Who it is. Raises UnauthenticatedError for whatever was wrong, UnavailableError."""
        # An empty password would sign in as nobody, and succeed (RFC 4513 5.1.2).
        if not password or not name.strip() or "\0" in name + password or len(name) > 256:
            raise UnauthenticatedError("no such name or password")
        found = self._found(name.strip())
        # Who is unknown is tried as well, so that the directory is asked the same number of times.
        dn = found[0] if found else f"cn={secrets.token_hex(16)},{self._lookup.bases[0]}"
        if not self._lets_in(dn, password) or found is None:
            raise UnauthenticatedError("no such name or password")
        return self._outside(name.strip(), found[1])

    def _found(self, name: str) -> tuple[str, dict[str, list[bytes]]] | None:
        """The one object of that name. Two of them are none: nothing says which is meant."""
        either = "".join(f"({attribute}={escaped(name)})" for attribute in self._lookup.names)
        filter_ = f"(&{self._lookup.filter}(|{either}))"
        wanted = (self._lookup.id, "displayName", "cn")
        with Directory.open(self._server) as directory:
            objects = {
                dn: values for base in self._lookup.bases for dn, values in directory.search(base, filter_, wanted)
            }
        return next(iter(objects.items())) if len(objects) == 1 else None

    def _lets_in(self, dn: str, password: str) -> bool:
        try:
            with Directory.open(replace(self._server, user=dn, password=password)):
                return True
        except RefusedError:
            return False

    def _outside(self, name: str, values: Mapping[str, list[bytes]]) -> Outside:
        raw = values.get(self._lookup.id.lower())
        if not raw:
            raise UnauthenticatedError(f"the directory gives no {self._lookup.id}")
        subject = _READ[self._lookup.id](raw[0])
        shown = (values.get("displayname") or values.get("cn") or [b""])[0].decode("utf-8", "replace")
        return Outside(self._authority, subject, entry=subject, login=name, display_name=shown)
