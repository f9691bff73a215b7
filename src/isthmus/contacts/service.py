"""Lists of contacts: what their owners do with them. Each is kept at its owner's home, and there alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Engine

from isthmus.addressing import Aor
from isthmus.contacts import rules, store
from isthmus.contacts.model import MOST_AT_ONCE, Contact
from isthmus.database import reading, writing
from isthmus.errors import UsageError
from isthmus.homing.participants import Handed, JsonValue, Review, Verdicts

CHANGED = "contacts.changed"
Told = Callable[[Iterable[str], Mapping[str, Any], str], object]


class Contacts:
    """told: who is to be told what, after a commit: (people, event, key)."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.told: Told = lambda people, event, key: None

    def of(self, me: str) -> list[Contact]:
        """My list."""
        with reading(self.engine) as connection:
            return store.of(connection, me)

    def put(self, me: str, given: object, *, new_only: bool = False) -> list[Contact]:
        """Add some, or change them; new_only: leave those alone that are there. Gives the list.

        Raises UsageError, RefusedError.
        """
        wanted = rules.checked(given)
        with writing(self.engine) as connection:
            held = {each.address: each for each in store.of(connection, me)}
            news = [each for each in wanted if held.get(each.address) != each]
            if new_only:
                news = [each for each in news if each.address not in held]
            rules.room(held, news)
            store.put(connection, me, news)
            now = store.of(connection, me)
        if news:
            self._changed(me)
        return now

    def remove(self, me: str, addresses: object) -> list[Contact]:
        """Take some out; those that are not there are no error. Gives the list."""
        if not isinstance(addresses, list) or len(addresses) > MOST_AT_ONCE:
            raise UsageError("addresses are missing", where="addresses")
        gone = [rules.checked_address(each) for each in addresses]
        with writing(self.engine) as connection:
            before = store.of(connection, me)
            store.remove(connection, me, gone)
            now = store.of(connection, me)
        if len(now) != len(before):
            self._changed(me)
        return now

    def _changed(self, me: str) -> None:
        self.told([me], {"event": CHANGED}, CHANGED)


def asked(contacts: Contacts) -> dict[str, Callable[[str, Mapping[str, Any]], Any]]:
    """What pages ask, by name; answered at the home of who asks."""

    def listed(found: list[Contact]) -> dict[str, Any]:
        return {"contacts": msgspec.to_builtins(found)}

    return {
        "contacts": lambda me, body: listed(contacts.of(me)),
        "contacts.put": lambda me, body: listed(
            contacts.put(me, body.get("contacts"), new_only=bool(body.get("newOnly")))
        ),
        "contacts.remove": lambda me, body: listed(contacts.remove(me, body.get("addresses"))),
    }


class ContactsParticipant:
    """Contacts in a move (see homing.participants.Participant). None of it can stand against a move.

    ids: the stable ids of these people, as far as they are in the directory.
    """

    name = "contacts"

    def __init__(self, contacts: Contacts, ids: Callable[[Sequence[Aor]], Mapping[Aor, str]]) -> None:
        self._contacts, self._ids = contacts, ids

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
        """Their lists."""
        ids = self._ids(people)
        with reading(self._contacts.engine) as connection:
            found = store.of_all(connection, ids.values())
        return {aor: msgspec.to_builtins(found.get(id_, [])) for aor, id_ in ids.items()}

    def import_(self, data: Handed, before: Handed | None) -> Verdicts:
        """Take them over: at first all, later the difference alone."""
        ids = self._ids(list(data))
        with writing(self._contacts.engine) as connection:
            if before is None:
                store.forget(connection, ids.values())
            for aor, id_ in ids.items():
                wanted = _read(data[aor])
                earlier = {each.address: each for each in _read((before or {}).get(aor))}
                store.put(connection, id_, [each for each in wanted if earlier.get(each.address) != each])
                store.remove(connection, id_, earlier.keys() - {each.address for each in wanted})
        return dict.fromkeys(data)

    def changed(self, before: JsonValue, now: JsonValue) -> bool:
        """Whether it was changed meanwhile."""
        return bool(before != now)

    def verify(self, data: Handed) -> Verdicts:
        """All is well."""
        return dict.fromkeys(data)

    def undo(self, people: Sequence[Aor]) -> None:
        """Forget what was taken over."""
        self._forget(people)

    def clean_up(self, data: Handed) -> Verdicts:
        """Forget it where they do not live any more."""
        self._forget(list(data))
        return dict.fromkeys(data)

    def _forget(self, people: Sequence[Aor]) -> None:
        with writing(self._contacts.engine) as connection:
            store.forget(connection, self._ids(people).values())


def _read(value: Any) -> list[Contact]:
    """What the other site said; nothing where it said something else."""
    try:
        return msgspec.convert(value or [], list[Contact])
    except msgspec.ValidationError:
        return []
