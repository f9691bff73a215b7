"""Talks to a site's control service on this machine, over its unix socket."""

from __future__ import annotations

import os
import pwd
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Self

import httpx

from isthmus.errors import ForbiddenError, IsthmusError, NotFoundError, RefusedError, UnavailableError, UsageError
from isthmus.site import internal
from isthmus.site.file import SiteFile

_CONNECT_S = 5.0
_KINDS: dict[int, type[IsthmusError]] = {
    403: ForbiddenError,
    404: NotFoundError,
    409: RefusedError,
    422: UsageError,
    503: UnavailableError,
}


class Client:
    """The local API of one site. Answers are decoded JSON; refusals come back as the IsthmusError they were."""

    def __init__(self, site_file: SiteFile, *, timeout_s: float | None = 60.0) -> None:
        """timeout_s: how long the service may think; None waits for ever, for bulk work."""
        self._site = site_file.site.name
        self._socket = internal.control_socket(site_file)
        self._http = httpx.Client(
            # A connection a request: next to nothing on a unix socket, and none is found closed at its second use.
            transport=httpx.HTTPTransport(uds=str(self._socket), limits=httpx.Limits(max_keepalive_connections=0)),
            base_url="http://control",
            timeout=httpx.Timeout(timeout_s, connect=_CONNECT_S),
            headers={"X-Isthmus-Actor": f"cli:{_user_name()}"},
        )

    def get(self, path: str, **params: Any) -> Any:
        """GET. Parameters that are None are left out."""
        return self._send("GET", path, params=params)

    def post(self, path: str, body: Any = None, **params: Any) -> Any:
        """POST, under an idempotency key of its own."""
        return self._send("POST", path, params=params, body=body)

    def patch(self, path: str, body: Any) -> Any:
        """PATCH, under an idempotency key of its own."""
        return self._send("PATCH", path, body=body)

    def put(self, path: str, body: Any) -> Any:
        """PUT."""
        return self._send("PUT", path, body=body)

    def delete(self, path: str, **params: Any) -> Any:
        """DELETE, under an idempotency key of its own."""
        return self._send("DELETE", path, params=params)

    def pages(self, path: str, key: str, page_size: int = 1000, **params: Any) -> Iterator[list[Any]]:
        """A listing, page by page: `after` is the `key` of the last object seen."""
        after = None
        while True:
            page = self.get(path, after=after, limit=page_size, **params)
            if page:
                yield page
            if len(page) < page_size:
                return
            after = page[-1][key]

    def _send(self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        headers = {} if method == "GET" else {"Idempotency-Key": str(uuid.uuid4())}
        given = {name: value for name, value in (params or {}).items() if value is not None}
        try:
            response = self._http.request(method, path, params=given, json=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise UnavailableError(
                "the control service does not answer",
                where=f"site {self._site}",
                do="Is the site running? See: isthmus site status",
            ) from error
        except httpx.TimeoutException as error:
            raise UnavailableError(
                "the control service took too long",
                where=f"site {self._site}",
                do="Look at the result before trying again.",
            ) from error
        except httpx.TransportError as error:
            raise UnavailableError(
                f"the control service hung up ({error})", where=f"site {self._site}", do="Try again."
            ) from error
        return self._answer(response)

    def _answer(self, response: httpx.Response) -> Any:
        if response.is_success:
            return response.json() if response.content else None
        try:
            body = response.json()
            what, where, do = body["what"], body.get("where", ""), body.get("do", "")
        except (ValueError, KeyError, TypeError, AttributeError):
            what, where, do = f"the control service answered {response.status_code}", f"site {self._site}", ""
        raise _KINDS.get(response.status_code, IsthmusError)(what, where=where, do=do)

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _user_name() -> str:
    """The unix user running the command, by name where it has one: what the audit log shows."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
