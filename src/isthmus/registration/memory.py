"""A registrar in memory, with the ways of Kamailio's that matter for a move: for tests and trials.

No test holds it against the real one yet: tests/registration/test_handover.py runs against Kamailio alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from isthmus.addressing import Aor
from isthmus.registration.model import Binding


class MemoryRegistrar:
    """See registration.service.Registrar. What was saved is on disk only after `store`, and lost by `kill` before."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[Aor, list[Binding]] = {}
        self._disk: dict[Aor, list[Binding]] = {}
        self._starts = 1

    def bindings(self, aor: Aor) -> list[Binding]:
        """All bindings of one person that have not expired."""
        now = self._clock()
        return [binding for binding in self._held.get(aor, ()) if binding.expires_at > now]

    def save(self, wanted: Sequence[tuple[Aor, Binding]]) -> dict[Aor, str]:
        """Save bindings; one with the same instance and flow, or the same contact, is replaced."""
        for aor, binding in wanted:
            self.register(aor, binding, stored=False)
        return {}

    def register(self, aor: Aor, binding: Binding, *, stored: bool = True) -> None:
        """A REGISTER as a phone sends it."""
        others = [held for held in self._held.get(aor, ()) if held.key != binding.key]
        self._held[aor] = [*others, replace(binding, stored=stored)]
        if stored:
            self._disk[aor] = [binding, *(held for held in self._disk.get(aor, ()) if held.key != binding.key)]

    def remove(self, aor: Aor, bindings: Iterable[Binding]) -> None:
        """Remove some bindings of one person, by contact."""
        contacts = {binding.contact for binding in bindings}
        self._held[aor] = [held for held in self._held.get(aor, ()) if held.contact not in contacts]

    def remove_all(self, aor: Aor) -> None:
        """Remove every binding of one person."""
        self._held.pop(aor, None)

    def incarnation(self) -> str:
        """Another text after each `kill`."""
        return str(self._starts)

    def store(self) -> None:
        """Write everything to disk, as the timer does."""
        self._held = {aor: [replace(binding, stored=True) for binding in held] for aor, held in self._held.items()}
        self._disk = {aor: list(held) for aor, held in self._held.items()}

    def kill(self) -> None:
        """Die and come back with what was on disk."""
        self._starts += 1
        self._held = {aor: list(held) for aor, held in self._disk.items()}
