"""The values of limits and blocks. Frozen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from isthmus.routing.model import Direction


class Kind(StrEnum):
    """Whose calls a cap is for."""

    TENANT = "tenant"
    COUNTRY = "country"  # a tenant's calls to it
    TRUNK = "trunk"  # everybody's calls by it
    PERSON = "person"  # by the policy of kind `calling`


@dataclass(frozen=True, slots=True)
class Cap:
    """How much calls to the PSTN may be. 0 anywhere: any number.

    key: the tenant's name, a country (ISO 3166, or `+CODE`), a trunk's name, or a person's id. calls: at once. minutes,
    cost: a day; cost as decimal text (`20.50`), in the currency of the rate table. ends: whether calls that are up end,
    too. zone: of kind `tenant` alone, whose day it is for all caps of the tenant; empty: the site's.
    """

    tenant: str
    kind: Kind
    key: str
    calls: int = 0
    minutes: int = 0
    cost: str = "0"
    ends: bool = False
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """What a tenant calls or is called by in no case.

    what: a pattern of numbers (routing/pstn.py), `anonymous` (in), or out alone `country:CU`, `trunk:NAME`,
    `person:AOR`. exception: lets a number through, whatever blocks say. at: Unix seconds. site: where it
    was made: the authority's hold at all sites, but for those of trunks, which are names of one site.
    """

    tenant: str
    direction: Direction
    what: str
    exception: bool = False
    reason: str = ""
    by: str = ""
    at: float = 0.0
    site: str = ""


class Spoken(msgspec.Struct, frozen=True):
    """A call to the PSTN, or what there is of it so far. Times in milliseconds since 1970, the first when answered.

    name: the same for the leg and its record. person: a stable id, empty with the tenant for nobody's. micro:
    millionths of the currency that it cost. up: whether it goes on.
    """

    name: tuple[str, str, str, int]
    tenant: str
    person: str
    trunk: str
    country: str
    from_ms: int
    to_ms: int
    micro: int = 0
    currency: str = ""
    up: bool = False


Key = tuple[Kind, str, str]
"""What is counted: kind, tenant, and key (see Cap)."""


class Used(msgspec.Struct):
    """What calls came to on a day. micro: by currency."""

    milliseconds: float = 0.0
    micro: dict[str, float] = {}

    def add(self, milliseconds: float, micro: float, currency: str) -> None:
        """Some more."""
        self.milliseconds += milliseconds
        if micro:
            self.micro[currency] = self.micro.get(currency, 0.0) + micro

    @property
    def minutes(self) -> float:
        """Of all calls together."""
        return self.milliseconds / 60_000

    @property
    def cost(self) -> float:
        """In the currency in which it is the most."""
        return max(self.micro.values(), default=0.0) / 1e6
