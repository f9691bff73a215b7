"""Who is told what: tabs here of those who are at home here, and tabs that they have open at other sites."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

WATCHED_S = 60.0  # a site that asks to be told asks again sooner


class Tabs(Protocol):
    """The browser tabs of this site (live.hub.Hub)."""

    def tell(self, person: str, event: Mapping[str, Any], key: str = "") -> None: ...

    def is_here(self, person: str) -> bool: ...


class Telling:
    """Passes events on. elsewhere: (site, people, event, key), for other sites' tabs. Safe from several threads.

    typing: (people, conversation) called when somebody writes in one, for people's phones.
    """

    def __init__(
        self,
        tabs: Tabs,
        elsewhere: Callable[[str, Iterable[str], Mapping[str, Any], str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tabs, self._elsewhere, self._clock = tabs, elsewhere, clock
        self.typing: Callable[[Iterable[str], str], object] = lambda people, chat: None
        self._watching: dict[str, dict[str, float]] = {}  # person -> site -> until
        self._lock = threading.Lock()

    def watch(self, site: str, people: Iterable[str]) -> None:
        """People who are at home here have tabs open at a site."""
        until = self._clock() + WATCHED_S
        with self._lock:
            for person in people:
                self._watching.setdefault(person, {})[site] = until

    def tell(self, people: Iterable[str], event: Mapping[str, Any], key: str) -> None:
        """Tell people who are at home here."""
        away: dict[str, list[str]] = {}
        people = list(people)
        if event.get("event") == "chat.typing":
            self.typing(people, str(event.get("chat")))
        for person in people:
            self._tabs.tell(person, event, key)
            for site in self._sites(person):
                away.setdefault(site, []).append(person)
        for site, those in away.items():
            self._elsewhere(site, those, event, key)

    def tell_here(self, people: Iterable[str], event: Mapping[str, Any], key: str) -> None:
        """Tell people's tabs at this site, on behalf of their home."""
        for person in people:
            self._tabs.tell(person, event, key)

    def present(self, person: str) -> bool:
        """Whether somebody has a tab open at any site."""
        return self._tabs.is_here(person) or bool(self._sites(person))

    def _sites(self, person: str) -> list[str]:
        now = self._clock()
        with self._lock:
            sites = self._watching.get(person)
            if not sites:
                return []
            for site in [site for site, until in sites.items() if until < now]:
                del sites[site]
            if not sites:
                del self._watching[person]
            return list(sites)
