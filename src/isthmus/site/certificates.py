"""A site's own certificate: issued when missing, renewed in time, reloaded while connections go on."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.serialization import Encoding

from isthmus.engines.coturn import runtime as coturn
from isthmus.engines.haproxy import runtime
from isthmus.errors import IsthmusError, RefusedError, UnavailableError
from isthmus.pki import rules, store
from isthmus.pki.model import Certificate, Expiry, Names
from isthmus.pki.service import CertificateAuthority
from isthmus.site import internal
from isthmus.site import status as told
from isthmus.site.file import SiteFile

_COTURN_S = 3.0
_RENEW = "Run `isthmus pki issue SITE_FILE --ca DIR` where the CA lives."


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """What `status.json` says of the certificate. message: what to do, empty while all is well."""

    expiry: Expiry
    not_after: datetime
    message: str


def wanted_names(site: SiteFile) -> Names:
    """The names the site's certificate has to carry. Raises UsageError."""
    return rules.certificate_names(site.site.fqdn, site.site.address)


def current(site: SiteFile) -> Certificate | None:
    """The certificate in the site's folder; None when there is none. Raises UsageError when it is broken."""
    path = internal.site_certificate(site)
    if not path.exists():
        return None
    pem = store.read(path, "certificate", _RENEW)
    parsed = store.parse_certificate(pem, str(path))
    if store.parse_key(pem, str(path)).public_key() != parsed.public_key():
        raise RefusedError("the key is not that of the certificate", where=str(path), do=_RENEW)
    return store.describe(parsed)


def issue(site: SiteFile, ca: CertificateAuthority, *, days: int | None = None) -> Certificate:
    """Issue, install and, where haproxy runs, reload. days: lifetime, by default the site file's.

    Raises UsageError, RefusedError.
    """
    pem = ca.issue(wanted_names(site), days or site.pki.lifetime_days)
    store.write_private(internal.ca_certificate(site), ca.pem)
    store.write_private(internal.site_certificate(site), pem)
    with contextlib.suppress(UnavailableError):  # a site that does not run reads it when it starts
        reload(site)
    return store.describe(store.parse_certificate(pem, "pem"))


def reload(site: SiteFile) -> bool:
    """Hand the certificate on disk to haproxy and coturn, if they have another one; whether haproxy had.

    Raises UnavailableError (one of them is not there) and RefusedError (haproxy does not like the file).
    """
    taken = _reload_haproxy(site)
    if site.turn.enabled:
        _reload_coturn(site)
    return taken


def _reload_coturn(site: SiteFile) -> None:
    now = told.read(site)
    process = now.processes.get("coturn") if now else None
    if process is None or process.pid is None:
        return
    shown = coturn.shown_certificate(site.site.address, site.turn.tls_port, timeout_s=_COTURN_S)
    mine = store.parse_certificate(internal.site_certificate(site).read_bytes(), str(internal.site_certificate(site)))
    if shown != mine.public_bytes(Encoding.DER):
        coturn.read_certificate(process.pid)


def _reload_haproxy(site: SiteFile) -> bool:
    certificate = current(site)
    path = internal.site_certificate(site)
    socket_path = internal.haproxy_socket(site)
    if certificate is None or runtime.certificate_serial(socket_path, path) == certificate.serial.lstrip("0"):
        return False
    runtime.replace_certificate(socket_path, path, path.read_bytes())
    return True


def authority(site: SiteFile) -> CertificateAuthority | None:
    """The CA, where this machine holds it: the site file names its folder and the key is readable."""
    if site.ca_dir is None or not (site.ca_dir / "ca.key").exists():
        return None
    return CertificateAuthority.open(site.ca_dir)


def ensure(site: SiteFile, now: datetime | None = None) -> Certificate:
    """The site's certificate, issued or renewed first where that is due and the CA is at hand.

    Raises RefusedError when there is none and no CA to make one, UsageError when a file is broken.
    """
    certificate = current(site)
    due = certificate is None or rules.renewal_due(certificate, wanted_names(site), now or datetime.now(UTC))
    if due and (ca := authority(site)) is not None:
        return issue(site, ca)
    if certificate is None or not internal.ca_certificate(site).exists():
        raise no_certificate(site)
    return certificate


def no_certificate(site: SiteFile) -> RefusedError:
    """That the site has none, and where to get one."""
    return RefusedError("the site has no certificate", where=str(site.pki_dir), do=_RENEW)


def status(site: SiteFile, now: datetime | None = None) -> CertificateStatus | None:
    """How the certificate stands; None when there is none that can be read."""
    moment = now or datetime.now(UTC)
    try:
        certificate = current(site)
    except IsthmusError:
        return None
    if certificate is None:
        return None
    state = rules.expiry(certificate, moment)
    day = certificate.not_after.strftime("%Y-%m-%d %H:%M UTC")
    told = {
        Expiry.GOOD: "",
        Expiry.DUE: f"the certificate ends on {day}; renewal is due. {_RENEW}",
        Expiry.ALARM: f"the certificate ends on {day} and has not been renewed. {_RENEW}",
        Expiry.EXPIRED: f"the certificate ended on {day}: TLS and the link are down. {_RENEW}",
    }
    return CertificateStatus(state, certificate.not_after, told[state])
