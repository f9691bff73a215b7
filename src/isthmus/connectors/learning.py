"""A connector gets to know the people whose phones are at its branch, and keeps them for when it is alone.

Who registered through it, Kamailio's workers tell (`registered`). Every few seconds online is asked what it has of
those; the answer is sealed into a file, so that it outlives a power cut on both sides of the street, and goes into the
snapshot and the registrar. While online does not answer, nothing is forgotten.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from isthmus.addressing import Aor
from isthmus.connectors.bounds import Days
from isthmus.connectors.knowing import MOST, Learned, learned, proof
from isthmus.dialling.plan import Dialling
from isthmus.directory.model import Person
from isthmus.errors import IsthmusError
from isthmus.identity.sealing import Sealer
from isthmus.pki.store import write_private
from isthmus.registration.service import Registrar
from isthmus.routing.model import AtOnce, Class, Direction
from isthmus.routing.refusals import Refusal
from isthmus.routing.snapshot import Placing

_log = logging.getLogger(__name__)
_ABOUT = "people of the branch"
_FORGET_S = 8 * 86_400.0  # who has not registered for so long is not asked for any more
_SLACK_S = 2


@dataclass(frozen=True)
class _Page:
    to_seq: int
    people: Sequence[tuple[Aor, Person | None]] = ()


class BranchDirectory:
    """The learned people as the snapshot's compiler sees a directory: all of them at home at this connector.

    What keeps calls from being made and taken it knows as well: implements routing.compile.Guard.
    country: by whose numbers those dial of whom policies say nothing, and who is not known.
    """

    def __init__(self, site: str, country: str = "") -> None:
        self._site, self._plan = site, Dialling(country=country)
        self._now = self._planned(Learned())
        self._revision = 0

    def set(self, now: Learned) -> None:
        """These are the people from now on."""
        self._now, self._revision = self._planned(now), self._revision + 1

    def recount(self, now: Learned) -> None:
        """The same people and rules as before; what online has counted may be more."""
        self._now = self._planned(now)

    def _planned(self, now: Learned) -> Learned:
        first = now.classes[0]
        if not first.dialling.country:
            first = msgspec.structs.replace(first, dialling=self._plan)
        return replace(now, classes=(first, *now.classes[1:]))

    def changes_since(self, seq: int, limit: int) -> _Page:
        """None: with each change all is compiled anew, for a branch is small."""
        return _Page(seq)

    def domains(self) -> dict[str, str]:
        """Of the tenant whose branch it is."""
        return dict(self._now.domains)

    def suspended(self) -> frozenset[str]:
        """None: online lets nobody know of those."""
        return frozenset()

    def everybody(self) -> tuple[int, Iterable[Person]]:
        """By address."""
        return self._revision, [replace(person, home=self._site) for person in self._now.people]

    def revision(self) -> int:
        """Another one with each change."""
        return self._revision

    def placing(self, before: tuple[Class, ...]) -> Placing:
        """As online gave them."""
        return self._now

    def blocks(self) -> list[tuple[str, Direction, str, bool]]:
        """Those of the tenant whose branch it is."""
        tenants = dict.fromkeys(self._now.domains.values())
        return [(name, *msgspec.structs.astuple(each)) for name in tenants for each in self._now.bounds.blocks]

    def at_once(self) -> Sequence[AtOnce]:
        """Limits of calls at once, which are counted here."""
        return self._now.bounds.at_once

    def refusals(self) -> Mapping[str, Sequence[Refusal]]:
        """What online refused when it was heard last, by key."""
        return self._now.bounds.refusals

    def days(self) -> Days:
        """Limits of the day, as online had counted when it was heard last."""
        return self._now.bounds.days

    def tenant(self) -> str:
        """Whose branch it is; empty before anybody is known."""
        return next(iter(self._now.domains.values()), "")

    def addresses(self) -> dict[str, str]:
        """Of everybody whom this branch knows, by address and by number."""
        known = {str(person.aor): str(person.aor) for person in self._now.people}
        return known | {person.number: str(person.aor) for person in self._now.people if person.number}


class Learning:
    """Keeps the learned people up to date. host: the connector's name in Path.

    ask: sends addresses, and proofs of those whom it knows (see knowing), to online and gives its answer.

    changed: compiles the snapshot. Every method is safe to call from several threads.
    """

    def __init__(
        self,
        directory: BranchDirectory,
        registrar: Registrar,
        ask: Callable[[Sequence[str], Mapping[str, str]], bytes],
        file: Path,
        sealer: Sealer,
        *,
        host: str,
        changed: Callable[[], object],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory, self._registrar, self._ask = directory, registrar, ask
        self._file, self._sealer, self._changed, self._clock = file, sealer, changed, clock
        self._host = host
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()
        self._raw = b""
        self._now = Learned()

    @property
    def people(self) -> tuple[Person, ...]:
        """Those whom this branch knows."""
        return self._now.people

    @property
    def limits(self) -> int:
        """How many limits of the day are counted here."""
        return len(self._now.bounds.days.caps)

    def restore(self) -> None:
        """What was known before the last stop. What can't be read is as good as nothing."""
        try:
            if self._file.exists():
                self._take(self._sealer.open(self._file.read_bytes(), _ABOUT), keep=False)
        except (IsthmusError, OSError) as error:
            _log.warning("what was known of the people of this branch is lost: %s", error)
        for person in self._now.people:
            self.registered(str(person.aor))

    def registered(self, aor: str) -> None:
        """Somebody who says so asked to be registered through here; online knows whether it was true."""
        with self._lock:
            self._seen.pop(aor, None)
            self._seen[aor] = self._clock()
            while len(self._seen) > MOST:
                self._seen.popitem(last=False)

    def work(self) -> None:
        """Ask online once. Raises IsthmusError when it does not answer; nothing is forgotten then."""
        with self._lock:
            oldest = self._clock() - _FORGET_S
            asked = [aor for aor, seen in self._seen.items() if seen >= oldest]
        if asked or self._now.people:
            self._take(self._ask(asked, self._known()), keep=True)
        self._bring_bindings()

    def _known(self) -> dict[str, str]:
        """Proofs of those whose registrations at online have ended as far as is known, and who have a phone here."""
        now, held = self._clock(), self._now.bindings
        ended = (p for p in self._now.people if not any(each.expires_at > now for each in held.get(p.aor, ())))
        return {str(p.aor): proof(p, self._host) for p in ended if self._registrar.bindings(p.aor)}

    def _take(self, raw: bytes, *, keep: bool) -> None:
        if raw == self._raw:
            return
        now = learned(raw)
        if keep:
            write_private(self._file, self._sealer.seal(raw, _ABOUT))
        alike = _compiled(now) == _compiled(self._now)
        self._raw, self._now = raw, now
        if alike:
            self._directory.recount(now)
        else:
            self._directory.set(now)
            self._changed()

    def _bring_bindings(self) -> None:
        """Let the registrar have what phones registered at online, as long as it has nothing newer of them."""
        wanted = []
        for aor, bindings in self._now.bindings.items():
            held = {each.key: each for each in self._registrar.bindings(aor)}
            for each in bindings:
                there = held.get(each.key)
                if each.expires_at <= self._clock() + _SLACK_S:
                    continue
                if there is None or there.expires_at + _SLACK_S < each.expires_at:
                    wanted.append((aor, each))
        for aor, why in self._registrar.save(wanted).items():
            _log.warning("a phone of %s would not be reached while online is away: %s", aor, why)


def _compiled(known: Learned) -> Learned:
    """What of it goes into the snapshot. What is counted changes with each call, and does not."""
    return replace(known, bindings={}, bounds=msgspec.structs.replace(known.bounds, days=Days()))
