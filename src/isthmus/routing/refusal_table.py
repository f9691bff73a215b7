"""Refusals as the snapshot holds them: a table of the same LMDB file, key to msgpack.

They are apart from what is compiled of the directory: a snapshot that is compiled anew keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import lmdb
import msgspec

from isthmus.routing.refusals import Refusal

TABLE = b"refusal"
_decode = msgspec.msgpack.Decoder(tuple[Refusal, ...]).decode
_encode = msgspec.msgpack.Encoder().encode


def read(txn: lmdb.Transaction, table: lmdb._Database, key: str) -> tuple[Refusal, ...]:
    """Those that stand under a key."""
    raw = txn.get(_key(key), db=table)
    return () if raw is None else _decode(raw)


def everything(txn: lmdb.Transaction, table: lmdb._Database) -> dict[str, tuple[Refusal, ...]]:
    """All of them, by key."""
    with txn.cursor(db=table) as cursor:
        return {bytes(key).decode(): _decode(raw) for key, raw in cursor}


def replace(
    txn: lmdb.Transaction, table: lmdb._Database, by: str, wanted: Mapping[str, Sequence[Refusal]]
) -> frozenset[str]:
    """Make `wanted` all that stands of one feature; others' stay. Returns the keys under which something changed."""
    before = everything(txn, table)
    changed = set()
    for key in before.keys() | wanted.keys():
        now = before.get(key, ())
        kept = (*(each for each in now if each.by != by), *wanted.get(key, ()))
        if kept == now:
            continue
        changed.add(key)
        if kept:
            txn.put(_key(key), _encode(kept), db=table)
        else:
            txn.delete(_key(key), db=table)
    return frozenset(changed)


def put(txn: lmdb.Transaction, table: lmdb._Database, by: str, key: str, wanted: Sequence[Refusal]) -> None:
    """Make `wanted` all that stands under one key of one feature; others' stay."""
    kept = (*(each for each in read(txn, table, key) if each.by != by), *wanted)
    if kept:
        txn.put(_key(key), _encode(kept), db=table)
    else:
        txn.delete(_key(key), db=table)


def _key(text: str) -> bytes:
    """What LMDB can't hold as a key becomes one that nothing has."""
    key = text.encode("utf-8", "surrogatepass")
    return key if 0 < len(key) <= 511 else b"\x00"
