"""What a connector knows of the people whose phones are at its branch, for when it is alone.

At online `BranchPeople` answers a connector: it gets those people of its tenant who have a phone registered through it
at this moment, and those of whom it proves that it knows them as they are now (`proof`): after a long cut their
registrations at online have expired, though their phones are where they were. At the connector `Learned` is what was
answered last.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from isthmus.addressing import Aor
from isthmus.connectors.bounds import Bounds
from isthmus.directory.model import FeedPage, Person
from isthmus.directory.wire import decode_page, encode_page
from isthmus.errors import NotFoundError, UsageError
from isthmus.registration.model import Binding
from isthmus.registration.rules import edge_site, last_hop
from isthmus.registration.service import Registrar
from isthmus.routing.model import Class
from isthmus.routing.snapshot import Placing

MOST = 2000
"""People whose phones may be at one connector."""


class _Answer(msgspec.Struct):
    """As it travels. page: of the directory's feed. service: address -> position in classes.

    bounds: an online site of an earlier version tells none.
    """

    page: str
    classes: list[Class]
    service: dict[str, int]
    bindings: dict[str, list[dict[str, Any]]]
    bounds: Bounds = Bounds()


_decoder = msgspec.json.Decoder(_Answer)


@dataclass(frozen=True)
class Learned:
    """The people at a branch. domains: domain -> tenant. service: positions in classes."""

    people: tuple[Person, ...] = ()
    domains: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[Class, ...] = (Class(),)
    service: Mapping[Aor, int] = field(default_factory=dict)
    bindings: Mapping[Aor, Sequence[Binding]] = field(default_factory=dict)
    bounds: Bounds = field(default_factory=Bounds)

    def position(self, person: Person) -> int:
        """Of the person's class of service."""
        return self.service.get(person.aor, 0)


class People(Protocol):
    """What is asked of the directory."""

    def get(self, aor: Aor) -> Person: ...

    def domains(self) -> dict[str, str]: ...


class BranchPeople:
    """At the site that connectors belong to: who is at which branch. classes: gives who has which class of service.

    bounds: what calls of a tenant, and of the people with these addresses, are kept from at the connector of that name.
    """

    def __init__(
        self,
        people: People,
        registrar: Callable[[], Registrar],
        classes: Callable[[], Placing],
        bounds: Callable[[str, Collection[str], str], Bounds] = lambda tenant, people, name: Bounds(),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._people, self._registrar, self._classes, self._clock = people, registrar, classes, clock
        self._bounds = bounds

    def of(
        self, tenant: str, host: str, asked: Collection[Aor], known: Mapping[Aor, str] = MappingProxyType({})
    ) -> bytes:
        """The answer to a connector that asks for some people. host: its name in Path. known: proofs of whom it knows.

        Raises UsageError for too many, UnavailableError when the registrar does not answer.
        """
        if max(len(asked), len(known)) > MOST:
            raise UsageError(f"a connector has at most {MOST} people, not {max(len(asked), len(known))}")
        domains = {domain: owner for domain, owner in self._people.domains().items() if owner == tenant}
        bindings: dict[str, list[dict[str, Any]]] = {}
        people: list[Person] = []
        for aor in sorted({*asked, *known}, key=lambda each: str(each).encode()):
            # Bindings first: for whom nobody registered here, nothing is said, not even whether they exist.
            if domains.get(aor.domain) is None:
                continue
            if not (here := self._at(aor, host)) and aor not in known:
                continue
            try:
                person = self._people.get(aor)
            except NotFoundError:
                continue
            if not here and not hmac.compare_digest(known[aor].encode(), proof(person, host).encode()):
                continue
            if person.enabled and person.tenant == tenant:
                people.append(person)
                bindings[str(aor)] = [each.to_json() for each in here]
        placing = self._classes()
        service = {str(person.aor): placing.position(person) for person in people}
        page = FeedPage("", 0, 0, 0, (tenant,), tuple(sorted(domains.items())), tuple((p.aor, p) for p in people))
        bounds = self._bounds(tenant, service.keys(), host.partition(".")[0])
        return msgspec.json.encode(
            _Answer(encode_page(page).decode(), list(placing.classes), service, bindings, bounds)
        )

    def _at(self, aor: Aor, host: str) -> list[Binding]:
        now = self._clock()
        return [
            # Of who has moved here the Path begins with this site, by which a connector that is alone has no way.
            replace(each, path=last_hop(each.path))
            for each in self._registrar().bindings(aor)
            if each.expires_at > now and edge_site(each.path) == host
        ]


def proof(person: Person, host: str) -> str:
    """What only those can say who know a person's present digest secret: HMAC-SHA-256 by it of a connector's name.

    So online tells a connector no secret that it does not have, and who has another password by now, or is gone, is
    forgotten there.
    """
    return hmac.new(person.credentials.ha1_sha256, f"known at {host}".encode(), hashlib.sha256).hexdigest()


def learned(raw: bytes) -> Learned:
    """What was answered. Raises UsageError for anything else."""
    try:
        answer = _decoder.decode(raw)
        bindings = {Aor.parse(aor): [Binding.from_json(e) for e in each] for aor, each in answer.bindings.items()}
    except (msgspec.DecodeError, TypeError) as error:
        raise UsageError(f"not an answer about the people of a branch: {error}") from error
    page = decode_page(answer.page.encode())
    people = tuple(sorted((p for _, p in page.people if p is not None), key=lambda each: str(each.aor).encode()))
    service = {Aor.parse(aor): place for aor, place in answer.service.items()}
    if not answer.classes or any(not 0 <= place < len(answer.classes) for place in service.values()):
        raise UsageError("an answer about the people of a branch with a class of service that is not in it")
    return Learned(people, dict(page.domains), tuple(answer.classes), service, bindings, answer.bounds)


def asked_for(raw: Iterable[str]) -> list[Aor]:
    """Addresses as a connector names them; what is none is passed over: anybody can try to register as anything."""
    found: list[Aor] = []
    for text in raw:
        try:
            found.append(Aor.parse(text))
        except UsageError:
            continue
    return found
