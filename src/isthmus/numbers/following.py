"""What the inventory makes of every write of the directory, in the same transaction.

So a person gets a number by one set of rules, whether by `number assign`, `user set`, an import, a directory source or
SCIM.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Collection

from sqlalchemy import Connection

from isthmus.directory.journal import Journal
from isthmus.directory.kept import Wanted
from isthmus.errors import RefusedError
from isthmus.numbers import rules, store
from isthmus.numbers.model import Block, Range, counted


def kept(connection: Connection, wanted: Collection[Wanted], actor: str, at_ms: int) -> dict[Wanted, RefusedError]:
    """Numbers that `actor` can't give to people of these tenants now, and why: see Directory.keep_numbers."""
    numbers = {counted(number) for number, _ in wanted}
    ranges, holds = covering(connection, numbers), store.holds(connection, numbers)
    found: dict[Wanted, RefusedError] = {}
    for number, tenant in wanted:
        integer = counted(number)
        if integer in ranges and ranges[integer].tenant != tenant:
            found[number, tenant] = RefusedError(f"the number {number} belongs to somebody of another tenant")
            continue
        try:
            rules.may_take(integer, holds.get(integer), actor, at_ms)
        except RefusedError as error:
            found[number, tenant] = error
    return found


def follow(log: Journal) -> None:
    """Hold a write to what `kept` says, use up reservations, free extensions: see Directory.join.

    Raises RefusedError, which undoes the whole write: for who did not ask `kept` before.
    """
    given: dict[Wanted, str] = {}  # to the address of who has it from now on
    gone: list[str] = []
    for entry in log.entries:
        if not entry.action.startswith("person."):
            continue
        before, after = (json.loads(text) if text else {} for text in (entry.before, entry.after))
        if after.get("number") and after["number"] != before.get("number"):
            given[after["number"], after["tenant"]] = after["aor"]
        if not after and before.get("id"):
            gone.append(before["id"])
    store.delete_extensions_of(log.connection, gone)
    if not given:
        return
    for wanted, error in kept(log.connection, given, log.actor, log.at_ms).items():
        raise RefusedError(error.what, where=given[wanted], do=error.do)
    store.delete_holds(log.connection, [counted(number) for number, _ in given])


def covering(connection: Connection, numbers: Collection[int]) -> dict[int, Block]:
    """The range, whosever, that each of the numbers is in; those of none are left out."""
    if not numbers:
        return {}
    blocks = store.overlapping(connection, Range(min(numbers), max(numbers)))
    firsts = [block.range.first for block in blocks]
    found: dict[int, Block] = {}
    for number in numbers:
        at = bisect_right(firsts, number) - 1
        if at >= 0 and blocks[at].range.holds(number):
            found[number] = blocks[at]
    return found
