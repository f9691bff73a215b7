"""Verifying: the chain from its beginning to its head, then what the anchors know beyond it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Connection

from isthmus.audit import rules, store
from isthmus.audit.model import Anchor, Fault, Head, Kind, Verdict

_TELL_EVERY = 5000


class _Checkpoint(msgspec.Struct):
    """What an entry of retention says of the part that was cut."""

    through: int
    digest: str


def verify(
    connection: Connection,
    anchors: Sequence[Anchor],
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Verdict:
    """Follow the whole chain as of this transaction.

    anchors: what is known from outside the database, the oldest first. progress: called now and then with how many
    entries were read, and of how many.
    """
    head = store.head(connection)
    begin = beginning(connection, head)
    if isinstance(begin, Fault):
        return Verdict(0, head.cut + 1, head.seq, head.cut, 0, (begin,))
    checker, fault = follow(connection, head, begin, anchors, progress)
    last = checker.next_id - 1
    faults = [fault] if fault else []
    if fault is None:
        outside = (rules.beyond(anchors, head, last), rules.cut_unknown(anchors, head))
        faults = [found for found in (rules.at_end(checker, head), *outside) if found]
    first = head.cut + 1 if head.seq > head.cut else 0
    return Verdict(last - head.cut, first, head.seq, head.cut, checker.compared, tuple(faults))


def follow(
    connection: Connection,
    head: Head,
    begin: bytes,
    anchors: Sequence[Anchor],
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> tuple[rules.Checker, Fault | None]:
    """The chain from behind the cut on: how far it holds, and what is wrong first."""
    known: dict[int, list[Anchor]] = {}
    for anchor in anchors:
        if anchor.chain == head.chain:
            known.setdefault(anchor.id, []).append(anchor)
    checker = rules.Checker(head.cut + 1, begin, known)
    fault = checker.compare(head.cut)
    total = head.seq - head.cut
    for number, row in enumerate(store.rows(connection, head.cut) if fault is None else (), 1):
        fault = checker.take(row)
        if fault is not None:
            break
        if number % _TELL_EVERY == 0:
            progress(number, total)
    progress(checker.next_id - 1 - head.cut, total)
    if fault is not None and fault.kind in (Kind.CHANGED, Kind.MISSING):
        rest = store.rows(connection, head.cut, fault.id - 1)
        fault = rules.reordered(fault, checker.digest, rest)
    return checker, fault


def beginning(connection: Connection, head: Head) -> bytes | Fault:
    """The digest in front of the oldest entry that should be there."""
    if head.cut == 0:
        return rules.genesis(head.chain)
    what = f"what stood before entry {head.cut + 1} is gone, and entry {head.cut_by} does not say by what"
    wrong = Fault(head.cut + 1, Kind.CHANGED, what)
    row = next(store.rows(connection, head.cut, head.cut_by - 1), None)
    if row is None or row[0] != head.cut_by or row[3] != rules.CUT or not isinstance(row[9], str):
        return wrong
    try:
        told = msgspec.json.decode(row[9].encode(), type=_Checkpoint)
        digest = bytes.fromhex(told.digest)
    except ValueError:
        return wrong
    return digest if told.through == head.cut else wrong
