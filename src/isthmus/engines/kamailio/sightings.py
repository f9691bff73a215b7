"""Tells the control service which devices proved themselves, from where and with what: without ever waiting.

A datagram to a unix socket, not more often than every few seconds for a device that is where it was. While nobody reads
there, or the queue is full (ten on a plain kernel), some wait here, to go with the next that is sent.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque

import msgspec

from isthmus.devices.model import Sighting
from isthmus.engines.kamailio.ksr import header, text

_AGAIN_S = 5.0
_NOBODY_S = 1.0  # how long a control service that is not there is left in peace
_MOST = 10_000  # devices remembered by a worker
_MOST_WAITING = 1_000  # the newest that are kept while they can't be sent
_LONGEST_CLIENT = 128
_encode = msgspec.msgpack.Encoder().encode


class Sightings:
    """One a worker. path: the control service's socket."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._told: dict[str, tuple[str, float]] = {}
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
        self._not_before = 0.0

    def note(self, device: str, arrival: str) -> None:
        """The message at hand is this device's (name and generation). arrival: the listener it came to."""
        address, now = text("$si"), time.monotonic()
        place, at = self._told.get(device, ("", 0.0))
        if place == address and now - at < _AGAIN_S:
            return
        if len(self._told) >= _MOST:
            self._told.clear()
        self._told[device] = (address, now)
        client = header("User-Agent")[:_LONGEST_CLIENT]
        self._waiting.append(_encode(Sighting(device, int(time.time() * 1000), address.strip("[]"), arrival, client)))
        if now >= self._not_before:
            self._send()

    def _send(self) -> None:
        """Send what waits, as much as fits."""
        while self._waiting:
            fresh = self._socket is None
            try:
                if self._socket is None:
                    self._socket = _connected(self._path)
                self._socket.send(self._waiting[0])
            except BlockingIOError:
                return
            except OSError:
                if self._socket is not None:
                    self._socket.close()
                    self._socket = None
                if fresh:
                    self._not_before = time.monotonic() + _NOBODY_S
                    return
                continue  # the control service was started anew, and has another socket
            self._waiting.popleft()


def _connected(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with contextlib.ExitStack() as stack:
        stack.callback(made.close)
        made.setblocking(False)
        made.connect(path)
        stack.pop_all()
    return made
