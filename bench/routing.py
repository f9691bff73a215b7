"""`decide` in snapshots of several sizes, their size on disk, and what compiling them takes."""

from __future__ import annotations

import multiprocessing
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench import people
from bench.model import Aim, Figure, Scale
from isthmus.routing.model import Config, PersonRecord, Request, Snapshot, Source
from isthmus.routing.rules import decide
from isthmus.routing.snapshot import LmdbSnapshot, SnapshotWriter

_DECIDE_US, _FLAT, _BYTES = 20.0, 2.0, 300.0


@dataclass(frozen=True, slots=True)
class Compiled:
    """One snapshot as it was compiled. memory_bytes: what the compiling process grew by, at its most."""

    people: int
    cpu_s: float
    size_bytes: int
    memory_bytes: int


def measure(scale: Scale) -> list[Figure]:
    """All figures of routing; the snapshots live in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
        compiled = {size: _compile_apart(Path(folder) / str(size), size) for size in scale.sizes}
        return [*_decisions(Path(folder), scale), *_compiling(compiled)]


class _Memory:
    """The people of a small snapshot in dictionaries: what `decide` costs with no LMDB at all."""

    def __init__(self, count: int) -> None:
        self.config: Config = people.CONFIG
        records = [
            PersonRecord(str(p.aor), 0, people.SITES.index(p.home), 1, b"", b"", p.number)
            for p in people.generate(count)
        ]
        self._by_aor = {record.aor: record for record in records}
        self._by_number = {record.number: record for record in records}

    def person(self, aor: str) -> PersonRecord | None:
        return self._by_aor.get(aor)

    def owner_of(self, number: str) -> PersonRecord | None:
        return self._by_number.get(number)

    def refusals(self, key: str) -> tuple[()]:
        return ()


def _decisions(folder: Path, scale: Scale) -> list[Figure]:
    snapshots = {size: LmdbSnapshot.open(folder / str(size)) for size in scale.sizes}
    smallest, largest = min(scale.sizes), max(scale.sizes)
    memory = _Memory(smallest)
    rounds: list[dict[int, float]] = []
    bare: list[float] = []
    for round_ in range(-1, scale.rounds):
        took = {size: _decide_us(snapshots[size].view, size, scale.decisions) for size in scale.sizes}
        plain = _decide_us(lambda: nullcontext(memory), smallest, scale.decisions)
        if round_ >= 0:  # the first one reads the pages in
            rounds.append(took)
            bare.append(plain)
    figures = [
        Figure.of(
            f"decide.{size}",
            f"decide among {size:,} people, view opened for each",
            "us",
            [(took[size], plain) for took, plain in zip(rounds, bare, strict=True)],
            "decide on dictionaries",
            Aim("value", _DECIDE_US),
        )
        for size in scale.sizes
    ]
    flat = [(took[largest], took[smallest]) for took in rounds]
    title, against = f"decide among {largest:,} people", f"among {smallest:,}"
    figures.append(Figure.of("decide.flat", title, "us", flat, against, Aim("ratio", _FLAT)))
    for snapshot in snapshots.values():
        snapshot.close()
    return figures


def _decide_us(view: Callable[[], AbstractContextManager[Snapshot]], size: int, count: int) -> float:
    """CPU of one decision, its view opened and closed: half of them for addresses, half for numbers, at random."""
    chosen = random.Random(size).choices(range(size), k=count)
    caller = str(people.aor(0))
    requests = [
        Request("INVITE", str(people.aor(i)) if i % 4 < 2 else people.telephone(i), Source.PHONE, caller)
        for i in chosen
    ]
    before = time.thread_time()
    for request in requests:
        with view() as opened:
            decide(request, opened)
    return (time.thread_time() - before) / count * 1e6


def _compiling(compiled: dict[int, Compiled]) -> list[Figure]:
    record = len(
        msgspec.msgpack.encode(PersonRecord(str(people.aor(1)), 0, 1, 1, b"m" * 16, b"s" * 32, "+14250000001"))
    )
    smallest, largest = min(compiled), max(compiled)
    figures = [
        Figure.of(
            f"snapshot.bytes.{size}",
            f"Snapshot of {size:,} people",
            "bytes a person",
            [(made.size_bytes / size, record)],
            "the record alone",
            Aim("value", _BYTES),
        )
        for size, made in compiled.items()
    ]
    each = {size: made.cpu_s / size * 1e6 for size, made in compiled.items()}
    figures += [
        Figure.of(
            f"compile.{size}",
            f"Compiling {size:,} people: {made.cpu_s:.2f} s of CPU",
            "us a person",
            [(each[size], each[smallest])],
            f"of {smallest:,}",
        )
        for size, made in compiled.items()
    ]
    memory = compiled[largest].memory_bytes / largest
    title = f"Memory to compile {largest:,} people, pages of the snapshot included"
    figures.append(
        Figure.of(
            "compile.memory", title, "bytes a person", [(memory, compiled[largest].size_bytes / largest)], "its size"
        )
    )
    return figures


def _compile_apart(path: Path, count: int) -> Compiled:
    """Compile in a process of its own, so that its memory can be told from everybody else's."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(compile_people, (path, count))


def compile_people(path: Path, count: int) -> Compiled:
    """Compile a snapshot of so many people into `path`."""
    grown = _peak_bytes()
    takes = []
    writer = SnapshotWriter(path)
    for _ in range(3 if count <= 10_000 else 1):  # small ones are over too soon to be timed once
        made = time.process_time()
        for _person in people.generate(count):
            pass
        made = time.process_time() - made
        before = time.process_time()
        writer.rebuild(people.CONFIG, people.generate(count), 1)
        # Without making the people up; among few that is as good as all of it.
        takes.append(max(time.process_time() - before - made, 1e-6))
    size = writer.size_bytes()
    writer.close()
    return Compiled(count, statistics.median(takes), size, _peak_bytes() - grown)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
