"""Ends what a device has registered once its secret opens nothing any more. Calls that are up go on.

Each site does so for the people at home there. What has ended stands in the database (directory/device_store.py), and
is looked for at once and then again and again, less and less often, for as long as a registration can live: one that a
phone began the moment before, that a move brought along, or that a registrar killed in the wrong second remembers,
ends as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from sqlalchemy import Engine

from isthmus.addressing import Aor
from isthmus.database import reading, writing
from isthmus.devices import store
from isthmus.devices.store import Ended
from isthmus.directory import device_store
from isthmus.registration.model import Binding

_LONGEST_S = 7200  # max_expires of the registrar (engines/kamailio/kamailio.cfg.j2)
_FIRST_S = 2
_AT_ONCE = 500  # looked for in one transaction


class Registrar(Protocol):
    """What holds this site's bindings. Raises UnavailableError when it does not answer."""

    def bindings(self, aor: Aor) -> list[Binding]: ...

    def remove(self, aor: Aor, bindings: Iterable[Binding]) -> None: ...


class Endings:
    """The registrations of one site that have to end. clock: seconds since 1970."""

    def __init__(self, engine: Engine, registrar: Registrar, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._registrar, self._clock = engine, registrar, clock

    def run(self) -> int:
        """Look for all that is due. Returns how many registrations were ended. Raises UnavailableError."""
        count = 0
        while True:
            now_ms = int(self._clock() * 1000)
            with reading(self._engine) as connection:
                due = store.due(connection, now_ms, _AT_ONCE)
                present = device_store.by_name(connection, {each.name for each in due})
            if not due:
                return count
            open_ = {(aor, name): device.generations for name, (aor, device) in present.items()}
            back = [each for each in due if each.generation in open_.get((str(each.aor), each.name), ())]
            for each in due:
                count += 0 if each in back else self._end(each)
            with writing(self._engine) as connection:
                for each in due:
                    wait_s = next_look_s(each.looked)
                    if each in back or wait_s is None:
                        store.forget(connection, each)
                    else:
                        store.look_again(connection, each, now_ms + wait_s * 1000)

    def _end(self, ended: Ended) -> int:
        wanted = (ended.name, ended.generation)
        found = [binding for binding in self._registrar.bindings(ended.aor) if binding.device == wanted]
        self._registrar.remove(ended.aor, found)
        return len(found)


def next_look_s(looked: int) -> int | None:
    """Seconds until the next look, after so many before this one; None when no registration can be left."""
    wait_s = _FIRST_S * 2**looked
    return wait_s if wait_s <= 2 * _LONGEST_S else None
