"""Kamailio's RPC over HTTP, for answers longer than the 64 kB that its datagram socket can carry."""

from __future__ import annotations

from typing import Any

import httpx

from isthmus.addressing.hostport import bracketed
from isthmus.engines.kamailio.rpc import RpcRefusedError
from isthmus.errors import UnavailableError
from isthmus.site import internal
from isthmus.site.file import SiteFile


def ask(site: SiteFile, method: str, *params: str | int) -> Any:
    """Run one command and return its `result`.

    Raises RpcRefusedError where Kamailio answers an error, and UnavailableError where it does not answer.
    """
    url = f"http://{bracketed(site.site.internal_address)}:{internal.KAMAILIO_WS}/rpc"
    question = {"jsonrpc": "2.0", "method": method, "params": list(params), "id": 1}
    try:
        proof = internal.control_secret(site).read_text(encoding="ascii").strip()
        with httpx.Client(trust_env=False, timeout=10.0) as client:
            answer = client.post(url, json=question, headers={"X-Isthmus-Control": proof})
            body = answer.json()
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise UnavailableError(
            f"Kamailio does not answer ({error})", where=url, do="Look at `isthmus site status`."
        ) from error
    if fault := body.get("error"):
        raise RpcRefusedError(method, int(fault.get("code", 0)), str(fault.get("message", "")))
    return body.get("result")
