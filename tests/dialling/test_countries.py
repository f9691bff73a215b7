"""The ready plans of twenty countries, by the numbers that are published as examples of them.

Expected are the numbers of ITU-T E.164 and E.129, the countries' own emergency numbers, and one short code of each,
as in libphonenumber's metadata; what is dialled is written out, so that no plan is held against itself.
"""

from __future__ import annotations

import pytest

from isthmus.dialling.plan import Dialling, Kind, dialled

COUNTRIES = [
    # country, dialled at home, E.164, dialled abroad from there (London's drama number), emergency, another one
    ("US", "12015550123", "+12015550123", "011442079460000", "911", "112"),
    ("CA", "15062345678", "+15062345678", "011442079460000", "911", "112"),
    ("MX", "2001234567", "+522001234567", "00442079460000", "911", "060"),
    ("BR", "01123456789", "+551123456789", "0015442079460000", "190", "193"),
    ("GB", "01212345678", "+441212345678", "0012015550123", "999", "112"),
    ("IE", "012345678", "+35312345678", "00442079460000", "112", "999"),
    ("DE", "03012345678", "+493012345678", "00442079460000", "112", "110"),
    ("AT", "01234567890", "+431234567890", "00442079460000", "112", "133"),
    ("CH", "0212345678", "+41212345678", "00442079460000", "112", "117"),
    ("FR", "0123456789", "+33123456789", "00442079460000", "112", "15"),
    ("NL", "0101234567", "+31101234567", "00442079460000", "112", "112"),
    ("BE", "012345678", "+3212345678", "00442079460000", "112", "101"),
    ("ES", "810123456", "+34810123456", "00442079460000", "112", "112"),
    ("IT", "0212345678", "+390212345678", "00442079460000", "112", "113"),
    ("PL", "123456789", "+48123456789", "00442079460000", "112", "997"),
    ("SE", "08123456", "+468123456", "00442079460000", "112", "112"),
    ("DK", "32123456", "+4532123456", "00442079460000", "112", "112"),
    ("IN", "07410410123", "+917410410123", "00442079460000", "112", "100"),
    ("JP", "0312345678", "+81312345678", "010442079460000", "110", "119"),
    ("AU", "0212345678", "+61212345678", "0011442079460000", "000", "112"),
]
IDS = [row[0] for row in COUNTRIES]


def means(digits: str, plan: Dialling) -> tuple[Kind, str] | None:
    found = dialled(digits, plan)
    return None if found is None else (found.kind, found.digits)


@pytest.mark.parametrize("outside", ["", "0", "9"])
@pytest.mark.parametrize(("country", "home", "number", "abroad", "help_", "more"), COUNTRIES, ids=IDS)
def test_a_country(country: str, home: str, number: str, abroad: str, help_: str, more: str, outside: str):
    plan = Dialling(country, outside)
    assert means(outside + home, plan) == (Kind.NUMBER, number)
    assert means(number, plan) == (Kind.NUMBER, number)
    reached = "+12015550123" if country == "GB" else "+442079460000"
    assert means(outside + abroad, plan) == (Kind.NUMBER, reached)
    for digits in (help_, more):
        assert means(digits, plan) == (Kind.EMERGENCY, digits)
        assert means(outside + digits, plan) == (Kind.EMERGENCY, digits)


@pytest.mark.parametrize(
    ("country", "code"),
    [
        ("US", "411"), ("CA", "211"), ("MX", "040"), ("BR", "102"), ("GB", "118118"), ("IE", "11811"), ("DE", "115"),
        ("AT", "120"), ("CH", "1811"), ("FR", "118218"), ("NL", "1833"), ("BE", "1307"), ("ES", "11818"),
        ("IT", "1254"), ("PL", "118912"), ("SE", "118118"), ("DK", "118"), ("IN", "139"), ("JP", "104"), ("AU", "1223"),
    ],
)  # fmt: skip
def test_a_short_code(country: str, code: str):
    assert means(code, Dialling(country)) == (Kind.SHORT, code)
    assert means("9" + code, Dialling(country, "9")) == (Kind.SHORT, code)
