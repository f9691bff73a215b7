"""From the commit of a change to calls that are routed by it, as another process sees it."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from bench import people
from bench.model import Aim, Figure, Scale
from isthmus.database import migrate, open_database
from isthmus.directory.bulk import Row
from isthmus.directory.service import Directory
from isthmus.routing.compile import Compiler
from isthmus.routing.model import Relay, Request, Source
from isthmus.routing.rules import decide
from isthmus.routing.snapshot import LmdbSnapshot, SnapshotWriter
from isthmus.site.file import SiteFile

_WITHIN_MS = 100.0
_SMALL = 1_000
_PAGE = 10_000
_LOST_S = 10.0


def measure(scale: Scale) -> list[Figure]:
    """Write to a large and to a small directory in turn; wall time, since the delay is what people wait for."""
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
        small = Published(Path(folder) / "small", min(_SMALL, scale.published // 2))
        large = Published(Path(folder) / "large", scale.published)
        with small, large:
            small.delay_ms(), large.delay_ms()
            pairs = [(large.delay_ms(), small.delay_ms()) for _ in range(scale.rounds * scale.writes)]
    worst = max(value for value, _ in pairs)
    return [
        Figure.of(
            "publish.delay",
            f"From a write until calls follow it, {scale.published:,} people",
            "ms",
            pairs,
            f"{min(_SMALL, scale.published // 2):,} people",
            Aim("value", _WITHIN_MS),
            f"the write itself included; the slowest of {len(pairs)} took {worst:.1f} ms",
        )
    ]


class Published:
    """A directory whose commits go into a snapshot, and a process that routes by the snapshot all the time."""

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir()
        site = _site(folder)
        migrate(site.database_url)
        self._directory = Directory(
            open_database(site.database_url), site="premises", homes=people.SITES, on_commit=self._committed
        )
        self._count, self._turn = count, 0
        self._compiler: Compiler | None = None
        self._directory.create_tenant(people.TENANT, actor="bench")
        self._directory.add_domain(people.DOMAIN, people.TENANT, actor="bench")
        for start in range(0, count, _PAGE):
            self._import(range(start, min(start + _PAGE, count)))
        self._writer = SnapshotWriter(site.snapshot_dir)
        self._compiler = Compiler(self._directory, self._writer, site)
        self._compiler.rebuild()
        context = multiprocessing.get_context("spawn")
        self._questions, there = context.Pipe()
        self._router = context.Process(target=route, args=(site.snapshot_dir, there), daemon=True)
        self._router.start()

    def __enter__(self) -> Published:
        return self

    def __exit__(self, *_: object) -> None:
        self._questions.close()
        self._router.join(5)
        self._router.kill()
        self._writer.close()

    def delay_ms(self) -> float:
        """Move somebody and wait for the other process to route them to their new home."""
        self._turn += 1
        who = people.aor(self._turn * 2 % self._count)  # at home here
        self._questions.send(str(who))
        assert self._questions.recv() == "watching"
        before = time.monotonic()
        self._directory.commit_homes([(who, "premises", 1, "online")], actor="bench")
        assert self._questions.poll(_LOST_S), "the change never reached the router"
        return (float(self._questions.recv()) - before) * 1000

    def _committed(self, _seq: int) -> None:
        if self._compiler is not None:
            self._compiler.catch_up()

    def _import(self, indexes: range) -> None:
        rows = [
            Row(line, people.aor(i), f"Person {i}", people.telephone(i), people.SITES[i % 2], people.CREDENTIALS)
            for line, i in enumerate(indexes, 1)
        ]
        report = self._directory.import_people(rows, update=False, dry_run=False, actor="bench")
        assert not report.faults, report.faults[:3]


def route(snapshot_dir: Path, questions: Connection) -> None:
    """Route to whoever is named, over and over, until they are at the other site; answer the time of that moment."""
    snapshot = LmdbSnapshot.open(snapshot_dir)
    while True:
        try:
            target = questions.recv()
        except EOFError:
            return
        request = Request("INVITE", target, Source.PHONE, str(people.aor(1)))
        questions.send("watching")
        deadline = time.monotonic() + _LOST_S
        while time.monotonic() < deadline:
            with snapshot.view() as view:
                if isinstance(decide(request, view).decision, Relay):
                    break
            time.sleep(0.0005)
        questions.send(time.monotonic())


def _site(folder: Path) -> SiteFile:
    return SiteFile.model_validate(
        {
            "site": {
                "name": "premises",
                "role": "premises",
                "fqdn": "premises.contoso.example",
                "domains": [people.DOMAIN],
                "address": "127.98.1.1",
                "authority": True,
            },
            "peer": [{"name": "online", "fqdn": "online.contoso.example", "address": "127.98.1.2"}],
            "path": folder / "site.toml",
        }
    )
