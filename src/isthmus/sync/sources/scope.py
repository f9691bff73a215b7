"""Which objects of an LDAP directory a source is about: bases, filter, and groups with all nested members."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import ldap.dn

from isthmus.errors import UsageError
from isthmus.sync.sources.connection import Directory

_GROUP_CLASSES = ("group", "groupOfNames", "groupOfUniqueNames")
_MEMBERS = ("member", "uniqueMember")


@dataclass(frozen=True, slots=True)
class Scope:
    """bases: subtrees. filter: in LDAP's form. group: DN of the group whose members alone count; empty for all.

    groups: DNs of groups whose members are told. address: attributes of which an object must have one.
    attributes: what is read of each object.
    """

    bases: tuple[str, ...]
    filter: str
    group: str
    groups: tuple[str, ...]
    address: tuple[str, ...]
    attributes: tuple[str, ...]

    def filter_with(self, *more: str) -> str:
        """The filter for objects in scope that fit all of `more` as well."""
        having = "".join(
            "(proxyAddresses=sip:*)" if a.lower() == "proxyaddresses" else f"({a}=*)" for a in self.address
        )
        return f"(&{self.filter}(|{having}){''.join(more)})"

    def digest(self) -> str:
        """Differs when the settings do: what was read by others says nothing about what is missing now."""
        return _digest([self.bases, self.filter, self.group, self.groups, self.attributes])


@dataclass(frozen=True, slots=True)
class Membership:
    """Which groups a person is in, by normal DN. scope: the members of the scope's group; None where all count."""

    scope: frozenset[str] | None
    groups: Mapping[str, tuple[str, ...]]

    def in_scope(self, dn: str) -> bool:
        """Whether the object counts."""
        return self.scope is None or normal_dn(dn) in self.scope

    def of(self, dn: str) -> tuple[str, ...]:
        """The groups it is in, as the settings name them."""
        return self.groups.get(normal_dn(dn), ()) if self.groups else ()

    def digest(self) -> str:
        """Differs when anybody's membership does."""
        return _digest([sorted(self.scope or ()), sorted((dn, list(groups)) for dn, groups in self.groups.items())])


def read_membership(directory: Directory, scope: Scope) -> Membership:
    """The members of all groups that matter. Raises UsageError for a group that is not there."""
    if not scope.group and not scope.groups:
        return Membership(None, {})
    known = _groups_of(directory, _suffixes(directory, (*scope.bases, *scope.groups, scope.group)))
    found: dict[str, list[str]] = defaultdict(list)
    for group in scope.groups:
        for member in _members(directory, group, known):
            found[member].append(group)
    members = frozenset(_members(directory, scope.group, known)) if scope.group else None
    return Membership(members, {dn: tuple(groups) for dn, groups in found.items()})


def normal_dn(dn: str) -> str:
    """The DN in a form that is the same however it was written: case, blanks and escapes (RFC 4514 2)."""
    try:
        parts = ldap.dn.str2dn(dn.lower())
    except ldap.DECODING_ERROR:
        return dn.lower()
    return ",".join("+".join(sorted(f"{name}={value.strip()}" for name, value, _ in part)) for part in parts)


def _members(directory: Directory, group: str, known: frozenset[str]) -> Iterable[str]:
    """Everybody in the group, by way of other groups, too; groups in a circle are each read once."""
    waiting, seen, people = [group], {normal_dn(group)}, set[str]()
    while waiting:
        dn = waiting.pop()
        values = directory.read(dn, _MEMBERS)
        if values is None:
            if dn == group:
                raise UsageError("there is no such group, or the account may not see it", where=group)
            continue
        for raw in (value for name in _MEMBERS for value in values.get(name.lower(), ())):
            member = raw.decode("utf-8", "replace")
            normal = normal_dn(member)
            if normal not in known:
                people.add(normal)
            elif normal not in seen:
                seen.add(normal)
                waiting.append(member)
    return people


def _groups_of(directory: Directory, suffixes: Iterable[str]) -> frozenset[str]:
    filter_ = f"(|{''.join(f'(objectClass={name})' for name in _GROUP_CLASSES)})"
    return frozenset(normal_dn(dn) for suffix in suffixes for dn, _ in directory.search(suffix, filter_, ["1.1"]))


def _suffixes(directory: Directory, dns: Sequence[str]) -> list[str]:
    """The naming contexts in which these objects are."""
    root = directory.read("", ["namingContexts"]) or {}
    contexts = sorted((value.decode() for value in root.get("namingcontexts", ())), key=len, reverse=True)
    found = []
    for dn in filter(None, dns):
        normal = normal_dn(dn)
        found += [c for c in contexts if normal == normal_dn(c) or normal.endswith("," + normal_dn(c))][:1]
    return list(dict.fromkeys(found))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
