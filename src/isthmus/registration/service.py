"""The bindings of this site's registrar: listing them, and their part in a move."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from isthmus.addressing import Aor
from isthmus.homing.participants import Handed, JsonValue, Review, Verdicts
from isthmus.registration import rules
from isthmus.registration.model import Binding

_STORE_WITHIN_S = 15.0  # a slow disk under load; the link waits 30 s for an answer
_LOOK_EVERY_S = 0.05
_NOW = "exported_at"  # beside each binding that travels: Unix seconds by its site's clock


class Registrar(Protocol):
    """What holds this site's bindings. Every method raises UnavailableError when it does not answer."""

    def bindings(self, aor: Aor) -> list[Binding]: ...

    def save(self, wanted: Sequence[tuple[Aor, Binding]]) -> dict[Aor, str]: ...

    def remove(self, aor: Aor, bindings: Iterable[Binding]) -> None: ...

    def remove_all(self, aor: Aor) -> None: ...

    def incarnation(self) -> str:
        """Another text after each restart."""


class RegistrationParticipant:
    """Bindings go along when a person moves (see homing.participants.Participant).

    link_host: `host:port` of this site's link, the way back to phones that registered straight here.
    """

    name = "registration"

    def __init__(
        self,
        registrar: Registrar,
        link_host: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._registrar, self._link_host = registrar, link_host
        self._clock, self._sleep = clock, sleep
        self._taken_over: dict[Aor, str] = {}  # the registrar's incarnation when it took a person's bindings

    def check(self, people: Sequence[Aor], target: str) -> dict[Aor, list[str]]:
        """Only whether the registrar answers: a person with or without phones can move."""
        if people:
            self._registrar.bindings(people[0])
        return {}

    def describe(self, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        """Nothing: bindings are the same at the target."""
        return {}

    def review(self, data: Handed, target: str) -> dict[Aor, Review]:
        """Nothing."""
        return {}

    def export(self, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        """Every binding, with the way back to this site, and this site's time: the target's clock may differ."""
        return {
            aor: [
                {**rules.exported(binding, self._link_host).to_json(), _NOW: self._clock()}
                for binding in self._registrar.bindings(aor)
            ]
            for aor in people
        }

    def import_(self, data: Handed, before: Handed | None) -> Verdicts:
        """Save what is new, remove what went, and leave what the phones did here themselves."""
        now = self._clock()
        save: list[tuple[Aor, Binding]] = []
        for aor, value in data.items():
            earlier = None if before is None else _read(before.get(aor))
            plan = rules.plan_import(_read(value, now), self._registrar.bindings(aor), earlier, now)
            self._registrar.remove(aor, plan.remove)
            save += [(aor, binding) for binding in plan.save]
        incarnation = self._registrar.incarnation()
        refused = self._registrar.save(save)
        self._taken_over |= {aor: incarnation for aor in data if aor not in refused}
        return {aor: refused.get(aor) for aor in data}

    def changed(self, before: JsonValue, now: JsonValue) -> bool:
        """Whether a phone registered, refreshed or went away between two exports."""
        return rules.changed(_read(before), _read(now))

    def verify(self, data: Handed) -> Verdicts:
        """Each binding is in the registrar, or a newer one of the same phone, and on its disk.

        What is missing though the registrar took it, and has not been restarted since, a phone has taken back itself.
        """
        verdicts: Verdicts = {}
        incarnation = self._registrar.incarnation()
        pending = dict(data)
        waited_s = 0.0
        while pending:
            now = self._clock()
            for aor, value in list(pending.items()):
                present = self._registrar.bindings(aor)
                lost = rules.missing(_read(value, now), present, now)
                if self._taken_over.get(aor) == incarnation:
                    lost = []
                verdicts[aor] = f"{lost[0].contact} is not in the registrar" if lost else None
                if lost or all(binding.stored for binding in present):
                    del pending[aor]
                    self._taken_over.pop(aor, None)
            if pending and waited_s >= _STORE_WITHIN_S:
                return verdicts | dict.fromkeys(pending, "the registrar did not write the bindings to disk")
            if pending:
                self._sleep(_LOOK_EVERY_S)
                waited_s += _LOOK_EVERY_S
        return verdicts

    def undo(self, people: Sequence[Aor]) -> None:
        """Forget every binding: the target of a move that is not committed holds none of its own."""
        for aor in people:
            self._taken_over.pop(aor, None)
            if self._registrar.bindings(aor):
                self._registrar.remove_all(aor)

    def clean_up(self, data: Handed) -> Verdicts:
        """Remove what was handed over, and report what came in since."""
        verdicts: Verdicts = {}
        for aor, value in data.items():
            present = [rules.exported(binding, self._link_host) for binding in self._registrar.bindings(aor)]
            if rules.missing(present, _read(value), self._clock()):
                verdicts[aor] = "a phone registered here meanwhile"
                continue
            if present:
                self._registrar.remove_all(aor)
            verdicts[aor] = None
        return verdicts


def _read(value: Iterable[Mapping[str, Any]] | None, now_s: float | None = None) -> list[Binding]:
    """Bindings as they travelled. now_s: the time here; they then end as long after it as they had left when exported.

    Without, times stay those of the clock they were exported by.
    """
    found = []
    for item in value or ():
        told = dict(item)
        then = told.pop(_NOW, None)
        binding = Binding.from_json(told)
        if now_s is not None and then is not None:
            binding = replace(binding, expires_at=round(binding.expires_at - then + now_s))
        found.append(binding)
    return found
