"""The snapshot: the part of the directory that calls need, in LMDB, readable without any other process.

Kamailio's workers map the file and read; the control service alone writes. A reader sees one consistent state
for as long as a view is open, whatever is being written (LMDB is copy-on-write). With the database, the control
service and the other site gone, the snapshot still answers.

The tables: `aor` (address -> PersonRecord, msgpack), `number` (E.164 -> address), `device` (its name -> DeviceRecord),
`owned` (address -> names of the person's devices, for the writer alone), `refusal` (see refusals.py) and `meta`
(configuration, and the sequence number of the last change applied).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import lmdb
import msgspec

from isthmus.addressing import Aor
from isthmus.directory.model import Device, Person
from isthmus.errors import IsthmusError, UnavailableError
from isthmus.routing import refusal_table
from isthmus.routing.model import Class, Config, DeviceRecord, PersonRecord
from isthmus.routing.refusals import Refusal

# Address space, not disk: the file grows as it fills. Room for some 20 million people, so that no reader ever
# meets a resized map.
_MAP_BYTES = 8 << 30
_TABLES = (b"aor", b"number", b"meta")
_DEVICE, _OWNED = b"device", b"owned"
_MAX_TABLES = len(_TABLES) + 3
_CONFIG, _SEQ, _REVISION = b"config", b"seq", b"revision"

_person_from = msgspec.msgpack.Decoder(PersonRecord)
_device_from = msgspec.msgpack.Decoder(DeviceRecord)
_config_from = msgspec.msgpack.Decoder(Config)
_encode = msgspec.msgpack.Encoder().encode


class Placing(Protocol):
    """Finds people's classes of service by their position in `classes`, which may grow meanwhile."""

    @property
    def classes(self) -> tuple[Class, ...]: ...

    def position(self, person: Person) -> int: ...


class OneClass:
    """Placing for who knows of no policies: everybody has the first."""

    classes = (Class(),)

    def position(self, person: Person) -> int:
        """The first."""
        return 0


_ONE_CLASS = OneClass()


class View:
    """One consistent state of the snapshot; implements `routing.model.Snapshot`."""

    __slots__ = ("_aor", "_device", "_last", "_number", "_refusal", "_txn", "config")

    def __init__(
        self,
        txn: lmdb.Transaction,
        aor: lmdb._Database,
        number: lmdb._Database,
        device: lmdb._Database | None,
        refusal: lmdb._Database | None,
        config: Config,
    ) -> None:
        self._txn, self._aor, self._number, self._device, self.config = txn, aor, number, device, config
        self._refusal = refusal
        self._last: PersonRecord | None = None

    def person(self, aor: str) -> PersonRecord | None:
        """The person with this address (lower case), or None."""
        # A REGISTER is for the one whose password it proves: asked for twice.
        if self._last is not None and self._last.aor == aor:
            return self._last
        raw = self._txn.get(_key(aor), db=self._aor)
        self._last = None if raw is None else _person_from.decode(raw)
        return self._last

    def owner_of(self, number: str) -> PersonRecord | None:
        """The one person who owns this E.164 number, or None."""
        aor = self._txn.get(_key(number), db=self._number)
        if aor is None:
            return None
        raw = self._txn.get(aor, db=self._aor)
        return None if raw is None else _person_from.decode(raw)

    def device(self, name: str) -> DeviceRecord | None:
        """The device of this name (lower case), or None."""
        if self._device is None:
            return None
        raw = self._txn.get(_key(name), db=self._device)
        return None if raw is None else _device_from.decode(raw)

    def refusals(self, key: str) -> tuple[Refusal, ...]:
        """Those that stand under a key (see refusals.py)."""
        return () if self._refusal is None else refusal_table.read(self._txn, self._refusal, key)

    @property
    def seq(self) -> int:
        """Sequence number of the last directory change in this state."""
        return int.from_bytes(self._txn.get(_SEQ) or b"", "big")

    def people(self) -> Iterator[PersonRecord]:
        """Everybody, by address. For listings and checks, never on a call's path."""
        with self._txn.cursor(db=self._aor) as cursor:
            for raw in cursor.iternext(keys=False, values=True):
                yield _person_from.decode(raw)


