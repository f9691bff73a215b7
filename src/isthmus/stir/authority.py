"""An authority for trying it out: it issues certificates that may speak for numbers (RFC 8226). Not for production.

In a country's system certificates come from an authority that its regulator named.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from isthmus.errors import RefusedError, UsageError
from isthmus.pki.service import key_pem, key_usage
from isthmus.stir import tnauthlist
from isthmus.stir.certificates import TN_AUTH_LIST
from isthmus.stir.model import Authority
from isthmus.stir.passport import load_key

_EARLIER = timedelta(minutes=5)  # for clocks that are behind


def init(folder: Path, name: str, days: int) -> Path:
    """Make an authority: `root.pem` and `root.key` (0600) in a folder. Raises RefusedError where there is one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key, days)
    made = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    _write_key(folder / "root.key", key)
    (folder / "root.pem").write_bytes(made.public_bytes(Encoding.PEM))
    return folder / "root.pem"


def issue(folder: Path, name: str, authority: Authority, days: int) -> tuple[Path, Path]:
    """A certificate and key for a signer, `NAME.pem` and `NAME.key` (0600). Raises UsageError, RefusedError."""
    try:
        root = x509.load_pem_x509_certificate((folder / "root.pem").read_bytes())
        root_key = load_key((folder / "root.key").read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"there is no authority ({error})", where=str(folder), do="Make one: isthmus stir authority init"
        ) from error
    try:
        numbers = tnauthlist.encode(authority)
    except ValueError as error:
        raise UsageError(str(error), do="Write a provider code as 1234, and numbers with digits alone.") from error
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        _builder(subject, root.subject, key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(ca=False), critical=True)
        .add_extension(x509.UnrecognizedExtension(TN_AUTH_LIST, numbers), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(f"{name}.invalid")]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, SHA256())
    )
    _write_key(folder / f"{name}.key", key)
    (folder / f"{name}.pem").write_bytes(made.public_bytes(Encoding.PEM))
    return folder / f"{name}.pem", folder / f"{name}.key"


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + timedelta(days=days))
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise RefusedError("there is a key already", where=str(path), do="Choose another name or folder.") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(key_pem(key))
