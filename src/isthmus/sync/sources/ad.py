"""Active Directory, and Samba as a domain controller.

Changes are found by uSNChanged, which each domain controller counts by itself (MS-ADTS 3.1.1.1.9): a cursor holds the
invocationId of the database it belongs to, and another one (another controller, or a restored one) means reading
everything. Deleted objects are asked for by the control 1.2.840.113556.1.4.417; where the account may not see them,
who is missing is found by listing.
"""

from __future__ import annotations

import contextlib
import json
import struct
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ldap.controls import LDAPControl

from isthmus.errors import IsthmusError, UsageError
from isthmus.sync.model import Entry
from isthmus.sync.photos import NO_PHOTOS, Taking
from isthmus.sync.source import FullNeededError, Reading
from isthmus.sync.sources.connection import Directory, Server
from isthmus.sync.sources.ldap import comparable, readable
from isthmus.sync.sources.scope import Membership, Scope, normal_dn, read_membership

_SHOW_DELETED = "1.2.840.113556.1.4.417"
_SIDS = ("msrtcsip-originatorsid",)
_PEOPLE = "(|(objectClass=user)(objectClass=contact)(objectClass=inetOrgPerson))"


@dataclass(frozen=True, slots=True)
class _Controller:
    """Who answers. usn: the last change it had committed when it was asked. invocation: names its database."""

    context: str
    usn: int
    invocation: str


class AdSource:
    """A domain. Each reading makes a connection of its own."""

    def __init__(self, server: Server, scope: Scope, taking: Taking = NO_PHOTOS) -> None:
        self._server, self._scope, self._taking = server, scope, taking

    def check(self) -> str:
        """Where it is signed in, how many are in scope, and how deletions are found."""
        with Directory.open(self._server) as directory:
            controller = _controller(directory)
            membership = read_membership(directory, self._scope)
            count = len(self._listing(directory, membership))
            how = (
                ""
                if _sees_deleted(directory, controller)
                else "; no deleted object is shown to the account, so all are listed to find who is gone"
            )
            return f"{directory.uri}: {count} people{how}"

    def full(self) -> Reading:
        """Everybody in scope."""
        with Directory.open(self._server) as directory:
            controller = _controller(directory)  # before reading: what changes meanwhile is read once more
            membership = read_membership(directory, self._scope)
            entries = list(self._entries(directory, membership))
        return self._reading(entries, frozenset(), controller, membership)

    def changes(self, cursor: str, known: Mapping[str, str]) -> Reading:
        """Those changed since. Raises FullNeededError: another database answers, settings or groups changed."""
        with Directory.open(self._server) as directory:
            controller = _controller(directory)
            membership = read_membership(directory, self._scope)
            before = comparable(cursor, self._cursor(controller, membership))
            if not controller.invocation:
                raise FullNeededError("the account may not see which domain controller answers (invocationId)")
            if before.get("invocation") != controller.invocation:
                raise FullNeededError("another domain controller answers, or this one was restored")
            since = int(before.get("usn", 0)) + 1
            if controller.usn < since - 1:
                raise FullNeededError("the domain controller has gone back in time")
            newer = f"(uSNChanged>={since})"
            entries = list(self._entries(directory, membership, newer))
            if _sees_deleted(directory, controller):
                gone = _changed_ids(directory, controller, newer) - {entry.id for entry in entries}
            else:
                gone = set(known) - self._listing(directory, membership)
        return self._reading(entries, frozenset(gone), controller, membership)

    def _entries(self, directory: Directory, membership: Membership, *more: str) -> Iterator[Entry]:
        seen: set[str] = set()
        for base in self._scope.bases:
            attributes = (*self._scope.attributes, "objectGUID")
            for dn, values in directory.search(base, self._scope.filter_with(*more), attributes):
                object_id = _guid(dn, values)
                if object_id not in seen and membership.in_scope(dn):
                    seen.add(object_id)
                    yield Entry(object_id, dn, {**readable(values, self._taking), **_readable_sids(values)})

    def _listing(self, directory: Directory, membership: Membership) -> set[str]:
        return {
            _guid(dn, values)
            for base in self._scope.bases
            for dn, values in directory.search(base, self._scope.filter_with(), ["objectGUID"])
            if membership.in_scope(dn)
        }

    def _reading(
        self, entries: list[Entry], gone: frozenset[str], controller: _Controller, membership: Membership
    ) -> Reading:
        rows = [(entry, membership.of(entry.name)) for entry in entries]
        return Reading(rows, gone, self._cursor(controller, membership))

    def _cursor(self, controller: _Controller, membership: Membership) -> str:
        return json.dumps(
            {
                "settings": self._scope.digest(),
                "groups": membership.digest(),
                "invocation": controller.invocation,
                "usn": controller.usn,
            }
        )


