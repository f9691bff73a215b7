"""Certificates of signers that their authority has taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from isthmus.pki.service import CertificateAuthority, Names
from isthmus.stir import authority, revocation
from isthmus.stir.fetching import Fetching
from isthmus.stir.known import KnownFile
from isthmus.stir.model import Credential
from isthmus.stir.passport import load_key
from tests.stir.serving import serve

URI = "https://localhost/list"


@dataclass
class Office:
    """An authority, and another one that keeps the lists of all authorities."""

    folder: Path
    now_s: int = 0
    serial: int = 4711
    key: ec.EllipticCurvePrivateKey = field(init=False)
    other_key: ec.EllipticCurvePrivateKey = field(init=False)

    def __post_init__(self) -> None:
        for name in ("authority", "other"):
            authority.init(self.folder / name, name, 3650)
        self.root, self.key = self._opened("authority")
        self.other, self.other_key = self._opened("other")
        self.now_s = int(self.root.not_valid_before_utc.timestamp()) + 3600

    def _opened(self, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        at = self.folder / name
        pem = (at / "root.pem").read_bytes()
        return x509.load_pem_x509_certificate(pem), load_key((at / "root.key").read_bytes())

    def time(self, later_s: int = 0) -> datetime:
        return datetime.fromtimestamp(self.now_s + later_s, UTC)

    def signer(self, url: str = URI, *, indirect: bool = False) -> x509.Certificate:
        """A signer's certificate that names a list. indirect: the other authority's."""
        issuer = [x509.DirectoryName(self.other.subject)] if indirect else None
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, issuer)
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signer")]))
            .issuer_name(self.root.subject)
            .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
            .serial_number(self.serial)
            .not_valid_before(self.time(-3600))
            .not_valid_after(self.time(30 * 86_400))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.CRLDistributionPoints([point]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, SHA256())
        )

    def list_of(self, *serials: int, indirect: bool = False, at_s: int = 0, forged: bool = False) -> bytes:
        """A list with these certificates of the authority, DER. forged: signed by the wrong key."""
        issuer, key = (self.other, self.other_key) if indirect else (self.root, self.key)
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.subject)
            .last_update(self.time(at_s))
            .next_update(self.time(at_s) + timedelta(days=1))
        )
        for serial in serials:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(self.time(at_s))
            if indirect:
                named = x509.CertificateIssuer([x509.DirectoryName(self.root.subject)])
                entry = entry.add_extension(named, critical=True)
            made = made.add_revoked_certificate(entry.build())
        return made.sign(self.other_key if forged else key, SHA256()).public_bytes(Encoding.DER)

    def says(self, raw: bytes, *, indirect: bool = False) -> bool:
        """Whether this list has the signer's certificate."""
        return revocation.is_revoked(self.signer(indirect=indirect), raw, [self.root, self.other], self.now_s)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_a_list_says_which_were_taken_back(office: Office):
    assert office.says(office.list_of(1, office.serial))
    assert not office.says(office.list_of(1, 2))
    assert not office.says(office.list_of())


def test_another_authority_may_keep_the_list_if_the_certificate_names_it(office: Office):
    assert office.says(office.list_of(office.serial, indirect=True), indirect=True)
    assert not office.says(office.list_of(1, indirect=True), indirect=True)
    with pytest.raises(ValueError, match="another authority"):
        office.says(office.list_of(office.serial, indirect=True))


@pytest.mark.parametrize("at_s", [60, -2 * 86_400])
def test_a_list_that_is_not_of_today_does_not_count(office: Office, at_s: int):
    with pytest.raises(ValueError, match="not of today"):
        office.says(office.list_of(office.serial, at_s=at_s))


def test_nor_does_one_that_nobody_known_has_signed(office: Office):
    with pytest.raises(ValueError, match="signed the list"):
        office.says(office.list_of(office.serial, forged=True))
    for nonsense in (b"", b"nonsense", b"-----BEGIN X509 CRL-----\n"):
        with pytest.raises(ValueError, match=r"."):
            office.says(nonsense)


def test_a_certificate_that_names_no_list_is_on_none(office: Office):
    assert revocation.lists_of(office.root) == []
    assert revocation.lists_of(office.signer()) == [URI]
    assert revocation.lists_of(office.signer("ldap://localhost/list")) == []


PAGES: dict[str, bytes] = {}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of an https server that shows PAGES."""
    ca = CertificateAuthority.create(tmp_path / "ca")
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    (tmp_path / "own.pem").write_bytes(ca.issue(Names("localhost", ("127.0.0.1",)), 30))
    PAGES.clear()
    with serve(PAGES, tmp_path / "own.pem") as url:
        yield url


def test_one_that_is_taken_back_is_refused_within_the_hour_and_a_list_that_fails_refuses_nobody(
    office: Office, address: str, tmp_path: Path
):
    url = f"{address}/signer"
    PAGES["/signer"] = office.signer(f"{address}/list").public_bytes(Encoding.PEM)
    PAGES["/list"] = office.list_of(1)
    file = KnownFile(tmp_path)
    fetching = Fetching(
        file, [office.root], ["localhost"], lambda: [url], ca_file=tmp_path / "ca.pem", clock=lambda: office.now_s
    )

    def known(later_s: int) -> Credential:
        office.now_s += later_s
        fetching.work()
        found = file.get(url)
        assert found is not None
        return found

    first = known(0)
    assert (first.fault, first.listed, first.unasked) == ("", True, "")
    PAGES["/list"] = b"nonsense"
    assert known(1800) == first  # it is asked once an hour
    doubtful = known(1800)
    assert (doubtful.fault, doubtful.listed) == ("", True)
    assert f"{address}/list" in doubtful.unasked
    PAGES["/list"] = office.list_of(office.serial)
    taken = known(3600)
    assert (taken.fault_code, taken.key) == (437, b"")
    assert "taken back" in taken.fault


def test_lists_are_fetched_from_hosts_that_are_named_alone(office: Office, address: str, tmp_path: Path):
    url = f"{address}/signer"
    PAGES["/signer"] = office.signer("https://169.254.169.254/list").public_bytes(Encoding.PEM)
    fetching = Fetching(
        KnownFile(tmp_path),
        [office.root],
        ["localhost"],
        tuple,
        ca_file=tmp_path / "ca.pem",
        clock=lambda: office.now_s,
    )
    found = fetching.fetched(url)
    assert (found.fault, "not fetched from 169.254.169.254" in found.unasked) == ("", True)
