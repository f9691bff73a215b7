"""Conversations in a move: the new home gets a copy of those that the person is in, and the old one keeps none that is
nobody's there.

What is handed over by the move itself says only how much there is. The target asks the source for the messages, page by
page, since a history may be longer than one request and more than the move's table should hold.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from isthmus.addressing import Aor
from isthmus.database import reading
from isthmus.errors import UnavailableError
from isthmus.homing.participants import Handed, JsonValue, Review, Verdicts
from isthmus.messaging import store
from isthmus.messaging.feed import Peer
from isthmus.messaging.files import Files
from isthmus.messaging.model import DELETED, Item, Message
from isthmus.messaging.service import Messaging

_BUDGET_S = 15.0  # of one call; the move waits 30 s for it


class MessagesParticipant:
    """Conversations in a move (see homing.participants.Participant). None of it can stand against a move.

    acknowledged: the number of the feed that all peers have.
    """

    name = "messages"

    def __init__(
        self,
        messaging: Messaging,
        peers: Mapping[str, Peer],
        files: Files,
        acknowledged: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._messaging, self._peers, self._files = messaging, peers, files
        self._acknowledged, self._clock = acknowledged, clock
        self._reached: dict[tuple[str, str], tuple[int, str]] = {}  # source and conversation -> up to where it is here

    def check(self, people: Sequence[Aor], target: str) -> dict[Aor, list[str]]:
        """Nothing."""
        return {}

    def describe(self, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        """Nothing."""
        return {}

    def review(self, data: Handed, target: str) -> dict[Aor, Review]:
        """Nothing."""
        return {}

    def export(self, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        """The conversations of each, and how much is in them."""
        with reading(self._messaging.engine) as connection:
            chats = self._chats(people)
            much = store.summaries(connection, {each for those in chats.values() for each in those})
        site = self._messaging.site
        return {aor: {"site": site, "chats": {c: list(much[c]) for c in those}} for aor, those in chats.items()}

    def import_(self, data: Handed, before: Handed | None) -> Verdicts:
        """Ask for what is new; what there is no time for is asked for when it is verified, after the move."""
        until = self._clock() + _BUDGET_S
        for source, chat, much in _wanted(data):
            earlier = [value["chats"].get(chat) for value in (before or {}).values() if isinstance(value, Mapping)]
            if before is None or much not in earlier:
                self._ask(source, chat, until)
        return dict.fromkeys(data)

    def changed(self, before: JsonValue, now: JsonValue) -> bool:
        """Whether anything was said meanwhile."""
        return bool(before != now)

    def verify(self, data: Handed) -> Verdicts:
        """Everything is here when it was asked for to the end. Raises UnavailableError until then."""
        until = self._clock() + _BUDGET_S
        for source, chat, _ in _wanted(data):
            if not self._ask(source, chat, until):
                raise UnavailableError("the messages are still on their way")
        for source, chat, _ in _wanted(data):
            self._reached.pop((source, chat), None)
        return dict.fromkeys(data)

    def undo(self, people: Sequence[Aor]) -> None:
        """Forget conversations that nobody is in who is at home here."""
        chats = {each for those in self._chats(people).values() for each in those}
        for key in [key for key in self._reached if key[1] in chats]:
            del self._reached[key]
        if chats:
            self._messaging.sweep(self._acknowledged(), chats)

    def clean_up(self, data: Handed) -> Verdicts:
        """The same at the source. What a peer has still to be told of goes later (site.messaging)."""
        chats = {chat for _, chat, _ in _wanted(data)}
        if chats:
            self._messaging.sweep(self._acknowledged(), chats)
        return dict.fromkeys(data)

    def under_way(self) -> set[str]:
        """Conversations that have come here for somebody who is not at home here yet."""
        return {chat for _, chat in list(self._reached)}

    def _chats(self, people: Sequence[Aor]) -> dict[Aor, list[str]]:
        with reading(self._messaging.engine) as connection:
            found = store.people_by_aor(connection, map(str, people))
            return {aor: [each.id for each in store.chats_of(connection, found[str(aor)].id)]
                    for aor in people if str(aor) in found}  # fmt: skip

    def _ask(self, source: str, chat: str, until: float) -> bool:
        """Get a conversation from where it stopped. Gives whether it is all here; raises LinkDownError."""
        while self._clock() < until:
            place = self._reached.get((source, chat), (0, ""))
            told = self._peers[source].ask(
                "/link/messages/part", {"chat": chat, "after": list(place)}, timeout_s=_BUDGET_S
            )
            items = msgspec.convert(told["items"], tuple[Item, ...])
            self._messaging.take(items, source)
            messages = [each for each in items if isinstance(each, Message)]
            self._files.fetch(each.file for each in messages if each.file and each.state != DELETED)
            if messages:
                self._reached[source, chat] = (messages[-1].changed, messages[-1].id)
            if not told["more"]:
                return True
        return False


def _wanted(data: Handed) -> Iterable[tuple[str, str, Any]]:
    """Source, conversation and how much is in it there, once each."""
    found: dict[tuple[str, str], Any] = {}
    for value in data.values():
        for chat, much in value["chats"].items():
            found[value["site"], chat] = much
    return [(source, chat, much) for (source, chat), much in found.items()]
