"""The rules of the inventory, pure.

1. A number is in one range of one tenant at most, whatever the tenants.
2. It has one owner at any instant: a person (the directory says which), a service or a resource account. Or it is
   reserved by somebody for ten minutes, or it is free.
3. What is reserved is assigned by who reserved it alone. What has an owner changes hands by a transfer, or after it was
   released; what is in another tenant's range is as if it did not exist.
4. A person's number may be in no range: installations are older than their inventories. It is shown as unknown.
5. Behind a number there may be extensions, each with one person, whoever owns the number itself.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

from isthmus.addressing import Aor, Telephone
from isthmus.errors import NotFoundError, RefusedError, UsageError
from isthmus.numbers.model import Hold, Owner, Range, Wanted, written

RESERVED_S = 600
_PATTERN = re.compile(r"\+?[0-9*?]{1,40}")
_AREA = re.compile(r"[0-9]{1,8}")
_LONGEST_TEXT = 200


@lru_cache(maxsize=4096)
def _parsed(number: int) -> phonenumbers.PhoneNumber:
    return phonenumbers.parse(written(number))


@lru_cache(maxsize=4096)
def country_of(number: int) -> str:
    """ISO 3166 code of the country by the numbering plans, `001` for none of one country; empty for unknown."""
    try:
        parsed = _parsed(number)
    except phonenumbers.NumberParseException:
        return ""
    by_country_code = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    known: str = phonenumbers.region_code_for_number(parsed) or by_country_code
    return known if known != "ZZ" else ""


@lru_cache(maxsize=4096)
def area_of(number: int) -> str:
    """The area code by the numbering plans; empty where numbers have none."""
    try:
        parsed = _parsed(number)
    except phonenumbers.NumberParseException:
        return ""
    length = phonenumbers.length_of_geographical_area_code(parsed)
    return phonenumbers.national_significant_number(parsed)[:length]


def checked_range(text: str) -> Range:
    """A range that a carrier can have given: possible numbers of one country. Raises UsageError."""
    made = Range.parse(text)
    for number in (made.first, made.last):
        try:
            possible = phonenumbers.is_possible_number(_parsed(number))
        except phonenumbers.NumberParseException:
            possible = False
        if not possible:
            raise UsageError(f"{written(number)} is not possible in any country's numbering plan")
    if country_of(made.first) != country_of(made.last):
        raise UsageError(f"{made} is in two countries ({country_of(made.first)}, {country_of(made.last)})")
    return made


def checked_text(what: str, text: str) -> str:
    """A carrier's name, a note. Raises UsageError for one that can't be shown in a line."""
    plain = " ".join(text.split())
    if len(plain) > _LONGEST_TEXT or not plain.isprintable():
        raise UsageError(f"{what} is longer than {_LONGEST_TEXT} characters, or can't be shown")
    return plain


def checked_wanted(wanted: Wanted) -> Wanted:
    """The same, the country in capitals. Raises UsageError for what can't be searched by."""
    if wanted.area is not None and not _AREA.fullmatch(wanted.area):
        raise UsageError(f"{wanted.area[:40]!r} is not an area code", do="Use its digits, as in 425.")
    if wanted.pattern is not None and not _PATTERN.fullmatch(wanted.pattern):
        raise UsageError(
            f"{wanted.pattern[:80]!r} is not a pattern", do="Use digits, `*` for any and `?` for one: +1425*01*."
        )
    return Wanted(wanted.country and wanted.country.upper(), wanted.area, wanted.pattern)


def within(range_: Range, wanted: Wanted) -> Range | None:
    """The stretch of a range outside of which nothing is wanted; None where nothing is."""
    if wanted.country is not None and country_of(range_.first) != wanted.country:
        return None
    found: Range | None = range_
    if wanted.area is not None:
        found = _beginning(range_, f"{_parsed(range_.first).country_code}{_national(range_.first, wanted.area)}")
    if found is not None and wanted.pattern is not None and wanted.pattern.startswith("+"):
        found = _beginning(found, re.split(r"[*?]", wanted.pattern[1:], maxsplit=1)[0])
    return found


def fits(number: int, pattern: str | None) -> bool:
    """Whether the digits are as in the pattern; without `+`, `*` and `?` they need only stand in it."""
    if pattern is None:
        return True
    if not any(mark in pattern for mark in "+*?"):
        return pattern in str(number)
    parts = {"*": "[0-9]*", "?": "[0-9]"}
    return re.fullmatch("".join(parts.get(c, c) for c in pattern.removeprefix("+")), str(number)) is not None


def _national(number: int, area: str) -> str:
    """The area code as it stands in E.164 form: without the 0 dialled before it, where that is no part of it."""
    return area if _parsed(number).italian_leading_zero else area.lstrip("0")


def _beginning(range_: Range, digits: str) -> Range | None:
    """Those of a range that begin with these digits."""
    missing = len(str(range_.first)) - len(digits)
    if missing < 0:
        return None
    if not digits:
        return range_
    return range_.overlap(Range(int(digits + "0" * missing), int(digits + "9" * missing)))


def not_there(telephone: Telephone) -> NotFoundError:
    """The answer for a number that is not the tenant's: another tenant's is told as one that does not exist."""
    return NotFoundError(
        f"{telephone.number} is not in the inventory", do="To see which are: isthmus number list, or number ranges"
    )


def may_take(number: int, hold: Hold | None, actor: str, now_ms: int) -> None:
    """Raises RefusedError where a service, a resource account or somebody else's reservation keeps the number."""
    if hold is None or not hold.holds_at(now_ms):
        return
    if hold.owner is not None:
        raise RefusedError(
            f"{written(number)} belongs to {hold.owner}",
            do="To give it to somebody else: isthmus number transfer; to free it: isthmus number release",
        )
    if hold.by != actor:
        left = -(-(hold.until_ms - now_ms) // 1000)
        raise RefusedError(
            f"{written(number)} is reserved by {hold.by} for another {left} s",
            do="Wait, take another one, or end the reservation: isthmus number release",
        )


def taken_by(number: int, owner: Owner) -> RefusedError:
    """Why a number that has an owner can't be had."""
    return RefusedError(
        f"{written(number)} belongs to {owner}",
        do="To give it to somebody else: isthmus number transfer; to free it: isthmus number release",
    )


def has_another(aor: Aor, number: str) -> RefusedError:
    """Why a person does not simply get a second number."""
    return RefusedError(f"{aor} has {number}", do="To give them the other one instead: --replace")
