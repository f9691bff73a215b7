"""Calls that come and go for a while, and what has grown by it: memory, open files, media sessions, rows.

Out by a trunk and by a connector, in by both, and across the sites; each for a moment, with media. The first third of
the time is for caches and pools to fill, and does not count. Nothing but call records may then grow by calls.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.agents.raw import User
from tests.interop.conftest import DOMAIN, PASSWORD

from bench import lab as laboratory
from bench import memory, ng
from bench.lab import Lab
from bench.model import Aim, Figure, Scale
from isthmus.demo.carrier_file import load as load_carrier
from isthmus.errors import IsthmusError
from isthmus.site.file import SiteFile
from isthmus.useragent.call import Call
from isthmus.useragent.rtp import FRAME_SAMPLES, tone

_FRAME = tone(440)[:FRAME_SAMPLES]
_AT_ONCE = 4
_HOLD_S, _FRAMES = 0.3, 5
_ANSWER_S = 30.0
_SAMPLES = 9  # a third of them before it counts
_SETTLE_S = 3.0  # after calls, before a look: transactions and dialogs end
_PEOPLE = 4  # at each site
# What a call leaves on purpose: its record, at each site that it passed.
GROWS = frozenset({"call_record"})


@dataclass(frozen=True, slots=True)
class Sample:
    """A look at all: calls so far, bytes and open files by process, media sessions, rows by table."""

    calls: int
    held: Mapping[str, int]
    files: Mapping[str, int]
    sessions: int
    rows: Mapping[str, int]


class Called(User):
    """Answers; who called by the PSTN is hung up on after a moment."""

    async def _take(self, call: Call) -> None:
        call.ring()
        await call.answer()
        if call.media:
            call.media.echo = True
        invite = call.invite
        if invite is not None and "+1206" in invite.get("From"):
            await _talk(call)
            if call.up:
                with suppress(TimeoutError, OSError):
                    await call.hang_up()
        self.record.clear()


@dataclass
class Soak:
    """Calls, one kind after the other."""

    lab: Lab
    phones: dict[str, Called] = field(default_factory=dict)
    made: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    async def call(self, kind: int) -> None:
        """One call of one of the five kinds; it counts when it was answered."""
        here, there = self._pair(self.made + kind)
        try:
            async with asyncio.timeout(_ANSWER_S):
                match kind % 5:
                    case 0:
                        await self._out(there, f"+1212555{self.made % 10000:04}")
                    case 1:
                        await self._out(here, f"+1415555{self.made % 10000:04}")
                    case 2:
                        await self._out(here, there)
                    case 3:
                        await self._in(self.lab.sites.demo.carrier_file, here)
                    case _:
                        await self._in(self.lab.processes.folder / "branch-gateway" / "carrier.toml", there)
            self.made += 1
        except (TimeoutError, ConnectionError, IsthmusError) as error:
            self.failed[f"kind {kind % 5}: {error or type(error).__name__}"] += 1

    def _pair(self, number: int) -> tuple[str, str]:
        return f"sop{number % _PEOPLE}", f"soo{number % _PEOPLE}"

    async def _out(self, caller: str, callee: str) -> None:
        phone = self.phones[caller]
        call = await phone.call(f"sip:{callee}@{DOMAIN}")
        await call.answered(_ANSWER_S)
        await _talk(call)
        await call.hang_up()
        phone.record.clear()

    async def _in(self, carrier: Path, callee: str) -> None:
        """Somebody in the PSTN calls; whoever is called answers, and hangs up."""
        reader, writer = await asyncio.open_unix_connection(load_carrier(carrier).control_path)
        with closing(writer):
            writer.write(f"call +12065550199 {number_of(callee)}\n".encode())
            said = ""
            while line := (await reader.readline()).decode():
                said = line
                if line.startswith(("ended", "error")):
                    break
            if "BYE" not in said:
                raise ConnectionError(said.strip())


async def _talk(call: Call) -> None:
    for _ in range(_FRAMES):
        if call.media:
            call.media.send(_FRAME)
        await asyncio.sleep(_HOLD_S / _FRAMES)


def number_of(user: str) -> str:
    """A number that the demo's carrier hands to the sites."""
    return f"+14255550{150 + 10 * (user[2] == 'o') + int(user[3:])}"


def measure(scale: Scale) -> list[Figure]:
    """What grew a call."""
    with laboratory.running(connectors=1) as lab:
        return asyncio.run(_measure(lab, scale))


