"""The values of policies and licences."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from isthmus.addressing import Aor
from isthmus.policy.kinds import Value


class Level(StrEnum):
    """To whom something is given, the strongest first."""

    PERSON = "person"
    GROUP = "group"
    SITE = "site"
    TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class Policy:
    """A named set of settings of one kind. Those it does not name are left to weaker grants. Sorted by name."""

    tenant: str
    kind: str
    name: str
    settings: tuple[tuple[str, Value], ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A policy given to somebody. A target has one of each kind.

    target: a person's address, a group's or site's name, or the tenant's. rank: of groups alone, the lowest wins.
    """

    tenant: str
    kind: str
    policy: str
    level: Level
    target: str
    rank: int = 0

    def __str__(self) -> str:
        who = f"{self.level} {self.target}"
        return f"{who} (rank {self.rank})" if self.level is Level.GROUP else who


@dataclass(frozen=True, slots=True)
class Plan:
    """A licence that a tenant has at this site: what it gives, and for how many people. features: sorted."""

    tenant: str
    name: str
    features: tuple[str, ...]
    count: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A licence given to a person or a group."""

    tenant: str
    plan: str
    level: Level
    target: str


@dataclass(frozen=True, slots=True)
class Entitled:
    """Somebody in the line of a plan. place: grows with the time of coming. holds: whether the count reaches them."""

    plan: str
    aor: Aor
    place: int
    holds: bool
