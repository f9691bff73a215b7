"""Certificates of signers: chain, validity and authority, judged when they are fetched. Pure: PEM in, Credential out.

Chains are built by `cryptography`'s verifier (RFC 5280). Whether one was taken back is for revocation.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from isthmus.stir import tnauthlist
from isthmus.stir.model import BAD_CREDENTIAL, BAD_INFO, Authority, Credential

TN_AUTH_LIST = x509.ObjectIdentifier(tnauthlist.OID)
_MAX_CHAIN = 6
_UNDERSTOOD = frozenset(
    {
        TN_AUTH_LIST,
        x509.BasicConstraints.oid,
        x509.KeyUsage.oid,
        x509.ExtendedKeyUsage.oid,
        x509.CertificatePolicies.oid,
        x509.SubjectAlternativeName.oid,
        x509.CRLDistributionPoints.oid,
    }
)


def judge(x5u: str, pem: bytes, roots: Sequence[x509.Certificate], now_s: int) -> Credential:
    """The credential in a file that was fetched from `x5u`: the signer's certificate first, then those above it.

    What is wrong with it stands in the credential; nothing is raised.
    """
    try:
        chain = x509.load_pem_x509_certificates(pem)
    except ValueError:
        return refused(x5u, "there is no certificate in it (PEM)", BAD_INFO, now_s)
    if len(chain) > _MAX_CHAIN:
        return refused(x5u, f"its chain has more than {_MAX_CHAIN} certificates", BAD_CREDENTIAL, now_s)
    try:
        fault = _fault(chain[0]) or _untrusted(chain, roots, now_s)
        authority = authority_of(chain[0])
    except ValueError as error:
        fault, authority = str(error) or "it can't be read", None
    if fault:
        return refused(x5u, fault, BAD_CREDENTIAL, now_s)
    return Credential(
        x5u,
        chain[0].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        max(int(each.not_valid_before_utc.timestamp()) for each in chain),
        min(int(each.not_valid_after_utc.timestamp()) for each in chain),
        authority,
        fetched_s=now_s,
    )


def refused(x5u: str, fault: str, code: int, now_s: int) -> Credential:
    """A certificate that can't be used, and why."""
    return Credential(x5u, fault=fault, fault_code=code, fetched_s=now_s)


def authority_of(certificate: x509.Certificate) -> Authority | None:
    """Its TNAuthList, None where it has none. Raises ValueError where that can't be read."""
    try:
        found = certificate.extensions.get_extension_for_oid(TN_AUTH_LIST).value
    except x509.ExtensionNotFound:
        return None
    return tnauthlist.decode(found.public_bytes())


def _fault(leaf: x509.Certificate) -> str:
    """Why the signer's own certificate is of no use (RFC 8226 section 4, ATIS-1000080 section 6.4.1)."""
    key = leaf.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        return "its key is not on the curve P-256"
    for extension in leaf.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            return f"it has a critical extension that nobody here knows ({extension.oid.dotted_string})"
        if isinstance(extension.value, x509.BasicConstraints) and extension.value.ca:
            return "it is that of an authority"
        if isinstance(extension.value, x509.KeyUsage) and not extension.value.digital_signature:
            return "its key is not for signatures"
    return ""


def _untrusted(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], now_s: int) -> str:
    if not roots:
        return "no authority is trusted here"
    builder = PolicyBuilder().store(Store(list(roots))).time(datetime.fromtimestamp(now_s, UTC))
    # Signers' certificates are no web servers': they name a provider, not a host.
    policies = builder.extension_policies(
        ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
    )
    try:
        policies.build_client_verifier().verify(chain[0], list(chain[1:]))
    except VerificationError as error:
        return f"no trusted authority vouches for it now ({str(error).partition('(encountered')[0].strip()})"
    return ""
