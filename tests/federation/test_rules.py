"""What is believed of an ID token, and where a browser may be sent."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.errors import UnauthenticatedError, UsageError
from isthmus.federation import rules
from isthmus.federation.model import Openid

NOW = 1_800_000_000
PROVIDER = Openid("https://idp.contoso.example", "isthmus", "", "https://x.example/back", acr=("gold",), amr=("mfa",))
HONEST = {"iss": PROVIDER.issuer, "aud": "isthmus", "sub": "s-1", "nonce": "n", "iat": NOW, "exp": NOW + 300}


def outside(claims: dict[str, Any], fresh: bool = False) -> Any:
    whole = {name: value for name, value in {**HONEST, **claims}.items() if value is not None}
    return rules.outside(whole, PROVIDER, "n", NOW, fresh)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "another"}, "another audience"),
        ({"aud": ["another"]}, "another audience"),
        ({"aud": ["isthmus", "another"]}, "issued to another client"),
        ({"aud": ["isthmus", "another"], "azp": "another"}, "issued to another client"),
        ({"azp": "another"}, "issued to another client"),
        ({"iss": "https://idp.example"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"nonce": "another"}, "another nonce"),
        ({"nonce": None}, "another nonce"),
        ({"exp": NOW - 3600}, "expired"),
        ({"exp": None}, "expired"),
        ({"exp": float("nan")}, "expired"),
        ({"exp": True}, "expired"),
        ({"iat": NOW - 7200}, "issued at another time"),
        ({"iat": NOW + 7200}, "issued at another time"),
        ({"nbf": NOW + 7200}, "not valid yet"),
        ({"sub": None}, "no subject"),
        ({"sub": ""}, "no subject"),
        ({"sub": 7}, "no subject"),
        ({"sub": "x" * 256}, "no subject"),
    ],
    ids=str,
)
def test_a_claim_that_is_wrong_is_named(claims: dict[str, Any], reason: str):
    with pytest.raises(UnauthenticatedError, match=reason):
        outside(claims)


def test_honest_tokens_are_believed():
    assert outside({}).subject == "s-1"
    assert outside({"aud": ["isthmus"]}).proved_at is None
    assert outside({"aud": ["isthmus", "other"], "azp": "isthmus"}).authority == PROVIDER.issuer


@pytest.mark.parametrize(
    ("claims", "proved_at"),
    [
        ({"amr": ["pwd"]}, None),
        ({"amr": "mfa"}, None),
        ({"amr": [{"mfa": 1}]}, None),
        ({"acr": "mfa"}, None),
        ({"acr": ["gold"]}, None),
        ({"amr": ["pwd", "mfa"]}, 0.0),
        ({"acr": "gold", "auth_time": NOW - 50}, NOW - 50),
        ({"acr": "gold", "auth_time": NOW + 5000}, NOW),
    ],
    ids=str,
)
def test_a_second_factor_counts_by_the_words_that_are_trusted(claims: dict[str, Any], proved_at: float | None):
    assert outside(claims).proved_at == proved_at


@pytest.mark.parametrize("auth_time", [None, NOW - 1000, "now", float("inf"), float("nan"), True])
def test_an_old_proof_is_none_where_a_new_one_was_asked_for(auth_time: Any):
    with pytest.raises(UnauthenticatedError, match="old proof"):
        outside({"auth_time": auth_time}, fresh=True)
    assert outside({"auth_time": NOW - 1}, fresh=True).subject == "s-1"


def test_the_challenge_is_that_of_the_rfc():
    # RFC 7636 appendix B
    assert (
        rules.challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/account@evil.example",
        "/account/../evil",
        "\t//evil.example",
        "/account?x\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/account?\\evil",
    ],
)
def test_no_other_site_is_a_page_to_go_back_to(back: str):
    with pytest.raises(UsageError):
        rules.return_path(back)


def test_our_pages_are():
    assert [rules.return_path(each) for each in ("", "/account", "/account?a=b")] == [
        "/account",
        "/account",
        "/account?a=b",
    ]
