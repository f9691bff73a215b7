"""Kamailio's RPC over HTTP, for answers longer than the 64 kB that its datagram socket can carry."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from typing import Any

import httpx

from isthmus.addressing import HostPort
from isthmus.addressing.hostport import bracketed
from isthmus.calls.ending import byes
from isthmus.engines.kamailio.rpc import RpcRefusedError
from isthmus.errors import UnavailableError
from isthmus.site import internal
from isthmus.site.file import SiteFile

_BYE_S = 5.0


def end_call(site: SiteFile, dialog: Mapping[str, Any], reason: str) -> bool:
    """End the call of a dialog of `dlg.list`; whether there was enough known of it.

    Raises UnavailableError where Kamailio takes no notice.
    """
    found = byes(dialog, reason)
    own = (site.site.address, site.ports.sip)
    with socket.socket(socket.AF_INET6 if ":" in own[0] else socket.AF_INET, socket.SOCK_DGRAM) as sender:
        try:
            sender.bind((site.site.internal_address, 0))
            sender.settimeout(_BYE_S)
            sent_by = str(HostPort(*sender.getsockname()[:2]))
            for bye in found:
                sender.sendto(bye.data(sent_by, secrets.token_hex(8)), own)
            for _ in found:
                sender.recv(65536)
        except OSError as error:
            raise UnavailableError(f"nobody answers the BYE ({error})", where=f"{own[0]}:{own[1]}") from error
    return bool(found)


def ask(site: SiteFile, method: str, *params: str | int, within_s: float = 10.0) -> Any:
    """Run one command and return its `result`.

    within_s: for how long to wait for that. Raises RpcRefusedError where Kamailio answers an error, and
    UnavailableError where it does not answer.
    """
    url = f"http://{bracketed(site.site.internal_address)}:{internal.KAMAILIO_WS}/rpc"
    question = {"jsonrpc": "2.0", "method": method, "params": list(params), "id": 1}
    try:
        proof = internal.control_secret(site).read_text(encoding="ascii").strip()
        with httpx.Client(trust_env=False, timeout=within_s) as client:
            answer = client.post(url, json=question, headers={"X-Isthmus-Control": proof})
            body = answer.json()
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise UnavailableError(
            f"Kamailio does not answer ({error})", where=url, do="Look at `isthmus site status`."
        ) from error
    if fault := body.get("error"):
        raise RpcRefusedError(method, int(fault.get("code", 0)), str(fault.get("message", "")))
    return body.get("result")
