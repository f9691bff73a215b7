"""Who people are, for presence: as this site's directory has them, kept in memory for those that are asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from isthmus.addressing import Aor, is_e164
from isthmus.database import reading
from isthmus.directory import store
from isthmus.directory.model import Person
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError
from isthmus.presence.model import Who

_MOST = 200_000
_PAGE = 1000


class People:
    """Safe to use from several threads."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._by_aor: dict[str, Who] = {}
        self._aor_of: dict[str, str] = {}
        self._seq = directory.last_seq()

    def by_aor(self, aors: Iterable[str]) -> dict[str, Who]:
        """Those of the addresses that are people's, by address."""
        wanted = set(aors)
        with self._lock:
            found = {aor: who for aor in wanted if (who := self._by_aor.get(aor)) is not None}
        missing = [aor for text in wanted - found.keys() if (aor := _parsed(text)) is not None]
        if missing:
            found |= {who.aor: who for who in self._keep(self._directory.get_many(missing).values())}
        return found

    def by_id(self, ids: Iterable[str]) -> dict[str, Who]:
        """Those of the ids that are people's, by id."""
        wanted = set(ids)
        with self._lock:
            aors = {aor for id_ in wanted if (aor := self._aor_of.get(id_)) is not None}
            known = {self._by_aor[aor].id for aor in aors if aor in self._by_aor}
        missing = wanted - known
        if missing:
            with reading(self._directory.engine) as connection:
                aors |= {str(aor) for aor in store.holders(connection, missing).values()}
        return {who.id: who for who in self.by_aor(aors).values() if who.id in wanted}

    def ends(self, texts: Iterable[str]) -> dict[str, Who]:
        """Whom addresses and numbers at the ends of calls mean, of those that mean one of our people."""
        texts = {text for text in texts if text}
        numbers = {text: user for text in texts if is_e164(user := text.partition("@")[0])}
        owned = self._directory.owners(numbers.values()) if numbers else {}
        aors = {text: str(owned[number]) for text, number in numbers.items() if number in owned}
        aors |= {text: text for text in texts - aors.keys() if "@" in text}
        people = self.by_aor(aors.values())
        return {text: people[aor] for text, aor in aors.items() if aor in people}

    def catch_up(self) -> tuple[list[Who], list[str]]:
        """Who has changed in the directory since this was asked last, of those that are kept; and who is gone (ids)."""
        changed: dict[str, Who] = {}
        gone: dict[str, str] = {}
        while True:
            page = self._directory.changes_since(self._seq, _PAGE)
            with self._lock:
                for aor, person in page.people:
                    before = self._by_aor.pop(str(aor), None)
                    if before is not None:
                        gone[before.id] = before.aor
                    if person is not None and person.id in self._aor_of:
                        changed[person.id] = self._put(person)
            if page.to_seq <= self._seq:
                break
            self._seq = page.to_seq
        left = [id_ for id_ in gone if id_ not in changed]
        with self._lock:
            for id_ in left:
                self._aor_of.pop(id_, None)
        return list(changed.values()), left

    def _keep(self, people: Iterable[Person]) -> list[Who]:
        with self._lock:
            if len(self._by_aor) > _MOST:
                self._by_aor.clear()  # what is asked for is looked up again; ids stay, since changes go by them
            return [self._put(person) for person in people if person.id]

    def _put(self, person: Person) -> Who:
        who = Who(person.id, str(person.aor), person.tenant, person.home, person.home_epoch, person.enabled)
        self._by_aor[who.aor] = who
        self._aor_of[who.id] = who.aor
        return who


def _parsed(text: str) -> Aor | None:
    try:
        return Aor.parse(text)
    except IsthmusError:
        return None
