"""Tells the control service which devices proved themselves, from where and with what: without ever waiting.

A datagram to a unix socket, not more often than every few seconds for a device that is where it was. Where nobody
reads, or the queue is full (ten on a plain kernel), it is passed over; the device's next message tries again.
"""

from __future__ import annotations

import contextlib
import socket
import time

import msgspec

from isthmus.devices.model import Sighting
from isthmus.engines.kamailio.ksr import header, text

_AGAIN_S = 5.0
_NOBODY_S = 1.0  # how long a control service that is not there is left in peace
_MOST = 10_000  # devices remembered by a worker
_LONGEST_CLIENT = 128
_encode = msgspec.msgpack.Encoder().encode


class Sightings:
    """One a worker. path: the control service's socket."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._told: dict[str, tuple[str, float]] = {}
        self._not_before = 0.0

    def note(self, device: str, arrival: str) -> None:
        """The message at hand is this device's (name and generation). arrival: the listener it came to."""
        address, now = text("$si"), time.monotonic()
        place, at = self._told.get(device, ("", 0.0))
        if now < self._not_before or (place == address and now - at < _AGAIN_S):
            return
        client = header("User-Agent")[:_LONGEST_CLIENT]
        if self._send(_encode(Sighting(device, int(time.time() * 1000), address.strip("[]"), arrival, client))):
            if len(self._told) >= _MOST:
                self._told.clear()
            self._told[device] = (address, now)

    def _send(self, datagram: bytes) -> bool:
        try:
            if self._socket is None:
                self._socket = _connected(self._path)
            self._socket.send(datagram)
        except BlockingIOError:
            return False
        except OSError:
            # The control service is not there, or was started anew and has another socket.
            if self._socket is None:
                self._not_before = time.monotonic() + _NOBODY_S
            else:
                self._socket.close()
                self._socket = None
            return False
        return True


def _connected(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with contextlib.ExitStack() as stack:
        stack.callback(made.close)
        made.setblocking(False)
        made.connect(path)
        stack.pop_all()
    return made
