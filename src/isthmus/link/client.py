"""The way out to a peer's link API: plain HTTP to haproxy's socket here, which carries it there by mutual TLS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from isthmus.errors import (
    ForbiddenError,
    IsthmusError,
    NotFoundError,
    RefusedError,
    TooManyError,
    UnavailableError,
    UsageError,
)

_KINDS: dict[int, type[IsthmusError]] = {
    403: ForbiddenError,
    404: NotFoundError,
    409: RefusedError,
    422: UsageError,
    503: UnavailableError,
}


class LinkDownError(UnavailableError):
    """The peer can't be reached: the one error for every way in which the link fails."""

    def __init__(self, peer: str, reason: str) -> None:
        super().__init__(f"the link to {peer} is down ({reason})", do="It comes back by itself.")
        self.peer, self.reason = peer, reason


class PeerClient:
    """HTTP to one peer. Safe to use from several threads.

    Every request can be repeated without harm, so one that was lost with a stale connection is sent once more.
    timeout_s: how long one answer may take, unless the call says otherwise.
    """

    def __init__(self, peer: str, socket_path: Path, *, timeout_s: float = 5.0) -> None:
        self.peer = peer
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(
                uds=str(socket_path),
                retries=0,
                limits=httpx.Limits(max_keepalive_connections=4, keepalive_expiry=20),
            ),
            base_url="http://link",
            timeout=httpx.Timeout(timeout_s, connect=2.0),
        )

    def get(self, path: str, *, timeout_s: float | None = None) -> Any:
        """The decoded JSON answer. Raises LinkDownError, or the IsthmusError the peer answered."""
        return self._send("GET", path, None, "", timeout_s)

    def post(self, path: str, body: Any, *, timeout_s: float | None = None) -> Any:
        """Send JSON. Bytes that are no UTF-8 in what phones said survive as lone surrogates, hence ASCII."""
        content = json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode("ascii")
        return self._send("POST", path, content, "application/json", timeout_s)

    def post_bytes(self, path: str, content: bytes, *, timeout_s: float | None = None) -> Any:
        """Send what is encoded already."""
        return self._send("POST", path, content, "application/octet-stream", timeout_s)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _send(self, method: str, path: str, content: bytes | None, kind: str, timeout_s: float | None) -> Any:
        headers = {"Content-Type": kind} if kind else {}
        timeout = httpx.USE_CLIENT_DEFAULT if timeout_s is None else httpx.Timeout(timeout_s, connect=2.0)
        for attempt in (1, 2):
            try:
                return self._answer(self._http.request(method, path, content=content, headers=headers, timeout=timeout))
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
                if attempt == 2:
                    raise LinkDownError(self.peer, "the connection broke") from error
            except httpx.TimeoutException as error:
                raise LinkDownError(self.peer, "no answer in time") from error
            except httpx.HTTPError as error:
                raise LinkDownError(self.peer, str(error) or type(error).__name__) from error
        raise AssertionError("unreachable")

    def _answer(self, response: httpx.Response) -> Any:
        if response.is_success:
            return json.loads(response.content) if response.content else None
        try:
            body = response.json()
            what, where, do = str(body["what"]), str(body.get("where", "")), str(body.get("do", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            # haproxy's own page: it has no connection to the peer, or the peer's control service is not there.
            raise LinkDownError(self.peer, _haproxy_said(response.status_code)) from None
        where = f"{self.peer}: {where}" if where else self.peer
        if response.status_code == TooManyError.http_status:
            wait = response.headers.get("Retry-After", "")
            raise TooManyError(what, retry_after_s=float(wait) if wait.isdigit() else 1.0, where=where, do=do)
        raise _KINDS.get(response.status_code, IsthmusError)(what, where=where, do=do)


def _haproxy_said(status: int) -> str:
    return {
        502: "its control service hung up",
        503: "no connection",
        504: "no answer in time",
    }.get(status, f"answer {status}")
