"""Asking a carrier over HTTPS: the key in a header, time-outs, and what its refusals mean as errors of the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from isthmus.carriers.contract import CarrierBusyError, CarrierDownError, CarrierKeyError, CarrierRefusedError

_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
_LONGEST_WAIT_S = 600.0
_MOST_TEXT = 300


class Asking:
    """url: where the carrier's API begins. key: gives the credential, read anew each time so that it can be changed
    in its file. reason: finds in a refusal's JSON the words for people.
    """

    def __init__(
        self,
        name: str,
        url: str,
        key: Callable[[], str],
        reason: Callable[[Any], str],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.name, self._url, self._key, self._reason, self._transport = name, url.rstrip("/"), key, reason, transport

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        missing: bool = False,
    ) -> Any:
        """The JSON of the answer; None for an empty one. missing: 404 is None too.

        Raises CarrierDownError (no answer, 5xx, one that is no JSON), CarrierBusyError (429), CarrierKeyError (401,
        403), CarrierRefusedError (all other refusals; `status` and `told` say which).
        """
        try:
            with httpx.Client(
                timeout=_TIMEOUT, follow_redirects=False, trust_env=False, transport=self._transport
            ) as client:
                answer = client.request(
                    method,
                    f"{self._url}{path}",
                    params=params,
                    json=body,
                    headers={"Authorization": f"Bearer {self._key()}", "Accept": "application/json"},
                )
        except httpx.HTTPError as error:
            # Never the request itself: its headers have the key.
            raise CarrierDownError(f"it does not answer ({type(error).__name__})", where=self.name) from error
        return self._understood(answer, missing=missing)

    def _understood(self, answer: httpx.Response, *, missing: bool) -> Any:
        status = answer.status_code
        told = _json(answer)
        if status < 300:
            if answer.content and told is None:
                raise CarrierDownError("its answer is no JSON", where=self.name)
            return told
        if status == 404 and missing:
            return None
        why = (self._reason(told) if told is not None else "")[:_MOST_TEXT] or f"HTTP {status}"
        if status == 429:
            raise CarrierBusyError(f"it is asked too often ({why})", retry_after_s=_wait(answer), where=self.name)
        if status in (401, 403):
            raise CarrierKeyError(
                f"it does not accept the key ({why})", where=self.name, do="Look at `key_file` of the carrier."
            )
        if status >= 500 or status in (408, 425):
            raise CarrierDownError(f"it can't answer now ({why})", where=self.name)
        raise NotTakenError(why, status, told, where=self.name)


class NotTakenError(CarrierRefusedError):
    """A refusal with its HTTP status and JSON, for an adapter to tell what it means."""

    def __init__(self, what: str, status: int, told: Any, *, where: str) -> None:
        super().__init__(what, where=where)
        self.status, self.told = status, told


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _wait(answer: httpx.Response) -> float:
    """Seconds, by Retry-After (RFC 9110 section 10.2.3) or else by X-RateLimit-Reset; not for ever."""
    for header in ("Retry-After", "X-RateLimit-Reset"):
        text = answer.headers.get(header, "")
        if text.isascii() and text.isdecimal():
            return min(float(text), _LONGEST_WAIT_S)
    return 5.0
