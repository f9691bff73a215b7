"""Digest answers and nonces: the RFCs' own examples, and everything that must not pass."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.sip import digest

SECRET = b"k" * 32
# RFC 7616 section 3.9.1, once for each algorithm.
RFC_HEADER = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm={algorithm}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="{response}", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
RFC_RESPONSES = {
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_the_example_of_the_rfc_is_right(algorithm: str) -> None:
    credentials = digest.parse_credentials(RFC_HEADER.format(algorithm=algorithm, response=RFC_RESPONSES[algorithm]))
    assert credentials is not None
    hash_ = hashlib.md5 if algorithm == "MD5" else hashlib.sha256
    ha1 = hash_(b"Mufasa:http-auth@example.org:Circle of Life").digest()
    assert digest.is_right(credentials, "GET", ha1)
    assert not digest.is_right(credentials, "PUT", ha1)
    assert not digest.is_right(credentials, "GET", bytes(len(ha1)))


def test_the_example_of_the_older_rfc_is_right() -> None:
    """RFC 2617 section 3.5, which most phones were written by."""
    credentials = digest.parse_credentials(
        'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", '
        'response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    assert credentials is not None
    ha1 = hashlib.md5(b"Mufasa:testrealm@host.com:Circle Of Life").digest()
    assert ha1.hex() == "939e7578ed9e3c518a452acee763bce9"
    assert digest.is_right(credentials, "GET", ha1)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@given(places=st.lists(st.booleans(), max_size=4))
def test_of_several_secrets_the_first_right_one_is_told(algorithm: str, places: list[bool]) -> None:
    credentials = digest.parse_credentials(RFC_HEADER.format(algorithm=algorithm, response=RFC_RESPONSES[algorithm]))
    assert credentials is not None
    hash_ = hashlib.md5 if algorithm == "MD5" else hashlib.sha256
    right = hash_(b"Mufasa:http-auth@example.org:Circle of Life").digest()
    secrets = [right if place else bytes(len(right)) for place in places]
    assert digest.which_is_right(credentials, "GET", secrets) == (places.index(True) if True in places else -1)


GOOD = RFC_HEADER.format(algorithm="MD5", response=RFC_RESPONSES["MD5"])


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic dXNlcjpwYXNz",
        "Digest",
        "Digest username=",
        GOOD.replace('username="Mufasa", ', ""),
        GOOD.replace("MD5", "MD6"),
        GOOD.replace("qop=auth", "qop=auth-int"),
        GOOD.replace("nc=00000001", "nc=1"),
        GOOD.replace("nc=00000001", "nc=-0000001"),
        GOOD.replace(RFC_RESPONSES["MD5"], "not hexadecimal"),
        GOOD + ', username="Nala"',
        GOOD + " <script>",
        GOOD + "," * 4000,
    ],
)
def test_what_is_not_whole_is_no_credentials(header: str) -> None:
    assert digest.parse_credentials(header) is None


@given(st.text(max_size=300))
def test_no_text_breaks_the_parser(text: str) -> None:
    digest.parse_credentials("Digest " + text)


def test_the_old_form_without_qop_serves_once() -> None:
    header = 'Digest username="a", realm="r", nonce="n", uri="sip:r", response="00"'
    credentials = digest.parse_credentials(header)
    assert credentials is not None
    assert credentials.counter == 1
    assert credentials.algorithm is digest.Algorithm.MD5


class TestNonce:
    def test_tells_its_age(self) -> None:
        nonce = digest.make_nonce(SECRET, 1000.0, "contoso.example", "10.0.0.1")
        assert digest.nonce_age(SECRET, nonce, 1030.5, "contoso.example", "10.0.0.1") == 30.5

    @pytest.mark.parametrize(
        ("secret", "realm", "address"),
        [(b"x" * 32, "contoso.example", "10.0.0.1"), (SECRET, "other", "10.0.0.1"), (SECRET, "contoso.example", "::1")],
    )
    def test_is_nobody_elses(self, secret: bytes, realm: str, address: str) -> None:
        nonce = digest.make_nonce(SECRET, 1000.0, "contoso.example", "10.0.0.1")
        assert digest.nonce_age(secret, nonce, 1000.0, realm, address) is None

    @given(st.text(max_size=60))
    def test_cannot_be_made_up(self, text: str) -> None:
        assert digest.nonce_age(SECRET, text, 1000.0, "contoso.example", "10.0.0.1") is None

    def test_two_made_in_the_same_second_differ(self) -> None:
        assert digest.make_nonce(SECRET, 1.0, "r", "a") != digest.make_nonce(SECRET, 1.0, "r", "a")


def test_challenges_offer_the_stronger_first_and_md5_alone_where_asked() -> None:
    both = digest.challenges("WWW-Authenticate", "contoso.example", "n", stale=False)
    assert [line.split("algorithm=")[1].split(",")[0] for line in both.splitlines()] == ["SHA-256", "MD5"]
    md5 = [digest.Algorithm.MD5]
    only = digest.challenges("Proxy-Authenticate", "contoso.example", "n", stale=True, algorithms=md5)
    assert only.count("\r\n") == 1
    assert "stale=true" in only
