"""The parts of messaging at one site, connected with one another and with the links to its peers."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from isthmus.live.hub import Session
from isthmus.messaging.asking import Asking
from isthmus.messaging.feed import Peer, Sender, Whispers
from isthmus.messaging.files import Files
from isthmus.messaging.model import Limits
from isthmus.messaging.moving import MessagesParticipant
from isthmus.messaging.service import Messaging
from isthmus.messaging.telling import Tabs, Telling
from isthmus.messaging.watching import Watching


@dataclass
class Messages:
    """Everything about messages at one site. run: of this control service, which forgets who watches at its end.

    wake: called when there is something to send; (`feed`, peer) or (`whisper`, peer).
    """

    messaging: Messaging
    files: Files
    telling: Telling
    watching: Watching
    asking: Asking
    participant: MessagesParticipant
    senders: Mapping[str, Sender]
    whispers: Mapping[str, Whispers]
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    wake: Callable[[str, str], object] = lambda what, peer: None
    wake_watching: Callable[[], object] = lambda: None

    def acknowledged(self) -> int:
        """The number of the feed that all peers have; -1 where that is not known now."""
        return min((each.acknowledged for each in self.senders.values()), default=2**62)

    def whisper(self, site: str, people: Iterable[str], event: Mapping[str, Any], key: str) -> None:
        """Let a peer tell people now."""
        if site in self.whispers:
            self.whispers[site].put(people, event, key)
            self.wake("whisper", site)

    def whispered(self, peer: str, told: Sequence[tuple[list[str], Mapping[str, Any], str]]) -> None:
        """A peer lets people here be told. Those at home here are told wherever they have tabs, others at this site."""
        for people, event, key in told:
            here = [each for each in people if self.messaging.is_home(each)]
            self.telling.tell(here, event, key)
            self.telling.tell_here([each for each in people if each not in here], event, key)

    def sweep(self) -> None:
        """Remove copies that nobody here has any more, files that no message has, messages that are too old."""
        self.messaging.purge()
        if (acknowledged := self.acknowledged()) >= 0:
            self.messaging.sweep(acknowledged, kept=self.participant.under_way())
        self.files.sweep()

    def joined(self, session: Session) -> None:
        """A tab was opened."""
        self.watching.joined(session.member.person)
        self.wake_watching()

    def left(self, session: Session) -> None:
        """One was closed."""
        self.watching.left(session.member.person)


def build_messages(
    engine: Engine,
    site: str,
    peers: Sequence[Peer],
    tabs: Tabs,
    folder: Path,
    limits: Limits | None = None,
    scan: Sequence[str] = (),
    clock: Callable[[], float] | None = None,
) -> Messages:
    """Connect everything. folder: where files are kept. scan: the command that looks at files."""
    messaging = Messaging(engine, site, limits, **({} if clock is None else {"clock": clock}))
    by_name = {each.peer: each for each in peers}
    senders = {each.peer: Sender(messaging, each) for each in peers}
    telling = Telling(tabs, lambda *what: made.whisper(*what))
    files = Files(messaging, folder, peers, scan)
    made = Messages(
        messaging,
        files,
        telling,
        Watching(messaging, by_name, telling.tell_here),
        Asking(messaging, by_name, lambda *what: made.whisper(*what), files.brought),
        MessagesParticipant(messaging, by_name, files, lambda: made.acknowledged()),
        senders,
        {each.peer: Whispers(each) for each in peers},
    )
    messaging.told = telling.tell
    messaging.present = telling.present

    def committed() -> None:
        for name in by_name:
            made.wake("feed", name)

    messaging.committed = committed
    return made


class NoTabs:
    """A site that nobody looks at: tools and measurements."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        self._lock = threading.Lock()

    def tell(self, person: str, event: Mapping[str, Any], key: str = "") -> None:
        """Remember it."""
        with self._lock:
            self.told.append((person, event))

    def is_here(self, person: str) -> bool:
        """Never."""
        return False
