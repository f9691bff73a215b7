"""What a person means by what they dial. Pure.

The first that fits:

1. `+` and the country code is a number, whatever the plan says (RFC 3966).
2. An emergency number of the plan's country, with the prefix for an outside line before it or without.
3. The plan's rules, in their order.
4. An extension: as many digits as the plan's extensions have, behind the plan's base.
5. With the prefix for an outside line, or without where there is none: a number as it is dialled in the country
   (national, or international behind the country's own prefix), or one of its short codes.
6. Eleven digits and more that begin with a country code, as phones send numbers from their lists.

Numbers, prefixes and short codes of all countries are phonenumbers' (Google's libphonenumber).
"""

from __future__ import annotations

import functools
from enum import StrEnum

import msgspec
import phonenumbers
from phonenumbers import shortnumberinfo

from isthmus.addressing import dialled_number, is_e164
from isthmus.dialling.patterns import Rule, applied, undone

_VISUAL = str.maketrans("", "", "-.() ")
_LONGEST = 40  # digits of anything that is dialled


class Kind(StrEnum):
    """What was dialled."""

    NUMBER = "number"  # E.164
    EMERGENCY = "emergency"  # a number of the emergency services, as they are called in the country
    SHORT = "short"  # a short code of the country, such as directory enquiries


class Dialling(msgspec.Struct, frozen=True, array_like=True):
    """A dial plan.

    country: ISO 3166 code; empty: no numbers but with `+` and the country code. outside: digits for an outside line;
    empty for none. extension_digits: how many an extension has; 0 for none. extension_base: what stands before them.
    """

    country: str = ""
    outside: str = ""
    extension_digits: int = 0
    extension_base: str = ""
    rules: tuple[Rule, ...] = ()


class Dialled(msgspec.Struct, frozen=True):
    """What it means. digits: an E.164 number, or those of the emergency number or short code. why: in words."""

    kind: Kind
    digits: str
    why: str


def dialled(user: str, plan: Dialling) -> Dialled | None:
    """What the user part of a Request-URI means by this plan; None where it is a person's address, or nothing."""
    bare = user.partition(";")[0].translate(_VISUAL)
    if is_e164(bare):
        return Dialled(Kind.NUMBER, bare, "a number with its country code")
    if not bare or len(bare) > _LONGEST or not bare.isascii() or bare.strip("0123456789*#"):
        return None
    return _short(bare, plan) or _by_rule(bare, plan) or _extension(bare, plan) or _outside(bare, plan) or _bare(bare)


def forms(number: str, plan: Dialling) -> list[Dialled]:
    """What else than the number itself is dialled by this plan to call it; `digits` are what is dialled."""
    parsed = _parsed(number, "")
    national = phonenumbers.PhoneNumberFormat.NATIONAL
    in_country = phonenumbers.format_number(parsed, national).translate(_VISUAL) if parsed is not None else ""
    found = {}
    for digits in (
        number[-plan.extension_digits :] if plan.extension_digits else "",
        *(undone(rule, number) or "" for rule in plan.rules),
        plan.outside + in_country,
    ):
        meant = dialled(digits, plan) if digits and digits != number else None
        if meant is not None and (meant.kind, meant.digits) == (Kind.NUMBER, number):
            found[digits] = Dialled(Kind.NUMBER, digits, meant.why)
    return list(found.values())


def is_premium(digits: str, country: str) -> bool:
    """Whether a short code costs more than an ordinary call."""
    number = _parsed(digits, country)
    cost = shortnumberinfo.expected_cost_for_region(number, country) if number is not None else None
    return bool(cost == shortnumberinfo.ShortNumberCost.PREMIUM_RATE)


def _short(bare: str, plan: Dialling) -> Dialled | None:
    """Emergency before everything: no rule, extension or prefix may stand in its way."""
    for digits in (bare, bare.removeprefix(plan.outside)):
        if digits and _is_emergency(digits, plan.country):
            return Dialled(Kind.EMERGENCY, digits, f"{digits} calls the emergency services of {plan.country}")
    return None


def _by_rule(bare: str, plan: Dialling) -> Dialled | None:
    for rule in plan.rules:
        made = applied(rule, bare)
        if made is not None and is_e164(made):
            return Dialled(Kind.NUMBER, made, f"rule {rule}")
    return None


def _extension(bare: str, plan: Dialling) -> Dialled | None:
    if not plan.extension_digits or len(bare) != plan.extension_digits or not bare.isdigit():
        return None
    made = plan.extension_base + bare
    return Dialled(Kind.NUMBER, made, f"extension {bare} behind {plan.extension_base}") if is_e164(made) else None


def _outside(bare: str, plan: Dialling) -> Dialled | None:
    if not plan.country or not bare.startswith(plan.outside):
        return None
    digits = bare.removeprefix(plan.outside)
    behind = f" behind {plan.outside} for an outside line" if plan.outside else ""
    if _is_short_code(digits, plan.country):
        return Dialled(Kind.SHORT, digits, f"a short code of {plan.country}{behind}")
    number = _parsed(digits, plan.country)
    possible = phonenumbers.is_possible_number_with_reason(number) if number is not None else None
    if number is None or possible != phonenumbers.ValidationResult.IS_POSSIBLE:  # one without area code is not
        return None
    made = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Dialled(Kind.NUMBER, made, f"dialled as in {plan.country}{behind}") if is_e164(made) else None


def _bare(bare: str) -> Dialled | None:
    number = dialled_number(bare)
    return None if number is None else Dialled(Kind.NUMBER, number, "a number with its country code, without the +")


@functools.lru_cache(maxsize=4096)
def _is_emergency(digits: str, country: str) -> bool:
    return bool(country) and digits.isdigit() and shortnumberinfo.is_emergency_number(digits, country)


@functools.lru_cache(maxsize=4096)
def _is_short_code(digits: str, country: str) -> bool:
    number = _parsed(digits, country) if digits.isdigit() else None
    return number is not None and bool(shortnumberinfo.is_valid_short_number_for_region(number, country))


@functools.lru_cache(maxsize=65536)
def _parsed(digits: str, country: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return None
