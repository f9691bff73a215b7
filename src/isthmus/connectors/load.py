"""Calls with media between two ends of one machine: what `isthmus connector capacity` measures with.

The calls are real, by our own user agent. Their RTP (G.711, 50 packets a second each way) is sent and counted by one
thread with a socket for eight calls: a library for media would cost more than what is measured.
"""

from __future__ import annotations

import asyncio
import resource
import select
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from isthmus.useragent.account import Account
from isthmus.useragent.agent import Agent
from isthmus.useragent.call import Call
from isthmus.useragent.sdp import Audio
from isthmus.useragent.wire import UdpWire

_FRAME_S = 0.02
_SLOTS = 4  # a frame's packets go out in so many parts
_PACKET = 12 + 160  # RTP header and 20 ms of G.711
_CALLS_A_SOCKET = 8
_COUNTED = struct.Struct("!HI")
_ON_THEIR_WAY_S = 0.5
_ANSWER_S = 10.0
_AT_ONCE = 8


@dataclass(slots=True)
class _Stream:
    socket: socket.socket
    remote: tuple[str, int]
    packet: bytearray
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """Packets of some seconds. kernel_s: CPU seconds of the kernel in sending and taking them."""

    wanted: int
    sent: int
    received: int
    kernel_s: float

    @property
    def loss(self) -> float:
        """0 to 1, of those that were sent."""
        return max(0.0, 1 - self.received / self.sent) if self.sent else 1.0

    @property
    def late(self) -> float:
        """0 to 1: of those wanted, what was not sent."""
        return max(0.0, 1 - self.sent / self.wanted) if self.wanted else 0.0


class Streams:
    """RTP of many calls, by one thread."""

    def __init__(self) -> None:
        self._slots: list[list[_Stream]] = [[] for _ in range(_SLOTS)]
        self._sockets: dict[str, list[socket.socket]] = {}
        self._used: dict[str, int] = {}
        self._poll = select.epoll()
        self._by_descriptor: dict[int, socket.socket] = {}
        self._sent, self._received = [0] * 256, [0] * 256
        self._window = self._windows = 0
        self._kernel_s = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rtp", daemon=True)

    def start(self) -> None:
        """Begin to send and to count."""
        self._thread.start()

    def close(self) -> None:
        """End all of it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self._poll.close()
        for each in self._by_descriptor.values():
            each.close()

    def socket_at(self, address: str) -> socket.socket:
        """The one that the next call at this address is to use."""
        used = self._used[address] = self._used.get(address, -1) + 1
        there = self._sockets.setdefault(address, [])
        if used % _CALLS_A_SOCKET == 0:
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            made.bind((address, 0))
            made.setblocking(False)
            there.append(made)
            self._by_descriptor[made.fileno()] = made
            self._poll.register(made.fileno(), select.EPOLLIN)
        return there[-1]

    def send(self, by: socket.socket, remote: tuple[str, int]) -> None:
        """Send a stream there from now on."""
        packet = bytearray(struct.pack("!BBHII", 0x80, 0, 0, 0, id(remote) & 0xFFFFFFFF) + b"\xff" * 160)
        min(self._slots, key=len).append(_Stream(by, remote, packet))

    @property
    def count(self) -> int:
        """Streams that are sent."""
        return sum(map(len, self._slots))

    async def measured(self, seconds: float) -> Window:
        """What becomes of the packets of the next seconds."""
        self._windows += 1
        mark = (self._windows - 1) % 255 + 1  # 0 is for packets that nobody counts
        self._sent[mark] = self._received[mark] = 0
        kernel, streams, began = self._kernel_s, self.count, time.monotonic()
        self._window = mark
        await asyncio.sleep(seconds)
        self._window = 0
        took, spent = time.monotonic() - began, self._kernel_s - kernel
        await asyncio.sleep(_ON_THEIR_WAY_S)
        return Window(int(streams * took / _FRAME_S), self._sent[mark], self._received[mark], spent)

    def _run(self) -> None:
        due, slot = time.monotonic(), 0
        while not self._stopping.is_set():
            for stream in tuple(self._slots[slot]):
                self._send(stream)
            slot = (slot + 1) % _SLOTS
            due += _FRAME_S / _SLOTS
            if (now := time.monotonic()) - due > 1:
                due = now  # late for good: what was not sent is not made up for
            self._take_until(due)
            self._kernel_s = resource.getrusage(resource.RUSAGE_THREAD).ru_stime

    def _send(self, stream: _Stream) -> None:
        stream.sequence += 1
        packet, mark = stream.packet, self._window
        _COUNTED.pack_into(packet, 2, stream.sequence & 0xFFFF, stream.sequence * 160 & 0xFFFFFFFF)
        packet[12] = mark
        with suppress(OSError):  # a port that is gone; counted as lost
            stream.socket.sendto(packet, stream.remote)
        self._sent[mark] += 1

    def _take_until(self, due: float) -> None:
        buffer = bytearray(2048)
        while True:
            left = max(0.0, due - time.monotonic())
            for descriptor, _ in self._poll.poll(left):
                with suppress(OSError):
                    for _ in range(_CALLS_A_SOCKET * 2):
                        if self._by_descriptor[descriptor].recv_into(buffer) == _PACKET:
                            self._received[buffer[12]] += 1
            if time.monotonic() >= due:
                return


class Ends:
    """Who calls and who answers. near, far: their addresses; each is known there as a trunk. proxy: where calls go."""

    def __init__(self, near: Agent, far: Agent, proxy: tuple[str, int], streams: Streams) -> None:
        self._near, self._far, self._streams, self._host = near, far, streams, proxy[0]
        far.on_call = self._answer
        self._calls: list[Call] = []

    @classmethod
    async def open(cls, near: str, far: str, proxy: tuple[str, int], streams: Streams) -> Ends:
        """Bind their SIP ports. Raises OSError."""
        agents = [
            Agent(await UdpWire.open(address, 5060), Account(f"sip:+12065550100@{address}"), proxy=proxy)
            for address in (near, far)
        ]
        return cls(agents[0], agents[1], proxy, streams)

    async def close(self) -> None:
        """End both, without a word to anybody."""
        await self._near.close()
        await self._far.close()

    @property
    def calls(self) -> int:
        """Calls that are up."""
        return sum(1 for call in self._calls if call.up)

    async def reach(self, calls: int) -> None:
        """Set calls up until there are so many. Raises ConnectionError, TimeoutError."""
        free = asyncio.Semaphore(_AT_ONCE)

        async def one() -> None:
            async with free:
                await self._dial()

        await asyncio.gather(*(one() for _ in range(calls - self.calls)))

    async def _dial(self) -> None:
        by = self._streams.socket_at(self._near.wire.local.host)
        offer = bytes(Audio(self._near.wire.local.host, by.getsockname()[1]))
        call = await self._near.call(f"sip:+14255550100@{self._host}", body=offer)
        await call.answered(_ANSWER_S)
        if call.remote_audio is None:
            raise ConnectionError("the answer had no audio")
        self._streams.send(by, (call.remote_audio.address, call.remote_audio.port))
        self._calls.append(call)

    async def _answer(self, call: Call) -> None:
        if call.remote_audio is None:
            call.reject(488, "Not Acceptable Here")
            return
        by = self._streams.socket_at(self._far.wire.local.host)
        await call.answer(bytes(Audio(self._far.wire.local.host, by.getsockname()[1])))
        self._streams.send(by, (call.remote_audio.address, call.remote_audio.port))
