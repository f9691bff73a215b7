"""What people chose goes along when they move: somebody at home is found at home from the new site as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from isthmus.addressing import Aor
from isthmus.database import reading
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.emergency import store
from isthmus.emergency.model import Choice
from isthmus.homing.participants import Handed, JsonValue, Review, Verdicts

_BY = "move"  # who the audit log says has taken choices over


class EmergencyParticipant:
    """Choices in a move (see homing.participants.Participant). None of it can stand against a move."""

    name = "emergency"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def check(self, people: Sequence[Aor], target: str) -> dict[Aor, list[str]]:
        """Nothing."""
        return {}

    def describe(self, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        """The places that they chose, by name: the target may have none of that name."""
        return {
            aor: places
            for aor, choices in self._choices(people).items()
            if (places := sorted({each.place for each in choices if each.place}))
        }

    def review(self, data: Handed, target: str) -> dict[Aor, Review]:
        """A place that is not there is told of; an address of their own goes along without a word."""
        reviewed = {}
        for aor, person in self._directory.get_many(data).items():
            with reading(self._directory.engine) as connection:
                known = {each.name for each in store.places(connection, person.tenant)}
            lost = [name for name in data[aor] if name not in known]
            if lost:
                notes = [f"has chosen the emergency place {name}, which {target} does not have" for name in lost]
                reviewed[aor] = Review(notes=tuple(notes))
        return reviewed

    def export(self, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        """All that they chose."""
        return {aor: msgspec.to_builtins(choices) for aor, choices in self._choices(people).items()}

    def import_(self, data: Handed, before: Handed | None) -> Verdicts:
        """Take it over, but for what was said here later, and for places that are not here."""
        people = self._directory.get_many(data)
        wanted = {aor: _read(data[aor]) for aor in people}

        def work(log: Journal) -> None:
            present = store.choices(log.connection, people)
            for aor, person in people.items():
                held = {each.device: each.confirmed_ms for each in present.get(aor, [])}
                for each in wanted[aor]:
                    here = not each.place or bool(store.places(log.connection, person.tenant, each.place))
                    if person.id and here and each.confirmed_ms > held.get(each.device, -1):
                        store.put_choice(log.connection, person.id, each)

        if any(wanted.values()):
            self._directory.write_here(_BY, work)
        return dict.fromkeys(data)

    def changed(self, before: JsonValue, now: JsonValue) -> bool:
        """Whether they chose anew meanwhile."""
        return bool(before != now)

    def verify(self, data: Handed) -> Verdicts:
        """All is well: what could not be taken over was told before."""
        return dict.fromkeys(data)

    def undo(self, people: Sequence[Aor]) -> None:
        """Forget what was taken over."""
        self._forget(people)

    def clean_up(self, data: Handed) -> Verdicts:
        """Forget it where they do not live any more: it would stay what it is when they move house."""
        self._forget(data)
        return dict.fromkeys(data)

    def _choices(self, people: Sequence[Aor]) -> Mapping[Aor, list[Choice]]:
        with reading(self._directory.engine) as connection:
            return store.choices(connection, people)

    def _forget(self, people: Sequence[Aor] | Handed) -> None:
        found = self._directory.get_many(self._choices(list(people)))

        def work(log: Journal) -> None:
            for person in found.values():
                store.delete_choices(log.connection, person.id or "")

        if found:
            self._directory.write_here(_BY, work)


def _read(value: Any) -> list[Choice]:
    """What the other site said; nothing where it said something else."""
    try:
        return msgspec.convert(value, list[Choice])
    except msgspec.ValidationError:
        return []
