"""Any LDAP directory with entryUUID (RFC 4530): OpenLDAP, 389 and others, without a right to more than reading.

An OpenLDAP with the overlay syncprov tells what changed (`syncrepl`). For all others, and whenever that is not certain,
changes are found by listing for everybody in scope no more than entryUUID and the stamp of the last modification
(entryCSN, or modifyTimestamp), and reading those whose stamp is not the one we know. This misses nothing, whatever the
clocks, replicas and restored backups do, and tells of deletions as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from isthmus.errors import UsageError
from isthmus.sync.model import Entry
from isthmus.sync.photos import NO_PHOTOS, Taking
from isthmus.sync.source import FullNeededError, Reading
from isthmus.sync.sources.connection import Directory, Server, escaped, texts
from isthmus.sync.sources.scope import Membership, Scope, read_membership
from isthmus.sync.sources.syncrepl import NoTellingError, StaleCookieError, Told

_STAMPS = ("entryUUID", "entryCSN", "modifyTimestamp")
_AT_ONCE = 200  # objects asked for by one filter
_NOBODY = "(!(objectClass=*))"
_CONTAINERS = ("organizationalunit", "organization", "dcobject", "locality", "country", "container")

Row = tuple[Entry, tuple[str, ...]]


class LdapSource:
    """An LDAP directory. Each reading makes a connection of its own."""

    def __init__(self, server: Server, scope: Scope, taking: Taking = NO_PHOTOS) -> None:
        self._server, self._scope, self._taking = server, scope, taking

    def check(self) -> str:
        """Where it is signed in, how many are in scope, and how changes are found."""
        with Directory.open(self._server) as directory:
            membership = read_membership(directory, self._scope)
            how = "the server tells changes (syncrepl)" if self._cookies(directory) else "changes are found by listing"
            return f"{directory.uri}: {len(self._listing(directory, membership))} people; {how}"

    def full(self) -> Reading:
        """Everybody in scope."""
        with Directory.open(self._server) as directory:
            cookies = self._cookies(directory)  # before reading: what changes meanwhile is told once more
            membership = read_membership(directory, self._scope)
            rows = {
                entry.id: (entry, membership.of(entry.name))
                for base in self._scope.bases
                for entry in self._entries(directory, base, self._scope.filter_with(), membership)
            }
        return Reading(list(rows.values()), frozenset(), self._cursor(membership, cookies))

    def changes(self, cursor: str, known: Mapping[str, str]) -> Reading:
        """Those who differ, and who is not there.

        Raises FullNeededError: settings or groups changed, or the server can't tell changes since then.
        """
        with Directory.open(self._server) as directory:
            membership = read_membership(directory, self._scope)
            before = comparable(cursor, self._cursor(membership, {}))
            told = self._told(directory, before.get("cookies") or {}, set(known), membership)
            return told or self._compared(directory, known, membership)

    def _compared(self, directory: Directory, known: Mapping[str, str], membership: Membership) -> Reading:
        cookies = self._cookies(directory)
        listing = self._listing(directory, membership)
        changed = [object_id for object_id, stamp in listing.items() if known.get(object_id) != stamp]
        rows = list(self._by_id(directory, changed, membership))
        return Reading(rows, frozenset(set(known) - set(listing)), self._cursor(membership, cookies))

    def _told(
        self, directory: Directory, cookies: Mapping[str, str], known: set[str], membership: Membership
    ) -> Reading | None:
        """The changes as the server tells them; None when it does not, or not with certainty."""
        if set(cookies) != set(self._scope.bases) or not directory.tells_changes():
            return None
        containers = "".join(f"(objectClass={name})" for name in _CONTAINERS)
        filter_ = f"(|{self._scope.filter_with()}{containers})"
        attributes = (*self._scope.attributes, *_STAMPS, "objectClass")
        try:
            told = {base: directory.changes(base, filter_, attributes, cookie) for base, cookie in cookies.items()}
        except NoTellingError:
            return None
        except StaleCookieError:
            raise FullNeededError("the server can't tell what changed since the last run") from None
        gone = _gone(list(told.values()), known)
        if gone is None:
            return None
        records = {key: record for each in told.values() for key, record in each.records.items()}
        entries = [self._entry(key, dn, values) for key, (dn, values) in records.items()]
        here = [entry for entry in entries if membership.in_scope(entry.name)]
        after = {base: each.cookie or cookies[base] for base, each in told.items()}
        rows = [(entry, membership.of(entry.name)) for entry in here]
        rows += self._by_id(directory, sorted(_appeared(list(told.values()), known)), membership)
        # Who changed so that they are no longer in the scope's group is gone, too.
        gone = (gone | set(records)) - {entry.id for entry, _ in rows}
        return Reading(rows, frozenset(gone), self._cursor(membership, after))

    def _cookies(self, directory: Directory) -> dict[str, str]:
        """Where the server would go on from now, by base; empty where it does not tell changes.

        OpenLDAP's cookie says how far the database is, whatever was searched for (contextCSN): nobody need be read.
        """
        if not directory.tells_changes():
            return {}
        try:
            asked = {base: directory.changes(base, _NOBODY, ["1.1"], None).cookie for base in self._scope.bases}
        except NoTellingError:
            return {}
        found = {base: cookie for base, cookie in asked.items() if cookie}
        return found if len(found) == len(asked) else {}

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
                yield self._entry(_id(dn, values), dn, values)

    def _entry(self, object_id: str, dn: str, values: Mapping[str, list[bytes]]) -> Entry:
        return Entry(object_id, dn, readable(values, self._taking), _stamp(values))

    def _cursor(self, membership: Membership, cookies: Mapping[str, str]) -> str:
        return json.dumps({"settings": self._scope.digest(), "groups": membership.digest(), "cookies": dict(cookies)})


def _gone(told: Sequence[Told], known: set[str]) -> set[str] | None:
    """Who is gone by what the server told; None when that can't be said with certainty.

    A container that was renamed takes those in it along without a word about them: into the base or out of it. What
    became of it is told of a container, or as the loss of something that we do not know.
    """
    if any(_is_container(values) for each in told for _, values in each.records.values()):
        return None
    gone = {key for each in told for key in each.gone}
    if not gone <= known:
        return None
    listed = [each.present for each in told if each.present is not None]
    if not listed:
        return gone
    if len(listed) != len(told):
        return None
    return gone | (known - set().union(*listed) - {key for each in told for key in each.records})


def _appeared(told: Sequence[Told], known: set[str]) -> set[str]:
    """Who is said to be there unchanged, and we do not know: some are no people, others were not in scope."""
    return {key for each in told for key in (each.present or ())} - known - {k for each in told for k in each.records}


def _is_container(values: Mapping[str, Iterable[bytes]]) -> bool:
    return any(value.decode("ascii", "replace").lower() in _CONTAINERS for value in values.get("objectclass", ()))


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


def readable(values: Mapping[str, Iterable[bytes]], taking: Taking) -> dict[str, tuple[str, ...]]:
    """The attributes as text; in place of a photo the hash by which it is kept."""
    return {
        name: tuple(filter(None, map(taking.keep, found))) if name in taking.attributes else texts(list(found))
        for name, found in values.items()
    }


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
