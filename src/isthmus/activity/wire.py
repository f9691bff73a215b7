"""How Kamailio's workers tell the control service what accounts do: one message of a unix SEQPACKET socket an event.

A message is a msgpack array: how many the sender had to drop before, and the event. Not a datagram socket: the kernel
lets ten of those wait (net.unix.max_dgram_qlen), and some 280 on each connection of this kind.
"""

from __future__ import annotations

import msgspec

from isthmus.activity.model import Event, Kind

__all__ = ["LONGEST", "Event", "Kind", "decode", "encode"]

LONGEST = 4096  # bytes; what strangers write is cut before


class _Message(msgspec.Struct, frozen=True, array_like=True):
    dropped: int
    event: Event


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Message)


def encode(event: Event, dropped: int) -> bytes:
    """The message of an event."""
    return _encoder.encode(_Message(dropped, event))


def decode(raw: bytes) -> tuple[int, Event]:
    """How many were dropped, and the event. Raises msgspec.DecodeError for what is no message."""
    message = _decoder.decode(raw)
    return message.dropped, message.event
