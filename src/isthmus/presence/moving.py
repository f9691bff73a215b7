"""What people set of their presence goes along when they move; how they are is told anew by the new home."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Engine

from isthmus.addressing import Aor
from isthmus.database import reading, writing
from isthmus.homing.participants import Handed, JsonValue, Review, Verdicts
from isthmus.presence import store
from isthmus.presence.model import Chosen
from isthmus.presence.people import People


class PresenceParticipant:
    """Presence in a move (see homing.participants.Participant). None of it can stand against a move."""

    name = "presence"

    def __init__(self, engine: Engine, people: Callable[[], People]) -> None:
        self._engine, self._people = engine, people

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
        """What they set."""
        ids = self._ids(people)
        with reading(self._engine) as connection:
            kept = store.chosen(connection, ids.values())
        return {aor: msgspec.to_builtins(kept[id_]) for aor, id_ in ids.items() if id_ in kept}

    def import_(self, data: Handed, before: Handed | None) -> Verdicts:
        """Take it over, but for what was set here later."""
        # Asked for, they are kept in mind: then their new home here is noticed, whether they set anything or not.
        ids = self._ids(list(data))
        wanted = {id_: chosen for aor, id_ in ids.items() if (chosen := _read(data[aor])) is not None}
        with writing(self._engine) as connection:
            held = store.chosen(connection, wanted)
            newer = {
                id_: chosen
                for id_, chosen in wanted.items()
                if id_ not in held or chosen.changed_ms > held[id_].changed_ms
            }
            store.put(connection, newer)
        return dict.fromkeys(data)

    def changed(self, before: JsonValue, now: JsonValue) -> bool:
        """Whether they set it anew meanwhile."""
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

    def _ids(self, people: Sequence[Aor]) -> dict[Aor, str]:
        return {Aor.parse(aor): who.id for aor, who in self._people().by_aor(map(str, people)).items()}

    def _forget(self, people: Sequence[Aor]) -> None:
        with writing(self._engine) as connection:
            store.remove(connection, self._ids(people).values())


def _read(value: Any) -> Chosen | None:
    """What the other site said; nothing where it said something else."""
    try:
        return msgspec.convert(value, Chosen)
    except msgspec.ValidationError:
        return None
