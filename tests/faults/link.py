"""Cutting the link between two sites for real: the kernel drops or resets what passes between their addresses."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self


def can_drop_packets() -> bool:
    """Whether this user may add a table to nft."""
    return os.geteuid() == 0 and shutil.which("nft") is not None and _nft("list tables", check=False) == 0


class Cut:
    """The link between two addresses. Used as a context manager: it is whole again at the end."""

    def __init__(self, one: str, other: str) -> None:
        self._pair = (one, other)
        self._table = f"isthmus_test_{os.getpid()}_{one.replace('.', '_')}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.mend()

    def drop(self) -> None:
        """Everything between the two vanishes without a word, both ways, media too."""
        self._rules("drop")

    def close(self) -> None:
        """Connections between the two are reset, and new ones refused; media vanishes."""
        self._rules("meta l4proto tcp reject with tcp reset", "drop")

    def mend(self) -> None:
        """Let everything pass again."""
        _nft(f"delete table inet {self._table}", check=False)

    def _rules(self, *verdicts: str) -> None:
        one, other = self._pair
        lines = [
            f"add table inet {self._table}",
            f"delete table inet {self._table}",
            f"add table inet {self._table}",
            f"add chain inet {self._table} input {{ type filter hook input priority 0 ; }}",
        ]
        for source, to in ((one, other), (other, one)):
            lines += [f"add rule inet {self._table} input ip saddr {source} ip daddr {to} {each}" for each in verdicts]
        _nft("\n".join(lines))


def _nft(commands: str, *, check: bool = True) -> int:
    done = subprocess.run(["nft", "-f", "-"], input=commands, text=True, capture_output=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"nft: {done.stderr}")
    return done.returncode


class Watch:
    """Sits on the socket by which a control service reaches its peer, and acts when a certain request passes.

    The socket's file is moved aside while it watches, so the control service has to be started anew (or its
    connections to be closed) to notice. `arm` names the request; the action is done before it is carried on.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._behind = path, path.with_suffix(".behind")
        self._pattern, self._action = b"", _nothing
        self._skip = 0
        self.fired = threading.Event()
        path.rename(self._behind)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(path))
        self._server.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, pattern: str, action: Callable[[], object], *, skip: int = 0) -> None:
        """Do `action` once, when a request whose line contains `pattern` is about to pass for the (skip+1)th time."""
        self.fired.clear()
        self._action, self._skip = action, skip
        self._pattern = pattern.encode()

    def close(self) -> None:
        """Put the socket back."""
        self._server.shutdown(socket.SHUT_RDWR)  # wakes accept, which close alone would leave waiting for ever
        self._server.close()
        with suppress(FileNotFoundError):
            self._behind.replace(self._path)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                onward = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                try:
                    onward.connect(str(self._behind))
                except OSError:
                    client.close()
                    onward.close()
                    continue
                for source, to, look in ((client, onward, True), (onward, client, False)):
                    threading.Thread(target=self._carry, args=(source, to, look), daemon=True).start()

    def _carry(self, source: socket.socket, to: socket.socket, look: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if look:
                    self._see(data)
                to.sendall(data)
        for each in (source, to):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _see(self, data: bytes) -> None:
        line = data.partition(b"\r\n")[0]  # of a request, or of a body that came by itself
        if self._pattern and line.endswith(b"HTTP/1.1") and self._pattern in line:
            if self._skip:
                self._skip -= 1
                return
            self._pattern = b""
            self._action()
            self.fired.set()


def _nothing() -> None:
    """Before it is armed."""
