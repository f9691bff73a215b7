"""The SQL of contacts. Functions of a connection."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, and_, delete, select

from isthmus.contacts.model import Contact
from isthmus.contacts.tables import contact_entry
from isthmus.directory.batches import in_batches, upsert

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Contact)


def of(connection: Connection, person: str) -> list[Contact]:
    """Somebody's list, by address."""
    query = select(contact_entry.c.contact).where(contact_entry.c.person == person).order_by(contact_entry.c.address)
    return [_decoder.decode(each) for each in connection.execute(query).scalars()]


def put(connection: Connection, person: str, contacts: Iterable[Contact]) -> None:
    """Add these, or have them in place of those of the same address."""
    rows = [{"person": person, "address": each.address, "contact": _encoder.encode(each).decode()} for each in contacts]
    if rows:
        upsert(connection, contact_entry, rows, ("contact",))


def remove(connection: Connection, person: str, addresses: Iterable[str]) -> None:
    """Those that are there."""
    for batch in in_batches(addresses):
        mine = and_(contact_entry.c.person == person, contact_entry.c.address.in_(batch))
        connection.execute(delete(contact_entry).where(mine))


def of_all(connection: Connection, people: Iterable[str]) -> dict[str, list[Contact]]:
    """The lists of these people, of those who have any."""
    found: dict[str, list[Contact]] = {}
    for batch in in_batches(people):
        query = select(contact_entry).where(contact_entry.c.person.in_(batch)).order_by(contact_entry.c.address)
        for row in connection.execute(query):
            found.setdefault(row.person, []).append(_decoder.decode(row.contact))
    return found


def forget(connection: Connection, people: Iterable[str]) -> None:
    """All of these people's."""
    for batch in in_batches(people):
        connection.execute(delete(contact_entry).where(contact_entry.c.person.in_(batch)))
