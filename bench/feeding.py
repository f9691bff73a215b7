"""The change feed: everything of the authority, taken over by a site that has nothing, page by page."""

from __future__ import annotations

import tempfile
import time
from itertools import count
from pathlib import Path

from sqlalchemy import text

from bench import people
from bench.model import Aim, Figure, Scale
from isthmus.database import migrate, open_database, writing
from isthmus.directory import wire
from isthmus.directory.bulk import Row
from isthmus.directory.service import Directory

_MOST_US = 600.0  # a hundred thousand in a minute
_PAGE = 1_000
_AT_ONCE = 10_000


def measure(scale: Scale) -> list[Figure]:
    """Changes a second, read, encoded, decoded and applied; beside the same rows put into a bare table in pages."""
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
        source = _directory(Path(folder) / "premises.db", "premises")
        source.create_tenant(people.TENANT, actor="bench")
        source.add_domain(people.DOMAIN, people.TENANT, actor="bench")
        for start in range(0, scale.published, _AT_ONCE):
            _import(source, range(start, min(start + _AT_ONCE, scale.published)))
        numbers = count()
        rounds = max(1, scale.rounds // 2)
        pairs = [
            (_follow(source, Path(folder) / f"{next(numbers)}.db"), _bare(source, Path(folder) / f"{next(numbers)}.db"))
            for _ in range(rounds)
        ]
        source.engine.dispose()
    return [
        Figure.of(
            "feed.whole",
            f"{scale.published:,} changes over the feed into an empty site, one",
            "us",
            pairs,
            "the rows alone into a bare table",
            Aim("value", _MOST_US),
            f"{1e6 / min(value for value, _ in pairs):,.0f} changes a second at best, wire form and indexes included",
        )
    ]


def _follow(source: Directory, path: Path) -> float:
    """Microseconds a change."""
    target = _directory(path, "online")
    seq, began = 0, time.perf_counter()
    while seq < source.last_seq():
        page = wire.decode_page(wire.encode_page(source.changes_since(seq, _PAGE)))
        seq = target.apply_feed(page, "premises")
    took = time.perf_counter() - began
    assert target.count() == source.count()
    target.engine.dispose()
    return took / seq * 1e6


def _bare(source: Directory, path: Path) -> float:
    """The same for what can't be done without: a row each, committed page by page."""
    engine = open_database(f"sqlite:///{path}")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE bare (aor TEXT PRIMARY KEY, number TEXT UNIQUE, home TEXT, raw BLOB)"))
    _, everybody = source.everybody()
    rows = [{"a": str(p.aor), "n": p.number, "h": p.home, "r": p.credentials.ha1_sha256} for p in everybody]
    began = time.perf_counter()
    for start in range(0, len(rows), _PAGE):
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO bare VALUES (:a, :n, :h, :r)"), rows[start : start + _PAGE])
    took = time.perf_counter() - began
    engine.dispose()
    return took / len(rows) * 1e6


def _directory(path: Path, site: str) -> Directory:
    migrate(f"sqlite:///{path}")
    return Directory(open_database(f"sqlite:///{path}"), site=site, authority="premises", homes=people.SITES)


def _import(source: Directory, indexes: range) -> None:
    rows = [
        Row(line, people.aor(i), f"Person {i}", people.telephone(i), people.SITES[i % 2], people.CREDENTIALS)
        for line, i in enumerate(indexes, 1)
    ]
    report = source.import_people(rows, update=False, dry_run=False, actor="bench")
    assert not report.faults, report.faults[:3]
