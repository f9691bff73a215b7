"""How Kamailio's workers tell what becomes of calls, and how sites tell each other their records.

A worker's message is a line of JSON in a named pipe: how many events it had to drop before, and the event. A line is at
most PIPE_BUF bytes, so that those of several workers never mix; and whoever begins to read in the middle of one is
right again at the next.
"""

from __future__ import annotations

import msgspec

from isthmus.records.model import Event, Record

LONGEST = 4096  # bytes: PIPE_BUF of Linux (pipe(7))
HELD = 1 << 20  # bytes that the pipe holds: what Linux lets anybody have (fs.pipe-max-size)


class _Message(msgspec.Struct, frozen=True, array_like=True):
    dropped: int
    event: Event


class Page(msgspec.Struct, frozen=True):
    """Records of one site in the order of their numbers. stream: of its database. last: the highest number it gave."""

    site: str
    stream: str
    last: int
    records: tuple[Record, ...]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Message)


def encode(event: Event, dropped: int) -> bytes:
    """The line of an event; one that would be too long goes without the words that others wrote."""
    line = _encoder.encode(_Message(dropped, event))
    if len(line) >= LONGEST:
        short = msgspec.structs.replace(event, text="", agent="", cause="", reason="", tag=event.tag[:64])
        line = _encoder.encode(_Message(dropped, short))
    return line + b"\n"


def decode(line: bytes) -> tuple[int, Event]:
    """How many were dropped, and the event. Raises msgspec.DecodeError for what is no such line."""
    message = _decoder.decode(line)
    return message.dropped, message.event


def page_of(told: object) -> Page:
    """What a peer told, as JSON has it. Raises msgspec.ValidationError for what is no page."""
    return msgspec.convert(told, Page)
