"""Who is connected, and what is on its way to them. No I/O: `live.api` carries it.

Features publish to topics, from any thread; sessions that follow a topic get it. What a slow tab has not taken yet is
kept within bounds: of events with the same key the newest alone, and who falls behind for good is told to come again.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from isthmus.addressing import Aor
from isthmus.errors import NotFoundError, TooManyError

_log = logging.getLogger(__name__)

Event = Mapping[str, Any]
Handler = Callable[["Session", Mapping[str, Any]], Awaitable[Any]]

MOST_WAITING = 2000
MOST_OF_A_PERSON = 20
MOST_TOPICS = 2000  # a contact list of 1,000, and as many conversations


@dataclass(frozen=True, slots=True)
class Member:
    """Who a session is. person: stable id. account: the account that signed in."""

    tenant: str
    person: str
    aor: Aor
    account: str


class Session:
    """One tab. Everything but `member` is the event loop's alone."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.topics: set[str] = set()
        self._waiting: OrderedDict[object, Event] = OrderedDict()
        self._ready = asyncio.Event()
        self._own_keys = itertools.count()
        self.behind = False

    def send(self, event: Event, key: str = "") -> None:
        """Put an event on its way; one with the same key that is still here is replaced, at the older one's place."""
        self._waiting[key or next(self._own_keys)] = event
        if len(self._waiting) > MOST_WAITING:
            self.behind = True
        self._ready.set()

    async def take(self, pause_s: float) -> list[Event]:
        """What is to be sent, at least one event. After the first, others are waited for a moment: one write each.

        Raises TooManyError when the tab is too far behind to be told everything.
        """
        await self._ready.wait()
        await asyncio.sleep(pause_s)
        if self.behind:
            raise TooManyError("this tab can't keep up with what is told to it", retry_after_s=1.0)
        events = list(self._waiting.values())
        self._waiting.clear()
        self._ready.clear()
        return events


class Hub:
    """The sessions of a site. `publish`, `tell` and `soon` are for any thread, the rest for the event loop alone."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._topics: dict[str, set[Session]] = {}
        self._of_person: dict[str, set[Session]] = {}
        self._handlers: dict[str, Handler] = {}
        self._joined: list[Callable[[Session], object]] = []
        self._left: list[Callable[[Session], object]] = []

    def handle(self, do: str, handler: Handler) -> None:
        """What is asked by the name `do` is answered by `handler`, which gets the session and what was sent."""
        if do in self._handlers:
            raise ValueError(f"{do} has a handler already")
        self._handlers[do] = handler

    def on_join(self, told: Callable[[Session], object]) -> None:
        """Call it with each session that begins."""
        self._joined.append(told)

    def on_leave(self, told: Callable[[Session], object]) -> None:
        """Call it with each session that has ended, however it did."""
        self._left.append(told)

    def join(self, member: Member) -> Session:
        """Begin a session. Raises TooManyError when the person has too many."""
        self._loop = asyncio.get_running_loop()
        mine = self._of_person.setdefault(member.person, set())
        if len(mine) >= MOST_OF_A_PERSON:
            raise TooManyError("you have too many tabs open here", retry_after_s=60.0, do="Close some of them.")
        session = Session(member)
        mine.add(session)
        _tell(self._joined, session, "a session has begun")
        return session

    def leave(self, session: Session) -> None:
        """End a session."""
        for topic in list(session.topics):
            self.unfollow(session, topic)
        mine = self._of_person.get(session.member.person, set())
        mine.discard(session)
        if not mine:
            self._of_person.pop(session.member.person, None)
        _tell(self._left, session, "a session has ended")

    def follow(self, session: Session, topic: str) -> None:
        """Let a session get what is published to a topic. Raises TooManyError."""
        if len(session.topics) >= MOST_TOPICS and topic not in session.topics:
            raise TooManyError(f"a tab may follow {MOST_TOPICS} things at most", retry_after_s=60.0)
        session.topics.add(topic)
        self._topics.setdefault(topic, set()).add(session)

    def unfollow(self, session: Session, topic: str) -> None:
        """The opposite."""
        session.topics.discard(topic)
        following = self._topics.get(topic)
        if following is not None:
            following.discard(session)
            if not following:
                del self._topics[topic]

    async def ask(self, session: Session, do: str, body: Mapping[str, Any]) -> Any:
        """Let the feature answer. Raises NotFoundError where there is none of that name, and what the handler does."""
        handler = self._handlers.get(do)
        if handler is None:
            raise NotFoundError(f"nothing here is called {do[:80]!r}", do="Load the page anew: it may be out of date.")
        return await handler(session, body)

    def publish(self, topic: str, event: Event, key: str = "") -> None:
        """Tell whoever follows the topic. With a key, a newer event replaces the older one that was not sent yet."""
        self._on_loop(self._publish, self._topics, topic, event, key)

    def tell(self, person: str, event: Event, key: str = "") -> None:
        """Tell every tab of a person (stable id)."""
        self._on_loop(self._publish, self._of_person, person, event, key)

    def soon(self, work: Callable[..., object], *args: object) -> None:
        """Do it on the event loop, after what was published before."""
        self._on_loop(work, *args)

    def follows(self, topic: str) -> bool:
        """Whether anybody does."""
        return topic in self._topics

    def is_here(self, person: str) -> bool:
        """Whether a person has a tab open."""
        return person in self._of_person

    @property
    def sessions(self) -> int:
        """How many tabs there are."""
        return sum(len(each) for each in self._of_person.values())

    def _on_loop(self, work: Callable[..., object], *args: object) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():  # nobody was ever here, or nobody will be any more
            return
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is loop:
            work(*args)
        else:
            loop.call_soon_threadsafe(work, *args)

    @staticmethod
    def _publish(where: Mapping[str, set[Session]], name: str, event: Event, key: str) -> None:
        for session in where.get(name, ()):
            session.send(event, key)


def _tell(listeners: list[Callable[[Session], object]], session: Session, what: str) -> None:
    """One feature's fault must not keep the others from hearing of it, nor leave a session behind that never ends."""
    for told in listeners:
        try:
            told(session)
        except Exception:
            _log.exception(what)
