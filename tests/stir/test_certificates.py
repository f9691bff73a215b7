"""Certificates of signers, and fetching them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import RefusedError, UsageError
from isthmus.pki.service import CertificateAuthority, Names
from isthmus.stir import authority, certificates, tnauthlist
from isthmus.stir.fetching import Fetching
from isthmus.stir.known import KnownFile
from isthmus.stir.model import Authority, Range
from tests.stir.conftest import URL, Signer
from tests.stir.serving import serve

NUMBERS = st.builds(Range, st.text("0123456789", min_size=1, max_size=15), st.integers(1, 10**9))
CODES = st.text("ABC123", min_size=1, max_size=8)


def now_s(signer: Signer) -> int:
    return int(x509.load_pem_x509_certificate(signer.pem).not_valid_before_utc.timestamp()) + 3600


@given(st.lists(CODES, max_size=3), st.lists(NUMBERS, max_size=3))
def test_a_list_of_numbers_is_read_back(codes: list[str], numbers: list[Range]):
    made = Authority(tuple(codes), tuple(numbers))
    if not codes and not numbers:
        with pytest.raises(ValueError, match="one entry"):
            tnauthlist.encode(made)
        return
    assert tnauthlist.decode(tnauthlist.encode(made)) == made


@given(st.binary(max_size=60))
def test_whatever_is_no_list_is_refused_or_read_back_the_same(der: bytes):
    try:
        found = tnauthlist.decode(der)
    except ValueError:
        return
    assert tnauthlist.encode(found) == der or found.numbers


def test_a_certificate_says_for_which_numbers_it_speaks(signer: Signer):
    found = certificates.judge(URL, signer.pem, signer.roots, now_s(signer))
    assert (found.fault, found.authority) == ("", Authority((), (Range("14255550100", 100),)))


def test_what_nobody_trusted_vouches_for_is_no_good(signer: Signer, tmp_path: Path):
    authority.init(tmp_path, "other", 10)
    other = x509.load_pem_x509_certificates((tmp_path / "root.pem").read_bytes())
    for pem, roots, code in (
        (signer.pem, other, 437),
        (signer.pem, [], 437),
        ((signer.folder / "root.pem").read_bytes(), signer.roots, 437),
        (b"nonsense", signer.roots, 436),
        (signer.pem * 7, signer.roots, 437),
    ):
        assert certificates.judge(URL, pem, roots, now_s(signer)).fault_code == code
    assert certificates.judge(URL, signer.pem, signer.roots, now_s(signer) + 10**9).fault_code == 437


def test_the_test_authority_overwrites_nothing_and_keeps_its_keys_to_itself(signer: Signer):
    assert (signer.folder / "contoso.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(RefusedError):
        authority.init(signer.folder, "again", 10)
    with pytest.raises(UsageError):
        authority.issue(signer.folder, "x", Authority(), 10)
    with pytest.raises(UsageError, match="authority init"):
        authority.issue(signer.folder / "nowhere", "x", Authority(("1",)), 10)


PAGES: dict[str, bytes] = {}


@pytest.fixture
def served(signer: Signer, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address of an https server with the signer's certificate at /good, and the authority of its own certificate."""
    ca = CertificateAuthority.create(tmp_path / "ca")
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    (tmp_path / "own.pem").write_bytes(ca.issue(Names("localhost", ("127.0.0.1",)), 30))
    PAGES.update({"/good": signer.pem, "/long": b"x" * 70_000, "/none": b""})
    with serve(PAGES, tmp_path / "own.pem") as address:
        yield address, tmp_path / "ca.pem"


def test_what_calls_ask_for_is_fetched_once_from_hosts_that_are_named(
    signer: Signer, served: tuple[str, Path], tmp_path: Path
):
    url, ca_file = served
    now = float(now_s(signer))
    asked = [f"{url}/good", f"{url}/redirected", f"{url}/long", f"{url}/none", "https://169.254.169.254/secret"]
    file = KnownFile(tmp_path)
    fetching = Fetching(file, signer.roots, ["localhost"], lambda: asked, ca_file=ca_file, clock=lambda: now)
    fetching.work()
    reader = KnownFile(tmp_path)
    faults = [reader.get(each) for each in asked]
    assert [each.fault_code for each in faults if each] == [0, 436, 436, 436, 436]
    assert "not fetched from 169.254.169.254" in (faults[-1].fault if faults[-1] else "")
    PAGES.clear()
    now += 200
    fetching.work()
    assert reader.get(asked[0]).fault == ""  # type: ignore[union-attr]
    now += 86_400
    fetching.work()
    assert reader.get(asked[0]).fault_code == 436  # type: ignore[union-attr]


def test_a_server_that_can_not_prove_its_name_is_not_believed(signer: Signer, served: tuple[str, Path], tmp_path: Path):
    url, _ = served
    fetching = Fetching(KnownFile(tmp_path), signer.roots, ["localhost"], tuple, ca_file=signer.folder / "root.pem")
    assert fetching.fetched(f"{url}/good").fault_code == 436
