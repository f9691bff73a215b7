"""A voice route as an administrator keeps it. Frozen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VoiceRoute:
    """A route. usages, patterns, ways: see routing/pstn.py; at least one of each.

    ways: names of trunks of this site, or `@SITE`, each with its share of 100; all 0: in their order. priority: the
    lowest is tried first. cost: a minute, as decimal text (`0.012`), in the tenant's currency. hours: as
    routing/hours.py reads them, in the time of `zone`; empty: always.
    """

    tenant: str
    name: str
    patterns: tuple[str, ...]
    ways: tuple[tuple[str, int], ...]
    usages: tuple[str, ...] = ("default",)
    priority: int = 100
    cost: str = "0"
    hours: str = ""
    zone: str = "UTC"
    description: str = ""
