"""Certificates of signers that were taken back: what a revocation list (CRL, RFC 5280) says of one. Pure.

1. A list is asked for where the certificate names one (distribution point), or another authority's list (`cRLIssuer`:
   indirect, as the policy administrator's of SHAKEN, ATIS-1000080 section 6.3).
2. It counts where its issuer's certificate, from the chain or trusted here, has signed it, and it is of today.
3. A list that can't be had, or doesn't count, takes no certificate back: else whoever silences one host silences the
   calls of a country. That it was not asked is kept with the certificate, for people to see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature

_UNDERSTOOD = frozenset({x509.IssuingDistributionPoint.oid, x509.CRLNumber.oid, x509.AuthorityKeyIdentifier.oid})


def lists_of(certificate: x509.Certificate) -> list[str]:
    """URLs (http, https) of the lists that the certificate names, each of which may be asked. Raises ValueError."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return []
    names = (name for point in points for name in point.full_name or ())
    return [
        name.value
        for name in names
        if isinstance(name, x509.UniformResourceIdentifier) and name.value.lower().startswith(("http://", "https://"))
    ]


def is_revoked(certificate: x509.Certificate, raw: bytes, authorities: Sequence[x509.Certificate], now_s: int) -> bool:
    """Whether a list (DER or PEM) has the certificate. authorities: of the chain, and those that are trusted.

    Raises ValueError where the list does not count, with the reason.
    """
    load = x509.load_pem_x509_crl if raw.lstrip().startswith(b"-----BEGIN") else x509.load_der_x509_crl
    found = load(raw)
    if found.issuer not in {certificate.issuer, *_other_issuers(certificate)}:
        raise ValueError("the list is of another authority than the certificate names")
    if not any(each.subject == found.issuer and _has_signed(each, found) for each in authorities):
        raise ValueError("no authority that is known here has signed the list")
    for extension in found.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise ValueError(
                f"the list has a critical extension that nobody here knows ({extension.oid.dotted_string})"
            )
    now = datetime.fromtimestamp(now_s, UTC)
    if found.last_update_utc > now or (found.next_update_utc is not None and found.next_update_utc < now):
        raise ValueError("the list is not of today")
    return _stands_in(certificate, found)


def _stands_in(certificate: x509.Certificate, found: x509.CertificateRevocationList) -> bool:
    """RFC 5280 section 5.3.3: in an indirect list an issuer holds for all entries that follow."""
    issuer = found.issuer
    for entry in found:
        try:
            named = entry.extensions.get_extension_for_class(x509.CertificateIssuer).value
            issuer = next(iter(named.get_values_for_type(x509.DirectoryName)), issuer)
        except x509.ExtensionNotFound:
            pass
        if entry.serial_number == certificate.serial_number and issuer == certificate.issuer:
            return True
    return False


def _other_issuers(certificate: x509.Certificate) -> Iterable[x509.Name]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return
    for point in points:
        yield from (each.value for each in point.crl_issuer or () if isinstance(each, x509.DirectoryName))


def _has_signed(authority: x509.Certificate, found: x509.CertificateRevocationList) -> bool:
    key = authority.public_key()
    try:
        return found.is_signature_valid(key)  # type: ignore[arg-type]
    except (InvalidSignature, TypeError, ValueError):
        return False
