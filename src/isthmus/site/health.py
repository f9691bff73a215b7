"""Asks each process of a site whether it works: one question each, a plain yes or the reason why not."""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
from pathlib import Path

import httpx

from isthmus.engines.coturn import runtime as coturn_runtime
from isthmus.engines.haproxy import runtime
from isthmus.errors import UnavailableError
from isthmus.site import internal
from isthmus.site.file import SiteFile

TIMEOUT_S = 1.5


def haproxy(site: SiteFile) -> None:
    """The runtime socket tells its uptime. Raises UnavailableError, as all here do."""
    runtime.uptime_s(internal.haproxy_socket(site), timeout_s=TIMEOUT_S)


def kamailio(site: SiteFile) -> None:
    """JSON-RPC `core.uptime` is answered."""
    question = {"jsonrpc": "2.0", "method": "core.uptime", "id": 1}
    path = internal.kamailio_rpc_socket(site)
    own = site.run_dir / f"probe-{os.getpid()}-{threading.get_ident()}.sock"
    own.unlink(missing_ok=True)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.bind(str(own))
            own.chmod(0o600)
            connection.sendto(json.dumps(question).encode(), str(path))
            answer = json.loads(connection.recv(65536))
    except (OSError, ValueError) as error:
        raise _silent("Kamailio", path, error) from error
    finally:
        own.unlink(missing_ok=True)
    if "result" not in answer:
        raise UnavailableError("Kamailio does not tell its uptime", where=str(path))


def rtpengine(site: SiteFile) -> None:
    """The ng command `ping` is answered (bencoded, behind a cookie that comes back)."""
    address = (site.site.internal_address, internal.RTPENGINE_NG)
    family = socket.AF_INET6 if ":" in site.site.internal_address else socket.AF_INET
    cookie = secrets.token_hex(4).encode()
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.connect(address)
            connection.send(cookie + b" d7:command4:pinge")
            answer = connection.recv(2000)
    except OSError as error:
        raise _silent("rtpengine", f"{address[0]}:{address[1]}", error) from error
    if not answer.startswith(cookie) or b"4:pong" not in answer:
        raise UnavailableError("rtpengine does not answer its ping", where=f"{address[0]}:{address[1]}")


def coturn(site: SiteFile) -> None:
    """A STUN Binding request is answered."""
    coturn_runtime.ask(site.site.address, site.turn.port, timeout_s=TIMEOUT_S)


def control(site: SiteFile) -> None:
    """GET /v1/health on the local socket is answered without a server error."""
    path = internal.control_socket(site)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=TIMEOUT_S) as client:
            answer = client.get("http://control/v1/health")
    except httpx.HTTPError as error:
        raise _silent("the control service", path, error) from error
    if answer.status_code >= 500:
        raise UnavailableError(f"the control service answers {answer.status_code}", where=str(path))


def _silent(who: str, where: Path | str, error: Exception) -> UnavailableError:
    return UnavailableError(f"{who} does not answer ({str(error) or type(error).__name__})", where=str(where))
