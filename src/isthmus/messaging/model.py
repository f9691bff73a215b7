"""What conversations are made of. These values are stored, and travel between sites, as they are here.

A *stamp* is a time in microseconds since 1970 that a site gives once and never takes back: it is later than every stamp
the site gave or has seen (a hybrid logical clock). Stamp and origin together are a message's place in its conversation,
the same at every site.
"""

from __future__ import annotations

import msgspec

PAIR, GROUP = "pair", "group"
READ, DELIVERED = "read", "delivered"
EDITED, DELETED = "edited", "deleted"

MOST_TEXT = 8 * 1024  # bytes of UTF-8
MOST_MEMBERS = 250
MOST_TITLE = 100  # characters
MOST_FILE_NAME = 200


class File(msgspec.Struct, frozen=True):
    """A file that is sent with a message. hash: SHA-256 of what is in it, in hex. type: media type. size: bytes."""

    id: str
    hash: str
    name: str
    size: int
    type: str


class Chat(msgspec.Struct, frozen=True, tag="chat"):
    """A conversation. kind: PAIR or GROUP. title, owner (stable id): of a group. changed: stamp of either."""

    id: str
    tenant: str
    kind: str
    title: str
    changed: int
    at_ms: int
    owner: str = ""


class Member(msgspec.Struct, frozen=True, tag="member"):
    """Somebody (stable id) who is in a conversation, or was. changed: stamp of their coming or going."""

    chat: str
    person: str
    joined: bool
    changed: int


class Message(msgspec.Struct, frozen=True, tag="message"):
    """One message. id: made by the client, so that what is sent twice is there once. author: stable id.

    origin, stamp: the site that took it, and when. at_ms: that site's clock. changed: stamp of the last change; state:
    EDITED, DELETED (text and file are gone then) or empty.
    """

    id: str
    chat: str
    origin: str
    stamp: int
    author: str
    at_ms: int
    text: str
    changed: int
    state: str = ""
    file: File | None = None


class Mark(msgspec.Struct, frozen=True, tag="mark"):
    """How far somebody has READ a conversation, or it was DELIVERED to them: of what came from `site`, up to `stamp`.

    One for each site, since what comes late from another site may belong before what was read already.
    """

    chat: str
    person: str
    kind: str
    site: str
    stamp: int


Item = Chat | Member | Message | Mark


class Page(msgspec.Struct, frozen=True):
    """A stretch of what changed at a site, for one peer: behind `after`, up to `last` of `stream` (its database)."""

    stream: str
    after: int
    last: int
    items: tuple[Item, ...] = ()


class Who(msgspec.Struct, frozen=True):
    """What conversations need to know of a person of the directory. id: stable."""

    id: str
    aor: str
    name: str
    tenant: str
    home: str
    enabled: bool


class Limits(msgspec.Struct, frozen=True):
    """keep_days: after which messages are removed, 0 never. file_bytes: of one file. file_endings: of the names of
    those that are taken, all where none is named. per_s, burst: messages of one person."""

    keep_days: int = 0
    file_bytes: int = 25 * 1024 * 1024
    file_endings: tuple[str, ...] = ()
    per_s: float = 5.0
    burst: int = 60