async def _measure(lab: Lab, scale: Scale) -> list[Figure]:
    soak = Soak(lab)
    users = {f"so{home[0]}{n}": home for home in laboratory.HOMES for n in range(_PEOPLE)}
    await asyncio.to_thread(lab.people, users, {user: number_of(user) for user in users})
    await asyncio.to_thread(lab.route, "online", "branch", "+1212", f"@{laboratory.BRANCH}")
    await asyncio.to_thread(lab.route, "premises", "world", "+1415", "carrier")
    hosts = {site.site.fqdn: site.site.address for site in lab.sites.demo.sites}
    try:
        for user, home in users.items():
            phone = await Called.open(
                f"sip:{user}@{DOMAIN}",
                lab.sites.loopback(),
                proxy=lab.sites.proxy(home, "udp"),
                password=PASSWORD,
                hosts=hosts,
            )
            soak.phones[user] = phone
            await phone.registered(3600)
        samples = []
        for _ in range(_SAMPLES):
            await _go_on(soak, scale.soak_s / _SAMPLES)
            await asyncio.sleep(_SETTLE_S)
            samples.append(await asyncio.to_thread(look, lab, soak.made))
    finally:
        for phone in soak.phones.values():
            await phone.close()
    return _figures(samples, soak.failed)


async def _go_on(soak: Soak, seconds: float) -> None:
    """Calls of all kinds, some at the same time, for so long."""
    end = time.monotonic() + seconds
    kinds = itertools.count()

    async def work() -> None:
        while time.monotonic() < end:
            await soak.call(next(kinds))

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))


def look(lab: Lab, calls: int) -> Sample:
    """Everything as it is now."""
    held, files, sessions = {}, {}, 0
    rows: dict[str, int] = {}
    for name, site in lab.files().items():
        sessions += len(ng.sessions(ng.of(site)))
        for process, pids in laboratory.parts(site).items():
            held[f"{name} {process}"] = memory.held(pids)
            files[f"{name} {process}"] = memory.open_files(pids)
        for table, count in _rows(site):
            rows[f"{name} {table}"] = count
    return Sample(calls, held, files, sessions, rows)


def _rows(site: SiteFile) -> Iterator[tuple[str, int]]:
    """The tables of a site's databases, and how many rows each has."""
    for path in sorted(site.state_dir.rglob("*.db")):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                with suppress(sqlite3.OperationalError):
                    yield f"{path.stem}.{table}", database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]


def growth(samples: Sequence[Mapping[str, int]], calls: Sequence[int]) -> dict[str, float]:
    """What each grew by a call: the slope of the line that fits best (least squares), those that did not left out."""
    middle = sum(calls) / len(calls)
    spread = sum((each - middle) ** 2 for each in calls)
    if not spread:
        return {}
    found = {}
    for name in samples[-1]:
        values = [sample.get(name, 0) for sample in samples]
        slope = sum((c - middle) * v for c, v in zip(calls, values, strict=True)) / spread
        if slope:
            found[name] = slope
    return found


def _figures(samples: Sequence[Sample], failed: Mapping[str, int]) -> list[Figure]:
    counted = samples[len(samples) // 3 :]
    calls = [sample.calls for sample in counted]
    held = growth([sample.held for sample in counted], calls)
    files = growth([sample.files for sample in counted], calls)
    rows = growth([sample.rows for sample in counted], calls)
    stray = {name: slope for name, slope in rows.items() if name.rpartition(".")[2] not in GROWS}
    made = samples[-1].calls
    total = sum(samples[-1].held.values())
    return [
        Figure.of(
            "soak.memory",
            f"{made:,} calls come and go: memory grown a call, all processes",
            "kB",
            [(sum(held.values()) / 1024, total / 1024)],
            "all that they hold",
            Aim("value", 1.0),
            _most(held, 1024, " kB"),
        ),
        Figure.of(
            "soak.files",
            "Open files and sockets grown, a thousand calls",
            "files",
            [(sum(files.values()) * 1000, sum(samples[-1].files.values()))],
            "all that are open",
            Aim("value", 1.0),
            _most(files, 0.001, ""),
        ),
        Figure.of(
            "soak.sessions",
            "Media sessions left when all calls are over",
            "sessions",
            [(samples[-1].sessions, made)],
            "calls made",
            Aim("value", 0),
        ),
        Figure.of(
            "soak.rows",
            "Rows grown a call, call records left out",
            "rows",
            [(sum(stray.values()), sum(samples[-1].rows.values()))],
            "all rows",
            Aim("value", 0.1),
            _most(rows, 1, ""),
        ),
        Figure.of(
            "soak.failed",
            "Calls that failed meanwhile",
            "calls",
            [(sum(failed.values()), made)],
            "calls made",
            Aim("value", 0),
            "; ".join(f"{count} {why}" for why, count in failed.items())[:300],
        ),
    ]


def _most(slopes: Mapping[str, float], unit: float, name: str) -> str:
    """The three that grew the most, in words."""
    first = sorted(slopes.items(), key=lambda each: -abs(each[1]))[:3]
    return ", ".join(f"{what} {slope / unit:+.3g}{name}" for what, slope in first)
