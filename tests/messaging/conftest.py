"""Two sites with a directory each, and a link between their conversations that does what a test wants."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, event, update

from isthmus.addressing import Aor
from isthmus.database import migrate, open_database
from isthmus.directory import wire
from isthmus.directory.model import Credentials, NewPerson
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError
from isthmus.link.client import LinkDownError
from isthmus.messaging.build import Messages, build_messages
from isthmus.messaging.model import Limits, Page
from isthmus.messaging.tables import chat_clock, metadata
from tests.databases import database_url, postgresql
from tests.devices.conftest import Clock

__all__ = ["database_url", "postgresql"]

SITES = ("premises", "online")
HOMES = {"alice": "premises", "anna": "premises", "bob": "online", "ben": "online"}
_CREDENTIALS = Credentials.of(Aor("anybody", "contoso.example"), "secret")


def aor(user: str) -> str:
    return f"{user}@contoso.example"


class Tabs:
    """Who has a tab, and what it was told."""

    def __init__(self) -> None:
        self.here: set[str] = set()
        self.told: list[tuple[str, dict[str, Any]]] = []

    def tell(self, person: str, event: Any, key: str = "") -> None:
        if person in self.here:
            self.told.append((person, dict(event)))

    def is_here(self, person: str) -> bool:
        return person in self.here

    def messages(self, person: str) -> list[str]:
        return [e["message"]["text"] for who, e in self.told if who == person and e["event"] == "chat.message"]


class Link:
    """From one site to another, by JSON, as over the wire. Down, or losing answers, as a test likes."""

    def __init__(self, peer: str, source: str, world: World) -> None:
        self.peer, self._source, self._world = peer, source, world
        self.down = self.loses_answers = False
        self.asked = 0

    def ask(self, path: str, body: Any, *, timeout_s: float = 3.0) -> Any:
        self.asked += 1
        if self.down:
            raise LinkDownError(self.peer, "cut")
        answer = self._world.serve(self.peer, self._source, path, json.loads(json.dumps(body)))
        if self.loses_answers:
            raise LinkDownError(self.peer, "the connection broke")
        return json.loads(json.dumps(answer))


class World:
    """Both sites."""

    def __init__(self, urls: dict[str, str], folder: Path, limits: Limits | None = None, scan: Iterable[str] = ()):
        self.clock, self.tabs, self.links = Clock(), {s: Tabs() for s in SITES}, dict[str, Link]()
        self.engines = {}
        for site, url in urls.items():
            migrate(url)
            self.engines[site] = open_database(url)
            if self.engines[site].dialect.name == "sqlite":
                event.listen(self.engines[site], "connect", lambda c, _: c.execute("PRAGMA synchronous=OFF"))
        self.folder, self.limits, self.scan = folder, limits or Limits(per_s=1e6, burst=10**6), tuple(scan)
        self.directory = Directory(self.engines["premises"], site="premises", homes=SITES)
        self.far = Directory(self.engines["online"], site="online", authority="premises", homes=SITES)
        self.directory.create_tenant("main", actor="test")
        self.directory.add_domain("contoso.example", "main", actor="test")
        self.ids: dict[str, str] = {}
        for user, home in HOMES.items():
            self.person(user, home)
        self.links = {"premises": Link("online", "premises", self), "online": Link("premises", "online", self)}
        self.sites: dict[str, Messages] = {}
        for site in SITES:
            self.restart(site)
        self.follow()

    def person(self, user: str, home: str) -> None:
        new = NewPerson(Aor(user, "contoso.example"), user.capitalize(), home, _CREDENTIALS)
        self.ids[user] = self.directory.create(new, actor="test").id
        self.follow()

    def restart(self, site: str) -> None:
        """The control service begins anew: nothing but the database is left."""
        folder = self.folder / site
        self.sites[site] = build_messages(
            self.engines[site], site, [self.links[site]], self.tabs[site], folder, self.limits, self.scan, self.clock
        )

    def follow(self) -> None:
        """The far directory catches up."""
        while self.far.position("premises") < self.directory.last_seq():
            page = self.directory.changes_since(self.far.position("premises"), 1000)
            self.far.apply_feed(wire.decode_page(wire.encode_page(page)), "premises")

    def serve(self, site: str, peer: str, path: str, body: Any) -> Any:
        """What messaging.api's link routes do."""
        messages = self.sites[site]
        match path.removeprefix("/link/messages/"):
            case "position":
                stream, seq = messages.messaging.position(peer)
                return {"stream": stream, "seq": seq}
            case "feed":
                stream, seq = messages.messaging.apply(msgspec.convert(body, Page), peer)
                return {"stream": stream, "seq": seq}
            case "part":
                return msgspec.to_builtins(messages.messaging.part(body["chat"], tuple(body["after"])))
            case "file":
                return messages.files.part(body["hash"], body["offset"])
            case "ask":
                return messages.asking.ask_home(body["person"], body["do"], body["body"])
            case "watch":
                messages.telling.watch(peer, body["people"])
                return {"run": messages.run}
            case "whisper":
                return messages.whispered(peer, body["told"])
        raise AssertionError(path)

    def exchange(self) -> None:
        """Both send all that they have, and what is only told."""
        for site in SITES:
            for sender in self.sites[site].senders.values():
                sender.send()
            for whispers in self.sites[site].whispers.values():
                whispers.send()

    def home(self, user: str) -> str:
        return self.directory.get(Aor(user, "contoso.example")).home

    def ask(self, user: str, do: str, *, at: str = "", **body: Any) -> Any:
        """What a tab of somebody asks, at home or at another site."""
        return self.sites[at or self.home(user)].asking.ask(self.ids[user], do, body)

    def said(self, user: str, chat: str) -> list[str]:
        """What somebody sees of a conversation, page by page."""
        found: list[dict[str, Any]] = []
        before = None
        while page := self.ask(user, "chat.history", chat=chat, limit=3, **({"before": before} if before else {})):
            found = [*page, *found]
            before = [page[0]["stamp"], page[0]["site"]]
        return [each["text"] for each in found]

    def move(self, user: str, target: str) -> None:
        """The stages of the real move that concern messages (homing.work), one after the other."""
        who = Aor(user, "contoso.example")
        person = self.directory.get(who)
        source, there = self.sites[person.home].participant, self.sites[target].participant
        handed = json.loads(json.dumps(source.export([who])[who]))
        there.undo([who])
        there.import_({who: handed}, None)
        self.directory.commit_homes([(who, person.home, person.home_epoch, target)], actor="test")
        self.follow()
        now = source.export([who])[who]
        if source.changed(handed, now):
            there.import_({who: now}, {who: handed})
        assert there.verify({who: now}) == {who: None}
        source.clean_up({who: now})

    def close(self) -> None:
        for engine in self.engines.values():
            engine.dispose()

    def wipe(self) -> None:
        """As new, but for the people."""
        for engine in self.engines.values():
            with engine.begin() as connection:
                for table in metadata.sorted_tables:
                    if table is not chat_clock:
                        connection.execute(delete(table))
                connection.execute(update(chat_clock).values(stamp=0, seq=0))
        for user, home in HOMES.items():
            person = self.directory.get(Aor(user, "contoso.example"))
            if person.home != home:
                self.directory.commit_homes([(person.aor, person.home, person.home_epoch, home)], actor="test")
        self.follow()
        for site in SITES:
            self.tabs[site].here.clear()
            self.tabs[site].told.clear()
            self.links[site].down = self.links[site].loses_answers = False
            self.restart(site)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """The site premises is on either kind of database."""
    made = World({"premises": database_url, "online": f"sqlite:///{tmp_path / 'online.db'}"}, tmp_path / "files")
    yield made
    made.close()


def refused(work: Callable[[], Any]) -> IsthmusError:
    with pytest.raises(IsthmusError) as caught:
        work()
    return caught.value


def data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
