"""The authority's directory with sources, driven stage by stage without DBOS: for tests of what a run does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from isthmus.addressing import Aor
from isthmus.directory.model import Person
from isthmus.directory.service import Directory
from isthmus.homing import store as moves
from isthmus.sync import mapping
from isthmus.sync.model import Run, RunState
from isthmus.sync.service import SyncService
from isthmus.sync.source import Source
from isthmus.sync.sources.ad import AdSource
from isthmus.sync.sources.connection import Server
from isthmus.sync.sources.csv import CsvSource
from isthmus.sync.sources.ldap import LdapSource
from isthmus.sync.sources.scope import Scope
from isthmus.sync.work import Configured, Work

HOMES = ("premises", "online")
DOMAIN = "contoso.example"


def aor(user: str) -> Aor:
    return Aor(user, DOMAIN)


def configured(kind: str, source: Source, attributes: mapping.AttributeMapping | None = None, **more) -> Configured:
    name = more.pop("name", kind)
    return Configured(
        name, kind, source, attributes or mapping.parse(kind, {}), "main", "premises", frozenset(HOMES), **more
    )


def csv_source(path: Path, **more) -> Configured:
    return configured("csv", CsvSource(path), **more)


def ldap_source(server: Server, base: str, kind: str = "ldap", group: str = "", filter_: str = "", mapped=None, **more):
    attributes = mapping.parse(kind, mapped or {}, region="US")
    usual = "(objectClass=inetOrgPerson)" if kind == "ldap" else "(&(objectCategory=person)(objectClass=user))"
    scope = Scope(
        (base,), filter_ or usual, group, tuple(attributes.groups), attributes.address, tuple(attributes.attributes())
    )
    made = LdapSource(server, scope) if kind == "ldap" else AdSource(server, scope)
    return configured(kind, made, attributes, **more)


class World:
    """Sources may be put into `sources` at any time. `now` is the clock, in seconds."""

    def __init__(self, engine: Engine, *sources: Configured) -> None:
        self.engine, self.now = engine, 1_700_000_000.0
        self.directory = Directory(engine, site="premises", homes=HOMES, clock=lambda: self.now)
        self.directory.create_tenant("main", actor="test")
        self.directory.add_domain(DOMAIN, "main", actor="test")
        self.sources = {each.name: each for each in sources}
        self.work = Work(engine, self.directory, self.sources, moves.open_moves, clock=lambda: self.now)
        intervals = {each.name: each.interval_s for each in sources}
        self.service = SyncService(
            engine, self.work, lambda run, attempt: None, intervals=intervals, clock=lambda: self.now
        )

    def sync(
        self,
        source: str | None = None,
        *,
        full: bool = False,
        yes: bool = False,
        then: Callable[[], object] | None = None,
    ) -> Run:
        """One run from beginning to end."""
        run = self.service.start(source, full=full, approved=yes, actor="test")
        self.work.read(run.id)
        while self.work.apply(run.id):
            if then:
                then()
        done = self.work.run(run.id)
        assert done.state in (RunState.DONE, RunState.ASKING)
        self.now += 1
        return done

    def counts(self, source: str | None = None, **options) -> dict[str, int]:
        """What a run did."""
        return dict(self.sync(source, **options).counts)

    def person(self, user: str) -> Person:
        return self.directory.get(aor(user))

    def people(self) -> dict[str, Person]:
        return {person.aor.user: person for person in self.directory.people(limit=100_000)}

    def conflicts(self) -> dict[str, str]:
        return {link.id: "; ".join(link.conflicts) for link in self.service.conflicts()}

    def last_audit(self, user: str) -> tuple[str, str]:
        entry = self.directory.audit(f"{user}@{DOMAIN}", 1)[0]
        return entry["actor"].rsplit(":", 1)[0], entry["action"]
