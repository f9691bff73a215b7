"""What people mean by what they dial."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.addressing import is_e164
from isthmus.dialling.patterns import parsed
from isthmus.dialling.plan import Dialling, Kind, dialled, forms, is_premium

US = Dialling("US", "9", 4, "+1425555", parsed("7|XXX -> +1206555; 88 -> +14255550100; *5|[2-4]. -> +49"))
GERMANY = Dialling("DE", "0", 3, "+4930123")
NONE = Dialling()
NUMBER, EMERGENCY, SHORT = Kind.NUMBER, Kind.EMERGENCY, Kind.SHORT


@pytest.mark.parametrize(
    ("digits", "plan", "kind", "means"),
    [
        ("+442079460000", US, NUMBER, "+442079460000"),
        ("+1 (425) 555-0101", US, NUMBER, "+14255550101"),
        ("0101", US, NUMBER, "+14255550101"),
        ("914255550101", US, NUMBER, "+14255550101"),
        ("94255550101", US, NUMBER, "+14255550101"),
        ("9011442079460000", US, NUMBER, "+442079460000"),
        ("14255550101", US, NUMBER, "+14255550101"),
        ("7123", US, NUMBER, "+1206555123"),
        ("88", US, NUMBER, "+14255550100"),
        ("*53012345", US, NUMBER, "+493012345"),
        ("911", US, EMERGENCY, "911"),
        ("9911", US, EMERGENCY, "911"),
        ("112", US, EMERGENCY, "112"),
        ("0110", GERMANY, EMERGENCY, "110"),
        ("112", GERMANY, EMERGENCY, "112"),
        ("101", GERMANY, NUMBER, "+4930123101"),
        ("003012345678", GERMANY, NUMBER, "+493012345678"),
        ("00044207946000", GERMANY, NUMBER, "+44207946000"),
        ("411", Dialling("US"), SHORT, "411"),
        ("9411", Dialling("US", "9"), SHORT, "411"),
        ("14255550101", NONE, NUMBER, "+14255550101"),
    ],
)
def test_what_is_dialled_means(digits: str, plan: Dialling, kind: Kind, means: str):
    found = dialled(digits, plan)
    assert found is not None and (found.kind, found.digits) == (kind, means)
    assert found.why


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("alice", US),
        ("", US),
        ("5550101", US),  # without area code, and no outside line
        ("95550101", US),
        ("*67", US),
        ("9" * 41, US),
        ("०१०१", US),  # digits, but of another script
        ("911", NONE),  # of which country?
        ("0101", NONE),
    ],
)
def test_what_is_no_number_is_an_address(text: str, plan: Dialling):
    assert dialled(text, plan) is None


def test_nothing_stands_in_the_way_of_an_emergency_call():
    """Neither a rule, nor an extension, nor an outside line that begins alike."""
    hostile = Dialling("US", "91", 3, "+1425555000", parsed("911 -> +14255550100; 9.  -> +19005550100"))
    for digits in ("911", "91911", "9-1-1"):
        found = dialled(digits, hostile)
        assert found is not None and found.kind is EMERGENCY, digits


@pytest.mark.parametrize("country", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_country_has_a_plan(country: str):
    """Its own example number, dialled as at home, behind an outside line and from abroad, is that number."""
    example = phonenumbers.example_number(country)
    if example is None:
        pytest.skip("libphonenumber has no example")
    wanted = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    national = phonenumbers.national_significant_number(example)
    prefix = phonenumbers.ndd_prefix_for_region(country, True) or ""
    for outside in ("", "0", "9"):
        found = dialled(f"{outside}{prefix}{national}", Dialling(country, outside))
        assert found is not None and found.digits == wanted, (outside, found)
    found = dialled(wanted, Dialling(country))
    assert found is not None and found.digits == wanted


def test_a_dear_short_code_is_known():
    assert is_premium("40404", "US") in (True, False)
    assert not is_premium("911", "US")


@given(
    st.text(alphabet="0123456789*#+-.() abcä\ud800", max_size=45),
    st.builds(
        Dialling,
        st.sampled_from(["", "US", "DE", "GB", "IT"]),
        st.sampled_from(["", "0", "9", "99"]),
        st.integers(0, 8),
        st.sampled_from(["", "+", "+1425555", "+" + "9" * 14]),
        st.sampled_from([(), US.rules]),
    ),
)
def test_whatever_is_dialled_gives_a_number_or_nothing(text: str, plan: Dialling):
    found = dialled(text, plan)
    if found is not None and found.kind is NUMBER:
        assert is_e164(found.digits)
    elif found is not None:
        assert found.digits.isascii() and found.digits.isdigit()


@pytest.mark.parametrize(
    ("number", "plan", "told"),
    [
        ("+14255550101", Dialling("US", "", 4, "+1425555"), ["0101", "4255550101"]),
        ("+14255550101", Dialling("US", "9", 3, "+14255550"), ["101", "94255550101"]),
        ("+4930123456", Dialling("DE", "0"), ["0030123456"]),
        ("+14255550101", Dialling(rules=parsed("7|XX -> +1425; 8 -> +14255550101; 6|X. -> +1425")), ["8", "65550101"]),
        ("+14255550101", Dialling(rules=parsed("[2-4]Z|0. -> +1425555")), ["210101"]),
        ("+14255550101", Dialling(extension_digits=4, extension_base="+1206555"), []),
        # What a rule takes first means something else, and is not told.
        ("+14255550101", Dialling("", "", 4, "+1425555", parsed("0101 -> +12065550199")), []),
        ("+14255550101", Dialling(), []),
    ],
)  # fmt: skip
def test_what_is_dialled_to_call_a_number(number: str, plan: Dialling, told: list[str]):
    found = forms(number, plan)
    assert [each.digits for each in found] == told
    for each in found:
        means = dialled(each.digits, plan)
        assert means is not None
        assert (means.digits, means.why) == (number, each.why)


@given(st.integers(0, 9999), st.integers(2, 6), st.sampled_from(["", "9", "0"]))
def test_whatever_is_told_is_read_back_as_the_number(last: int, extension: int, outside: str):
    number = f"+1425555{last:04}"
    plan = Dialling("US", outside, extension, number[:-extension], parsed("7|X. -> +1425; *5[0-2]|. -> +142555"))
    assert {getattr(dialled(each.digits, plan), "digits", None) for each in forms(number, plan)} <= {number}
