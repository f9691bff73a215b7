"""What this site sees of people: tabs they have open here, calls that pass here, their phones, what SIP clients say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from isthmus.presence import rules
from isthmus.presence.model import Device, Published, Seen

GRACE_S = 3.0
"""A tab that is loaded anew is not gone."""
_MOST_TABS = 50


@dataclass(slots=True)
class _Person:
    tabs: dict[object, bool] = field(default_factory=dict)  # whether it is used
    leaving: dict[object, float] = field(default_factory=dict)  # until when
    calls: set[str] = field(default_factory=set)
    published: dict[str, tuple[Published, float]] = field(default_factory=dict)  # by entity tag; until when
    emergency_until_s: float = 0.0
    phone: bool = False
    told: Seen = field(default_factory=Seen)

    def seen(self) -> Seen:
        device = Device.NONE
        if self.tabs:
            device = Device.ACTIVE if any(self.tabs.values()) else Device.IDLE
        published = tuple(each for each, _ in self.published.values())
        return Seen(device, bool(self.calls), published, int(self.emergency_until_s * 1000), self.phone)


class Here:
    """Safe to use from several threads. see: told of a person (stable id) whenever what is seen of them is another.

    clock: Unix seconds.
    """

    def __init__(self, see: Callable[[str, Seen], object], clock: Callable[[], float] = time.time) -> None:
        self._see, self._clock = see, clock
        self._lock = threading.RLock()
        self._people: dict[str, _Person] = {}
        self._of_call: dict[str, frozenset[str]] = {}

    # Tabs

    def tab(self, person: str, tab: object, *, active: bool) -> None:
        """A tab is open, and used or not."""
        with self._lock:
            one = self._one(person)
            if len(one.tabs) < _MOST_TABS or tab in one.tabs:
                one.tabs[tab] = active
            one.leaving.pop(tab, None)
            for old in list(one.leaving) if active else ():
                # The tab that is back takes the place of the one that went.
                one.tabs.pop(old, None)
                del one.leaving[old]
            self._tell(person, one)

    def tab_gone(self, person: str, tab: object) -> None:
        """It was closed, or its browser crashed."""
        with self._lock:
            one = self._people.get(person)
            if one is not None and tab in one.tabs:
                one.leaving[tab] = self._clock() + GRACE_S

    # Calls

    def call(self, call_id: str, people: Iterable[str]) -> None:
        """These people talk."""
        now = frozenset(people)
        with self._lock:
            before = self._of_call.get(call_id, frozenset())
            if now:
                self._of_call[call_id] = now
            else:
                self._of_call.pop(call_id, None)
            for person in now - before:
                self._one(person).calls.add(call_id)
            for person in before - now:
                self._one(person).calls.discard(call_id)
            for person in now ^ before:
                self._tell(person, self._one(person))

    def call_over(self, call_id: str) -> None:
        """They don't any more."""
        self.call(call_id, ())

    def calls(self) -> frozenset[str]:
        """Call-IDs of those that are up."""
        with self._lock:
            return frozenset(self._of_call)

    def called_for_help(self, person: str) -> None:
        """They have called the emergency services."""
        with self._lock:
            one = self._one(person)
            one.emergency_until_s = self._clock() + rules.EMERGENCY_MS / 1000
            self._tell(person, one)

    # SIP clients

    def phone(self, person: str, *, registered: bool) -> None:
        """Whether a phone of theirs that is no browser is registered here."""
        with self._lock:
            if registered or person in self._people:
                one = self._one(person)
                one.phone = registered
                self._tell(person, one)

    def publish(self, person: str, tag: str, what: Published | None, expires_s: float) -> None:
        """What a client says of its person, under a tag of ours, for so long; None: what it said before. 0: no more."""
        with self._lock:
            one = self._one(person)
            if what is None and tag in one.published:
                what = one.published[tag][0]
            if what is None or not expires_s:
                one.published.pop(tag, None)
            else:
                one.published[tag] = (what, self._clock() + expires_s)
            self._tell(person, one)

    def tick(self) -> None:
        """What has ended by now ends. To be called several times a second."""
        now = self._clock()
        with self._lock:
            for person, one in list(self._people.items()):
                if not (one.leaving or one.published or one.emergency_until_s):
                    continue
                for tab in [each for each, until in one.leaving.items() if until <= now]:
                    one.tabs.pop(tab, None)
                    del one.leaving[tab]
                for tag in [each for each, (_, until) in one.published.items() if until <= now]:
                    del one.published[tag]
                if one.emergency_until_s <= now:
                    one.emergency_until_s = 0.0
                self._tell(person, one)

    def _one(self, person: str) -> _Person:
        return self._people.setdefault(person, _Person())

    def _tell(self, person: str, one: _Person) -> None:
        now = one.seen()
        if now == Seen():
            self._people.pop(person, None)
        if now != one.told:
            one.told = now
            self._see(person, now)
