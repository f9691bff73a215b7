"""What tabs ask about conversations, by name. Answered at the home of who asks: elsewhere it is passed on to there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from isthmus.errors import RefusedError, TooManyError, UnavailableError, UsageError
from isthmus.identity.throttle import Rate
from isthmus.messaging.change import public
from isthmus.messaging.feed import Peer
from isthmus.messaging.model import File
from isthmus.messaging.service import Messaging

_WAIT_S = 10.0
_TRIES, _PAUSE_S = 6, 0.5
_MOST_SHOWN = 250
_Body = Mapping[str, Any]


class Asking:
    """peers: the links by site. whisper: (site, people, event, key) tells tabs of people who are at home at a site.

    file: the file of that id which somebody brought to this site; raises NotFoundError.
    """

    def __init__(
        self,
        messaging: Messaging,
        peers: Mapping[str, Peer],
        whisper: Callable[[str, Iterable[str], _Body, str], object],
        file: Callable[[str, str], File],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._messaging, self._peers, self._whisper, self._file = messaging, peers, whisper, file
        self._sleep = sleep
        self._typing = Rate(0.5, 3, clock)
        self._searching = Rate(1.0, 10, clock)
        self._known: dict[str, Callable[[str, _Body], Any]] = {
            "chats": lambda me, body: messaging.chats(me),
            "chat.info": lambda me, body: messaging.info(me, _text(body, "chat")),
            "chat.open": lambda me, body: messaging.info(me, messaging.open_pair(me, _text(body, "aor")).id),
            "chat.group": self._group,
            "chat.add": lambda me, body: messaging.add(me, _text(body, "chat"), _texts(body, "aors")),
            "chat.leave": lambda me, body: messaging.leave(me, _text(body, "chat")),
            "chat.remove": lambda me, body: messaging.remove(me, _text(body, "chat"), _text(body, "person")),
            "chat.owner": lambda me, body: messaging.hand_over(me, _text(body, "chat"), _text(body, "person")),
            "chat.rename": lambda me, body: messaging.rename(me, _text(body, "chat"), body.get("title")),
            "chat.history": self._history,
            "chat.send": self._send,
            "chat.edit": lambda me, body: public(messaging.edit(me, _text(body, "message"), body.get("text"))),
            "chat.delete": lambda me, body: public(messaging.delete(me, _text(body, "message"))),
            "chat.mark": lambda me, body: {"unread": messaging.mark(me, _text(body, "chat"), body.get("upTo"))},
            "chat.search": self._search,
            "chat.typing": self._types,
            "chat.write": self._write,
            "chat.waits": lambda me, body: messaging.wait_again(me, _texts(body, "messages")),
            "chat.file": lambda me, body: msgspec.to_builtins(messaging.file_of(me, _text(body, "message"))),
        }

    def add(self, more: Mapping[str, Callable[[str, _Body], Any]]) -> None:
        """Questions of another feature that are answered at the home of who asks."""
        self._known |= more

    @property
    def names(self) -> list[str]:
        """What can be asked."""
        return list(self._known)

    def ask(self, me: str, do: str, body: _Body) -> Any:
        """Answer somebody (stable id) who has a tab at this site. Raises IsthmusError."""
        if do == "chat.send" and body.get("file") is not None:
            # Where it was brought it is known who did; their home believes this site.
            file = self._file(_text(body, "file"), me)
            body = {**body, "file": msgspec.to_builtins(file)}
        for _ in range(_TRIES):
            home = self._messaging.home_of(me)
            if home == self._messaging.site:
                return self._known[do](me, body)
            asked = {"person": me, "do": do, "body": dict(body)}
            told = self.peer(home).ask("/link/messages/ask", asked, timeout_s=_WAIT_S)
            if "value" in told:
                return told["value"]
            self._sleep(_PAUSE_S)  # in the midst of a move: one of the two sites is about to hear of it
        raise UnavailableError("this person is moving to another home", do="Try again.")

    def hand_over(self, person: str, home: str, do: str, body: _Body) -> None:
        """Leave something to a site where somebody is at home, and to no other: this one may be their home by now, and
        would then take what it is about to give up. Raises UnavailableError where they have moved meanwhile.
        """
        asked = {"person": person, "do": do, "body": dict(body)}
        if "value" not in self.peer(home).ask("/link/messages/ask", asked, timeout_s=_WAIT_S):
            raise UnavailableError("this person is moving to another home", do="Try again.")

    def ask_home(self, me: str, do: str, body: _Body) -> dict[str, Any]:
        """Answer somebody with a tab at a peer, which takes them to be at home here: the value, or that they moved."""
        if self._messaging.home_of(me) != self._messaging.site:
            return {"moved": True}
        if do not in self._known:
            raise UsageError("this site knows no such question", do="Bring both sites to the same version.")
        return {"value": self._known[do](me, body)}

    def peer(self, site: str) -> Peer:
        """The link to a site where people live. Raises RefusedError for one that is no peer."""
        if site not in self._peers:
            raise RefusedError(f"there is no link to {site}, where this person is at home")
        return self._peers[site]

    def _group(self, me: str, body: _Body) -> Any:
        chat = self._messaging.create_group(me, body.get("chat"), body.get("title"), _texts(body, "aors"))
        return self._messaging.info(me, chat.id)

    def _history(self, me: str, body: _Body) -> Any:
        limit = body.get("limit", 50)
        if type(limit) is not int or not 1 <= limit <= _MOST_SHOWN:
            raise UsageError(f"1 to {_MOST_SHOWN} messages are shown at once", where="limit")
        if body.get("after") is not None:
            if body.get("before") is not None:
                raise UsageError('a page goes "before" a place or "after" it', where="after")
            return self._messaging.history_after(me, _text(body, "chat"), _place(body, "after") or (0, ""), limit)
        return self._messaging.history(me, _text(body, "chat"), _place(body), limit)

    def _send(self, me: str, body: _Body) -> Any:
        given = body.get("file")
        file = msgspec.convert(given, File) if isinstance(given, Mapping) else None
        return public(self._messaging.send(me, _text(body, "chat"), body.get("message"), body.get("text", ""), file))

    def _write(self, me: str, body: _Body) -> Any:
        """To somebody by their address, whether there is a conversation or not; or that one is about to."""
        chat = self._messaging.open_pair(me, _text(body, "aor")).id
        if body.get("typing"):
            return self._types(me, {"chat": chat})
        return self._send(me, {"chat": chat, "message": body.get("message"), "text": body.get("text")})

    def _search(self, me: str, body: _Body) -> Any:
        if wait := self._searching.take(me):
            raise TooManyError("you search too fast", retry_after_s=wait)
        chat = _text(body, "chat") if body.get("chat") is not None else None
        return self._messaging.search(me, body.get("text"), chat, _place(body))

    def _types(self, me: str, body: _Body) -> None:
        """Told to who is there, and forgotten."""
        chat = _text(body, "chat")
        if self._typing.take(f"{me} {chat}"):
            return
        event = {"event": "chat.typing", "chat": chat, "person": me}
        for home, people in self._messaging.others(me, chat).items():
            if home == self._messaging.site:
                self._messaging.told(people, event, f"chat.typing {chat} {me}")
            elif home in self._peers:
                self._whisper(home, people, event, f"chat.typing {chat} {me}")


def _text(body: _Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value or len(value) > 400 or "\0" in value:
        raise UsageError(f"{name} is missing", where=name)
    return value


def _texts(body: _Body, name: str) -> list[str]:
    value = body.get(name)
    if not isinstance(value, list) or not all(isinstance(each, str) and len(each) <= 400 for each in value):
        raise UsageError(f"{name} is a list of addresses", where=name)
    return value


def _place(body: _Body, name: str = "before") -> tuple[int, str] | None:
    """Where a page of messages goes on: before this stamp and site, or after it."""
    given = body.get(name)
    if given is None:
        return None
    if not (isinstance(given, list) and len(given) == 2 and type(given[0]) is int and isinstance(given[1], str)):
        raise UsageError(f'"{name}" is a stamp and a site', where=name)
    if not 0 <= given[0] < 2**62:
        raise UsageError(f'"{name}" is a stamp and a site', where=name)
    return given[0], given[1]
