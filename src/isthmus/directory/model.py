"""The directory's values. What travels between sites and into the snapshot is made of these."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Self

from isthmus.addressing import Aor


@dataclass(frozen=True, slots=True)
class Credentials:
    """The two digest secrets of a phone account, never the password itself (RFC 8760, RFC 7616 3.4.2).

    ha1_md5: 16 bytes, MD5(user:realm:password).
    ha1_sha256: 32 bytes, SHA-256(user:realm:password).
    """

    ha1_md5: bytes
    ha1_sha256: bytes

    @classmethod
    def of(cls, aor: Aor, password: str) -> Self:
        """The secrets for a person whose user name is the AOR's user part and whose realm is its domain."""
        text = f"{aor.user}:{aor.domain}:{password}".encode()
        return cls(hashlib.md5(text, usedforsecurity=False).digest(), hashlib.sha256(text).digest())

    def __repr__(self) -> str:
        return "Credentials(***)"


@dataclass(frozen=True, slots=True)
class Device:
    """A phone of one person, with a credential of its own.

    name: its user name in the digest, no other device's anywhere. generation: of its secret, counted from 1.
    credentials: of that secret; ha1_md5 is empty where the device must not use MD5. former: of the secret before, good
    until `former_until_ms`; None where it is not. created_ms, secret_ms: when the device and its secret were made, in
    milliseconds since 1970.
    """

    name: str
    label: str
    credentials: Credentials
    created_ms: int
    secret_ms: int
    generation: int = 1
    former: Credentials | None = None
    former_until_ms: int = 0

    @property
    def generations(self) -> tuple[int, ...]:
        """Of the secrets that open something."""
        return (self.generation,) if self.former is None else (self.generation, self.generation - 1)


@dataclass(frozen=True, slots=True)
class Person:
    """One person of a tenant, as the directory holds them.

    number: E.164 with `+`, owned by this person alone across all sites; None when they have none.
    home: name of the one site that is home. home_epoch: grows by one at every move, never shrinks.
    groups: names of the groups the person is in, sorted. barred: what they are kept from, sorted
    (addressing/barring.py).
    id: stays with the person whatever they are called, and is never another's; empty until the directory gave one.
    devices: the person's phones, by name.
    """

    aor: Aor
    tenant: str
    display_name: str
    number: str | None
    home: str
    home_epoch: int
    credentials: Credentials
    enabled: bool = True
    groups: tuple[str, ...] = ()
    id: str = ""
    devices: tuple[Device, ...] = ()
    barred: tuple[str, ...] = ()

    def moved_to(self, site: str) -> Person:
        """The same person after a committed move."""
        return replace(self, home=site, home_epoch=self.home_epoch + 1)


class Unchanged(Enum):
    """Stands for a field of `PersonChanges` that stays as it is; None would mean "take it away"."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A person to be created. The tenant follows from the domain; the epoch is the directory's business."""

    aor: Aor
    display_name: str
    home: str
    credentials: Credentials
    number: str | None = None
    enabled: bool = True
    groups: tuple[str, ...] = ()

    def person(self, tenant: str, epoch: int, id_: str) -> Person:
        """The person they are when they have been created. id_: theirs for good."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return Person(tenant=tenant, home_epoch=epoch, id=id_, **given)


@dataclass(frozen=True, slots=True)
class PersonChanges:
    """What is to be different of a person. The home is not here: it changes by a move alone."""

    display_name: str | Unchanged = UNCHANGED
    number: str | Unchanged | None = UNCHANGED
    credentials: Credentials | Unchanged = UNCHANGED
    enabled: bool | Unchanged = UNCHANGED
    groups: tuple[str, ...] | Unchanged = UNCHANGED
    barred: tuple[str, ...] | Unchanged = UNCHANGED

    def applied_to(self, person: Person) -> Person:
        """The person as they are afterwards."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(person, **{name: value for name, value in given.items() if value is not UNCHANGED})


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a tenant. The people in it are told by the people themselves (`Person.groups`).

    source: the directory source that keeps it; empty for one that is kept by hand. groups: the groups directly in
    it, sorted. A name that stands at people alone is a group as well, without description and groups in it.
    formerly: what it was called before, the latest last: a site that missed a rename finds by it what it gave to it.
    """

    tenant: str
    name: str
    description: str = ""
    source: str = ""
    groups: tuple[str, ...] = ()
    formerly: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A stretch of a directory's ordered change feed: everything that is different after `from_seq`, up to `to_seq`.

    stream: names the database the numbers belong to. last_seq: the newest change there; equal to `to_seq` on the
    last page. Each object appears once, as it is now; what is gone as None. domains: name and tenant.
    groups: tenant and name, and the group. suspended: those of `tenants` that are. gone_domains: names of domains.
    """

    stream: str
    from_seq: int
    to_seq: int
    last_seq: int
    tenants: tuple[str, ...] = ()
    domains: tuple[tuple[str, str], ...] = ()
    people: tuple[tuple[Aor, Person | None], ...] = ()
    groups: tuple[tuple[tuple[str, str], Group | None], ...] = ()
    suspended: tuple[str, ...] = ()
    gone_domains: tuple[str, ...] = ()
