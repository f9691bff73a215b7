"""Setting and reading what somebody chose, from whichever site they are at: their home alone knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from isthmus.errors import NotFoundError, RefusedError, UnavailableError
from isthmus.presence.model import Chosen, Known
from isthmus.presence.service import Presence


class Answer(msgspec.Struct, frozen=True):
    """What a home answers: what somebody set, and how they are."""

    chosen: Chosen
    known: Known


class Asks(Protocol):
    """What is needed of a PeerLink."""

    def ask(self, path: str, body: Any, *, timeout_s: float = 3.0) -> Any: ...


class Owning:
    """peers: ways to ask the other homes, by name."""

    def __init__(self, presence: Presence, peers: Mapping[str, Asks]) -> None:
        self._presence, self._peers = presence, peers

    def chosen(self, person: str) -> Chosen:
        """What somebody (stable id) set. Raises UnavailableError where their home can't be asked."""
        return self.choose(person, {})

    def choose(self, person: str, changes: Mapping[str, Any]) -> Chosen:
        """Change it, at their home; without changes, read it. Raises UsageError, UnavailableError."""
        who = self._presence.people.by_id([person]).get(person)
        if who is None:
            raise NotFoundError("there is no such person")
        if who.home == self._presence.site:
            return self.here(person, changes)
        link = self._peers.get(who.home)
        if link is None:
            raise UnavailableError(f"{who.home}, the home of {who.aor}, is not linked to this site")
        told = link.ask("/link/presence/chosen", {"person": person, "changes": dict(changes)})
        try:
            answer = msgspec.convert(told, Answer)
        except msgspec.ValidationError as error:
            raise RefusedError(f"what {who.home} answers can't be read ({error})") from error
        # Whoever has set it sees it, though the feed has not told it yet.
        self._presence.learn(who.home, answer.known)
        return answer.chosen

    def answer(self, person: str, changes: Mapping[str, Any]) -> Answer:
        """The same as a peer asks for it."""
        chosen = self.here(person, changes)
        who = self._presence.people.by_id([person]).get(person)
        if who is None:
            raise NotFoundError("there is no such person")
        return Answer(chosen, self._presence.of(who))

    def here(self, person: str, changes: Mapping[str, Any]) -> Chosen:
        """The same where this is their home."""
        return self._presence.choose(person, changes) if changes else self._presence.chosen(person)
