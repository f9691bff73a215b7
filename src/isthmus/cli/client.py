"""Talks to a site's control service: over its unix socket on this machine, or over its web port with a token."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import pwd
import ssl
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from isthmus.errors import (
    ChangedError,
    ForbiddenError,
    IsthmusError,
    NotFoundError,
    RefusedError,
    UnauthenticatedError,
    UnavailableError,
    UsageError,
)
from isthmus.site import internal, registry
from isthmus.site.file import SiteFile

_CONNECT_S = 5.0
_KINDS: dict[int, type[IsthmusError]] = {
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: RefusedError,
    412: ChangedError,
    413: UsageError,
    422: UsageError,
    503: UnavailableError,
}


@dataclass(frozen=True, slots=True)
class Remote:
    """A site's API over its web port. token: of an account there. ca_file: who vouches for its certificate."""

    url: str
    token: str = field(repr=False)
    ca_file: str = ""

    @classmethod
    def from_environment(cls) -> Remote | None:
        """What $ISTHMUS_URL, $ISTHMUS_TOKEN_FILE and $ISTHMUS_CA_FILE say (`isthmus --url`), None without the first.

        Raises UsageError.
        """
        url = os.environ.get("ISTHMUS_URL", "")
        if not url:
            return None
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname or "")):
            raise UsageError(f"{url!r} is not an https address", where="--url", do="The token must not go in clear.")
        path = os.environ.get("ISTHMUS_TOKEN_FILE", "")
        if not path:
            raise UsageError("--url needs --token-file", do="Make one with: isthmus token create")
        try:
            token = Path(path).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the token can't be read ({type(error).__name__})", where=path) from error
        return cls(url.rstrip("/"), token, os.environ.get("ISTHMUS_CA_FILE", ""))

    def open(self, timeout: httpx.Timeout) -> httpx.Client:
        """Raises UsageError for a certificate authority that is none."""
        try:
            trusted = ssl.create_default_context(cafile=self.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"no certificates can be read there ({error})", where=self.ca_file) from error
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, verify=trusted, timeout=timeout, headers=headers, trust_env=False)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_remote() -> bool:
    """Whether the command is to talk to a site elsewhere."""
    return bool(os.environ.get("ISTHMUS_URL"))


def connect(site: str | None = None, *, timeout_s: float | None = 60.0) -> Client:
    """The API that the command is to use: by `--url` over a web port, else the site's on this machine.

    Raises UsageError, NotFoundError (no such site).
    """
    remote = Remote.from_environment()
    return Client(remote if remote is not None else registry.find(site), timeout_s=timeout_s)


class Client:
    """The API of one site. Answers are decoded JSON; refusals come back as the IsthmusError they were."""

    def __init__(self, where: SiteFile | Remote, *, timeout_s: float | None = 60.0) -> None:
        """where: the site on this machine, by its socket. timeout_s: how long the service may think; None: for ever."""
        timeout = httpx.Timeout(timeout_s, connect=_CONNECT_S)
        if isinstance(where, Remote):
            self._site = where.url
            self._http = where.open(timeout)
            return
        self._site = where.site.name
        self._socket = internal.control_socket(where)
        self._http = httpx.Client(
            # A connection a request: next to nothing on a unix socket, and none is found closed at its second use.
            transport=httpx.HTTPTransport(uds=str(self._socket), limits=httpx.Limits(max_keepalive_connections=0)),
            base_url="http://control",
            timeout=timeout,
            headers={"X-Isthmus-Actor": f"cli:{_user_name()}", "X-Isthmus-Address": _address()},
        )

    def get(self, path: str, /, **params: Any) -> Any:
        """GET. Parameters that are None are left out."""
        return self._send("GET", path, params=params)

    def post(self, path: str, body: Any = None, **params: Any) -> Any:
        """POST, under an idempotency key of its own."""
        return self._send("POST", path, params=params, body=body)

    def patch(self, path: str, body: Any, **params: Any) -> Any:
        """PATCH, under an idempotency key of its own."""
        return self._send("PATCH", path, params=params, body=body)

    def put(self, path: str, body: Any, **params: Any) -> Any:
        """PUT, under an idempotency key of its own."""
        return self._send("PUT", path, params=params, body=body)

    def delete(self, path: str, **params: Any) -> Any:
        """DELETE, under an idempotency key of its own."""
        return self._send("DELETE", path, params=params)

    def pages(self, path: str, key: str, /, page_size: int = 1000, **params: Any) -> Iterator[list[Any]]:
        """A listing, page by page: `after` is the `key` of the last object seen."""
        after = None
        while True:
            page = self.get(path, after=after, limit=page_size, **params)
            if page:
                yield page
            if len(page) < page_size:
                return
            after = page[-1][key]

    def lines(self, method: str, path: str, /, *, body: Any = None, **params: Any) -> Iterator[bytes]:
        """An answer that is taken line by line while it comes in, such as an export; the lines have no ends."""
        given = {name: value for name, value in params.items() if value is not None}
        with self._told(), self._http.stream(method, path, params=given, json=body) as response:
            if not response.is_success:
                response.read()
                self._answer(response)
            rest = b""
            for chunk in response.iter_raw():
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
            if rest:
                yield rest

    def _send(self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        headers = {} if method == "GET" else {"Idempotency-Key": str(uuid.uuid4())}
        given = {name: value for name, value in (params or {}).items() if value is not None}
        with self._told():
            response = self._http.request(method, path, params=given, json=body, headers=headers)
        return self._answer(response)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong on the way becomes one clear line."""
        try:
            yield
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


def _address() -> str:
    """Where the person sits who came by SSH; empty for somebody at this machine."""
    return os.environ.get("SSH_CONNECTION", "").partition(" ")[0]
