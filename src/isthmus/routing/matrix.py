"""Who may call what: one line for each class of service, one column for each kind of number. By `decide` alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import phonenumbers
from phonenumbers import PhoneNumberType, shortnumberinfo

from isthmus.routing.model import SOS, Answer, Dial, PersonRecord, Relay, Request, Snapshot, Source
from isthmus.routing.rules import decide

_ABROAD = ("GB", "US")  # the second for who is in the first


class Cell(msgspec.Struct, frozen=True):
    """What comes of one call. way: the trunk, or `@SITE`; empty where it is refused. rule: that spoke last."""

    way: str
    rule: str
    text: str


class Line(msgspec.Struct, frozen=True):
    """What those of one class may call. people: how many they are; aor: one of them."""

    aor: str
    people: int
    cells: tuple[Cell, ...]


def samples(country: str) -> dict[str, str]:
    """A target (see Request.target) of each kind, seen from a country (ISO 3166); what it has none of is left out.

    The numbers are phonenumbers' own examples.
    """
    abroad = next(each for each in _ABROAD if each != country)
    found = {
        "emergency": next((f"{SOS}{each}" for each in ("911", "112") if _is_emergency(each, country)), ""),
        "domestic": _example(country, PhoneNumberType.FIXED_LINE),
        "mobile": _example(country, PhoneNumberType.MOBILE),
        "toll-free": _example(country, PhoneNumberType.TOLL_FREE),
        "premium": _example(country, PhoneNumberType.PREMIUM_RATE),
        "abroad": _example(abroad, PhoneNumberType.FIXED_LINE),
        "satellite": "+881612345678",
    }
    return {kind: target for kind, target in found.items() if target}


def matrix(people: Iterable[PersonRecord], targets: Sequence[str], snapshot: Snapshot, at_s: int) -> list[Line]:
    """One line for all people of a tenant with the same class and the same reasons to be kept from calls.

    Domestic is what is in the country of one's own number: people of several countries have a line each.
    """
    first: dict[tuple[object, ...], PersonRecord] = {}
    counted: dict[tuple[object, ...], int] = {}
    for person in people:
        key = (person.tenant, person.service, person.barred, person.enabled, _region(person.number))
        first.setdefault(key, person)
        counted[key] = counted.get(key, 0) + 1
    return [
        Line(person.aor, counted[key], tuple(_cell(person, target, snapshot, at_s) for target in targets))
        for key, person in first.items()
    ]


def _cell(person: PersonRecord, target: str, snapshot: Snapshot, at_s: int) -> Cell:
    outcome = decide(Request("INVITE", target, Source.PHONE, person.aor, at_s=at_s), snapshot)
    decision, last = outcome.decision, outcome.trace[-1]
    text = "; ".join(step.text for step in outcome.trace)
    if isinstance(decision, Dial):
        return Cell(decision.trunk, last.rule, text)
    if isinstance(decision, Relay):
        return Cell(f"@{decision.site}", last.rule, text)
    if isinstance(decision, Answer):
        return Cell("", last.rule, f"{text} ({decision.code} {decision.reason})")
    return Cell("inside", last.rule, text)


def country_of(person: PersonRecord, snapshot: Snapshot) -> str:
    """The country somebody calls from: their dial plan's, or that of their number; empty where neither says."""
    return snapshot.config.class_of(person).dialling.country or _region(person.number)


def _region(number: str | None) -> str:
    if number is None:
        return ""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or number[:4]
    except phonenumbers.NumberParseException:
        return number[:4]


def _example(country: str, kind: int) -> str:
    number = phonenumbers.example_number_for_type(country, kind)
    if number is None:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _is_emergency(digits: str, country: str) -> bool:
    return bool(shortnumberinfo.is_emergency_number(digits, country))
