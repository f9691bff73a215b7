"""What keeps calls at a branch from being made and taken while its connector is alone: as online told it last. Pure.

1. Blocks of the tenant's hold, in both directions, and its limits of calls at once, which the connector counts itself.
2. So does what was refused at the last contact (a limit of the day that is reached, a country that is closed, a plan
   that is used up), until it ends by itself.
3. Limits of the day come with what online has counted under each, and up to which of the connector's records. The
   connector counts its own calls from there on (fraud/alone.py), and ends those that are up where online says so. What
   goes on at online meanwhile it can't know.
4. What is about the trunks of online alone does not come along: the gateways here are others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from isthmus.routing.model import AtOnce, Config, Direction
from isthmus.routing.refusals import Refusal, is_about_calls_of

BY = "online"
"""Whose refusals these are in the connector's snapshot, whichever feature of online wrote them."""


class Block(msgspec.Struct, frozen=True, array_like=True):
    """A block or an exception of the one tenant's (see routing/blocking.py)."""

    direction: Direction
    pattern: str
    exception: bool = False


class DayCap(msgspec.Struct, frozen=True, array_like=True):
    """A limit of the day, and what online has counted under it.

    kind: `tenant`, `country` or `person`. key: a tenant's name, a country, an address. minutes, cost: as in
    fraud.model.Cap. milliseconds, micro: as in fraud.model.Used. ends: as in Cap; an online site of an earlier version
    does not say it.
    """

    kind: str
    key: str
    minutes: int
    cost: str
    milliseconds: float = 0.0
    micro: dict[str, float] = {}
    ends: bool = False


class Price(msgspec.Struct, frozen=True, array_like=True):
    """A line of the rate table (see records.model.Rate)."""

    prefix: str
    price_micro: int
    currency: str
    minimum_s: int
    increment_s: int


class Days(msgspec.Struct, frozen=True):
    """Limits of the day. zone: whose day. until_s: when the one ends that was counted, in Unix seconds.

    counted: the last of the connector's records that online has counted, by database. prices: for limits of cost; none
    where the table is too long to be told.
    """

    zone: str = "UTC"
    until_s: int = 0
    caps: tuple[DayCap, ...] = ()
    counted: dict[str, int] = {}
    prices: tuple[Price, ...] = ()


class Bounds(msgspec.Struct, frozen=True):
    """Of one tenant, at one branch. refusals: by key, as routing/refusals.py makes them.

    days: an online site of an earlier version tells none.
    """

    blocks: tuple[Block, ...] = ()
    at_once: tuple[AtOnce, ...] = ()
    refusals: dict[str, tuple[Refusal, ...]] = {}
    days: Days = Days()


def bounds_of(
    config: Config, refusals: Mapping[str, Collection[Refusal]], tenant: str, people: Collection[str], days: Days
) -> Bounds:
    """Those that a connector is told. config, refusals: what calls at online go by. people: addresses at the branch."""
    place = config.tenants.index(tenant) if tenant in config.tenants else -1
    told = {
        key: tuple(msgspec.structs.replace(each, by=BY) for each in held if not each.ways)
        for key, held in sorted(refusals.items())
        if is_about_calls_of(key, tenant, people)
    }
    return Bounds(
        tuple(Block(each.direction, each.pattern, each.exception) for each in config.blocks if each.tenant == place),
        tuple(each for each in config.at_once if is_about_calls_of(each.key, tenant, ())),
        {key: held for key, held in told.items() if held},
        days,
    )
