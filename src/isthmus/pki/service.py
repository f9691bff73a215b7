"""Issues certificates from a CA that lives in a folder: `ca.pem`, `ca.key`, `issued/<serial>.pem`."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from isthmus.errors import RefusedError, UsageError
from isthmus.pki import rules, store
from isthmus.pki.model import Certificate, Names

_CA_LIFETIME = timedelta(days=3650)
_INIT = "Make one with `isthmus pki init DIR`."


class CertificateAuthority:
    """A private CA. Whoever can read its folder can become any site: keep it off the sites where possible."""

    def __init__(self, folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.folder, self._certificate, self._key = folder, certificate, key

    @classmethod
    def create(cls, folder: Path, name: str = "Isthmus private CA", *, now: datetime | None = None) -> Self:
        """Make a new CA in `folder`, which nobody else can read then.

        Raises RefusedError when a CA is there already, or anything else, which would be closed to its readers.
        """
        if (folder / "ca.key").exists() or (folder / "ca.pem").exists():
            raise RefusedError("there is a CA here already", where=str(folder), do="Choose another folder.")
        if folder.is_dir() and any(path.name != "issued" for path in folder.iterdir()):
            raise RefusedError("the folder is not empty", where=str(folder), do="Choose a new one: a CA lives alone.")
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _ca_certificate(name, key, now or datetime.now(UTC))
        store.write_private(folder / "ca.key", key_pem(key))
        store.write_private(folder / "ca.pem", certificate.public_bytes(Encoding.PEM))
        store.private_folder(folder / "issued")
        return cls(folder, certificate, key)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The CA in `folder`. Raises NotFoundError and UsageError."""
        cert_path, key_path = folder / "ca.pem", folder / "ca.key"
        certificate = store.parse_certificate(store.read(cert_path, "CA certificate", _INIT), str(cert_path))
        key = store.parse_key(store.read(key_path, "CA key", _INIT), str(key_path))
        if certificate.public_key() != key.public_key():
            raise UsageError("ca.key does not belong to ca.pem", where=str(folder))
        return cls(folder, certificate, key)

    @property
    def pem(self) -> bytes:
        """The CA's own certificate, which every site holds."""
        return self._certificate.public_bytes(Encoding.PEM)

    @property
    def description(self) -> Certificate:
        """What the CA's own certificate says."""
        return store.describe(self._certificate)

    def issue(self, names: Names, days: int, *, now: datetime | None = None) -> bytes:
        """A new certificate with chain and fresh key, PEM, in the one-file form haproxy reads.

        days: lifetime, shortened where the CA itself ends sooner. Raises UsageError, RefusedError.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        return self.certify(names, key.public_key(), days, now=now) + key_pem(key)

    def certify(
        self,
        names: Names,
        key: ec.EllipticCurvePublicKey,
        days: int,
        *,
        now: datetime | None = None,
    ) -> bytes:
        """A new certificate with chain for a key that stays where it was made, PEM. As `issue` else."""
        start = now or datetime.now(UTC)
        end = min(start + rules.checked_lifetime(days), self._certificate.not_valid_after_utc)
        if end <= start:
            raise RefusedError("the CA itself has expired", where=str(self.folder), do=_INIT)
        certificate = self._leaf(names, key, start, end)
        pem = certificate.public_bytes(Encoding.PEM)
        serial = store.describe(certificate).serial
        store.write_private(self.folder / "issued" / f"{serial}.pem", pem)  # without the key
        return pem + self.pem

    def issued(self) -> list[Certificate]:
        """Every certificate ever issued, the newest first."""
        paths = (self.folder / "issued").glob("*.pem")
        found = [store.describe(store.parse_certificate(path.read_bytes(), str(path))) for path in paths]
        return sorted(found, key=lambda certificate: certificate.not_before, reverse=True)

    def _leaf(self, names: Names, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime) -> x509.Certificate:
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        general: list[x509.GeneralName] = [x509.DNSName(names.fqdn)]
        general += [x509.IPAddress(ipaddress.ip_address(address)) for address in names.addresses]
        issuer_key = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return (
            x509.CertificateBuilder()
            .subject_name(_name(names.fqdn))
            .issuer_name(self._certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start - rules.CLOCK_SKEW)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .add_extension(x509.SubjectAlternativeName(general), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key), critical=False)
            .sign(self._key, SHA256())
        )


def _ca_certificate(name: str, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - rules.CLOCK_SKEW)
        .not_valid_after(now + _CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def key_usage(*, ca: bool) -> x509.KeyUsage:
    """What the key of an authority is for, or that of anybody else: to sign certificates, or to sign."""
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as PEM (PKCS #8), not encrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def request_pem(name: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A request (PKCS #10) for a certificate of this key."""
    return (
        x509.CertificateSigningRequestBuilder().subject_name(_name(name)).sign(key, SHA256()).public_bytes(Encoding.PEM)
    )
