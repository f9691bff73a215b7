"""The contract of a source: what each kind of directory offers the synchronisation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from isthmus.sync.model import Entry


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source has. entries: each with the groups (as the source calls them) that it is in, nested ones included.

    gone: ids of objects that are no longer there, ids nobody knows among them; of no meaning for a full reading, where
    whatever does not appear is gone. cursor: where the next reading of changes goes on.
    """

    entries: Iterable[tuple[Entry, tuple[str, ...]]]
    gone: frozenset[str]
    cursor: str


class FullNeededError(Exception):
    """The changes since a cursor can't be told; the text says why. Everything has to be read."""


class Source(Protocol):
    """One source. Used by one thread at a time. Whatever fails raises IsthmusError, and nothing half is returned."""

    def check(self) -> str:
        """Connect, sign in, look whether people are found. Returns in a line what it found."""

    def full(self) -> Reading:
        """Everybody in scope."""

    def changes(self, cursor: str, known: Mapping[str, str]) -> Reading:
        """Those in scope who are different since the cursor, and who is gone.

        known: id to stamp of all objects known to us. Raises FullNeededError.
        """


class Writer(Protocol):
    """The way back, for sources that have one."""

    def write(self, wanted: Mapping[str, Mapping[str, str]]) -> tuple[list[str], dict[str, str]]:
        """Make attributes (object's name to attribute to value) as wanted.

        Returns whom that changed, and why somebody could not be. Raises IsthmusError where nobody can be.
        """
