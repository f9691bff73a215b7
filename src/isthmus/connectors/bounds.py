"""What keeps calls at a branch from being made and taken while its connector is alone: as online told it last. Pure.

1. Blocks of the tenant's hold, in both directions, and its limits of calls at once, which the connector counts itself.
2. So does what was refused at the last contact (a limit of the day that is reached, a country that is closed, a plan
   that is used up), until it ends by itself. What calls come to meanwhile counts once online has their records.
3. What is about the trunks of online alone does not come along: the gateways here are others.
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


class Bounds(msgspec.Struct, frozen=True):
    """Of one tenant, at one branch. refusals: by key, as routing/refusals.py makes them."""

    blocks: tuple[Block, ...] = ()
    at_once: tuple[AtOnce, ...] = ()
    refusals: dict[str, tuple[Refusal, ...]] = {}


def bounds_of(
    config: Config, refusals: Mapping[str, Collection[Refusal]], tenant: str, people: Collection[str]
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
    )
