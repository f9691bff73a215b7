"""A small organisation for routing tests, and a snapshot held in memory."""

from __future__ import annotations

import dataclasses

from isthmus.addressing import Aor
from isthmus.directory.model import Credentials, Person
from isthmus.routing.model import Config, PersonRecord, TrunkRecord
from isthmus.routing.refusals import Refusal

SITES = ("premises", "online")
CARRIER = TrunkRecord("carrier", "127.0.9.1:5060")


def config(site: str = "premises", **changes: object) -> Config:
    """The configuration of one of the two sites; both have a trunk unless told otherwise."""
    fields: dict[str, object] = {
        "site": site,
        "role": site,
        "sites": SITES,
        "tenants": ("contoso", "fabrikam"),
        "domains": {"contoso.example": 0, "fabrikam.example": 1},
        "trunks": (CARRIER,),
    }
    return Config(**{**fields, **changes})  # type: ignore[arg-type]


def record(aor: str, home: str, epoch: int = 1, number: str | None = None, enabled: bool = True) -> PersonRecord:
    """A person of the tenant that owns the domain."""
    tenant = 1 if aor.endswith("@fabrikam.example") else 0
    return PersonRecord(aor, tenant, SITES.index(home), epoch, b"m" * 16, b"s" * 32, number, "", enabled)


def person(name: str, home: str = "premises", epoch: int = 1, number: str | None = None) -> Person:
    """The same for the directory."""
    aor = Aor(name, "contoso.example")
    return Person(aor, "contoso", name.title(), number, home, epoch, Credentials.of(aor, "secret"))


@dataclasses.dataclass
class MemorySnapshot:
    """What `decide` asks, from a list."""

    config: Config
    people: list[PersonRecord]
    refused: dict[str, tuple[Refusal, ...]] = dataclasses.field(default_factory=dict)

    def person(self, aor: str) -> PersonRecord | None:
        return next((person for person in self.people if person.aor == aor), None)

    def owner_of(self, number: str) -> PersonRecord | None:
        return next((person for person in self.people if person.number == number), None)

    def refusals(self, key: str) -> tuple[Refusal, ...]:
        return self.refused.get(key, ())
