"""Whether two sites hold the same people: digests of a thousand ranges first, then only what is in those that differ.

An address falls into a range by its hash, so that the ranges are of one size whatever people are called. A digest
covers all of a person, their secrets among it, so it is for peers alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from isthmus.addressing import Aor
from isthmus.directory import store, wire
from isthmus.directory.journal import DOMAIN, PERSON, TENANT, Journal
from isthmus.directory.model import Person

RANGES = 1024


@dataclass(frozen=True, slots=True)
class Held:
    """A person as one site holds them. digest: hexadecimal."""

    digest: str
    home_epoch: int


def range_of(aor: Aor) -> int:
    """The range that an address falls into."""
    return int.from_bytes(hashlib.blake2b(str(aor).encode(), digest_size=2).digest()) % RANGES


def summary(people: Iterable[Person], domains: Mapping[str, str]) -> list[str]:
    """A digest of each range, and behind them one of the domains with their tenants.

    people: ascending by the bytes of their addresses.
    """
    ranges = [hashlib.blake2b(digest_size=16) for _ in range(RANGES)]
    for person in people:
        ranges[range_of(person.aor)].update(_digest(person))
    owned = hashlib.blake2b(repr(sorted(domains.items())).encode(), digest_size=16)
    return [each.hexdigest() for each in (*ranges, owned)]


def held(people: Iterable[Person], ranges: Collection[int]) -> dict[Aor, Held]:
    """The people of some ranges."""
    return {
        person.aor: Held(_digest(person).hex(), person.home_epoch)
        for person in people
        if range_of(person.aor) in ranges
    }


def resend(log: Journal, differing: Mapping[Aor, int]) -> None:
    """Let people, as they are here, appear in the feed once more, and the domains as well.

    differing: with the epoch that the other site has for them, -1 where it has nobody. An epoch only grows: where the
    other site's is ahead of the authority's, the authority goes past it, or its word would be refused.
    """
    connection = log.connection
    _resend_domains(log, connection)
    present = store.people_by_aor(connection, differing)
    raised = {
        aor: replace(person, home_epoch=differing[aor] + 1)
        for aor, person in present.items()
        if differing[aor] > person.home_epoch
    }
    store.update_people(connection, list(raised.values()))
    for aor in differing:
        before = present.get(aor)
        log.changed(PERSON, str(aor))
        now = raised.get(aor, before)
        log.entry(
            "person.resend",
            str(aor),
            wire.public(before) if before else None,
            wire.public(now) if now else None,
        )


def _resend_domains(log: Journal, connection: Connection) -> None:
    for tenant in store.tenants(connection):
        log.changed(TENANT, tenant)
    for domain in store.domains(connection):
        log.changed(DOMAIN, domain)


def _digest(person: Person) -> bytes:
    return hashlib.blake2b(wire.encode_person(person), digest_size=16).digest()
