"""RTP with G.711 mu-law (RFC 3550, RFC 3551): a tone in frames of 20 ms, an echo, and what was heard."""

from __future__ import annotations

import asyncio
import math
import secrets
import struct
import time
from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import Self, cast

RATE_HZ = 8000
FRAME_SAMPLES = 160  # 20 ms
FRAME_S = 0.02
_PCMU = 0
_HEADER = struct.Struct("!BBHII")
_REMEMBERED_FRAMES = 50 * 120


@dataclass(frozen=True, slots=True)
class Frame:
    """One packet heard: when (monotonic seconds), from whom, and its mu-law bytes."""

    at_s: float
    source: tuple[str, int]
    ssrc: int
    sequence: int
    payload: bytes


def encode_ulaw(sample: int) -> int:
    """One 16 bit linear sample as mu-law (ITU-T G.711 table 2)."""
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    code = (0x80 if sample < 0 else 0) | exponent << 4 | (magnitude >> (exponent + 3)) & 0x0F
    return ~code & 0xFF


@cache
def tone(frequency_hz: float, level: float = 0.4) -> bytes:
    """One second of a sine as mu-law, to be played round and round."""
    peak = 32767 * level
    return bytes(encode_ulaw(round(peak * math.sin(2 * math.pi * frequency_hz * n / RATE_HZ))) for n in range(RATE_HZ))


_KEYS = {  # rows and columns of a telephone's keypad (ITU-T Q.23)
    key: (row, column)
    for row, keys in zip((697, 770, 852, 941), ("123", "456", "789", "*0#"), strict=True)
    for column, key in zip((1209, 1336, 1477), keys, strict=True)
}
KEY_S, GAP_S = 0.12, 0.08


@cache
def keypad(digits: str, level: float = 0.25) -> bytes:
    """Digits as the tones of their keys, mu-law, one after the other with silence between."""
    peak, samples, gap = 32767 * level, round(KEY_S * RATE_HZ), bytes([0xFF]) * round(GAP_S * RATE_HZ)
    return b"".join(
        bytes(
            encode_ulaw(round(peak * sum(math.sin(2 * math.pi * hz * n / RATE_HZ) for hz in _KEYS[key])))
            for n in range(samples)
        )
        + gap
        for key in digits
        if key in _KEYS
    )


SILENCE = bytes([0xFF]) * RATE_HZ


class Media(asyncio.DatagramProtocol):
    """One RTP port. Sends `sound` to `remote` while both are set; keeps what comes in `heard`."""

    def __init__(self) -> None:
        self.heard: deque[Frame] = deque(maxlen=_REMEMBERED_FRAMES)
        self.sent_frames = 0
        self.sound: bytes | None = None
        self.remote: tuple[str, int] | None = None
        self.echo = False
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self._position = 0
        self._due_s = 0.0

    @classmethod
    async def open(cls, address: str, port: int = 0) -> Self:
        """Bind to an even UDP port of this address (RFC 3550 section 11). Raises OSError."""
        loop = asyncio.get_running_loop()
        while True:
            transport, media = await loop.create_datagram_endpoint(cls, local_addr=(address, port))
            if port or transport.get_extra_info("sockname")[1] % 2 == 0:
                return media
            transport.close()

    @property
    def local(self) -> tuple[str, int]:
        """Address and port it is bound to."""
        if self._transport is None:
            raise RuntimeError("the media port is closed")
        name = self._transport.get_extra_info("sockname")
        return name[0], name[1]

    def play(self, sound: bytes | None) -> None:
        """Send this from now on, round and round: mu-law, a whole number of frames. None: send nothing."""
        self.sound, self._position = sound, 0
        if sound and self._timer is None:
            self._due_s = asyncio.get_running_loop().time()
            self._send_due()

    def close(self) -> None:
        """Stop and give the port back."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._transport:
            self._transport.close()
            self._transport = None

    def _send_due(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        if not self.sound or self._transport is None:
            return
        now = loop.time()
        if now - self._due_s > 1.0:  # the machine stood still: do not catch up with a burst
            self._due_s = now
        while self._due_s <= now:
            if self.remote:
                self.send(self.sound[self._position : self._position + FRAME_SAMPLES])
            self._position = (self._position + FRAME_SAMPLES) % len(self.sound)
            self._due_s += FRAME_S
        self._timer = loop.call_at(self._due_s, self._send_due)

    def send(self, payload: bytes) -> None:
        """Send one frame of mu-law now; nothing while there is nowhere to send it."""
        if self._transport is None or self.remote is None:
            return
        self.sent_frames += 1
        self._sequence = (self._sequence + 1) & 0xFFFF
        stamp = self.sent_frames * FRAME_SAMPLES
        header = _HEADER.pack(0x80, _PCMU, self._sequence, stamp & 0xFFFFFFFF, self._ssrc)
        self._transport.sendto(self._sealed(header + payload), self.remote)

    def _sealed(self, packet: bytes) -> bytes:
        """The packet as it goes out: for media that are encrypted."""
        return packet

    # asyncio.DatagramProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # its class does not say so

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) <= _HEADER.size or data[0] >> 6 != 2:
            return
        flags, kind, sequence, _, ssrc = _HEADER.unpack_from(data)
        if kind & 0x7F != _PCMU:
            return
        payload = data[_HEADER.size + 4 * (flags & 0x0F) :]
        self.heard.append(Frame(time.monotonic(), (addr[0], addr[1]), ssrc, sequence, payload))
        if self.echo:
            self.send(payload)

    def error_received(self, exc: Exception) -> None:
        """A peer whose port is closed already (ICMP): nothing to do, the call's BYE is on its way."""
