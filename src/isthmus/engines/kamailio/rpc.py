"""Kamailio's JSON-RPC over its datagram socket (module jsonrpcs, transport dgram): one question, one answer.

One process of Kamailio answers all of it, one after the other: commands that block (tm.t_uac_wait_block) do not
belong here. An answer is cut off at 64 kB by the module, so nothing here asks for whole tables (ul.dump).
"""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isthmus.errors import IsthmusError, UnavailableError

_MAX_ANSWER = 1 << 17


class RpcRefusedError(IsthmusError):
    """Kamailio understood the command and answered an error: `message` is its text, `code` its number."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"Kamailio refused {method}: {message} ({code})")
        self.code, self.message = code, message


class KamailioRpc:
    """A client of one Kamailio. Safe to call from several threads: one command is under way at a time.

    path: the datagram socket. timeout_s: how long one answer may take.
    """

    def __init__(self, path: Path, timeout_s: float = 3.0) -> None:
        self._path, self._timeout_s = path, timeout_s
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._socket: socket.socket | None = None

    def call(self, method: str, *params: str | int | float) -> Any:
        """Run one command and return its `result`.

        Raises RpcRefusedError (Kamailio answered an error) and UnavailableError (no socket, no answer in time).
        """
        with self._lock:
            number = next(self._ids)
            question = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": number})
            try:
                answer = self._exchange(question.encode(), number)
            except (OSError, ValueError) as error:
                self._drop()
                raise UnavailableError(
                    f"Kamailio does not answer ({error or type(error).__name__})",
                    where=str(self._path),
                    do="Look at `isthmus site status` and at the site's log/kamailio.log.",
                ) from error
        if fault := answer.get("error"):
            raise RpcRefusedError(method, int(fault.get("code", 0)), str(fault.get("message", "")))
        return answer.get("result")

    def close(self) -> None:
        """Let go of the socket; the next call opens a new one."""
        with self._lock:
            self._drop()

    def _exchange(self, question: bytes, number: int) -> Mapping[str, Any]:
        deadline = time.monotonic() + self._timeout_s
        client = self._send(question)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no answer within {self._timeout_s:g} s")
            client.settimeout(left)
            # What phones wrote into their headers comes back as it is, valid UTF-8 or not.
            answer = json.loads(client.recv(_MAX_ANSWER).decode("utf-8", "surrogateescape"), strict=False)
            if isinstance(answer, dict) and answer.get("id") == number:
                return answer  # an older id is the late answer to a question that was given up

    def _send(self, question: bytes) -> socket.socket:
        """Send it; the socket on which the answer comes."""
        client = self._connected()
        client.settimeout(self._timeout_s)
        try:
            client.send(question)
        except ConnectionError:
            # Kamailio was started again since the last question: this one has reached nobody yet.
            self._drop()
            client = self._connected()
            client.send(question)
        return client

    def _connected(self) -> socket.socket:
        if self._socket is None:
            client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                client.bind("")  # Linux picks an abstract name of its own: no file to leave behind
                client.settimeout(self._timeout_s)
                client.connect(str(self._path))
            except OSError:
                client.close()
                raise
            self._socket = client
        return self._socket

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
