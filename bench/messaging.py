"""Messages across two sites: how many a second; and that each is there once and in order at both, though the service of
one site after the other is killed meanwhile."""

from __future__ import annotations

import multiprocessing
import sqlite3
import tempfile
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from bench import people
from bench.model import Aim, Figure, Scale
from isthmus.api.errors import add_handlers
from isthmus.api.peer import PeersOnly
from isthmus.database import migrate, open_database
from isthmus.directory.model import NewPerson
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError
from isthmus.link.client import PeerClient
from isthmus.messaging.api import link_router
from isthmus.messaging.build import NoTabs, build_messages
from isthmus.messaging.model import Limits
from isthmus.messaging.service import Messaging
from isthmus.site.background import Repeating

_TALKERS = 4  # conversations across the sites, both sides writing
_TEXT = "Would you have a look at the offer for Fabrikam before noon, please? "
_SETTLE_S = 180.0


def measure(scale: Scale) -> list[Figure]:
    """Rounds of the same messages: between two sites, and as bare transactions of SQLite."""
    pairs, lost, doubled, disordered = [], 0, 0, 0
    for _ in range(max(1, scale.rounds // 2)):
        with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
            world = _World(Path(folder))
            try:
                seconds = world.talk(scale.messages)
                world.talk(scale.messages, killing=True)
                wrong = world.wrong()
            finally:
                world.close()
            lost, doubled, disordered = lost + wrong[0], doubled + wrong[1], disordered + wrong[2]
            pairs.append((scale.messages / seconds, scale.messages / _bare(Path(folder) / "bare.db", scale.messages)))
    wrongs = [(float(lost + doubled + disordered), 1.0)]
    return [
        Figure.of(
            "messages.rate",
            "Messages a second across two sites",
            "1/s",
            pairs,
            "one SQLite transaction a message, safe on disk",
            None,
            f"{2 * _TALKERS} people write at once, each waits for the answer; until all are at both sites",
        ),
        Figure.of(
            "messages.wrong",
            "Messages lost, there twice, or out of order",
            "",
            wrongs,
            "one would be one too many",
            Aim("value", 0.0),
            f"{lost} lost, {doubled} twice, {disordered} out of order of {2 * scale.messages * len(pairs):,}; "
            "while the second half was written each site's service was killed by kill -9, and started anew",
        ),
    ]


def _bare(path: Path, count: int) -> float:
    """Seconds for as many transactions of one row each, synchronised as the site's database is."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE message (id TEXT PRIMARY KEY, text TEXT)")
    started = time.monotonic()
    for _ in range(count):
        connection.execute("INSERT INTO message VALUES (?, ?)", (str(uuid.uuid4()), _TEXT))
    seconds = time.monotonic() - started
    connection.close()
    return seconds


class _World:
    """Two sites' databases, and a process for each that serves them and may be killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._urls = {site: f"sqlite:///{folder / site}.db" for site in people.SITES}
        self._ids = self._populate()
        self._context = multiprocessing.get_context("spawn")
        self._processes: dict[str, Any] = {}
        self._clients = {site: PeerClient(site, folder / f"{site}.sock", timeout_s=10) for site in people.SITES}
        for site in people.SITES:
            self._start(site)
        self._chats: list[tuple[str, str, str]] = []  # conversation, and who is in it at either site
        self._expected = 0  # messages of each of them
        self.begin()

    def _populate(self) -> list[str]:
        for url in self._urls.values():
            migrate(url)
        engines = {site: open_database(url) for site, url in self._urls.items()}
        near = Directory(engines["premises"], site="premises", homes=people.SITES)
        far = Directory(engines["online"], site="online", authority="premises", homes=people.SITES)
        near.create_tenant(people.TENANT, actor="bench")
        near.add_domain(people.DOMAIN, people.TENANT, actor="bench")
        ids = [
            near.create(
                NewPerson(people.aor(i), f"Person {i}", people.SITES[i % 2], people.CREDENTIALS), actor="bench"
            ).id
            for i in range(2 * _TALKERS)
        ]
        while far.position("premises") < near.last_seq():
            far.apply_feed(near.changes_since(far.position("premises")), "premises")
        for engine in engines.values():
            engine.dispose()
        return ids

    def _start(self, site: str) -> None:
        process = self._context.Process(target=serve, args=(self._folder, site, self._urls[site]), daemon=True)
        process.start()
        self._processes[site] = process
        end = time.monotonic() + _SETTLE_S
        while True:
            with suppress(IsthmusError):
                self._clients[site].post("/link/messages/position", {})
                return
            if time.monotonic() > end:
                raise TimeoutError(f"{site} does not come up")
            time.sleep(0.05)

    def begin(self) -> None:
        """Open the conversations, and wait until both sites know them."""
        for number in range(_TALKERS):
            me, other = self._ids[2 * number], people.aor(2 * number + 1)
            chat = self._ask("premises", me, "chat.open", {"aor": str(other)})["id"]
            self._chats.append((chat, me, self._ids[2 * number + 1]))
            self._ask("online", self._ids[2 * number + 1], "chat.open", {"aor": str(people.aor(2 * number))})

    def talk(self, count: int, *, killing: bool = False) -> float:
        """Let everybody write their share, and wait until both sites have all. Seconds it took.

        killing: kill -9 each site's service once meanwhile, and start another.
        """
        share = count // (2 * _TALKERS)
        first = self._expected
        self._expected += share
        writers = [
            threading.Thread(target=self._write, args=(site, who, chat, range(first, first + share)))
            for chat, me, other in self._chats
            for site, who in (("premises", me), ("online", other))
        ]
        started = time.monotonic()
        for each in writers:
            each.start()
        for site in people.SITES if killing else ():
            time.sleep(0.5)
            self._processes[site].kill()
            self._processes[site].join()
            self._start(site)
        for each in writers:
            each.join()
        end = time.monotonic() + _SETTLE_S
        while time.monotonic() < end and not all(
            len(self._seen(site, each)) >= 2 * self._expected for site in people.SITES for each in self._chats
        ):
            time.sleep(0.05)
        return time.monotonic() - started

    def _write(self, site: str, who: str, chat: str, numbers: range) -> None:
        """As a tab does it: the same again until there is an answer."""
        for number in numbers:
            body = {"chat": chat, "message": str(uuid.uuid4()), "text": f"{number} {_TEXT}"}
            while True:
                try:
                    self._ask(site, who, "chat.send", body)
                    break
                except IsthmusError:
                    time.sleep(0.2)

    def _ask(self, site: str, who: str, do: str, body: dict[str, Any]) -> Any:
        return self._clients[site].post("/link/messages/ask", {"person": who, "do": do, "body": body})["value"]

    def _seen(self, site: str, chat: tuple[str, str, str]) -> list[dict[str, Any]]:
        engine = open_database(self._urls[site])
        try:
            who = chat[1] if site == "premises" else chat[2]
            return Messaging(engine, site).history(who, chat[0], limit=10**6)
        finally:
            engine.dispose()

    def wrong(self) -> tuple[int, int, int]:
        """Lost, there twice, and out of order, at either site."""
        lost = doubled = disordered = 0
        for chat in self._chats:
            here, there = self._seen("premises", chat), self._seen("online", chat)
            disordered += [each["id"] for each in here] != [each["id"] for each in there]
            for seen in (here, there):
                for author in chat[1:]:
                    numbers = [int(each["text"].split()[0]) for each in seen if each["author"] == author]
                    lost += self._expected - len(set(numbers))
                    doubled += len(numbers) - len(set(numbers))
                    disordered += numbers != sorted(numbers)
        return lost, doubled, disordered

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.join()
        for client in self._clients.values():
            client.close()


class _Link:
    """The way to the other site: the product's client, to that site's socket itself."""

    def __init__(self, peer: str, socket: Path) -> None:
        self.peer, self._client = peer, PeerClient(peer, socket)

    def ask(self, path: str, body: Any, *, timeout_s: float = 3.0) -> Any:
        return self._client.post(path, body, timeout_s=timeout_s)


def serve(folder: Path, site: str, url: str) -> None:
    """One site's messages, until it is killed."""
    (peer,) = set(people.SITES) - {site}
    socket = folder / f"{site}.sock"
    socket.unlink(missing_ok=True)
    limits = Limits(per_s=1e6, burst=10**6)
    messages = build_messages(
        open_database(url), site, [_Link(peer, folder / f"{peer}.sock")], NoTabs(), folder / site, limits
    )
    sending = Repeating("messages", messages.senders[peer].send, 0.2)
    messages.wake = lambda what, peer: sending.wake() if what == "feed" else None
    sending.start()
    app = FastAPI()
    add_handlers(app)
    app.add_middleware(_AsPeer, peer=peer)
    app.include_router(link_router(messages, [peer]))
    uvicorn.run(app, uds=str(socket), log_config=None, access_log=False)


class _AsPeer(PeersOnly):
    """What haproxy does in a site: it says who the peer is."""

    def __init__(self, app: Any, peer: str) -> None:
        super().__init__(app, frozenset({peer}))
        self._name = peer.encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope["headers"] = [*scope["headers"], (b"x-isthmus-peer", self._name)]
        await super().__call__(scope, receive, send)
