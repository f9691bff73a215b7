"""Two homes with presence, on one clock, and a link between them that can be cut."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from isthmus.addressing import Aor
from isthmus.database import migrate, open_database
from isthmus.directory.model import Credentials, NewPerson
from isthmus.directory.service import Directory
from isthmus.directory.wire import decode_page, encode_page
from isthmus.link.client import LinkDownError
from isthmus.presence.following import Following
from isthmus.presence.here import Here
from isthmus.presence.model import Known, Quiet
from isthmus.presence.people import People
from isthmus.presence.service import Presence

DOMAIN = "contoso.example"
HOMES = ("premises", "online")


@functools.cache
def empty() -> Path:
    """A database with its tables: to make them takes longer than most tests."""
    path = Path(tempfile.mkdtemp(prefix="presence-")) / "empty.db"
    migrate(f"sqlite:///{path}")
    return path


class Clock:
    """Time that goes by when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Site:
    """One home. `restart` makes the service anew on the same database, as after kill -9."""

    def __init__(self, name: str, folder: Path, clock: Clock) -> None:
        self.name, self.clock = name, clock
        url = f"sqlite:///{folder}/{name}.db"
        shutil.copy(empty(), folder / f"{name}.db")
        self.engine = open_database(url)
        self.directory = Directory(self.engine, site=name, authority="premises", homes=HOMES)
        self.links: dict[str, Link] = {}
        self.restart()

    def restart(self) -> None:
        self.people = People(self.directory)
        self.presence = Presence(self.engine, self.people, site=self.name, clock=self.clock)
        self.here = Here(self.presence.see, self.clock)
        self.told: list[Known] = []
        self.reached: list[tuple[str, bool]] = []
        self.presence.told.append(self.told.append)
        self.presence.reached.append(lambda site, up: self.reached.append((site, up)))
        self.presence.start()
        self.presence.note_run()
        self.quiet: dict[str, Quiet] = self.presence.quiet()
        self.presence.quieted.append(self._quieted)
        for link in self.links.values():
            link.following = Following(self.presence, link)

    def _quieted(self, changed: dict[str, Quiet | None]) -> None:
        for aor, quiet in changed.items():
            if quiet is None:
                self.quiet.pop(aor, None)
            else:
                self.quiet[aor] = quiet

    def id(self, user: str) -> str:
        return self.people.by_aor([aor(user)])[aor(user)].id

    def state(self, user: str) -> str:
        return self.known(user).state.availability.value

    def known(self, user: str) -> Known:
        return self.presence.of(self.people.by_aor([aor(user)])[aor(user)])

    def tick(self) -> None:
        self.here.tick()
        self.presence.tick()


class Link:
    """By which `site` asks `other`, through JSON as over HTTP."""

    def __init__(self, site: Site, other: Site) -> None:
        self.site, self.other, self.peer = site, other, other.name
        self.cut = False
        self.late: list[Any] = []
        self.following = Following(site.presence, self)
        site.links[other.name] = self

    def get(self, path: str, *, timeout_s: float | None = None) -> Any:
        if self.cut:
            raise LinkDownError(self.peer, "cut")
        asked = dict(pair.split("=") for pair in path.partition("?")[2].split("&"))
        page = self.other.presence.page(self.site.name, int(asked["run"]), int(asked["after"]))
        return msgspec.json.decode(msgspec.json.encode(page))

    def close(self) -> None:
        """Nothing is open."""


class World:
    """Everything."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.premises, self.online = (Site(name, folder, self.clock) for name in HOMES)
        self.links = [Link(self.premises, self.online), Link(self.online, self.premises)]
        self.premises.directory.create_tenant("contoso", actor="test")
        self.premises.directory.add_domain(DOMAIN, "contoso", actor="test")

    def create(self, user: str, home: str) -> None:
        made = NewPerson(Aor(user, DOMAIN), user, home, Credentials.of(Aor(user, DOMAIN), "secret"))
        self.premises.directory.create(made, actor="test")
        self.follow()

    def follow(self) -> None:
        """What the directory of the authority knows becomes known everywhere."""
        position = self.online.directory.position("premises")
        page = self.premises.directory.changes_since(position, 1000)
        self.online.directory.apply_feed(decode_page(encode_page(page)), "premises")
        for site in (self.premises, self.online):
            site.presence.follow_directory()

    def exchange(self) -> None:
        """Each site hears of what there is to hear."""
        for link in self.links:
            link.following.ask()

    def cut(self, cut: bool = True) -> None:
        for link in self.links:
            link.cut = cut

    def wait(self, seconds: float) -> None:
        """Time goes by, half a second at a time."""
        for _ in range(int(seconds * 2)):
            self.clock.now += 0.5
            for site in (self.premises, self.online):
                site.tick()


def aor(user: str) -> str:
    return f"{user}@{DOMAIN}"
