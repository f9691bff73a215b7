"""Where a call to a number goes: the country, whether it is dear, and whether it is a number that people have.

International revenue share fraud calls what is dear, and ranges that no operator has given to anybody (libphonenumber
knows which are in use): those are closed unless a policy opens them.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberType

# Country calling codes of no country: satellite networks and international services, dear all of them.
_GLOBAL = frozenset({870, 878, 881, 882, 883, 888, 979})
# Personal numbers (+44 70 and others) and pagers are charged as premium ones are, and on every list of such fraud.
_DEAR = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.PERSONAL_NUMBER, PhoneNumberType.PAGER})


class Destination(NamedTuple):
    """Where a call goes. region: ISO 3166, or `+CODE` where the code is no country's.

    dear: premium, personal, pager or satellite. known: whether the number is in a range that is in use.
    """

    region: str
    dear: bool
    known: bool = True

    def __str__(self) -> str:
        return f"{self.region} premium" if self.dear else self.region


@functools.lru_cache(maxsize=65536)
def destination_of(number: str) -> Destination:
    """Of an E.164 number. What is no number of any country is taken by its country code alone."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return Destination(number[:4], dear=False, known=False)
    code = parsed.country_code or 0
    region = phonenumbers.region_code_for_number(parsed)
    if code in _GLOBAL:
        return Destination(f"+{code}", dear=True)
    if not region or region == "001":
        # A range of no known use (fraud likes those) still is of the code's main country.
        region = phonenumbers.region_code_for_country_code(code)
    region = f"+{code}" if region in ("001", "ZZ") else region
    return Destination(region, phonenumbers.number_type(parsed) in _DEAR, phonenumbers.is_valid_number(parsed))
