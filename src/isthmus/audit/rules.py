"""The chain: how each entry is tied to the one before, and what is wrong where the ties don't hold. Pure.

The digest of entry n is SHA-256 over the digest of entry n-1 (32 bytes; for entry 1 that of the chain's name) and the
entry's canonical form: RFC 8785 JSON of [id, at_ms, actor, action, object, tenant, path, address, before, after].
So an entry can't be changed, removed, added or put elsewhere without every later digest being another one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from isthmus.audit.model import Anchor, Entry, Fault, Head, Kind

CUT = "audit.cut"  # the action of a checkpoint
_LONGEST = 600  # characters of a name: PostgreSQL's indexes take 2,704 bytes
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # PostgreSQL takes no NUL, UTF-8 no half of a surrogate pair
_canonical = msgspec.json.Encoder().encode  # escapes strings as RFC 8785 wants it (a test compares)

_TYPES = frozenset((int, str, type(None)))

# A row as read: id, the fields of Entry, digest. What tampering left there may be of any type.
Row = tuple[object, ...]


def genesis(chain: str) -> bytes:
    """What the first entry of the chain of that name is tied to."""
    return hashlib.sha256(f"isthmus audit chain {chain}".encode()).digest()


def digest(before: bytes, id_: int, entry: Entry) -> bytes:
    """The digest of an entry. before: that of the entry before it."""
    return hashlib.sha256(before + _canonical((id_, *entry))).digest()


def storable(entry: Entry) -> Entry:
    """The entry as either database can hold it: what none takes becomes U+FFFD, and names are cut where too long."""
    texts = (entry.actor, entry.action, entry.object, entry.tenant, entry.path, entry.address)
    both = (entry.before or "", entry.after or "")
    if max(map(len, texts)) <= _LONGEST and not any(_UNSTORABLE.search(text) for text in texts + both):
        return entry
    actor, action, object_, tenant, path, address = (_UNSTORABLE.sub("\ufffd", text)[:_LONGEST] for text in texts)
    before, after = (text and _UNSTORABLE.sub("\ufffd", text) for text in (entry.before, entry.after))
    return Entry(entry.at_ms, actor, action, object_, tenant, path, address, before, after)


def holds(before: bytes, id_: int, row: Row) -> bool:
    """Whether the row's own digest is that of its content at place `id_` behind `before`."""
    *fields, stored = row[1:]
    if type(stored) is not bytes or not _TYPES.issuperset(map(type, fields)):
        return False  # SQLite stores any type in any column, and bytes would be encoded as text is
    try:
        return hashlib.sha256(before + _canonical((id_, *fields))).digest() == stored
    except ValueError:  # no UTF-8, or too large a number
        return False


@dataclass
class Checker:
    """Follows a chain entry by entry. next_id, digest: which entry has to come next, and behind which digest.

    anchors: by the entry they are about. After a fault nothing more may be taken.
    """

    next_id: int
    digest: bytes
    anchors: Mapping[int, Sequence[Anchor]] = field(default_factory=dict)
    compared: int = 0
    anchored: int = 0  # the last entry that an anchor confirmed

    def take(self, row: Row) -> Fault | None:
        """The next row in the order of ids. What is wrong first; None while all is well."""
        id_ = row[0]
        if id_ != self.next_id:
            return self._out_of_place(id_)
        if not holds(self.digest, self.next_id, row):
            return Fault(self.next_id, Kind.CHANGED, f"entry {id_} was changed: its digest is not that of its content")
        self.digest = row[-1]  # type: ignore[assignment]
        self.next_id += 1
        return self.compare(self.next_id - 1)

    def compare(self, id_: int) -> Fault | None:
        """Hold what the chain says at an entry against the anchors of it, if there are any."""
        anchors = self.anchors.get(id_, ())
        self.compared += len(anchors)
        if all(anchor.digest == self.digest.hex() for anchor in anchors):
            self.anchored = id_ if anchors else self.anchored
            return None
        what = (
            f"entry {id_}, or one before it, is not the one that was there when it was noted outside the database: "
            f"the log was rewritten somewhere after entry {self.anchored}, or the database comes from a backup and "
            "went on from there"
        )
        return Fault(self.anchored + 1, Kind.REWRITTEN, what)

    def _out_of_place(self, id_: object) -> Fault:
        if isinstance(id_, int) and id_ > self.next_id:
            return missing(self.next_id, id_ - 1)
        return Fault(id_ if isinstance(id_, int) else 0, Kind.INSERTED, f"a row {id_!r} stands where no entry can be")


def missing(first: int, last: int) -> Fault:
    """Entries that should be there and are not, with others behind them."""
    which = f"entry {first} is" if first == last else f"entries {first} to {last} are"
    return Fault(first, Kind.MISSING, f"{which} missing")


def reordered(fault: Fault, before: bytes, rows: Iterable[Row]) -> Fault:
    """The fault itself, unless one of the rows belongs in its place: then that is what happened.

    before: the digest in front of that place. rows: all that are left to look at.
    """
    for row in rows:
        if row[0] != fault.id and holds(before, fault.id, row):
            what = f"entry {fault.id} is out of its place: it stands as entry {row[0]} now"
            return Fault(fault.id, Kind.REORDERED, what)
    return fault


def at_end(checker: Checker, head: Head) -> Fault | None:
    """What the head has to say against where the entries end."""
    last = checker.next_id - 1
    if last < head.seq:
        which = f"entry {head.seq} was" if last + 1 == head.seq else f"entries {last + 1} to {head.seq} were"
        return Fault(last + 1, Kind.CUT_OFF, f"{which} cut off the end of the log")
    if last > head.seq:
        return Fault(head.seq + 1, Kind.INSERTED, f"entry {head.seq + 1} was put in past the program")
    if checker.digest != head.digest:
        return Fault(last, Kind.CHANGED, f"entry {last} is not what the head of the chain says")
    return None


def beyond(anchors: Iterable[Anchor], head: Head, last: int) -> Fault | None:
    """What the anchors know that the database does not: entries after its end, another chain, a cut of its own."""
    for anchor in anchors:
        when = f"the anchor of entry {anchor.id}"
        if anchor.chain != head.chain:
            return Fault(1, Kind.REWRITTEN, f"{when} is of another chain: the log was made anew, or swapped")
        if anchor.id > last:
            what = (
                f"the log ends at entry {last}, and {when} was noted outside the database: the entries from "
                f"{last + 1} on were cut off, or the database was restored from a backup made before"
            )
            return Fault(last + 1, Kind.CUT_OFF, what)
    return None


def cut_unknown(anchors: Iterable[Anchor], head: Head) -> Fault | None:
    """Whether more was removed from the old end than retention was ever let remove."""
    known = max((anchor.cut for anchor in anchors), default=head.cut)
    if head.cut <= known:
        return None
    what = f"the entries up to {head.cut} were removed, and not by this site's retention, which went to {known}"
    return Fault(known + 1, Kind.MISSING, what)
