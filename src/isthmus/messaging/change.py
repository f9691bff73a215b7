"""One write: what it changes here, what it adds to the feed, and who is to be told. All in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from isthmus.messaging import rules, store
from isthmus.messaging.model import DELIVERED, Chat, File, Item, Mark, Member, Message

Told = Callable[[Iterable[str], Mapping[str, Any], str], object]

_DELIVERED_UP_TO = 20  # members: in larger groups it is not kept to whom messages were delivered
_PHONES_UP_TO = 50  # people of a group, each of whom a message waits for


class Change:
    """What `Messaging` works with inside a transaction. present: whether somebody has a page open now.

    phones: whether what comes in here waits for phones; waited: whether anything does.
    """

    def __init__(
        self, connection: Connection, site: str, now_us: int, present: Callable[[str], bool], *, phones: bool = False
    ) -> None:
        self.phones, self.waited = phones, False
        self.connection, self._site, self._now_us, self._present = connection, site, now_us, present
        self._stamp, self._seq = store.lock(connection)
        self._began = self._stamp
        self._rows: list[tuple[str, str, str]] = []
        self._told: list[tuple[str, dict[str, Any], str, str]] = []  # chat, event, key, and who else is told

    @property
    def at_ms(self) -> int:
        """This site's time, in milliseconds since 1970."""
        return self._now_us // 1000

    def stamp(self) -> int:
        """A new one."""
        self._stamp = rules.next_stamp(self._stamp, self._now_us)
        return self._stamp

    def saw(self, stamp: int) -> None:
        """What is stamped from now on is later than that."""
        self._stamp = max(self._stamp, stamp)

    def make(self, value: Item) -> None:
        """Something changed here: keep it, and tell everybody."""
        if self._keep(value):
            self._rows.append(_row(value))

    def take(self, value: Item) -> bool:
        """Another site says so. Gives whether it is news."""
        if isinstance(value, Message):
            self.saw(max(value.stamp, value.changed))
        elif isinstance(value, (Chat, Member)):
            self.saw(value.changed)
        return self._keep(value)

    def again(self, values: Iterable[Item]) -> None:
        """Tell other sites of what is here already."""
        self._rows += [_row(value) for value in values]

    def resend_messages(self, chat_id: str, origin: str | None = None) -> None:
        """Tell other sites of all messages of a conversation, or of those that came in at one site."""
        for id_ in store.own_messages(self.connection, chat_id, origin):
            self._rows.append((chat_id, store.MESSAGE, id_))

    def _keep(self, value: Item) -> bool:
        if not store.put(self.connection, value):
            return False
        if isinstance(value, Message):
            self._tell(value.chat, {"event": "chat.message", "chat": value.chat, "message": public(value)})
            if value.stamp == value.changed:
                self._delivered(value)
        elif isinstance(value, Mark):
            key = f"chat.mark {value.chat} {value.person} {value.kind} {value.site}"
            self._tell(value.chat, {"event": "chat.mark", **mark_json(value)}, key)
        else:
            chat_id = value.chat if isinstance(value, Member) else value.id
            gone = value.person if isinstance(value, Member) and not value.joined else ""
            self._tell(chat_id, {"event": "chat.changed", "chat": chat_id}, f"chat.changed {chat_id}", gone)
        return True

    def _delivered(self, message: Message) -> None:
        if self.phones and message.origin == self._site:
            self._wait(message)
        here = store.residents(self.connection, message.chat, self._site)
        if len(here) <= _DELIVERED_UP_TO:
            for person in here:
                if person != message.author and self._present(person):
                    self.make(Mark(message.chat, person, DELIVERED, message.origin, message.stamp))

    def _wait(self, message: Message) -> None:
        """It waits where it came in, and nowhere else: who is at home elsewhere gets it from there (phones.py).

        Whoever has just moved, has not been heard of yet, or moves meanwhile would else get it twice or from nobody.
        """
        chat = store.one_chat(self.connection, message.chat)
        if chat is None:
            return
        members = store.members(self.connection, [message.chat])
        others = [m.person for m in members if m.joined and m.person != message.author]
        if len(others) < _PHONES_UP_TO:
            self.waits(message, others)

    def waits(self, message: Message, people: Iterable[str]) -> None:
        """It waits for phones of these people from now on."""
        for each in people:
            store.waits(self.connection, [each], message.id, message.at_ms, self.stamp())
            self.waited = True

    def _tell(self, chat_id: str, event: dict[str, Any], key: str = "", also: str = "") -> None:
        self._told.append((chat_id, event, key, also))

    def flush(self) -> list[tuple[list[str], dict[str, Any], str]]:
        """Write the feed. Gives whom to tell what, after the commit."""
        rows = list(dict.fromkeys(self._rows))
        store.feed(self.connection, self._seq + 1, rows)
        if rows or self._stamp != self._began:
            store.set_clock(self.connection, self._stamp, self._seq + len(rows))
        residents: dict[str, list[str]] = {}
        told = []
        for chat_id, event, key, also in self._told:
            if chat_id not in residents:
                residents[chat_id] = store.residents(self.connection, chat_id, self._site)
            told.append(([*residents[chat_id], *([also] if also else [])], event, key))
        return told

    @property
    def tells_others(self) -> bool:
        """Whether other sites have to hear of it."""
        return bool(self._rows)


def _row(value: Item) -> tuple[str, str, str]:
    if isinstance(value, Message):
        return value.chat, store.MESSAGE if value.stamp == value.changed else store.CHANGE, value.id
    if isinstance(value, Mark):
        return value.chat, store.MARK, f"{value.person}\n{value.kind}\n{value.site}"
    if isinstance(value, Member):
        return value.chat, store.MEMBER, value.person
    return value.id, store.CHAT, value.id


def public(message: Message) -> dict[str, Any]:
    """A message as clients see it. at: seconds since 1970."""
    return {
        "id": message.id,
        "chat": message.chat,
        "site": message.origin,
        "stamp": message.stamp,
        "author": message.author,
        "at": message.at_ms / 1000,
        "text": message.text,
        "state": message.state,
        "changed": message.changed,
        "file": file_json(message.file),
    }


def file_json(file: File | None) -> dict[str, Any] | None:
    """A file as clients see it."""
    return None if file is None else {"name": file.name, "size": file.size, "type": file.type}


def mark_json(mark: Mark) -> dict[str, Any]:
    """A mark as clients see it."""
    return {"chat": mark.chat, "person": mark.person, "kind": mark.kind, "site": mark.site, "stamp": mark.stamp}
