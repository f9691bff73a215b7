"""What caps and blocks may say, and the refusals that follow from them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

import phonenumbers

from isthmus.addressing import Aor
from isthmus.errors import IsthmusError, UsageError
from isthmus.fraud.model import Block, Cap, Kind
from isthmus.routing import pstn
from isthmus.routing.blocking import ANONYMOUS
from isthmus.routing.model import AtOnce, Direction
from isthmus.routing.refusals import Refusal, of_country, of_person, of_tenant, of_trunk

CAPS, BLOCKS = "fraud", "block"
"""Who writes refusals (Refusal.by): of limits, and of blocks."""
_MOST_MINUTES, _MOST_CALLS, _MOST_COST = 1_000_000, 100_000, 10_000_000
_LONGEST_REASON = 200
_CODE = re.compile(r"\+[1-9][0-9]{0,2}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def checked(cap: Cap) -> Cap:
    """The cap in its one form. Raises UsageError."""
    if cap.kind is Kind.PERSON:
        raise UsageError(
            "limits of people are policies", do="isthmus policy create calling NAME --set minutes_a_day=60"
        )
    key = _country(cap.key) if cap.kind is Kind.COUNTRY else cap.key
    for name, value, most in (("calls", cap.calls, _MOST_CALLS), ("minutes", cap.minutes, _MOST_MINUTES)):
        if not 0 <= value <= most:
            raise UsageError(f"{name} is {value}, and has to be between 0 and {most}")
    if cap.calls and cap.kind is Kind.TRUNK:
        raise UsageError("how many calls a trunk may have at once is in the site file", do="most_calls of [[trunk]]")
    if cap.zone and cap.kind is not Kind.TENANT:
        raise UsageError("the time zone is the tenant's, for all of its caps", do="isthmus cap set tenant --zone ZONE")
    return replace(cap, key=key, cost=_cost(cap.cost), zone=_zone(cap.zone))


def checked_block(block: Block) -> Block:
    """The block in its one form. Raises UsageError."""
    if len(block.reason) > _LONGEST_REASON or not block.reason.isprintable():
        raise UsageError(f"the reason is longer than {_LONGEST_REASON} characters, or has one that can't be shown")
    kind, colon, name = block.what.strip().partition(":")
    if block.what == ANONYMOUS:
        if block.direction is not Direction.IN:
            raise UsageError("nobody can be called who has no number", do="anonymous is for --in")
        return block
    if not colon:
        what = pstn.checked_patterns([block.what.strip()])[0]
        if what.startswith("!") or what in (pstn.EMERGENCY, pstn.SHORT_CODES):
            raise UsageError(f"{what} can't be blocked", do="To let a number through: --except")
        return replace(block, what=what)
    if block.direction is not Direction.OUT or block.exception:
        raise UsageError(f"{block.what[:60]!r} is for blocks of calls out alone", do="Numbers: a pattern as +1900")
    return replace(block, what=f"{kind}:{_checked_name(kind, name)}")


def _checked_name(kind: str, name: str) -> str:
    if kind == "country":
        return _country(name)
    if kind == "trunk" and _NAME.fullmatch(name):
        return name
    if kind == "person":
        try:
            return str(Aor.parse(name))
        except IsthmusError as error:
            raise UsageError(f"{name[:60]!r} is no address of a person") from error
    raise UsageError(
        f"{f'{kind}:{name}'[:60]!r} is nothing that can be blocked",
        do="A pattern as +1900, anonymous, country:CU, trunk:NAME or person:ADDRESS.",
    )


def _country(text: str) -> str:
    """ISO 3166, or `+CODE` of what is no country. Raises UsageError."""
    word = text.strip().upper()
    if word in phonenumbers.SUPPORTED_REGIONS or _CODE.fullmatch(word):
        return word
    raise UsageError(f"{text[:40]!r} is no country", do="Write it as CU, or +882 for a code of no country.")


def _cost(text: str) -> str:
    try:
        cost = Decimal(text)
    except InvalidOperation:
        cost = Decimal(-1)
    if not cost.is_finite() or not 0 <= cost <= _MOST_COST or cost != round(cost, 6):
        raise UsageError(f"{text[:40]!r} is no amount", do="Write it as 20.50, without the currency.")
    return f"{cost.normalize():f}"


def _zone(text: str) -> str:
    try:
        return ZoneInfo(text).key if text else ""
    except (KeyError, ValueError, OSError):
        raise UsageError(f"there is no time zone {text[:40]!r}", do="Write it as Europe/Berlin.") from None


def words(cap: Cap, limit: str, who: str = "") -> str:
    """That a limit is reached. who: the address of the person whose it is."""
    amount = f"{cap.minutes} minutes" if limit == "minutes" else f"a cost of {cap.cost}"
    whose = {
        Kind.TENANT: f"of {cap.key}",
        Kind.COUNTRY: f"of {cap.tenant} to {cap.key}",
        Kind.TRUNK: f"by trunk {cap.key}",
        Kind.PERSON: f"of {who}",
    }[cap.kind]
    return f"calls {whose} have reached their limit of the day: {amount}"


def limits(
    reached: Iterable[tuple[Cap, str]], addresses: Mapping[str, str], midnight: Callable[[Cap], int]
) -> dict[str, list[Refusal]]:
    """The refusals that follow from caps that are reached, by key. addresses: of people, by id.

    midnight: gives the end of the day of a cap, in Unix seconds. They end then by themselves.
    """
    found: dict[str, list[Refusal]] = {}
    for cap, limit in reached:
        who = addresses.get(cap.key, "") if cap.kind is Kind.PERSON else ""
        key = {
            Kind.TENANT: of_tenant(cap.key),
            Kind.COUNTRY: of_country(cap.key, cap.tenant),
            Kind.TRUNK: of_trunk(cap.key),
            Kind.PERSON: of_person(who),
        }[cap.kind]
        refusal = Refusal(CAPS, limit, words(cap, limit, who), "Limit Of The Day Reached", until_s=midnight(cap))
        found.setdefault(key, []).append(refusal)
    return found


def blocked(blocks: Iterable[Block]) -> dict[str, list[Refusal]]:
    """The refusals that follow from blocks of countries, trunks and people, by key. routing/blocking.py: patterns."""
    found: dict[str, list[Refusal]] = {}
    for block in blocks:
        kind, colon, name = block.what.partition(":")
        if not colon:
            continue
        key = {"country": of_country(name, block.tenant), "person": of_person(name)}.get(kind, of_tenant(block.tenant))
        ways = (name,) if kind == "trunk" else ()
        because = f" ({block.reason})" if block.reason else ""
        refusal = Refusal(BLOCKS, kind, f"{kind} {name} is blocked{because}", "Calls There Are Blocked", ways=ways)
        found.setdefault(key, []).append(refusal)
    return found


def at_once(caps: Iterable[Cap]) -> list[AtOnce]:
    """The limits of calls at once."""
    keys = {Kind.TENANT: lambda cap: of_tenant(cap.key), Kind.COUNTRY: lambda cap: of_country(cap.key, cap.tenant)}
    return [AtOnce(keys[cap.kind](cap), cap.calls) for cap in caps if cap.calls and cap.kind in keys]
