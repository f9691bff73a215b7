"""Where a call to a number goes: the country, and whether it is dear."""

from __future__ import annotations

import functools
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberType

# Country calling codes of no country: satellite networks and international services, dear all of them.
_GLOBAL = frozenset({870, 878, 881, 882, 883, 888, 979})
_DEAR = frozenset({PhoneNumberType.PREMIUM_RATE})


class Destination(NamedTuple):
    """Where a call goes. region: ISO 3166, or `+CODE` where the code is no country's. dear: premium or satellite."""

    region: str
    dear: bool

    def __str__(self) -> str:
        return f"{self.region} premium" if self.dear else self.region


@functools.lru_cache(maxsize=65536)
def destination_of(number: str) -> Destination:
    """Of an E.164 number. What is no number of any country is taken by its country code alone."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return Destination(number[:4], dear=False)
    code = parsed.country_code or 0
    region = phonenumbers.region_code_for_number(parsed)
    if code in _GLOBAL:
        return Destination(f"+{code}", dear=True)
    if not region or region == "001":
        # A range of no known use (fraud likes those) still is of the code's main country.
        region = phonenumbers.region_code_for_country_code(code)
    region = f"+{code}" if region in ("001", "ZZ") else region
    return Destination(region, phonenumbers.number_type(parsed) in _DEAR)
