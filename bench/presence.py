"""Presence: changes at one home until they are on their way to browser tabs at the other, and to SIP clients.

Two presence services in one process, and between them the feed as the link carries it. Sockets, haproxy and the link
itself are not in it: tests/interop/test_presence.py looks at them.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.memory import held
from bench.model import Aim, Figure, Scale
from isthmus.addressing import Aor
from isthmus.database import migrate, open_database
from isthmus.live.api import BATCH_S
from isthmus.live.hub import Hub, Member, Session
from isthmus.presence.here import Here
from isthmus.presence.model import Who
from isthmus.presence.owning import Owning
from isthmus.presence.service import Presence
from isthmus.presence.telling import Telling
from isthmus.presence.watchers import CONTROL, PERSON, Limits, Notify, Watchers
from isthmus.useragent.message import Request
from isthmus.useragent.transaction import Flow

_OF_A_TAB = 1_000  # people whom one tab follows: a whole contact list
_CHANGES_S = 100  # changes a second
_SECRET = "x"
_FLOW = Flow(("127.0.0.1", 5060), None, reliable=False)


class _People:
    """Who people are, without a directory."""

    def __init__(self, count: int) -> None:
        made = [Who(f"p{n}", f"person{n}@contoso.example", "contoso", "online", 1) for n in range(count)]
        self.ids = {who.id: who for who in made}
        self.aors = {who.aor: who for who in made}

    def by_id(self, ids: Iterable[str]) -> dict[str, Who]:
        return {id_: self.ids[id_] for id_ in ids if id_ in self.ids}

    def by_aor(self, aors: Iterable[str]) -> dict[str, Who]:
        return {aor: self.aors[aor] for aor in aors if aor in self.aors}


@dataclass
class _Homes:
    people: Any
    online: Presence
    premises: Presence
    here: Here

    @classmethod
    def of(cls, folder: Path, count: int) -> _Homes:
        people = _People(count)
        services = []
        for site in ("online", "premises"):
            url = f"sqlite:///{folder}/{site}.db"
            migrate(url)
            services.append(Presence(open_database(url), people, site=site))  # type: ignore[arg-type]
            services[-1].start()
        online, premises = services
        return cls(people, online, premises, Here(online.see))

    def pass_on(self) -> None:
        """What is new at online is told to premises, by JSON."""
        page = self.online.page("premises", *self.premises.position("online"))
        raw = msgspec.json.encode(page)
        self.premises.apply("online", msgspec.json.decode(raw, type=type(page)))


def measure(scale: Scale) -> list[Figure]:
    """The baseline of the tabs is the hub with events that are ready made; that of SIP is writing the same request."""
    tabs = max(1, scale.watched // _OF_A_TAB)
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
        homes = _Homes.of(Path(folder), min(_OF_A_TAB, scale.watched))
        before = held([os.getpid()])
        seen, plain, memory = asyncio.run(_tabs(homes, tabs, scale, before))
        notified, written, of_one = _sip(homes, scale)
        homes.online._engine.dispose()
        homes.premises._engine.dispose()
    count = tabs * len(homes.people.ids)
    title = f"A change at one home until {tabs:,} tabs at the other have it in hand"
    note = f"{count:,} people followed, {_CHANGES_S} changes a second; {1000 * BATCH_S:.0f} ms of it tabs wait for more"
    pairs50 = [(_part(seen, 50), _part(plain, 50))]
    pairs99 = [(_part(seen, 99), _part(plain, 99))]
    return [
        Figure.of("presence.p50", f"{title}, p50", "ms", pairs50, "ready-made events", note=note),
        Figure.of("presence.p99", f"{title}, p99", "ms", pairs99, "ready-made events", Aim("value", 1000.0), note),
        Figure.of("presence.memory", "Memory of one person whom a tab follows", "B", [(memory / count, 1.0)], "a byte"),
        Figure.of(
            "presence.notify",
            "CPU of one NOTIFY with its answer, sockets apart",
            "us",
            [(notified, written)],
            "writing it",
            Aim("value", 100.0),
        ),
        Figure.of("presence.subscription", "Memory of one SIP subscription", "B", [(of_one, 1.0)], "a byte"),
    ]


def _part(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100)[percent - 1] * 1000


async def _tabs(homes: _Homes, count: int, scale: Scale, before: int) -> tuple[list[float], list[float], int]:
    hub = Hub()
    telling = Telling(hub, homes.premises, Here(homes.premises.see), Owning(homes.premises, {}))
    aors = list(homes.people.aors)
    sessions = []
    for number in range(count):
        aor = Aor.parse(aors[number % len(aors)])
        session = hub.join(Member("contoso", f"w{number}", aor, f"account:w{number}"))
        for first in range(0, len(aors), 500):
            await hub.ask(session, "presence.watch", {"people": aors[first : first + 500]})
        sessions.append(session)
    memory = max(0, held([os.getpid()]) - before)  # in miniature, pages of others weigh more
    assert telling.watched == count * len(aors)
    due: dict[str, float] = {}
    seen = await _fan_out(hub, sessions, due, scale, lambda number: _change(homes, number, due))
    plain = await _fan_out(hub, sessions, due, scale, lambda number: _ready(hub, homes, number, due))
    return seen, plain, memory


def _change(homes: _Homes, number: int, due: dict[str, float]) -> None:
    who = homes.people.ids[f"p{number % len(homes.people.ids)}"]
    due[who.aor] = time.perf_counter()
    homes.here.tab(who.id, "tab", active=bool(number // len(homes.people.ids) % 2 == 0))
    homes.pass_on()


def _ready(hub: Hub, homes: _Homes, number: int, due: dict[str, float]) -> None:
    who = homes.people.ids[f"p{number % len(homes.people.ids)}"]
    due[who.aor] = time.perf_counter()
    hub.publish(f"presence everything {who.id}", {"event": "presence", "aor": who.aor, "availability": "busy"})


async def _fan_out(hub: Hub, sessions: list[Session], due: dict[str, float], scale: Scale, change: Any) -> list[float]:
    times: list[float] = []

    async def tab(session: Session) -> None:
        while True:
            events = await session.take(BATCH_S)
            json.dumps(events, ensure_ascii=False, separators=(",", ":"))
            now = time.perf_counter()
            times.extend(now - due[event["aor"]] for event in events if event.get("aor") in due)

    tasks = [asyncio.ensure_future(tab(session)) for session in sessions]
    await asyncio.sleep(2 * BATCH_S)
    times.clear()
    begun = time.perf_counter()
    for number in range(scale.changes):
        change(number)
        await asyncio.sleep(max(0.0, begun + (number + 1) / _CHANGES_S - time.perf_counter()))
    await asyncio.sleep(4 * BATCH_S + 0.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(times) >= scale.changes * len(sessions) * 0.99, "changes were lost"
    due.clear()
    return times


def _sip(homes: _Homes, scale: Scale) -> tuple[float, float, float]:
    """CPU us of a NOTIFY, of writing one, and bytes of a subscription."""
    unlimited = Limits(10**9, 10**9, 1e9, 1e9)
    branch = iter(range(10**9))
    watchers = Watchers(
        homes.premises, Here(homes.premises.see), homes.people, secret=lambda: _SECRET,
        via=lambda: ("Via", f"SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK{next(branch)}"), limits=unlimited,
    )  # fmt: skip
    aors = list(homes.people.aors)
    before = held([os.getpid()])
    keys = []
    for number in range(scale.watched // 10):
        outs = watchers.request(_subscribe(aors[number % len(aors)], number), _FLOW, 1.0)
        keys += [out.key for out in outs if isinstance(out, Notify)]
    memory = max(0.0, held([os.getpid()]) - before) / len(watchers)
    for key in keys:
        watchers.answered(key, 200, 1.0)
    count, last = 0, None
    begun = time.process_time()
    for who in list(homes.people.ids.values())[: scale.changes]:
        for out in watchers.changed(who.id, 2.0):
            assert isinstance(out, Notify)
            last = bytes(out.request), out
            watchers.answered(out.key, 200, 2.0)
            count += 1
    took = time.process_time() - begun
    assert last is not None
    begun = time.process_time()
    for _ in range(count):
        bytes(last[1].request)
    written = time.process_time() - begun
    return 1e6 * took / count, 1e6 * written / count, memory


def _subscribe(target: str, number: int) -> Request:
    headers = (
        ("Via", f"SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKs{number}"),
        ("From", "<sip:person0@contoso.example>;tag=f"),
        ("To", f"<sip:{target}>"),
        ("Call-ID", f"c{number}"),
        ("CSeq", "1 SUBSCRIBE"),
        ("Contact", "<sip:person0@192.0.2.1;isf=AAAAAAAAAAAAAAAAAAAAAAAA>"),
        ("Record-Route", "<sip:192.0.2.9;lr;isd=AAAAAAAAAAAAAAAA>"),
        ("Event", "presence"),
        (CONTROL, _SECRET),
        (PERSON, "person0@contoso.example"),
    )
    return Request(headers, b"", "SUBSCRIBE", f"sip:{target}")
