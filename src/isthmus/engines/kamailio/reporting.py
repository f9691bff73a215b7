"""Tells the control service what accounts do, from inside Kamailio's workers, without ever waiting for it.

No lock, no file, no other process on the path of a call: a message the kernel does not take at once is dropped and
counted, and the count goes along with the next one that gets through.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from isthmus.activity.wire import Event, Kind, encode

_AGAIN_S = 1.0  # between two tries to connect in vain
_AT_ONCE = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
_REMEMBERED = 8192  # registrations of this hour
_LONGEST = 256
_LONGEST_TOLD = 2_000
_SAME_PLACE_S = 60.0  # a device that is where it was is told of no more often


class Reporter:
    """One a worker. path: of the control service's socket, connected at first use, after the fork; empty: none."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._failed = -_AGAIN_S
        self._dropped = 0
        self._registered: dict[tuple[str, str, str], int] = {}
        self._seen: dict[str, tuple[str, float]] = {}

    def tell_registered(self, aor: str, address: str, client: str, device: str) -> None:
        """A REGISTER with the right digest. Phones refresh every few minutes: once an hour is all that is told."""
        now = time.time()
        key, hour = (device or aor, address, client), int(now // 3600)
        if self._registered.get(key) == hour:
            return
        if self.tell(Kind.REGISTER, aor, address, client, device=device):
            if len(self._registered) >= _REMEMBERED:
                self._registered.clear()
            self._registered[key] = hour

    def tell_bound(self, aor: str, edge: str) -> None:
        """A binding of somebody's was made or refreshed. It is in the registrar's memory already.

        edge: by which the phone is connected, wherever that is; empty where it can't be told.
        """
        self.tell(Kind.BOUND, aor, edge=edge)

    def tell_unbound(self, aor: str) -> None:
        """A binding of somebody's was removed, ran out, or lost its connection."""
        self.tell(Kind.UNBOUND, aor)

    def tell_device(self, device: str, address: str, edge: str, client: Callable[[], str]) -> None:
        """A device (name and generation of its secret) proved itself. What can't be told is told the next time.

        client: gives what it calls itself; asked for only where that is news.
        """
        now = time.monotonic()
        place, at = self._seen.get(device, ("", 0.0))
        if place == address and now - at < _SAME_PLACE_S:
            return
        if self.tell(Kind.DEVICE, "", address.strip("[]"), client(), device=device, edge=edge):
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen[device] = (address, now)

    def tell(
        self,
        kind: Kind,
        account: str = "",
        address: str = "",
        client: str = "",
        *,
        known: bool = True,
        number: str = "",
        own_number: str = "",
        call_id: str = "",
        device: str = "",
        edge: str = "",
        access: str = "",
        lent: str = "",
        told: str = "",
    ) -> bool:
        """Tell it if that can be done at once; whether it could."""
        if not self._path:
            return False
        event = Event(
            time.time(),
            kind,
            account,
            known,
            address,
            "",
            client[:_LONGEST],
            number,
            own_number,
            call_id[:_LONGEST],
            device=device,
            edge=edge,
            access=access[:_LONGEST],
            lent=lent,
            # What is longer would not fit into a message.
            told=told if len(told) <= _LONGEST_TOLD else "",
        )
        message = encode(event, self._dropped)
        if self._sent(message):
            self._dropped = 0
            return True
        self._dropped += 1
        return False

    def _sent(self, message: bytes) -> bool:
        """Send by the connection there is, and by a new one where the service was started anew."""
        if self._socket is not None:
            try:
                self._socket.send(message, _AT_ONCE)
                return True
            except BlockingIOError:
                return False
            except OSError:
                self._socket.close()
                self._socket = None
        now = time.monotonic()
        if now - self._failed < _AGAIN_S:
            return False
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            opened.connect(self._path)
            opened.send(message, _AT_ONCE)
        except OSError:
            opened.close()
            self._failed = now
            return False
        self._socket = opened
        return True
