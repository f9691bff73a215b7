"""What a feature registers with the move, so that what it holds for a person goes along.

The move knows no feature by name: it asks every participant of the registry, at the source and at the target.
Values that travel are JSON; only the participant reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from isthmus.addressing import Aor
from isthmus.errors import IsthmusError

JsonValue = Any
Handed = Mapping[Aor, JsonValue]
Verdicts = dict[Aor, str | None]


@dataclass(frozen=True, slots=True)
class Review:
    """What the target says to what the source described. against: reasons against moving. notes: what would be
    different for the person, which is told and stops nothing."""

    against: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Participant(Protocol):
    """One feature's part in a move. Every method can be called again after a crash and then changes nothing more.

    Each raises UnavailableError when what it needs does not answer: the move tries again later.
    `Verdicts`: None is good; else why not, in words for the administrator.
    """

    @property
    def name(self) -> str:
        """A short word, the same at all sites."""

    def check(self, people: Sequence[Aor], target: str) -> dict[Aor, list[str]]:
        """At the source, before anything is done: reasons against moving, for those who have any."""

    def describe(self, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        """At the source, before anything is done: what the target has to know to say what would be different there.

        Whoever has nothing that could be is left out.
        """

    def review(self, data: Handed, target: str) -> dict[Aor, Review]:
        """At the target, before anything is done: what it says to what the source described. Changes nothing."""

    def export(self, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        """At the source: all that is held for these people. Changes nothing."""

    def import_(self, data: Handed, before: Handed | None) -> Verdicts:
        """At the target: take `data` over.

        before: None at first, while the target is not home: what it holds becomes equal to `data`. Later what was
        taken over earlier in this move: only the difference is applied, and what the person did at the target
        since is left as it is.
        """

    def changed(self, before: JsonValue, now: JsonValue) -> bool:
        """Pure: whether anything a person did lies between two exports. Called at the authority."""

    def verify(self, data: Handed) -> Verdicts:
        """At the target, after the move: is it all there, or something newer, and safe on disk?"""

    def undo(self, people: Sequence[Aor]) -> None:
        """At the target, before commit: forget what was imported."""

    def clean_up(self, data: Handed) -> Verdicts:
        """At the source, after the move: remove what was handed over. Not None: something newer is there still."""


class Registry:
    """The participants of this site, in the order in which they registered."""

    def __init__(self, participants: Sequence[Participant] = ()) -> None:
        self._by_name = {participant.name: participant for participant in participants}

    def register(self, participant: Participant) -> None:
        """Add one. Raises ValueError when the name is taken."""
        if participant.name in self._by_name:
            raise ValueError(f"two participants are called {participant.name}")
        self._by_name[participant.name] = participant

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in order."""
        return tuple(self._by_name)

    def get(self, name: str) -> Participant:
        """The participant of that name. Raises IsthmusError: the other site has one that this one lacks."""
        try:
            return self._by_name[name]
        except KeyError:
            raise IsthmusError(
                f"this site has no part called {name!r} in a move", do="Bring both sites to the same version."
            ) from None
