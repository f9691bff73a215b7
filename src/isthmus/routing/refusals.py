"""Calls to the PSTN that are refused for now: by whom, for whom, and why. Pure.

What counts calls (calling plans, limits against fraud) writes refusals into the snapshot as it finds out; `decide`
reads them. So no call waits for a database, and `call explain` says which refusal it was.

1. A refusal stands under a key: a person, a tenant, a trunk, a country, or one tenant's calls to a country.
2. It may be for calls to some countries only, or to all but some; and for some trunks only: others may still take it.
3. It may end by itself, so that a limit of a month or a day ends with that.
4. Emergency calls are never refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

import msgspec


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """One refusal.

    by: the feature that wrote it, which alone takes it away (`plan`, `fraud`). reason: in a word, for scripts.
    text: in words, for the trace. phrase: of the SIP answer, which is 403. regions: countries (ISO 3166) that it is
    for, empty for all; but: countries that it is not for. ways: trunks that it is for, empty for all. until_s: Unix
    seconds at which it ends by itself, whoever is there to take it away or not; 0: never. callers: of calls to
    somebody (see quiet.py), those whose calls are not refused.
    """

    by: str
    reason: str
    text: str
    phrase: str = "Calls There Are Not Allowed"
    regions: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    until_s: int = 0
    callers: tuple[str, ...] = ()

    def is_about(self, region: str, at_s: int) -> bool:
        """Whether it is for calls to this country at this time (Unix seconds)."""
        if self.until_s and at_s >= self.until_s:
            return False
        return (not self.regions or region in self.regions) and region not in self.but

    def keeps_from(self, way: str) -> bool:
        """Whether it is for calls by this trunk."""
        return not self.ways or way in self.ways


class Refusing(Protocol):
    """Where refusals are looked up."""

    def refusals(self, key: str) -> tuple[Refusal, ...]: ...


def of_person(aor: str) -> str:
    """The key of a person, by their address."""
    return f"person {aor}"


def of_tenant(tenant: str) -> str:
    """The key of a tenant, by name."""
    return f"tenant {tenant}"


def of_trunk(trunk: str) -> str:
    """The key of a trunk of this site, by name."""
    return f"trunk {trunk}"


def of_country(region: str, tenant: str = "") -> str:
    """The key of calls to a country (ISO 3166, or `+CODE` of no country), of one tenant or of all."""
    return f"country {region} {tenant}" if tenant else f"country {region}"


def is_about_calls_of(key: str, tenant: str, people: Collection[str]) -> bool:
    """Whether what stands under a key is about calls of a tenant, or of one of these people (addresses)."""
    kind, _, rest = key.partition(" ")
    if kind == "country":
        return rest.partition(" ")[2] in ("", tenant)
    return rest == tenant if kind == "tenant" else kind == "person" and rest in people


def about(snapshot: Refusing, *, aor: str, tenant: str, region: str, at_s: int) -> tuple[Refusal, ...]:
    """What holds for a call to a country, whichever trunk takes it. aor, tenant: the caller's, empty for unknown."""
    # On the path of every call to the PSTN: written out, since a loop over keys costs as much as looking them up.
    found = snapshot.refusals(of_country(region))
    if aor:
        found += snapshot.refusals(of_person(aor))
    if tenant:
        found += snapshot.refusals(of_tenant(tenant)) + snapshot.refusals(of_country(region, tenant))
    return tuple([each for each in found if each.is_about(region, at_s)]) if found else ()


def keeping(snapshot: Refusing, held: Iterable[Refusal], way: str, region: str, at_s: int) -> Refusal | None:
    """The first that keeps a call from a way: of those that hold for the call, then of the trunk's own."""
    for each in held:
        if each.keeps_from(way):
            return each
    for each in snapshot.refusals(of_trunk(way)):
        if each.is_about(region, at_s) and each.keeps_from(way):
            return each
    return None
