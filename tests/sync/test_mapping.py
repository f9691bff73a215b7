"""From an entry to the person it means. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import UsageError
from isthmus.sync import mapping
from isthmus.sync.model import Entry, Wanted


def read(kind: str = "ad", mapped: dict | None = None, region: str | None = "US", **attributes) -> Wanted:
    found = {
        name.replace("_", "-").lower(): (value,) if isinstance(value, str) else tuple(value)
        for name, value in attributes.items()
    }
    return mapping.wanted(Entry("1", "cn=x", found), mapping.parse(kind, mapped or {}, region=region))


@pytest.mark.parametrize(
    ("text", "region", "number", "extension"),
    [
        ("tel:+14255550101", None, "+14255550101", ""),
        ("tel:+14255550101;ext=4711", None, "+14255550101", "4711"),
        ("TEL:+1-425-555-0101;phone-context=x", None, "+14255550101", ""),
        ("+1 (425) 555-0101 ext. 12", None, "+14255550101", "12"),
        ("425 555 0101 x12", "US", "+14255550101", "12"),
        ("(0711) 123-456", "DE", "+49711123456", ""),
    ],
)
def test_numbers_become_e164(text: str, region: str | None, number: str, extension: str):
    assert mapping.split_number(text, region) == (number, extension)


@pytest.mark.parametrize("text", ["", "425 555 0101", "4711", "call me", "+", "tel:", "+1425555010112345678"])
def test_what_is_no_number_is_refused(text: str):
    with pytest.raises(UsageError, match="not a telephone number"):
        mapping.split_number(text, None)


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_refused(text: str):
    try:
        number, extension = mapping.split_number(text, "US")
    except UsageError:
        return
    assert number.startswith("+")
    assert extension == "" or extension.isdigit()


def test_the_sip_attributes_go_before_the_others():
    person = read(
        msRTCSIP_PrimaryUserAddress="sip:Alice@contoso.example",
        proxyAddresses=["SMTP:x@contoso.example", "sip:other@contoso.example"],
        msRTCSIP_Line="tel:+14255550101;ext=1",
        telephoneNumber="nonsense",
        displayName="Alice\x00 A",
        msRTCSIP_DeploymentLocator="SRV:",
        mail="alice@contoso.example",
        department="R&D",
    )
    assert str(person.aor) == "alice@contoso.example"
    assert (person.number, person.extension, person.home) == ("+14255550101", "1", "premises")
    assert (person.display_name, person.enabled, person.faults) == ("Alice  A", True, ())
    assert person.details == (("department", "R&D"), ("mail", "alice@contoso.example"))


def test_of_the_proxy_addresses_the_sip_one_counts():
    assert str(read(proxyAddresses=["SMTP:x@contoso.example", "SIP:y@contoso.example"]).aor) == "y@contoso.example"
    assert read(proxyAddresses=["SMTP:x@contoso.example"]).aor is None


def test_what_can_t_be_read_is_told_and_not_passed_over():
    person = read(msRTCSIP_PrimaryUserAddress="sip:a b@contoso.example", telephoneNumber="42")
    assert person.aor is None
    assert len(person.faults) == 2
    assert (
        "no site is meant by 'mars.example'"
        in read(msRTCSIP_PrimaryUserAddress="sip:a@contoso.example", msRTCSIP_DeploymentLocator="mars.example").faults[
            0
        ]
    )


@pytest.mark.parametrize(
    ("attributes", "enabled"),
    [
        ({}, True),
        ({"userAccountControl": "512"}, True),
        ({"userAccountControl": "514"}, False),
        ({"userAccountControl": "514", "msRTCSIP_OriginatorSID": ()}, True),
        ({"userAccountControl": "514", "msRTCSIP_OriginatorSID": (), "msRTCSIP_UserEnabled": "FALSE"}, False),
        ({"msRTCSIP_UserEnabled": "FALSE"}, False),
        ({"msRTCSIP_UserEnabled": "TRUE", "userAccountControl": "66050"}, False),
        ({"nsAccountLock": "TRUE"}, False),
        ({"pwdAccountLockedTime": "000001010000Z"}, False),
        ({"pwdAccountLockedTime": "20260101000000Z"}, True),
    ],
)
def test_who_is_disabled_there_is_disabled_here(attributes: dict[str, str], enabled: bool):
    assert read(mail="a@contoso.example", **attributes).enabled is enabled


def test_an_attendant_with_an_address_is_nobody():
    person = read(msRTCSIP_PrimaryUserAddress="sip:menu@contoso.example", msRTCSIP_OwnerUrn="urn:application:Caa")
    assert (person.aor, person.faults) == (None, ())


def test_a_mapping_file_changes_what_it_names():
    mapped = {
        "address": {"from": ["userPrincipalName"]},
        "number": {"from": ["ipPhone"], "region": "de"},
        "home": {"from": ["extensionAttribute1"], "values": {"cloud": "online"}},
        "details": {"office": "l"},
    }
    person = read(mapped=mapped, userPrincipalName="a@contoso.example", ipPhone="0711 123456",
                  extensionAttribute1="Cloud", l="Berlin")  # fmt: skip
    assert (str(person.aor), person.number, person.home) == ("a@contoso.example", "+49711123456", "online")
    assert person.details == (("office", "Berlin"),)


@pytest.mark.parametrize(
    ("mapped", "what"),
    [
        ({"adress": {}}, r"\[adress\] is no section"),
        ({"address": {"form": []}}, "address.form is no setting"),
        ({"address": {"from": "mail"}}, "address.from is not a list"),
        ({"number": {"region": "XX"}}, "'XX' is no region"),
        ({"home": {"values": {"x": 1}}}, "home.values is not a table"),
        ({"groups": "x"}, "groups is not a section"),
    ],
)
def test_a_slip_in_a_mapping_file_is_told(mapped: dict, what: str):
    with pytest.raises(UsageError, match=what):
        mapping.parse("ad", mapped)
