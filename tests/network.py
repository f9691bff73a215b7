"""Addresses for a whole demo of a test's own."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def free_network() -> Iterator[str]:
    """The first two numbers of addresses that nobody else uses: above those of tests.support.Loopback."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as lock:
        for second in range(216, 256):
            try:
                lock.bind(f"\0isthmus-test-127.{second}")
            except OSError:
                continue
            yield f"127.{second}"
            return
    raise AssertionError("no network is free")
