"""Profiles of activity: what telling costs a call, how many events are looked at, and how often alerts are right."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.activity.judging import baseline, score
from tests.activity.simulator import Simulator, without_countries
from tests.agents.raw import User
from tests.hostile.sites import OURS, EdgeSites, launch
from tests.support import Loopback, Processes, wait_for

from bench import cpu
from bench.model import Aim, Figure, Scale
from isthmus.activity.feed import Feed
from isthmus.activity.rules import Settings
from isthmus.activity.service import Activity
from isthmus.activity.watch import Watch
from isthmus.activity.wire import Kind
from isthmus.addressing import Aor
from isthmus.database import migrate, open_database
from isthmus.directory.bulk import Row
from isthmus.directory.model import Credentials
from isthmus.directory.service import Directory
from isthmus.engines import kamailio
from isthmus.engines.kamailio import config
from isthmus.engines.kamailio.reporting import Reporter
from isthmus.site import internal

_MESSAGES = 20_000
_SEEDS = 3


def measure(scale: Scale) -> list[Figure]:
    """The baseline of hits and false alarms is the plain rule "alert on any new network", on the same histories."""
    logging.getLogger("isthmus.activity").setLevel(logging.ERROR)  # made-up alerts
    return [*_quality(scale), *_telling(scale), _events(scale), _on_a_calls_path(scale)]


def _quality(scale: Scale) -> list[Figure]:
    people, days = (120, 60) if scale.accounts > 200 else (60, 40)
    figures = []
    for key, title, countries, marking in (
        ("countries", "countries of addresses known", True, False),
        ("networks", "networks alone", False, False),
        ("marked", "countries known, false alarms marked the next day", True, True),
    ):
        hits, wrong = [], []
        for seed in range(1, _SEEDS + 1):
            simulated = Simulator(seed, people=people, days=days, each=2)
            history = simulated.history()
            seen = history if countries else list(without_countries(history))
            ours = score(seen, simulated.attacks, people=people, days=days, marking=marking)
            plain = baseline(history, simulated.attacks, people=people, days=days)
            hits.append((100 * ours.hit_share, 100 * plain.hit_share))
            wrong.append((ours.false_per_1000, plain.false_per_1000))
        against = "any new network"
        figures += [
            Figure.of(
                f"activity.hits.{key}", f"Attacks told of, {title}", "%", hits, against, Aim("value", 90, least=True)
            ),
            Figure.of(
                f"activity.false.{key}", f"False alarms in 1,000 account-days, {title}", "", wrong, against,
                Aim("value", 10),
            ),
        ]  # fmt: skip
    return figures


def _telling(scale: Scale) -> list[Figure]:
    """What one event costs a worker, in a loop: with a reader, and with a socket that nobody reads any more."""
    told = []
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
        for _ in range(scale.rounds):
            feed = Feed(Path(folder) / "s", lambda event: None)
            feed.start()
            there = _microseconds_a_message(Path(folder) / "s")
            feed.stop()
            told.append((there, _microseconds_a_message(Path(folder) / "s")))
    return [
        Figure.of("activity.tell", "CPU of a worker to tell one event", "us", told, "nobody listens", Aim("value", 5))
    ]


def _microseconds_a_message(path: Path) -> float:
    reporter = Reporter(str(path))
    used = 0.0
    for _ in range(_MESSAGES // 100):
        began = time.thread_time()
        for _ in range(100):
            reporter.tell(
                Kind.CALL, "alice@contoso.example", "192.0.2.7", "Yealink SIP-T46S 66.85.0.5", number="+12065550123",
                own_number="+14255550101", call_id="0123456789abcdef@192.0.2.7",
            )  # fmt: skip
        used += time.thread_time() - began
        time.sleep(0.001)  # the reader's turn
    return used * 1e6 / _MESSAGES


def _events(scale: Scale) -> Figure:
    """Events a second that one control service keeps up with, its database included, against the rules alone."""
    people = 60
    simulated = Simulator(1, people=people, days=30, each=0)
    history = simulated.history()[:60_000]
    pairs = []
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
        for round_ in range(scale.rounds):
            with _service(Path(folder) / f"{round_}.db", simulated) as service:
                began = time.perf_counter()
                for event in history:
                    service.take(event)
                service.work()
                stored = time.perf_counter() - began
            watch = Watch(Settings())
            began = time.perf_counter()
            for event in history:
                watch.take(event, "main")
            pairs.append((len(history) / stored, len(history) / (time.perf_counter() - began)))
    return Figure.of(
        "activity.events", "Events looked at, profiles kept in SQLite", "1/s", pairs, "rules alone",
        Aim("value", 5_000, least=True),
    )  # fmt: skip


@contextlib.contextmanager
def _service(path: Path, simulated: Simulator) -> Iterator[Activity]:
    url = f"sqlite:///{path}"
    migrate(url)
    engine = open_database(url)
    directory = Directory(engine, site="premises", homes=("premises",))
    directory.create_tenant("main", actor="bench")
    directory.add_domain("contoso.example", "main", actor="bench")
    rows = [
        Row(line, Aor.parse(person.aor), person.name, None, "premises", Credentials(b"0" * 16, b"0" * 32))
        for line, person in enumerate(simulated.people, 1)
    ]
    report = directory.import_people(rows, update=False, dry_run=False, actor="bench")
    assert not report.faults, report.faults
    yield Activity(engine, directory, Settings(), tenant="main")
    engine.dispose()


def _on_a_calls_path(scale: Scale) -> Figure:
    """CPU of Kamailio a call to the PSTN, at a site that tells what accounts do, and at one that does not.

    In turn, three events a call; the reader is this process, whose CPU does not count.
    """
    pairs: list[tuple[float, float]] = []
    loopback = Loopback()
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
        processes = Processes(Path(folder))
        try:
            sites = launch(Path(folder), loopback, processes)
            _silence(sites, processes)
            feed = Feed(internal.activity_socket(sites.files["premises"]), lambda event: None)
            feed.start()
            asyncio.run(_call(sites, processes, scale, pairs))
            feed.stop()
        finally:
            processes.close()
            loopback.close()
    return Figure.of(
        "activity.call", "CPU of Kamailio a call to the PSTN, told of", "us", pairs, "not told of", Aim("ratio", 1.05)
    )


def _silence(sites: EdgeSites, processes: Processes) -> None:
    """Start Kamailio of `online` anew, without a socket to tell anything."""
    file = sites.files["online"]
    next(process for process in processes.started if process.name == "kamailio-online").stop()
    kamailio.prepare(file)
    path = config.brain_file(file)
    path.write_text(json.dumps({**json.loads(path.read_text()), "activity_socket": ""}))
    processes.start(kamailio.command(file), name="silent-online")
    wait_for(lambda: sites.registrar("online").incarnation(), 15, "Kamailio of online")


async def _call(sites: EdgeSites, processes: Processes, scale: Scale, pairs: list[tuple[float, float]]) -> None:
    pids = {
        name: (next(process.pid for process in processes.started if process.name == engine),)
        for name, engine in (("premises", "kamailio-premises"), ("online", "silent-online"))
    }
    calls = max(20, scale.accounts // 4)
    async with (
        await User.open(f"sip:carrier@{sites.carrier}", sites.carrier, port=5060, media=False),
        await sites.phone("alice", "premises") as alice,
        await sites.phone("dave", "online") as dave,
    ):
        phones = {"premises": alice, "online": dave}
        for round_ in range(-1, scale.rounds):
            used = {}
            for name in ("online", "premises") if round_ % 2 else ("premises", "online"):
                before = cpu.seconds(pids[name])
                for _ in range(calls):
                    call = await phones[name].dial(f"sip:+12065550123@{OURS}")
                    await call.hang_up()
                await asyncio.sleep(0.3)  # transactions and dialogs end
                used[name] = (cpu.seconds(pids[name]) - before) * 1e6 / calls
            if round_ >= 0:
                pairs.append((used["premises"], used["online"]))
