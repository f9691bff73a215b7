"""A browser tab without a browser: signed in as the web phone does, on the site's WebSocket."""

from __future__ import annotations

import itertools
import json
import socket
import ssl
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from authlib.common.security import generate_token
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.interop.conftest import DOMAIN, Sites
from tests.support import wait_for


class RefusalError(Exception):
    """What the site said no to."""


class LostError(Exception):
    """The connection broke, so whether it was done is not known."""


class Tab:
    """One person's tab at one site. events: what was told, in order."""

    def __init__(self, sites: Sites, site: str, user: str) -> None:
        file = sites.file(site)
        self._address, self._fqdn, self._port = sites.address(site), file.site.fqdn, file.ports.web
        self._context = ssl.create_default_context(cafile=sites.ca)
        self._http = httpx.Client(
            base_url=f"https://{self._address}:{self._port}",
            verify=self._context,
            headers={"Host": f"{self._fqdn}:{self._port}"},
            timeout=60,
        )
        self._ids = itertools.count(1)
        self._socket: ClientConnection | None = None
        self.events: list[dict[str, Any]] = []
        self._answers: dict[int, dict[str, Any]] = {}
        with sites.api(site) as api:
            password = api.post("/v1/accounts", {"name": user, "person": f"{user}@{DOMAIN}"})["new_password"]
        self.token = self._sign_in(user, password)
        self.open()

    def _request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self._http.request(method, path, extensions={"sni_hostname": self._fqdn}, **more)

    def _sign_in(self, user: str, password: str) -> str:
        signed = self._request("POST", "/v1/session", json={"name": user, "password": password})
        assert signed.is_success, signed.text
        cookies = "; ".join(each.partition(";")[0] for each in signed.headers.get_list("set-cookie"))
        callback, verifier = f"https://{self._fqdn}:{self._port}/phone/callback", generate_token(48)
        query = {
            "client_id": "phone",
            "redirect_uri": callback,
            "response_type": "code",
            "scope": "openid profile api",
            "state": "s",
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        sent = self._request("GET", "/oauth/authorize", params=query, headers={"Cookie": cookies})
        (code,) = parse_qs(urlsplit(sent.headers["location"]).query)["code"]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": callback,
            "client_id": "phone",
        }
        told = self._request("POST", "/oauth/token", data=form)
        assert told.status_code == 200, told.text
        return str(told.json()["access_token"])

    def open(self) -> None:
        """Connect; again and again while the site is not there."""

        def opened() -> bool:
            try:
                raw = socket.create_connection((self._address, self._port), timeout=10)
                self._socket = connect(
                    f"wss://{self._fqdn}:{self._port}/live",
                    sock=raw,
                    ssl=self._context,
                    server_hostname=self._fqdn,
                    origin=f"https://{self._fqdn}:{self._port}",
                    open_timeout=10,
                    ping_interval=None,
                    legacy=True,
                )
                self._socket.send(json.dumps({"token": self.token}))
                self._until(lambda: any(each["event"] == "welcome" for each in self.events[-5:]), 10)
            except (OSError, ConnectionClosed, LostError, TimeoutError, Exception) as error:
                if isinstance(error, AssertionError):
                    raise
                time.sleep(0.2)
                return False
            return True

        wait_for(opened, 60, "the site takes the tab")

    def _until(self, done: Any, timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        while not done():
            left = end - time.monotonic()
            if left <= 0 or self._socket is None:
                raise TimeoutError
            try:
                for each in json.loads(self._socket.recv(timeout=left)):
                    if "event" in each:
                        self.events.append(each)
                    else:
                        self._answers[each.get("answer", each.get("refused"))] = each
            except ConnectionClosed:
                raise LostError from None

    def ask(self, do: str, **body: Any) -> Any:
        """Raises RefusalError, LostError."""
        number = next(self._ids)
        assert self._socket is not None
        try:
            self._socket.send(json.dumps({"do": do, "id": number, **body}))
            self._until(lambda: number in self._answers, 30)
        except (ConnectionClosed, TimeoutError):
            raise LostError from None
        answer = self._answers.pop(number)
        if "refused" in answer:
            raise RefusalError(answer["what"])
        return answer["value"]

    def hears(self, name: str, fits: Any = lambda event: True, timeout_s: float = 60) -> dict[str, Any]:
        """Wait for an event."""
        seen = 0

        def found() -> bool:
            nonlocal seen
            while seen < len(self.events):
                seen += 1
                if self.events[seen - 1]["event"] == name and fits(self.events[seen - 1]):
                    return True
            return False

        self._until(found, timeout_s)
        return self.events[seen - 1]

    def http(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request with the tab's token."""
        return self._request(method, path, headers={"Authorization": f"Bearer {self.token}"}, **more)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._http.close()
