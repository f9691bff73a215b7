"""Putting ranges into a tenant's inventory and taking them out, inside a transaction."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from sqlalchemy import Connection

from isthmus.directory import store as directory_store
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError
from isthmus.numbers import store
from isthmus.numbers.model import Block, Range, written
from isthmus.numbers.wire import block_public


def require_authority(directory: Directory) -> None:
    """Raises RefusedError elsewhere: the inventory is empty there, which would look like an answer."""
    if not directory.is_authority:
        raise RefusedError(
            "the inventory of numbers is kept at the authority",
            do=f"Ask there: isthmus --site {directory.authority} ...",
        )


_NAMED = 3  # numbers that a refusal names


def add(log: Journal, block: Block) -> None:
    """Put a range in. Raises NotFoundError (no such tenant), RefusedError (some of it is somebody's already)."""
    connection, tenant = log.connection, block.tenant
    if tenant not in directory_store.tenants(connection):
        raise NotFoundError(f"there is no tenant {tenant!r}")
    for other in store.overlapping(connection, block.range):
        if other.tenant == tenant:
            raise RefusedError(
                f"{other.range.overlap(block.range)} is in the inventory already",
                where=str(block.range),
                do=f"It is part of {other.range}. See: isthmus number ranges",
            )
        raise RefusedError("numbers of it belong to another tenant", where=str(block.range))
    if any(owner != tenant for _, _, owner in store.people_in(connection, block.range)):
        raise RefusedError("numbers of it belong to people of another tenant", where=str(block.range))
    store.insert_block(connection, replace(block, added_ms=log.at_ms))
    log.entry("number.add", str(block.range), None, block_public(block), tenant=tenant)


def change(log: Journal, before: Block, after: Block) -> None:
    """Say something else of a range that is there."""
    store.delete_block(log.connection, before)
    store.insert_block(log.connection, after)
    log.entry("number.set", str(after.range), block_public(before), block_public(after), tenant=after.tenant)


def remove(log: Journal, tenant: str, range_: Range) -> None:
    """Take numbers out; of a range that has more, the rest stays.

    Raises NotFoundError where some of them are not in the inventory, RefusedError where some have owners.
    """
    connection = log.connection
    blocks = [each for each in store.overlapping(connection, range_) if each.tenant == tenant]
    if not in_inventory(connection, tenant, range_):
        raise NotFoundError(f"{range_} is not, or not whole, in the inventory", do="See: isthmus number ranges")
    if owned := owned_in(connection, range_):
        some = ", ".join(f"{written(number)} ({owner})" for number, owner in owned[:_NAMED])
        more = f" and {len(owned) - _NAMED} more" if len(owned) > _NAMED else ""
        raise RefusedError(
            f"numbers of it have owners: {some}{more}",
            where=str(range_),
            do="Release them first: isthmus number release",
        )
    store.delete_holds(connection, [each.number for each in store.holds_in(connection, range_)])
    for block in blocks:
        store.delete_block(connection, block)
        for rest in block.range.without(range_):
            store.insert_block(connection, replace(block, range=rest))
    log.entry("number.remove", str(range_), [block_public(each) for each in blocks], None, tenant=tenant)


def owned_in(connection: Connection, range_: Range) -> list[tuple[int, str]]:
    """The numbers of a range that have an owner, or people behind them, and who that is; ascending."""
    people = ((number, str(aor)) for number, aor, _ in store.people_in(connection, range_))
    others = ((each.number, str(each.owner)) for each in store.holds_in(connection, range_) if each.owner)
    behind = ((number, f"{aor} at ext. {ext}") for number, ext, aor in store.extensions(connection, range_))
    return sorted(chain(people, others, behind))


def in_inventory(connection: Connection, tenant: str, range_: Range) -> bool:
    """Whether all of a range is the tenant's."""
    blocks = (each for each in store.overlapping(connection, range_) if each.tenant == tenant)
    return sum(part.size for each in blocks if (part := each.range.overlap(range_))) == range_.size
