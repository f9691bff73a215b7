"""Two sites with a link that can be cut, phones, calls, and the real move on the real directory.

Routing is the product's `decide`, hand-over the product's participant, the move the product's stages; each site has its
own directory on a database, and the far one follows by the product's change feed. In memory are the registrars alone
(tests/registration/test_registrars.py holds them against the real one). Time is a number. Every call the move makes
passes `World.point`, where a test can crash it or let something happen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import event, select

from isthmus.addressing import Aor
from isthmus.database import open_database, reading
from isthmus.directory import wire
from isthmus.directory.model import Credentials, FeedPage, NewPerson
from isthmus.directory.service import Directory
from isthmus.homing.model import State
from isthmus.homing.participants import Registry
from isthmus.homing.rules import COMMITTED, SiteFacts
from isthmus.homing.service import Ledger, MoveService
from isthmus.homing.sites import LocalSite, Sites
from isthmus.homing.tables import move as move_table
from isthmus.link.client import LinkDownError
from isthmus.registration.memory import MemoryRegistrar
from isthmus.registration.model import Binding
from isthmus.registration.service import RegistrationParticipant
from isthmus.routing.model import Answer, Config, Local, PersonRecord, Relay, Request, Source
from isthmus.routing.rules import decide
from tests.databases import migrated_sqlite

DOMAIN = "contoso.example"
PREMISES, ONLINE = "premises", "online"
SITES = (PREMISES, ONLINE)
NUMBERS = ("+14255550101", "+14255550102", "+14255550103")
_CREDENTIALS = Credentials.of(Aor("anybody", DOMAIN), "secret")
_BETWEEN = [
    state.value
    for state in (
        State.PREPARING,
        State.COMMITTING,
        State.PUBLISHING,
        State.HANDING_OVER,
        State.VERIFYING,
        State.CLEANING_UP,
    )
]


class Crash(BaseException):
    """The control service is killed here."""


@dataclass
class Phone:
    """One phone: connected to an edge, with its own Call-ID and CSeq."""

    aor: Aor
    number: int
    call_id: str
    cseq: int = 0
    edge: str = ""  # where it registered last, successfully; empty: not registered
    expires_at: float = 0
    registered: str = ""  # Call-ID of that registration
    ghost: bool = False
    during_move: bool = False  # it registered while its person was between homes

    @property
    def instance(self) -> str:
        return f"<urn:uuid:{self.number}>"


@dataclass
class Snapshot:
    """What a site routes by."""

    config: Config
    people: dict[str, PersonRecord] = field(default_factory=dict)

    def person(self, aor: str) -> PersonRecord | None:
        return self.people.get(aor)

    def owner_of(self, number: str) -> PersonRecord | None:
        return next((person for person in self.people.values() if person.number == number), None)

    def refusals(self, key: str) -> tuple[()]:
        return ()


class Registrar(MemoryRegistrar):
    """One that can be told to refuse the next binding that a move brings."""

    refuses_next = False

    def save(self, wanted: Sequence[tuple[Aor, Binding]]) -> dict[Aor, str]:
        if not wanted or not self.refuses_next:
            return super().save(wanted)
        self.refuses_next = False
        *others, (aor, binding) = wanted
        return super().save(others) | {aor: f"{binding.contact} is refused"}


class MemorySite(LocalSite):
    """A site; the peer's is reached over the link."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.registrar = world, Registrar(lambda: world.now)
        part = RegistrationParticipant(
            self.registrar, f"{name}.{DOMAIN}:5062", lambda: world.now, world.sleep_in_verify
        )
        super().__init__(name, name, Registry([part]), lambda: 0)
        self.snapshot = Snapshot(Config(name, name, SITES, ("main",), {DOMAIN: 0}))

    def _pass(self, what: str) -> None:
        self.world.point(f"before {what} at {self.name}")
        if self.name != PREMISES and not self.world.link:
            raise LinkDownError(self.name, "cut")

    def facts(self) -> SiteFacts:
        down = "" if self.name == PREMISES or self.world.link else f"the link to {self.name} is down"
        return SiteFacts(self.name, self.name, down)

    def publish(self, seq: int) -> None:
        self._pass("publish")
        if self.name != PREMISES:
            self.world.catch_up()
        self.world.compile(self.name)
        self.world.point(f"after publish at {self.name}")


def _passing(name: str) -> Callable[..., Any]:
    def method(self: MemorySite, *arguments: Any) -> Any:
        self._pass(name)
        result = getattr(super(MemorySite, self), name)(*arguments)
        self.world.point(f"after {name} at {self.name}")
        return result

    return method


