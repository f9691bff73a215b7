"""A connector and the site it belongs to, as far as services go, on one clock: the link is cut when a test says so.

Real are both databases, the connector's snapshot with what `decide` makes of it, its sealed file, its certificate, and
the services on both sides. The registrars are those in memory; phones and calls are what the test says they are.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from isthmus.addressing import Aor
from isthmus.connectors import enrolling, rules
from isthmus.connectors.bounds import BY, Bounds
from isthmus.connectors.knowing import BranchPeople
from isthmus.connectors.learning import BranchDirectory, Learning
from isthmus.connectors.service import Connectors, Home
from isthmus.database import open_database
from isthmus.directory.model import Credentials, NewPerson
from isthmus.directory.service import Directory
from isthmus.fraud.alone import BranchCapping
from isthmus.fraud.rules import CAPS
from isthmus.identity.sealing import Sealer
from isthmus.link.client import LinkDownError
from isthmus.pki.service import CertificateAuthority, request_pem
from isthmus.records.model import Event, Filter, Kind, Record, Route
from isthmus.records.pushing import Pushing, Received
from isthmus.records.recorder import Recorder
from isthmus.records.service import Records
from isthmus.registration.memory import MemoryRegistrar
from isthmus.registration.model import Binding
from isthmus.routing.compile import Compiler
from isthmus.routing.model import Decision, Dial, Local, Relay, Request, Source
from isthmus.routing.rules import decide
from isthmus.routing.snapshot import OneClass, SnapshotWriter
from isthmus.site import agent, certificates, internal
from tests.databases import migrated_sqlite

SECRET = "correct horse"
EXPIRES_S, REFRESH_S, TICK_S = 600, 240, 60
NUMBERS = {"anna": "+14255550201", "ben": "+14255550202"}
_START_S = 1_795_000_000.0


def aor(user: str) -> Aor:
    return Aor(user, "contoso.example")


@dataclass
class World:
    """Time in Unix seconds. up: calls that are up at the connector. phones: when each registers next."""

    folder: Path
    now_s: float = _START_S
    cut: bool = False
    lose: bool = False
    up: dict[str, Event] = field(default_factory=dict)
    phones: dict[str, float] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    renewals: int = 0
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        self._open_online()
        self._open_branch()

    def _open_online(self) -> None:
        self._online_engine = _database(self.folder / "online.db")
        self.directory = Directory(self._online_engine, site="online", homes=("online",))
        self.directory.create_tenant("main", actor="test")
        self.directory.add_domain("contoso.example", "main", actor="test")
        for user, number in NUMBERS.items():
            new = NewPerson(aor(user), user, "online", Credentials.of(aor(user), SECRET), number)
            self.directory.create(new, actor="test")
        authority = CertificateAuthority.create(self.folder / "ca", now=self.time())
        home = Home("online.example.net", 4, lambda: authority)
        self.connectors = Connectors(self.directory, home, clock=self.clock)
        _, self._code = self.connectors.invite("main", "branch", actor="test")
        self.online = MemoryRegistrar(self.clock)
        self.people = BranchPeople(self.directory, lambda: self.online, OneClass, self._bounds, self.clock)
        self.records = Records(self._online_engine, "online", clock=self.clock)
        self.received = Received(self._online_engine, self.records, ["online"])
        self.ca = authority.pem

    def _open_branch(self) -> None:
        self.name, key = "branch-1", ec.generate_private_key(ec.SECP256R1())
        self.host = rules.fqdn_of(self.name, "online.example.net")
        local = {
            "site": {"name": self.name, "role": "connector", "fqdn": self.host, "address": "127.0.0.1"},
            "peer": [{"name": "online", "fqdn": "online.example.net", "address": "127.0.0.1", "authority": True}],
        }
        settings = {"survival": {"country": "US"}, "trunk": [{"name": "gateway", "address": "127.0.0.9"}]}
        self.site = rules.composed(local, settings, self.folder / "branch" / "site.toml")
        given = self.connectors.enrol(self._code, request_pem(self.name, key), address="local")
        paths = internal.site_certificate(self.site), internal.ca_certificate(self.site)
        enrolling.install_certificate(self.site.pki_dir, self.ca, given.certificate.encode(), key, *paths)
        self._engine = _database(self.folder / "branch.db")
        self._branch_records = Records(self._engine, self.name, clock=self.clock)
        self._writer = SnapshotWriter(self.folder / "snapshot")
        self.here = MemoryRegistrar(self.clock)
        self.start()

    def start(self) -> None:
        """The connector's control service is started; what was in its memory is gone."""
        self.branch = BranchDirectory(self.name, "US")
        compiler = Compiler(self.branch, self._writer, self.site, self.branch, guard=self.branch)

        def changed() -> None:
            compiler.rebuild()
            self._writer.refuse(BY, self.branch.refusals())

        file, sealer = self.folder / "branch.sealed", Sealer(b"k" * 32)
        self.learning = Learning(
            self.branch, self.here, self._ask_people, file, sealer, host=self.host, changed=changed, clock=self.clock
        )
        self.learning.restore()
        changed()
        self.recorder = Recorder(self._engine, self.name, clock=self.clock)
        refuse = functools.partial(self._writer.refuse, CAPS)
        self.capping = BranchCapping(self._engine, self.name, self.branch, refuse, self.end_all, self.clock)
        self.push = Pushing(self._engine, self._branch_records, self.link)

    def close(self) -> None:
        """Let go of all files."""
        self._writer.close()
        self._engine.dispose()
        self._online_engine.dispose()

    def _bounds(self, tenant: str, people: Collection[str], connector: str) -> Bounds:
        return self.bounds

    # --- time and the link ------------------------------------------------------------------------

    def clock(self) -> float:
        return self.now_s

    def time(self) -> datetime:
        return datetime.fromtimestamp(self.now_s, UTC)

    def link(self, path: str, body: Any) -> Any:
        """What the connector sends to online, and what that answers. cut: nothing gets there. lose: no answer comes."""
        if self.cut:
            raise LinkDownError("online", "cut")
        if path == "/link/connector/people":
            proofs = {Aor.parse(each): said for each, said in body["known"].items()}
            answer: Any = self.people.of("main", self.host, [Aor.parse(each) for each in body["people"]], proofs)
        elif path == "/link/connector/records":
            answer = {"reached": self.received.take(body["page"], body["after"], self.name, "main")}
        else:
            answer = {"certificate": self.connectors.renew(self.name, body["request"].encode()).decode()}
        if self.lose:
            raise LinkDownError("online", "the answer was lost")
        return answer

    def _ask_people(self, addresses: Sequence[str], known: Mapping[str, str]) -> bytes:
        return bytes(self.link("/link/connector/people", {"people": list(addresses), "known": dict(known)}))

    def pass_s(self, seconds: float) -> None:
        """Time passes: phones register as they must, and the connector's jobs run, whatever each of them meets."""
        until = self.now_s + seconds
        while self.now_s < until:
            self.now_s = min(self.now_s + TICK_S, until)
            for user, due in list(self.phones.items()):
                if self.now_s >= due:
                    self.register(user)
            for job in (
                self.learning.work,
                self.recorder.write,
                self._look,
                self.capping.work,
                self.push.work,
                self.renew,
            ):
                try:
                    job()
                except LinkDownError:
                    assert self.cut or self.lose

    def _look(self) -> None:
        self.recorder.look(lambda: set(self.up))

    def renew(self) -> None:
        """The certificate, when it is time."""
        if agent.renewed(self.site, self.link, self.time()) is not None:
            self.renewals += 1

    def certificate_until(self) -> datetime:
        """The end of the one in force, which is good now."""
        found = certificates.current(self.site)
        assert found is not None
        assert found.not_before <= self.time() < found.not_after
        return found.not_after

    # --- phones and calls -------------------------------------------------------------------------

    def decided(self, request: Request) -> Decision:
        away = frozenset({"online"}) if self.cut else frozenset[str]()
        with self._writer.reader().view() as view:
            return decide(msgspec.structs.replace(request, unreachable=away), view).decision

    def register(self, user: str) -> None:
        """A phone registers at the connector, with the password that its person has."""
        self.phones[user] = self.now_s + REFRESH_S
        whom, at = aor(user), f"<sip:{self.host}:5062;transport=tls;lr;received=sip:192.0.2.1:5060%3Bedge%3Dudp>"
        binding = Binding(f"sip:{user}@192.0.2.1:5060", f"call-{user}", 1, int(self.now_s) + EXPIRES_S, path=at)
        source = Source.PHONE if self.cut else Source.BRANCH
        led = self.decided(Request("REGISTER", str(whom), source, str(whom)))
        if not self.cut:
            assert led == Relay("online", "", -1)
            self.learning.registered(str(whom))
            self.online.register(whom, binding)
            return
        assert isinstance(led, Local)
        with self._writer.reader().view() as view:
            known = view.person(str(whom))
        assert known is not None
        assert known.ha1_sha256 == Credentials.of(whom, SECRET).ha1_sha256
        self.here.register(whom, binding)

    def begin(self, call: str, caller: str, target: str) -> None:
        """A call by somebody's phone is answered. target: an address, a number, or an emergency number."""
        led = self.decided(Request("INVITE", target, Source.PHONE if self.cut else Source.BRANCH, str(aor(caller))))
        route, way, whom = Route.RELAY, "online", ""
        if isinstance(led, Dial):
            route, way = Route.DIAL, led.trunk
        elif isinstance(led, Local):
            route, way, whom = Route.LOCAL, "", led.aor
        else:
            assert led == Relay("online", "", -1)
        told = Event(
            self.now_s, Kind.BEGINS, call, "edge", "a", str(aor(caller)), target, "phone", "", route, way, whom
        )
        self.up[call] = told
        self.made.append(call)
        for event in (told, Event(self.now_s + 1, Kind.ANSWERED, call, "edge")):
            self.recorder.take(event)

    def end(self, call: str) -> None:
        """The caller hangs up."""
        self.up.pop(call)
        self.recorder.take(Event(self.now_s, Kind.ENDS, call, "edge", "a"))

    def end_all(self, calls: Collection[str]) -> None:
        """What the connector itself does that has calls end."""
        for call in calls:
            self.end(call)

    def at_online(self) -> list[Record]:
        """The connector's records that online has, by their numbers."""
        return sorted(self.records.find(Filter(), limit=1000), key=lambda each: each.seq)


def _database(file: Path) -> Any:
    url = migrated_sqlite(file)
    return open_database(url)
