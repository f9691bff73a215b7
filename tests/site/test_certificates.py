"""A site always has a certificate that is good, and says so when it has not."""

from datetime import timedelta
from pathlib import Path

import pytest

from isthmus.errors import RefusedError
from isthmus.pki.model import Expiry
from isthmus.pki.service import CertificateAuthority
from isthmus.site import certificates, internal
from isthmus.site.file import SiteFile, load
from tests.site.sites import site_on_disk


@pytest.fixture
def site(tmp_path: Path) -> SiteFile:
    return site_on_disk(tmp_path, "127.0.1.1", "127.0.1.2", "127.0.2.1")


def test_a_missing_certificate_is_issued_where_the_ca_is(site: SiteFile):
    certificate = certificates.ensure(site)
    assert certificate.names == certificates.wanted_names(site)
    assert certificates.ensure(site) == certificate


def test_it_is_renewed_with_a_third_of_its_life_left(site: SiteFile):
    first = certificates.ensure(site)
    lifetime = first.not_after - first.not_before
    assert certificates.ensure(site, first.not_before + lifetime * 0.6) == first
    assert certificates.ensure(site, first.not_before + lifetime * 0.7).serial != first.serial


def test_it_is_renewed_when_the_site_gets_another_address(site: SiteFile):
    first = certificates.ensure(site)
    site.path.write_text(site.path.read_text().replace('"127.0.1.1"', '"127.0.1.9"'))
    moved = load(site.path)
    assert certificates.ensure(moved).serial != first.serial


def test_without_a_ca_and_a_certificate_it_says_where_to_get_one(site: SiteFile):
    (site.path.parent.parent / "ca" / "ca.key").unlink()
    with pytest.raises(RefusedError, match="pki issue"):
        certificates.ensure(site)


def test_without_a_ca_an_old_certificate_is_kept_and_alarms_ever_louder(site: SiteFile):
    certificate = certificates.ensure(site)
    (site.path.parent.parent / "ca" / "ca.key").unlink()
    seen = {}
    for days in (1, 70, 85, 91):
        now = certificate.not_before + timedelta(days=days)
        assert certificates.ensure(site, now) == certificate
        told = certificates.status(site, now)
        assert told
        seen[days] = (told.expiry, bool(told.message))
    assert seen == {
        1: (Expiry.GOOD, False),
        70: (Expiry.DUE, True),
        85: (Expiry.ALARM, True),
        91: (Expiry.EXPIRED, True),
    }


def test_a_key_that_does_not_fit_is_refused(site: SiteFile):
    certificates.ensure(site)
    path = internal.site_certificate(site)
    other = CertificateAuthority.open(site.path.parent.parent / "ca").issue(certificates.wanted_names(site), 9)
    key = other[other.index(b"-----BEGIN PRIVATE KEY") :]
    pem = path.read_bytes()
    path.write_bytes(pem[: pem.index(b"-----BEGIN PRIVATE KEY")] + key)
    with pytest.raises(RefusedError, match="key is not that of the certificate"):
        certificates.current(site)
