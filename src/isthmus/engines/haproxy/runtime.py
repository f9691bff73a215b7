"""haproxy's runtime socket: questions and orders to the running process (management guide, section 9.3)."""

from __future__ import annotations

import socket
from pathlib import Path

from isthmus.errors import RefusedError, UnavailableError

_TIMEOUT_S = 5.0


def ask(path: Path, order: str, *, timeout_s: float = _TIMEOUT_S) -> str:
    """What haproxy answers to one order. Raises UnavailableError when nobody answers in time."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(order.encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace").strip()
    except OSError as error:
        raise UnavailableError(
            f"haproxy does not answer ({error})",
            where=str(path),
            do="Is the site running? `isthmus site status`.",
        ) from error


def uptime_s(path: Path, *, timeout_s: float = _TIMEOUT_S) -> int:
    """Seconds since haproxy started. Raises UnavailableError."""
    for line in ask(path, "show info", timeout_s=timeout_s).splitlines():
        key, _, value = line.partition(": ")
        if key == "Uptime_sec":
            return int(value)
    raise UnavailableError("haproxy did not say how long it has been up", where=str(path))


def replace_certificate(path: Path, certificate_file: Path, pem: bytes) -> None:
    """Give new connections the certificate in `pem`; those that are up go on with the old one.

    certificate_file: the file's name as it stands in the configuration. The file itself is not read.
    Raises RefusedError when haproxy does not accept it (nothing is changed then), UnavailableError.
    """
    # A blank line ends what is handed over, so none may stand inside.
    payload = "\n".join(line for line in pem.decode("ascii").splitlines() if line.strip())
    name = str(certificate_file).replace("\\", "\\\\").replace(" ", "\\ ")
    for order in (f"set ssl cert {name} <<\n{payload}\n", f"commit ssl cert {name}"):
        answer = ask(path, order)
        if not any(word in answer for word in ("Transaction created", "Transaction updated", "Success!")):
            ask(path, f"abort ssl cert {name}")
            raise RefusedError(f"haproxy refused the certificate ({answer})", where=str(certificate_file))


def certificate_serial(path: Path, certificate_file: Path) -> str:
    """The serial number, in lower-case hexadecimal, of the certificate that new connections get."""
    name = str(certificate_file).replace("\\", "\\\\").replace(" ", "\\ ")
    for line in ask(path, f"show ssl cert {name}").splitlines():
        key, _, value = line.partition(": ")
        if key == "Serial":
            return value.strip().lower().lstrip("0")
    raise UnavailableError("haproxy did not show its certificate", where=str(path))