def _controller(directory: Directory) -> _Controller:
    root = directory.read("", ["defaultNamingContext", "dsServiceName", "highestCommittedUSN"]) or {}
    try:
        context, service, usn = (
            root[name][0].decode() for name in ("defaultnamingcontext", "dsservicename", "highestcommittedusn")
        )
    except KeyError as error:
        raise UsageError(
            f"not an Active Directory ({error} is missing)", where=directory.uri, do='Use kind "ldap".'
        ) from None
    invocation = (directory.read(service, ["invocationId"]) or {}).get("invocationid")
    return _Controller(context, int(usn), str(uuid.UUID(bytes_le=invocation[0])) if invocation else "")


def _show_deleted() -> LDAPControl:
    return LDAPControl(_SHOW_DELETED, criticality=True)


def _sees_deleted(directory: Directory, controller: _Controller) -> bool:
    """Whether deleted objects are shown to the account. Only one that is shown, with what we need of it, proves that.

    Many accounts see the container, bare of attributes, and nothing in it: asked for what was deleted, the server then
    answers "nothing" instead of refusing.
    """
    container = f"CN=Deleted Objects,{controller.context}"
    needed = ["objectGUID", "uSNChanged", "isDeleted"]
    with contextlib.suppress(IsthmusError):
        found = directory.search(container, "(isDeleted=TRUE)", needed, controls=[_show_deleted()])
        return any(
            normal_dn(dn) != normal_dn(container) and all(name.lower() in values for name in needed)
            for dn, values in found
        )
    return False


def _changed_ids(directory: Directory, controller: _Controller, newer: str) -> set[str]:
    """Whoever changed in any way: deleted, moved out of the bases, no longer fitting the filter."""
    found = directory.search(controller.context, f"(&{_PEOPLE}{newer})", ["objectGUID"], controls=[_show_deleted()])
    # What is hidden from the account bears no id, and was never one of its people.
    return {_guid(dn, values) for dn, values in found if "objectguid" in values}


def sid_text(raw: bytes) -> str:
    """A security id as people write it, `S-1-5-21-...` (MS-DTYP 2.4.2.1, 2.4.2.2). Raises UsageError."""
    if raw.startswith(b"S-1-"):  # a schema that was extended by hand may hold it as text
        return raw.decode("ascii", "replace")
    if len(raw) < 8 or len(raw) != 8 + 4 * raw[1]:
        raise UsageError("a security id has another length than it says")
    parts = struct.unpack(f"<{raw[1]}I", raw[8:])
    return "-".join(map(str, ("S", raw[0], int.from_bytes(raw[2:8], "big"), *parts)))


def _readable_sids(values: Mapping[str, list[bytes]]) -> dict[str, tuple[str, ...]]:
    found = {name: values[name] for name in _SIDS if name in values}
    return {name: tuple(map(sid_text, raw)) for name, raw in found.items()}


def _guid(dn: str, values: Mapping[str, list[bytes]]) -> str:
    found = values.get("objectguid")
    if not found:
        raise UsageError("the server gives no objectGUID", where=dn)
    return str(uuid.UUID(bytes_le=found[0]))