for _name in ("check", "describe", "review", "export", "import_", "verify", "undo", "clean_up"):
    setattr(MemorySite, _name, _passing(_name))


class PassingDirectory(Directory):
    """The real directory, with a point before and after the commit."""

    world: World

    def announce(self) -> None:
        self.world.point("after commit")
        super().announce()

    def commit_homes(self, *arguments: Any, **named: Any) -> Any:
        self.world.point("before commit")
        result = super().commit_homes(*arguments, **named)
        self.world.point("inside commit")
        return result


class World:
    """Everything, and what must be true of it."""

    def __init__(self, folder: Path, people: int = 3, url: str = "") -> None:
        self.now = 1_000_000.0
        self.link = True
        self.on_point: Callable[[str], None] = lambda point: None
        self.url = url or migrated_sqlite(folder / "isthmus.db")
        self.engine = open_database(self.url)
        self.far_engine = open_database(migrated_sqlite(folder / "online.db"))
        for engine in (self.engine, self.far_engine):
            if engine.dialect.name == "sqlite":
                event.listen(engine, "connect", _unsafe_and_fast)
        self.directory = PassingDirectory(self.engine, site=PREMISES, homes=SITES, on_commit=self._committed)
        self.directory.world = self
        self.far = Directory(self.far_engine, site=ONLINE, authority=PREMISES, homes=SITES)
        self.pages: list[FeedPage] = []  # of the feed, as they were read
        self.sites = {name: MemorySite(self, name) for name in SITES}
        self.people = [Aor(f"user{number}", DOMAIN) for number in range(people)]
        if not self.directory.domains():
            self.directory.create_tenant("main", actor="test")
            self.directory.add_domain(DOMAIN, "main", actor="test")
        known = self.directory.get_many(self.people)
        for number, aor in enumerate(self.people):
            if aor not in known:
                new = NewPerson(aor, aor.user, SITES[number % 2], _CREDENTIALS, NUMBERS[number])
                self.directory.create(new, actor="test")
        self.phones: list[Phone] = []
        self.given_up: set[Aor] = set()  # what was prepared for them could not be undone
        self.catch_up()
        for name in SITES:
            self.compile(name)
        self.restart()

    def restart(self) -> None:
        """The control service begins anew: nothing of the move was in its memory."""
        self.ledger = Ledger(
            self.engine,
            self.directory,
            Sites(list(self.sites.values())),
            Registry([RegistrationParticipant(MemoryRegistrar(lambda: self.now), "nowhere:0")]),
        )
        self.moves = MoveService(self.engine, self.ledger, lambda batch, run: None, site=PREMISES, authority=PREMISES)

    def close(self) -> None:
        self.engine.dispose()
        self.far_engine.dispose()

    def point(self, name: str) -> None:
        self.on_point(name)

    def sleep_in_verify(self, seconds: float) -> None:
        """While the move waits for the registrars' disks, their timers run."""
        self.now += max(seconds, 1.0)
        for site in self.sites.values():
            site.registrar.store()

    def _committed(self, seq: int) -> None:
        if hasattr(self, "phones"):
            self.compile(PREMISES)

    def catch_up(self) -> None:
        """The far directory gets all of the feed."""
        while self.far.position(PREMISES) < self.directory.last_seq():
            self.next_page(1000)

    def next_page(self, limit: int) -> None:
        """The far directory gets the next page of the feed, in the form in which it travels."""
        page = wire.decode_page(wire.encode_page(self.directory.changes_since(self.far.position(PREMISES), limit)))
        self.pages.append(page)
        self.far.apply_feed(page, PREMISES)
        self.compile(ONLINE)

    def compile(self, name: str) -> None:
        """Bring a site's snapshot up to its directory."""
        directory = self.directory if name == PREMISES else self.far
        self.sites[name].snapshot.people = {
            str(aor): PersonRecord(str(aor), 0, SITES.index(person.home), person.home_epoch, b"", b"", person.number)
            for aor, person in directory.get_many(self.people).items()
        }

    def home(self, aor: Aor) -> str:
        return self.directory.get(aor).home

    # Phones and calls

    def route(self, method: str, target: Aor | str, entry: str) -> tuple[str, list[str]]:
        """Where a request of a phone at `entry` ends: a site's name or an answer, and the sites it passed.

        target: an address, or a number.
        """
        here, passed = entry, [entry]
        caller = str(self.people[0])
        source, via, epoch = Source.PHONE, "", -1
        while True:
            unreachable = frozenset() if self.link else frozenset(SITES) - {here}
            request = Request(method, str(target), source, caller, via, epoch, unreachable)
            decision = decide(request, self.sites[here].snapshot).decision
            if isinstance(decision, Local):
                return here, passed
            if isinstance(decision, Answer):
                return f"{decision.code} {decision.reason}", passed
            assert isinstance(decision, Relay), decision
            source, via, epoch, here = Source.PEER, here, decision.epoch, decision.site
            passed.append(here)
            assert len(passed) <= 3, f"a loop: {passed}"

    def register(self, phone: Phone, edge: str, expires_s: int = 600) -> bool:
        """A REGISTER over `edge`, saved wherever `decide` says."""
        home, passed = self.route("REGISTER", phone.aor, edge)
        if home not in SITES:
            phone.cseq += 1
            return False
        self.save(phone, edge, home, len(passed) > 1, expires_s)
        return True

    def save(self, phone: Phone, edge: str, home: str, relayed: bool, expires_s: int = 600) -> None:
        """The registrar at `home` takes the REGISTER in."""
        phone.cseq += 1
        received = f"sip:10.0.0.{phone.number}:5060;transport=tcp;edge=tls"
        binding = Binding(
            contact=f"sip:{phone.aor.user}@10.0.0.{phone.number}:5060",
            call_id=phone.call_id,
            cseq=phone.cseq,
            expires_at=int(self.now + expires_s),
            received="" if relayed else received,
            path=f"<sip:{edge}.{DOMAIN}:5062;transport=tls;lr;received={phone.number}>" if relayed else "",
            instance=phone.instance,
            reg_id=1,
        )
        registrar = self.sites[home].registrar
        if expires_s:
            registrar.register(phone.aor, binding)
        else:
            registrar.remove(phone.aor, [binding])
            registrar.store()
        between = phone.aor in self.between()
        if not expires_s:
            # Registered and gone within one hand-over: it may come back until it expires.
            phone.ghost = phone.during_move and between
        phone.edge, phone.expires_at = (edge, self.now + expires_s) if expires_s else ("", 0)
        phone.registered, phone.during_move = phone.call_id, between

    def between(self) -> set[Aor]:
        """People whose phones are being handed over: what registers now may ring a little later."""
        query = select(move_table.c.aor).where(move_table.c.open, move_table.c.state.in_(_BETWEEN))
        with reading(self.engine) as connection:
            return {Aor.parse(aor) for aor in connection.scalars(query)}

    def ringing(self, aor: Aor | str, entry: str) -> list[str]:
        """Instances of the phones that ring when somebody at `entry` calls; empty for a call that is answered no."""
        return sorted(binding.instance for binding in self.called(aor, entry))

    def called(self, target: Aor | str, entry: str) -> list[Binding]:
        """The bindings that a call from `entry` is sent to."""
        end, _ = self.route("INVITE", target, entry)
        if end not in SITES:
            return []
        aor = target if isinstance(target, Aor) else Aor.parse(self.sites[end].snapshot.owner_of(target).aor)
        return self.sites[end].registrar.bindings(aor)

    def live(self, aor: Aor, margin_s: float = 10) -> list[Phone]:
        """The phones that have a right to ring."""
        return [
            phone for phone in self.phones if phone.aor == aor and phone.edge and phone.expires_at > self.now + margin_s
        ]

    # The move

    def drive(self, batch_id: str, run: int | None = None, *, forgiving: bool = True) -> bool:
        """One step of the workflow, by the same rules as homing.workflow. False when the batch is over or rests.

        run: which workflow it is; the present one by default. forgiving: its patience before commit has no end.
        """
        chunk = self.ledger.next_chunk(batch_id, self.moves.get(batch_id).run if run is None else run)
        if chunk is None:
            return False
        try:
            self.ledger.advance(batch_id, chunk)
        except LinkDownError as error:
            stage = self.ledger.stage_of(batch_id, chunk)
            if not forgiving and stage not in COMMITTED:
                if stage is State.UNDOING:
                    self.given_up |= {move.aor for move in self.moves.people(batch_id) if move.state is stage}
                self.ledger.give_up(batch_id, chunk, str(error))
        return True

    def finish(self, batch_ids: Sequence[str]) -> None:
        """Drive everything to its end."""
        for batch_id in batch_ids:
            for _ in range(200):
                if not self.drive(batch_id):
                    break
            else:
                raise AssertionError(f"{batch_id} does not end: {self.moves.get(batch_id)}")


def _unsafe_and_fast(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
