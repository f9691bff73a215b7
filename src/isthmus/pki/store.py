"""Certificates and keys on disk: files 0600, folders 0700, replaced in one step."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from isthmus.errors import NotFoundError, UsageError
from isthmus.pki.model import Certificate, Names


def private_folder(path: Path) -> Path:
    """The folder, made with its parents if need be, closed to everybody else (0700).

    Raises UsageError where that can't be done.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(0o700)
    except OSError as error:
        raise UsageError(
            f"the folder can't be made or closed to others ({error.strerror})",
            where=str(path),
            do="Choose another place, or run it as the owner of this one.",
        ) from error
    return path


def write_private(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace `path` by `content` atomically, 0600: a reader sees the old file or the new one.

    Folders that are missing are made, closed to others; one that is there stays as it is, since it may be anybody's.
    durable: wait until it is on the disk. Raises UsageError where it can't be written (no right, disk full).
    """
    try:
        for folder in reversed([each for each in path.parents if not each.exists()]):
            folder.mkdir(mode=0o700, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made 0600
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"it can't be written ({error.strerror})", where=str(path)) from error


def write_volatile(path: Path, content: bytes) -> None:
    """As `write_private`, for what is written all the time and means nothing after a power cut.

    On a full disk the old file's own room is used: better torn once in a while than out of date for hours.
    Raises UsageError where even that fails.
    """
    try:
        write_private(path, content, durable=False)
    except UsageError:
        try:
            descriptor = os.open(path, os.O_WRONLY)
            try:
                os.pwrite(descriptor, content, 0)
                os.ftruncate(descriptor, len(content))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise UsageError(f"it can't be written ({error.strerror})", where=str(path)) from error


def read(path: Path, what: str, do: str) -> bytes:
    """The bytes of a file. Raises NotFoundError saying that `what` is missing and what to `do`."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"there is no {what}", where=str(path), do=do) from None
    except OSError as error:
        raise UsageError(f"the {what} can't be read ({error.strerror})", where=str(path)) from error


def parse_certificate(pem: bytes, where: str) -> x509.Certificate:
    """The first certificate of a PEM file. Raises UsageError when there is none."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise UsageError("there is no readable certificate in it", where=where) from error


def parse_key(pem: bytes, where: str) -> ec.EllipticCurvePrivateKey:
    """The EC private key of a PEM file. Raises UsageError when there is none."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise UsageError("there is no readable private key in it", where=where) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise UsageError("the private key is not an elliptic-curve key", where=where)
    return key


def parse_request(pem: bytes) -> ec.EllipticCurvePublicKey:
    """The key for which a certificate is asked (PKCS #10), whose holder signed. Names in it mean nothing.

    Raises UsageError for anything but one well-formed request by a P-256 key.
    """
    try:
        request = x509.load_pem_x509_csr(pem)
        key = request.public_key()
        good = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError("that is no request for a certificate") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UsageError("the request is not by a P-256 key")
    if not good:
        raise UsageError("the request is not signed by its own key")
    return key


def describe(certificate: x509.Certificate) -> Certificate:
    """What the certificate is about."""
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = tuple(str(address) for address in san.get_values_for_type(x509.IPAddress))
    except x509.ExtensionNotFound:
        addresses = ()
    return Certificate(
        serial=f"{certificate.serial_number:x}",
        names=Names(str(common[0].value) if common else "", addresses),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def fingerprint(pem: bytes, where: str) -> str:
    """SHA-256 of the first certificate in it, in hexadecimal. Raises UsageError where there is none."""
    return parse_certificate(pem, where).fingerprint(SHA256()).hex()
