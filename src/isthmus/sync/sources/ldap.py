"""Any LDAP directory with entryUUID (RFC 4530): OpenLDAP, 389 and others, without an overlay or a right to more.

Changes are found by listing for everybody in scope no more than entryUUID and the stamp of the last modification
(entryCSN, or modifyTimestamp), and reading those whose stamp is not the one we know. This misses nothing, whatever the
clocks, replicas and restored backups do, and tells of deletions as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from isthmus.errors import UsageError
from isthmus.sync.model import Entry
from isthmus.sync.source import FullNeededError, Reading
from isthmus.sync.sources.connection import Directory, Server, escaped, texts
from isthmus.sync.sources.scope import Membership, Scope, read_membership

_STAMPS = ("entryUUID", "entryCSN", "modifyTimestamp")
_AT_ONCE = 200  # objects asked for by one filter

Row = tuple[Entry, tuple[str, ...]]


class LdapSource:
    """An LDAP directory. Each reading makes a connection of its own."""

    def __init__(self, server: Server, scope: Scope) -> None:
        self._server, self._scope = server, scope

    def check(self) -> str:
        """Where it is signed in, and how many are in scope."""
        with Directory.open(self._server) as directory:
            membership = read_membership(directory, self._scope)
            return f"{directory.uri}: {len(self._listing(directory, membership))} people"

    def full(self) -> Reading:
        """Everybody in scope."""
        with Directory.open(self._server) as directory:
            membership = read_membership(directory, self._scope)
            rows = {
                entry.id: (entry, membership.of(entry.name))
                for base in self._scope.bases
                for entry in self._entries(directory, base, self._scope.filter_with(), membership)
            }
        return Reading(list(rows.values()), frozenset(), self._cursor(membership))

    def changes(self, cursor: str, known: Mapping[str, str]) -> Reading:
        """Those whose stamp differs, and who is not there. Raises FullNeededError: settings or groups changed."""
        with Directory.open(self._server) as directory:
            membership = read_membership(directory, self._scope)
            comparable(cursor, self._cursor(membership))
            listing = self._listing(directory, membership)
            changed = [object_id for object_id, stamp in listing.items() if known.get(object_id) != stamp]
            rows = list(self._by_id(directory, changed, membership))
        return Reading(rows, frozenset(set(known) - set(listing)), self._cursor(membership))

    def _listing(self, directory: Directory, membership: Membership) -> dict[str, str]:
        return {
            _id(dn, values): _stamp(values)
            for base in self._scope.bases
            for dn, values in directory.search(base, self._scope.filter_with(), _STAMPS)
            if membership.in_scope(dn)
        }

    def _by_id(self, directory: Directory, ids: list[str], membership: Membership) -> Iterator[Row]:
        seen: set[str] = set()
        for start in range(0, len(ids), _AT_ONCE):
            some = "".join(f"(entryUUID={escaped(each)})" for each in ids[start : start + _AT_ONCE])
            for base in self._scope.bases:
                for entry in self._entries(directory, base, self._scope.filter_with(f"(|{some})"), membership):
                    if entry.id not in seen:
                        seen.add(entry.id)
                        yield entry, membership.of(entry.name)

    def _entries(self, directory: Directory, base: str, filter_: str, membership: Membership) -> Iterator[Entry]:
        for dn, values in directory.search(base, filter_, (*self._scope.attributes, *_STAMPS)):
            if membership.in_scope(dn):
                yield Entry(_id(dn, values), dn, readable(values), _stamp(values))

    def _cursor(self, membership: Membership) -> str:
        return json.dumps({"settings": self._scope.digest(), "groups": membership.digest()})


def comparable(cursor: str, now: str) -> dict[str, Any]:
    """The cursor, if the settings and the groups are as they were then. Raises FullNeededError."""
    try:
        before, present = json.loads(cursor), json.loads(now)
        if before["settings"] != present["settings"]:
            raise FullNeededError("the source's settings have changed")
        if before["groups"] != present["groups"]:
            raise FullNeededError("the members of a group have changed")
    except (ValueError, KeyError, TypeError):
        raise FullNeededError("what was read last was read in another way") from None
    return dict(before)


def readable(values: Mapping[str, Iterable[bytes]]) -> dict[str, tuple[str, ...]]:
    """The attributes as text."""
    return {name: texts(list(found)) for name, found in values.items()}


def _id(dn: str, values: Mapping[str, list[bytes]]) -> str:
    found = values.get("entryuuid")
    if not found:
        raise UsageError(
            "the server gives no entryUUID", where=dn, do="The account must be allowed to read operational attributes."
        )
    return found[0].decode()


def _stamp(values: Mapping[str, list[bytes]]) -> str:
    found = values.get("entrycsn") or values.get("modifytimestamp") or [b""]
    return found[0].decode()
