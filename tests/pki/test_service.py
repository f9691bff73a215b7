"""The private CA: what it issues verifies, and nobody else can read it."""

import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from isthmus.errors import NotFoundError, RefusedError, UsageError
from isthmus.pki import store
from isthmus.pki.model import Names
from isthmus.pki.service import CertificateAuthority

NAMES = Names("premises.contoso.example", ("127.0.1.1", "::1"))


@pytest.fixture
def ca(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority.create(tmp_path / "ca")


def test_a_certificate_carries_its_names_and_lifetime(ca: CertificateAuthority):
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    described = store.describe(store.parse_certificate(ca.issue(NAMES, 30, now=datetime.now(UTC)), "pem"))
    assert described.names == NAMES
    later = CertificateAuthority.open(ca.folder).issue(NAMES, 30, now=now)
    assert store.describe(store.parse_certificate(later, "pem")).not_after == now + timedelta(days=30)


def test_openssl_verifies_it_as_server_and_client(ca: CertificateAuthority, tmp_path: Path):
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(ca.issue(NAMES, 30))
    for purpose in ("sslserver", "sslclient"):
        command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-verify_hostname", NAMES.fqdn]
        command += ["-verify_ip", "127.0.1.1", "-CAfile", str(ca.folder / "ca.pem"), str(leaf)]
        assert subprocess.run(command, capture_output=True).returncode == 0, purpose


def test_only_the_owner_can_read_keys(ca: CertificateAuthority):
    ca.issue(NAMES, 30)
    paths = [ca.folder, *ca.folder.rglob("*")]
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_register_lists_the_newest_first_without_keys(ca: CertificateAuthority):
    start = datetime.now(UTC)
    ca.issue(NAMES, 30, now=start)
    ca.issue(Names("online.contoso.example"), 30, now=start + timedelta(seconds=1))
    assert [entry.names.fqdn for entry in ca.issued()] == ["online.contoso.example", NAMES.fqdn]
    assert all(b"PRIVATE" not in path.read_bytes() for path in (ca.folder / "issued").iterdir())


def test_a_second_ca_in_the_same_folder_is_refused(ca: CertificateAuthority):
    with pytest.raises(RefusedError, match="already"):
        CertificateAuthority.create(ca.folder)


def test_no_certificate_outlives_the_ca(ca: CertificateAuthority):
    late = ca.description.not_after - timedelta(days=3)
    issued = store.describe(store.parse_certificate(ca.issue(NAMES, 30, now=late), "pem"))
    assert issued.not_after == ca.description.not_after
    with pytest.raises(RefusedError, match="expired"):
        ca.issue(NAMES, 30, now=late + timedelta(days=4))


def test_a_folder_without_a_ca_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(NotFoundError, match="pki init"):
        CertificateAuthority.open(tmp_path)


def test_a_key_of_another_ca_is_noticed(ca: CertificateAuthority, tmp_path: Path):
    other = CertificateAuthority.create(tmp_path / "other")
    (ca.folder / "ca.key").write_bytes((other.folder / "ca.key").read_bytes())
    with pytest.raises(UsageError, match="does not belong"):
        CertificateAuthority.open(ca.folder)


def test_a_broken_file_is_named(ca: CertificateAuthority):
    (ca.folder / "ca.pem").write_text("nonsense")
    with pytest.raises(UsageError, match=r"ca\.pem"):
        CertificateAuthority.open(ca.folder)


def test_writing_leaves_the_old_file_when_it_fails(tmp_path: Path):
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(UsageError, match="can't be written"):
        store.write_private(target, b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_with_other_things_in_it_is_not_closed_to_its_readers(tmp_path: Path):
    tmp_path.chmod(0o755)
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(RefusedError, match="the folder is not empty"):
        CertificateAuthority.create(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="Not a directory"):
        CertificateAuthority.create(tmp_path / "file" / "ca")
