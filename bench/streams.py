"""Many RTP streams by two sockets: one sends to every call and hears what comes back, one echoes.

Each is a process of its own that does nothing else. Every call's media has the same address at each end, which a relay
does not mind: it tells calls apart by its own ports.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.synchronize
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

FRAME_S = 0.02  # of media in a packet
_HEADER = struct.Struct("!BBHII")
_PAYLOAD = b"\xd5" * 160
_BUFFER_BYTES = 8 << 20
_LINGER_S = 1.0
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Streamed:
    """Packets sent and come back; late_share: of the rounds, those begun more than a frame late.

    Where many are, the sender is the limit, not the relay.
    """

    sent: int
    returned: int
    late_share: float

    @property
    def loss(self) -> float:
        """The share of packets that did not come back."""
        return 1 - self.returned / self.sent if self.sent else 0.0


def bound(at: str) -> socket.socket:
    """A UDP socket with an even port and room for what comes in a burst."""
    while True:
        found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        found.bind((at, 0))
        if found.getsockname()[1] % 2 == 0:
            return found
        found.close()


def echo(here: socket.socket, ended: multiprocessing.synchronize.Event) -> None:
    """Send everything back to where it came from, until told to end."""
    here.settimeout(0.2)
    while not ended.is_set():
        with suppress(TimeoutError, ConnectionError):
            data, source = here.recvfrom(2048)
            here.sendto(data, source)


def stream(here: socket.socket, to: Sequence[Address], seconds: float) -> Streamed:
    """One packet every 20 ms to each of these, for so long; evenly spread within the 20 ms, as calls are."""
    here.setblocking(False)
    sent = returned = late = rounds = 0
    batch = max(len(to) // 10, 1)
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        due = rounds * FRAME_S
        rounds += 1
        late += elapsed - due > FRAME_S
        header = _HEADER.pack(0x80, 0, rounds & 0xFFFF, rounds * 160, 4711)
        for first in range(0, len(to), batch):
            for address in to[first : first + batch]:
                with suppress(BlockingIOError, ConnectionError):
                    here.sendto(header + _PAYLOAD, address)
                    sent += 1
            returned += _heard(here)
            wait = began + due + FRAME_S * (first + batch) / len(to) - time.monotonic()
            if wait > 0:
                time.sleep(wait)
    end = time.monotonic() + _LINGER_S
    while time.monotonic() < end:
        returned += _heard(here)
        time.sleep(0.01)
    return Streamed(sent, returned, late / max(rounds, 1))


def _heard(here: socket.socket) -> int:
    count = 0
    with suppress(BlockingIOError, ConnectionError):
        while True:
            here.recv(2048)
            count += 1
    return count


class Ends:
    """The two ends; used as a context manager."""

    def __init__(self, caller: str, callee: str) -> None:
        """Addresses of the two."""
        self._context = multiprocessing.get_context("fork")
        self._near, self._far = bound(caller), bound(callee)
        self._ended = self._context.Event()
        self._echo = self._context.Process(target=echo, args=(self._far, self._ended), daemon=True)

    def __enter__(self) -> Ends:
        self._echo.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._echo.join(5)
        self._near.close()
        self._far.close()

    @property
    def near(self) -> Address:
        """Where callers want their media."""
        found: Address = self._near.getsockname()
        return found

    @property
    def far(self) -> Address:
        """Where the called want theirs."""
        found: Address = self._far.getsockname()
        return found

    def stream(self, to: Sequence[Address], seconds: float) -> Streamed:
        """See `stream`; it runs in this process."""
        return stream(self._near, to, seconds)
