"""A branch gets to know who is there, keeps it sealed, and forgets nothing while online is away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest

from isthmus.addressing import Aor
from isthmus.connectors.bounds import Block, Bounds
from isthmus.connectors.knowing import BranchPeople, Learned, learned, proof
from isthmus.connectors.learning import BranchDirectory, Learning
from isthmus.directory.model import Credentials, Person
from isthmus.errors import NotFoundError, UnavailableError, UsageError
from isthmus.identity.sealing import Sealer
from isthmus.registration.memory import MemoryRegistrar
from isthmus.registration.model import Binding
from isthmus.registration.rules import by_way_of
from isthmus.routing.model import AtOnce, Direction
from isthmus.routing.refusals import Refusal
from isthmus.routing.snapshot import OneClass

HOST = "branch-a.connectors.online.example"
NOW = 1_800_000_000.0
ANNA, BEN, MALLORY = Aor("anna", "contoso.example"), Aor("ben", "contoso.example"), Aor("m", "fabrikam.example")


def person(aor: Aor, *, enabled: bool = True) -> Person:
    tenant = "fabrikam" if aor.domain.startswith("fabrikam") else "contoso"
    return Person(aor, tenant, aor.user, None, "online", 1, Credentials.of(aor, "secret"), enabled)


def binding(aor: Aor, host: str = HOST, expires_at: float = NOW + 600) -> Binding:
    path = f"<sip:{host}:5062;transport=tls;lr;received=sip:192.0.2.1:5060%3Bedge%3Dudp>"
    return Binding(f"sip:{aor.user}@192.0.2.1:5060", f"call-{aor.user}", 1, int(expires_at), path=path)


@dataclass
class Directory:
    held: dict[Aor, Person]

    def get(self, aor: Aor) -> Person:
        if aor not in self.held:
            raise NotFoundError("nobody")
        return self.held[aor]

    def domains(self) -> dict[str, str]:
        return {"contoso.example": "contoso", "fabrikam.example": "fabrikam"}


@dataclass
class World:
    """Online with Anna and Ben, and a connector that asks it."""

    folder: Path
    directory: Directory = field(
        default_factory=lambda: Directory({each: person(each) for each in (ANNA, BEN, MALLORY)})
    )
    online: MemoryRegistrar = field(default_factory=lambda: MemoryRegistrar(lambda: NOW))
    here: MemoryRegistrar = field(default_factory=lambda: MemoryRegistrar(lambda: NOW))
    away: bool = False
    compiled: int = 0
    bounds: Bounds = field(default_factory=Bounds)
    branch: BranchDirectory = field(default_factory=lambda: BranchDirectory("branch-a", "US"))

    def ask(self, addresses: Sequence[str], known: Mapping[str, str]) -> bytes:
        if self.away:
            raise UnavailableError("online is away")
        people = BranchPeople(
            self.directory, lambda: self.online, OneClass, lambda tenant, at, name: self.bounds, lambda: NOW
        )
        proofs = {Aor.parse(each): said for each, said in known.items()}
        return people.of("contoso", HOST, [Aor.parse(each) for each in addresses], proofs)

    def start(self) -> Learning:
        made = Learning(
            self.branch,
            self.here,
            self.ask,
            self.folder / "branch.sealed",
            Sealer(b"k" * 32),
            host=HOST,
            changed=self.compile,
            clock=lambda: NOW,
        )
        made.restore()
        return made

    def compile(self) -> None:
        self.compiled += 1

    def known(self) -> list[str]:
        return [str(each.aor) for each in self.branch.everybody()[1]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_who_registered_through_it_is_known_with_their_phone(world: World) -> None:
    world.online.register(ANNA, binding(ANNA))
    branch = world.start()
    branch.registered(str(ANNA))
    branch.registered(str(BEN))  # who tried, and was not let in
    branch.work()
    assert world.known() == [str(ANNA)]
    assert [each.home for each in world.branch.everybody()[1]] == ["branch-a"]
    assert [each.contact for each in world.here.bindings(ANNA)] == [binding(ANNA).contact]


def test_of_a_phone_whose_person_has_moved_to_online_the_way_is_told_that_a_lone_branch_has(world: World) -> None:
    there = binding(ANNA)
    world.online.register(ANNA, replace(there, path=by_way_of("online.example:5062", there.path.strip("<>"))))
    branch = world.start()
    branch.registered(str(ANNA))
    branch.work()
    assert [each.path for each in world.here.bindings(ANNA)] == [there.path]


def test_nothing_is_compiled_anew_where_nothing_changed(world: World) -> None:
    world.online.register(ANNA, binding(ANNA))
    branch = world.start()
    branch.registered(str(ANNA))
    for _ in range(3):
        branch.work()
    world.online.register(ANNA, binding(ANNA, expires_at=NOW + 900))  # refreshed: a binding is no person
    branch.work()
    assert world.compiled == 1
    assert world.here.bindings(ANNA)[0].expires_at == NOW + 900


def test_a_connector_hears_of_its_own_tenants_people_at_its_own_branch_alone(world: World) -> None:
    world.online.register(ANNA, binding(ANNA, "branch-b.connectors.online.example"))
    world.online.register(BEN, binding(BEN, expires_at=NOW - 1))
    world.online.register(MALLORY, binding(MALLORY))
    answer = learned(world.ask([str(each) for each in (ANNA, BEN, MALLORY, Aor("nobody", "contoso.example"))], {}))
    assert (answer.people, answer.domains) == ((), {"contoso.example": "contoso"})


def test_whose_registration_at_online_ended_in_a_long_cut_is_told_to_who_knows_them_as_they_are(world: World) -> None:
    def answered(known: Person, host: str = HOST) -> tuple[Person, ...]:
        return learned(world.ask([], {str(known.aor): proof(known, host)})).people

    anna = world.directory.held[ANNA]
    assert answered(anna) == (anna,)
    assert answered(anna, "branch-b.connectors.online.example") == ()
    assert answered(replace(anna, credentials=Credentials.of(ANNA, "another"))) == ()
    assert answered(person(MALLORY)) == ()  # of another tenant
    assert answered(person(Aor("nobody", "contoso.example"))) == ()
    world.directory.held[ANNA] = person(ANNA, enabled=False)
    assert answered(anna) == ()


def test_who_is_disabled_is_forgotten(world: World) -> None:
    world.online.register(ANNA, binding(ANNA))
    branch = world.start()
    branch.registered(str(ANNA))
    branch.work()
    world.directory.held[ANNA] = person(ANNA, enabled=False)
    branch.work()
    assert world.known() == []


def test_nobody_is_forgotten_while_online_is_away_nor_by_a_power_cut(world: World) -> None:
    world.online.register(ANNA, binding(ANNA))
    branch = world.start()
    branch.registered(str(ANNA))
    branch.work()
    world.away = True
    with pytest.raises(UnavailableError):
        branch.work()
    world.branch = BranchDirectory("branch-a", "US")
    after = world.start()
    assert world.known() == [str(ANNA)]
    world.away = False
    after.work()  # it still knows whom to ask for
    assert world.known() == [str(ANNA)]


def test_what_keeps_calls_from_being_made_holds_on_alone_and_after_a_power_cut(world: World) -> None:
    world.online.register(ANNA, binding(ANNA))
    branch = world.start()
    branch.registered(str(ANNA))
    branch.work()
    assert (world.branch.blocks(), world.compiled) == ([], 1)
    refused = {"country CU contoso": (Refusal("online", "minutes", "30 minutes", until_s=int(NOW) + 60),)}
    limits = (AtOnce("tenant contoso", 2),)
    world.bounds = Bounds((Block(Direction.IN, "+1206555"), Block(Direction.IN, "+12065550", True)), limits, refused)
    branch.work()
    world.away = True
    world.branch = BranchDirectory("branch-a", "US")
    world.start()
    assert world.compiled == 3
    assert world.branch.blocks() == [
        ("contoso", Direction.IN, "+1206555", False),
        ("contoso", Direction.IN, "+12065550", True),
    ]
    assert (world.branch.at_once(), world.branch.refusals()) == (limits, refused)


def test_an_online_site_of_an_earlier_version_tells_of_no_bounds() -> None:
    page = msgspec.json.decode(BranchPeople(Directory({}), MemoryRegistrar, OneClass).of("contoso", HOST, []))
    del page["bounds"]
    assert learned(msgspec.json.encode(page)).bounds == Bounds()


def test_what_lies_on_the_disk_is_sealed(world: World) -> None:
    world.online.register(ANNA, binding(ANNA))
    branch = world.start()
    branch.registered(str(ANNA))
    branch.work()
    raw = (world.folder / "branch.sealed").read_bytes()
    assert b"anna" not in raw
    (world.folder / "branch.sealed").write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    world.branch = BranchDirectory("branch-a", "US")
    world.start()
    assert world.known() == []  # damaged is as good as nothing, and no reason not to start


def test_nobody_known_dials_by_the_branchs_country(world: World) -> None:
    assert world.branch.placing(()).classes[0].dialling.country == "US"


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"page":"{}","classes":[],"service":{},"bindings":{}}'])
def test_an_answer_that_is_none_is_refused(raw: bytes) -> None:
    with pytest.raises(UsageError):
        learned(raw)


def test_nothing_is_known_at_first() -> None:
    assert Learned().people == ()