class LmdbSnapshot:
    """Read access. Open it once a process, after any fork (LMDB forbids carrying it across)."""

    def __init__(
        self,
        env: lmdb.Environment,
        tables: Sequence[lmdb._Database],
        device: lmdb._Database | None = None,
        refusal: lmdb._Database | None = None,
    ) -> None:
        self._env = env
        self._aor, self._number, self._meta = tables
        self._device, self._refusal = device, refusal
        self._config_raw = b""
        self._config: Config | None = None

    @classmethod
    def open(cls, path: Path) -> LmdbSnapshot:
        """Map the snapshot in folder `path`. Raises UnavailableError where none has been compiled yet."""
        try:
            env = lmdb.open(
                str(path),
                map_size=_MAP_BYTES,
                max_dbs=_MAX_TABLES,
                readonly=True,
                max_readers=510,
                readahead=False,
            )
            return cls(env, [env.open_db(name, create=False) for name in _TABLES])
        except lmdb.Error as error:
            raise UnavailableError(
                f"there is no snapshot to read ({error})",
                where=str(path),
                do="Start the site, or rebuild it.",
            ) from error

    def view(self) -> _Opened:
        """The present state, unchanging while the context is open. Keep it open for one decision only."""
        if self._device is None:
            # A snapshot of an earlier version has no such table until the control service has opened it.
            with contextlib.suppress(lmdb.NotFoundError):
                self._device = self._env.open_db(_DEVICE, create=False)
        if self._refusal is None:
            with contextlib.suppress(lmdb.NotFoundError):
                self._refusal = self._env.open_db(refusal_table.TABLE, create=False)
        return _Opened(self)

    def _config_of(self, txn: lmdb.Transaction) -> Config:
        raw = txn.get(_CONFIG, db=self._meta)
        if raw is None:
            raise UnavailableError("the snapshot has no configuration", do="Run: isthmus snapshot rebuild")
        if self._config is None or raw != self._config_raw:
            self._config_raw = bytes(raw)
            self._config = _config_from.decode(self._config_raw)
        return self._config

    def close(self) -> None:
        """Give the map and the reader slot back."""
        self._env.close()


class _Opened:
    """The context of one view. By hand: contextlib's costs as much as the decision it is opened for."""

    __slots__ = ("_snapshot", "_txn")

    def __init__(self, snapshot: LmdbSnapshot) -> None:
        self._snapshot = snapshot

    def __enter__(self) -> View:
        snapshot = self._snapshot
        self._txn = txn = snapshot._env.begin(db=snapshot._meta, buffers=True)
        try:
            config = snapshot._config_of(txn)
            return View(txn, snapshot._aor, snapshot._number, snapshot._device, snapshot._refusal, config)
        except BaseException:
            txn.abort()
            raise

    def __exit__(self, *_: object) -> None:
        self._txn.abort()


