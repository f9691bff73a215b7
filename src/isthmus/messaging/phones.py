"""Messages on their way to phones: which, in what order, and what became of them.

A message of a conversation of two waits at the site where it came in, from the transaction that stored it. If the other
lives elsewhere, it is handed to their home, and on from there if they move: one site at a time has it to give. It
is over when a phone took it, when it was read, when a page has it and no phone took it, or after some days. So it comes
to phones that register later, and not to those that register when everything was seen.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from isthmus.database import reading, writing
from isthmus.errors import NotFoundError
from isthmus.messaging import rules, store
from isthmus.messaging.asking import Asking
from isthmus.messaging.model import DELETED, DELIVERED, GROUP, READ, Chat, Message, Who
from isthmus.messaging.service import Messaging

KEEP_S = 7 * 86400.0
MOST = 100  # for one person; of more the newest
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Phone:
    """A registered phone. uri: its Contact. hop: what leads there, as a URI. route: Path, empty without.

    key: another one after it has registered anew. takes: whether it says that it takes MESSAGE, or says nothing.
    whole: whether a message of any length can get there in one piece.
    """

    uri: str
    hop: str
    route: str
    key: str
    takes: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for a person's phones. author, name: whom they see it from and would answer; that is the group, of a
    message in one, whose text begins with who wrote it. seen: whether a page has it."""

    id: str
    chat: str
    site: str
    stamp: int
    author: str
    name: str
    to: str
    text: str
    at_s: float
    seen: bool


class Waiting:
    """Safe to use from several threads. clock: Unix seconds."""

    def __init__(self, messaging: Messaging, asking: Asking, clock: Callable[[], float] = time.time) -> None:
        self._messaging, self._asking, self._clock = messaging, asking, clock

    def people(self) -> list[str]:
        """For whom something waits, the longest first."""
        with reading(self._messaging.engine) as connection:
            return store.waiting_people(connection)

    def of(self, person: str) -> list[Outgoing]:
        """What waits for somebody, in order. What is over is removed; who lives elsewhere is left to their home.

        Raises UnavailableError where that can't be told now.
        """
        with reading(self._messaging.engine) as connection:
            rows = store.waiting(connection, person)
            who = store.people(connection, [person]).get(person)
            found = [store.message(connection, id_) for id_, _, _ in rows]
            marks = store.marks(connection, {m.chat for m in found if m is not None})
            authors = store.people(connection, {m.author for m in found if m is not None})
            chats = {m.chat: store.one_chat(connection, m.chat) for m in found if m is not None}
            inside = {chat for chat in chats if store.is_member(connection, chat, person)}
        oldest_ms = (self._clock() - KEEP_S) * 1000
        if who is not None and who.home != self._messaging.site:
            some = rows[:_AT_ONCE]
            if wanted_there := [id_ for id_, _, at_ms in some if at_ms >= oldest_ms]:
                self._asking.hand_over(person, who.home, "chat.waits", {"messages": wanted_there})
            with writing(self._messaging.engine) as connection:
                store.handed_over(connection, person, [turn for _, turn, _ in some])
            return []
        up_to = {(mark.kind, mark.chat, mark.site): mark.stamp for mark in marks if mark.person == person}

        def covers(kind: str, message: Message) -> bool:
            return up_to.get((kind, message.chat, message.origin), 0) >= message.stamp

        wanted = [
            m
            for m in found
            if m is not None
            and m.state != DELETED
            and m.at_ms >= oldest_ms
            and m.chat in inside
            and not covers(READ, m)
        ]
        wanted = sorted(wanted, key=lambda m: (m.stamp, m.origin))[-MOST:] if who is not None and who.enabled else []
        kept = {m.id for m in wanted}
        # What is not here (its author and reader moved at the same time) may come still.
        late = {id_ for (id_, _, at_ms), m in zip(rows, found, strict=True) if m is None and at_ms >= oldest_ms}
        self.over(person, [id_ for id_, _, _ in rows if id_ not in kept | late])
        return [
            _outgoing(m, chats[m.chat], authors[m.author], who, seen=covers(DELIVERED, m))
            for m in wanted
            if who is not None and m.author in authors
        ]

    def taken(self, person: str, message: Outgoing) -> None:
        """A phone has it."""
        with contextlib.suppress(NotFoundError):  # where the conversation has moved away meanwhile
            self._messaging.mark(person, message.chat, {message.site: message.stamp}, DELIVERED)
        self.over(person, [message.id])

    def over(self, person: str, messages: Iterable[str]) -> None:
        """These wait no more."""
        gone = list(messages)
        if gone:
            with writing(self._messaging.engine) as connection:
                store.waits_no_more(connection, person, gone)


def _outgoing(message: Message, chat: Chat | None, author: Who, to: Who, *, seen: bool) -> Outgoing:
    sender, name, text = author.aor, author.name, _shown(message)
    if chat is not None and chat.kind == GROUP:
        sender, name = rules.group_address(chat.id, to.aor.partition("@")[2]), chat.title
        text = f"{author.name or author.aor}: {text}"
    return Outgoing(
        message.id, message.chat, message.origin, message.stamp, sender, name, to.aor, text, message.at_ms / 1000, seen
    )


def _shown(message: Message) -> str:
    """What a phone shows of it: of a file, that there is one."""
    if message.file is None:
        return message.text
    named = f"[{message.file.name}]"
    return f"{named}\n{message.text}" if message.text else named
