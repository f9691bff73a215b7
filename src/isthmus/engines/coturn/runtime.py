"""What is asked of coturn while it runs: whether it is there, and which certificate it shows."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import ssl

from isthmus.errors import UnavailableError

_BINDING, _BINDING_DONE = b"\x00\x01", b"\x01\x01"
_COOKIE = b"\x21\x12\xa4\x42"


def ask(address: str, port: int, *, timeout_s: float) -> None:
    """A STUN Binding request is answered (RFC 8489 section 2). Raises UnavailableError."""
    transaction = secrets.token_bytes(12)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect((address, port))
            connection.send(_BINDING + b"\0\0" + _COOKIE + transaction)
            answer = connection.recv(2000)
    except OSError as error:
        raise _silent(address, port, error) from error
    if answer[:2] != _BINDING_DONE or answer[4:20] != _COOKIE + transaction:
        raise UnavailableError("coturn does not answer its question", where=f"{address}:{port}")


def shown_certificate(address: str, port: int, *, timeout_s: float) -> bytes:
    """The certificate, DER, that whoever connects by TLS is shown now. Raises UnavailableError."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is compared with the one that we have
    try:
        with (
            socket.create_connection((address, port), timeout_s) as connection,
            context.wrap_socket(connection) as secure,
        ):
            return secure.getpeercert(binary_form=True) or b""
    except OSError as error:
        raise _silent(address, port, error) from error


def read_certificate(pid: int) -> None:
    """Let new connections get the certificate that is on disk now; those that are up go on. Raises UnavailableError."""
    try:
        os.kill(pid, signal.SIGUSR2)
    except OSError as error:
        raise UnavailableError(f"coturn is not there ({error.strerror})") from error


def _silent(address: str, port: int, error: OSError) -> UnavailableError:
    return UnavailableError(f"coturn does not answer ({str(error) or type(error).__name__})", where=f"{address}:{port}")