class SnapshotWriter:
    """Write access, for the one control service of a site."""

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._env = lmdb.open(
            str(path), map_size=_MAP_BYTES, max_dbs=_MAX_TABLES, mode=0o600, max_readers=510, readahead=False
        )
        # Readers killed in the middle of a decision would pin old pages for ever.
        self._env.reader_check()
        self._aor, self._number, self._meta = (self._env.open_db(name) for name in _TABLES)
        self._device, self._owned = self._env.open_db(_DEVICE), self._env.open_db(_OWNED, dupsort=True)
        self._refusal = self._env.open_db(refusal_table.TABLE)

    def reader(self) -> LmdbSnapshot:
        """Read access within this process, which may not open the snapshot twice. Not to be closed.

        By the tables that are open already. To open one here takes LMDB's lock for writers, and py-lmdb 3.0 waits for
        it with Python's own lock in hand: with another thread just writing, the whole process stands still for ever.
        """
        return LmdbSnapshot(self._env, (self._aor, self._number, self._meta), self._device, self._refusal)

    @property
    def seq(self) -> int:
        """Last directory change applied; 0 before the first."""
        with self._env.begin(db=self._meta) as txn:
            return int.from_bytes(txn.get(_SEQ) or b"", "big")

    @property
    def revision(self) -> int:
        """Of the policies that the classes of service in it go by; -1 before any."""
        with self._env.begin(db=self._meta) as txn:
            raw = txn.get(_REVISION)
            return -1 if raw is None else int.from_bytes(raw, "big")

    @property
    def config(self) -> Config | None:
        """The configuration now in force, or None in an empty snapshot."""
        with self._env.begin(db=self._meta) as txn:
            raw = txn.get(_CONFIG)
            return None if raw is None else _config_from.decode(raw)

    def set_config(self, config: Config) -> None:
        """Replace the configuration. Sites and tenants may only be appended: records name them by position."""
        with self._writing() as txn:
            txn.put(_CONFIG, _encode(config), db=self._meta)

    def rebuild(
        self, config: Config, people: Iterable[Person], seq: int, placing: Placing = _ONE_CLASS, revision: int = 0
    ) -> int:
        """Replace everything in one transaction; readers see the old state until it is done.

        people: in ascending order of their AOR text (lets LMDB append, which is faster and denser). revision: of the
        policies that `placing` goes by. Returns how many people the snapshot holds.
        """
        homes, tenants = _positions(config)
        numbers: list[tuple[bytes, bytes]] = []
        devices: list[tuple[bytes, bytes]] = []
        count = 0
        with self._writing() as txn:
            for table in (self._aor, self._number, self._device, self._owned):
                txn.drop(table, delete=False)
            for person in people:
                record = _record(person, homes, tenants, placing.position(person))
                key = _key(record.aor)
                if not txn.put(key, _encode(record), db=self._aor, append=True):
                    raise IsthmusError(f"people are not in ascending order at {record.aor}")
                if record.number is not None:
                    numbers.append((_key(record.number), key))
                for device in person.devices:
                    name = _key(device.name)
                    devices.append((name, _encode(_device_record(record.aor, device))))
                    txn.put(key, name, db=self._owned, append=True)
                count += 1
            numbers.sort()
            devices.sort()
            for name, device_record in devices:
                txn.put(name, device_record, db=self._device, append=True)
            for number, key in numbers:
                txn.put(number, key, db=self._number, append=True)
            txn.put(_CONFIG, _encode(msgspec.structs.replace(config, classes=placing.classes)), db=self._meta)
            txn.put(_SEQ, seq.to_bytes(8, "big"), db=self._meta)
            txn.put(_REVISION, revision.to_bytes(8, "big"), db=self._meta)
        self._env.reader_check()
        return count

    def apply(self, changes: Iterable[tuple[Aor, Person | None]], seq: int, placing: Placing = _ONE_CLASS) -> None:
        """Bring some people up to date in one transaction; None deletes. `seq`: the last change included."""
        config = self.config
        if config is None:
            raise IsthmusError("an empty snapshot can't be changed", do="Rebuild it first.")
        homes, tenants = _positions(config)
        with self._writing() as txn:
            staged = [(_key(str(aor)), person) for aor, person in changes]
            # First every number that is let go, then those that are taken: a swap inside one page must not
            # delete the new owner's entry.
            for key, _ in staged:
                self._release_number(txn, key)
                self._release_devices(txn, key)
            for key, person in staged:
                if person is None:
                    txn.delete(key, db=self._aor)
                    continue
                record = _record(person, homes, tenants, placing.position(person))
                txn.put(key, _encode(record), db=self._aor)
                if record.number is not None:
                    txn.put(_key(record.number), key, db=self._number)
                self._put_devices(txn, key, person)
            if placing.classes != config.classes:
                txn.put(_CONFIG, _encode(msgspec.structs.replace(config, classes=placing.classes)), db=self._meta)
            txn.put(_SEQ, seq.to_bytes(8, "big"), db=self._meta)

    def refusals(self) -> dict[str, tuple[Refusal, ...]]:
        """All of them, by key."""
        with self._env.begin(db=self._refusal) as txn:
            return refusal_table.everything(txn, self._refusal)

    def refuse(self, by: str, wanted: Mapping[str, Sequence[Refusal]]) -> frozenset[str]:
        """Make `wanted` all the refusals of one feature, by key; others' stay. Returns the keys that changed."""
        before = self.refusals()
        own = {key: tuple(each for each in stand if each.by == by) for key, stand in before.items()}
        if {key: stand for key, stand in own.items() if stand} == {k: tuple(v) for k, v in wanted.items() if v}:
            return frozenset()
        with self._writing() as txn:
            return refusal_table.replace(txn, self._refusal, by, wanted)

    def refuse_some(self, by: str, wanted: Mapping[str, Sequence[Refusal]]) -> None:
        """Make `wanted` the refusals of one feature under these keys (none: take them away); others stay."""
        with self._writing() as txn:
            for key, stand in wanted.items():
                refusal_table.put(txn, self._refusal, by, key, stand)

    def _release_number(self, txn: lmdb.Transaction, key: bytes) -> None:
        raw = txn.get(key, db=self._aor)
        if raw is None:
            return
        number = _person_from.decode(raw).number
        if number is not None and txn.get(_key(number), db=self._number) == key:
            txn.delete(_key(number), db=self._number)

    def _put_devices(self, txn: lmdb.Transaction, owner: bytes, person: Person) -> None:
        for device in person.devices:
            name = _key(device.name)
            txn.put(name, _encode(_device_record(str(person.aor), device)), db=self._device)
            txn.put(owner, name, db=self._owned)

    def _release_devices(self, txn: lmdb.Transaction, owner: bytes) -> None:
        with txn.cursor(db=self._owned) as cursor:
            names = list(cursor.iternext_dup()) if cursor.set_key(owner) else []
        for name in names:
            raw = txn.get(name, db=self._device)
            # It may be somebody else's by now, whose change came first.
            if raw is not None and _key(_device_from.decode(raw).aor) == owner:
                txn.delete(name, db=self._device)
        if names:
            txn.delete(owner, db=self._owned)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[lmdb.Transaction]:
        try:
            with self._env.begin(write=True) as txn:
                yield txn
        except lmdb.Error as error:
            raise UnavailableError(
                f"the snapshot can't be written ({error})", where=self._env.path(), do="Look for a full disk."
            ) from error

    def size_bytes(self) -> int:
        """Bytes of the pages in use by the current state."""
        with self._env.begin() as txn:
            stats = [txn.stat(table) for table in (self._aor, self._number, self._meta, self._device, self._owned)]
        return sum(
            stat["psize"] * (stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]) for stat in stats
        )

    def close(self) -> None:
        """Let go of the file."""
        self._env.close()


def _key(text: str) -> bytes:
    """A table key. What LMDB can't hold as one (empty, over 511 bytes) becomes a key that nothing has."""
    key = text.encode("utf-8", "surrogatepass")
    return key if 0 < len(key) <= 511 else b"\x00"


def _positions(config: Config) -> tuple[dict[str, int], dict[str, int]]:
    return (
        {name: i for i, name in enumerate(config.sites)},
        {name: i for i, name in enumerate(config.tenants)},
    )


def _record(person: Person, homes: dict[str, int], tenants: dict[str, int], service: int) -> PersonRecord:
    try:
        home, tenant = homes[person.home], tenants[person.tenant]
    except KeyError as error:
        raise IsthmusError(
            f"{error.args[0]!r}, named by {person.aor}, is no site or tenant of this snapshot",
            do="Name the site as a [[peer]] in the site file.",
        ) from None
    return PersonRecord(
        aor=str(person.aor),
        tenant=tenant,
        home=home,
        epoch=person.home_epoch,
        ha1_md5=person.credentials.ha1_md5,
        ha1_sha256=person.credentials.ha1_sha256,
        number=person.number,
        display_name=person.display_name,
        enabled=person.enabled,
        barred=person.barred,
        service=service,
    )


def _device_record(aor: str, device: Device) -> DeviceRecord:
    former = device.former
    return DeviceRecord(
        aor=aor,
        generation=device.generation,
        ha1_md5=device.credentials.ha1_md5,
        ha1_sha256=device.credentials.ha1_sha256,
        former_md5=former.ha1_md5 if former else b"",
        former_sha256=former.ha1_sha256 if former else b"",
        former_until_ms=device.former_until_ms,
    )
