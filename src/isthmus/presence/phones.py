"""Who has a phone registered: the first binding makes a difference, and the last one that goes.

The SIP engine tells of each binding as it is saved and as it goes. One that is refreshed costs a look into a set;
whether one that goes was the last is asked of the registrar. Whose bindings there are when the service starts is read
in one go, and again now and then, for what was not told. Browsers register by WebSocket: their tabs say more, and so
they do not count here. A binding is at its person's home, wherever the phone is connected.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from isthmus.presence.here import Here
from isthmus.presence.people import People

BROWSERS = "ws"
_AT_ONCE = 1000
_LATE_S = 5.0  # so long what is read in one go may still have a binding that is gone: the engine writes by the second


class Phones:
    """bound: gives all addresses with a phone. has_phone: whether an address has one. Both raise UnavailableError.

    wake: asks for `work` to be called soon. clock: seconds that only grow. Safe to use from several threads.
    """

    def __init__(
        self,
        here: Here,
        people: People,
        bound: Callable[[], Iterable[str]],
        has_phone: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._here, self._people, self._bound, self._has_phone, self._clock = here, people, bound, has_phone, clock
        self.wake: Callable[[], object] = lambda: None
        self._lock, self._working = threading.Lock(), threading.Lock()
        self._registered: set[str] = set()
        self._changed: dict[str, None] = {}  # addresses about which something was told, the first told first
        self._gone: dict[str, float] = {}  # when the last phone of an address went

    def __len__(self) -> int:
        """How many people have one."""
        return len(self._registered)

    def saved(self, aor: str, edge: str) -> None:
        """A binding was made or refreshed. Returns at once: every refresh of every phone comes here."""
        if edge == BROWSERS or aor in self._registered:
            return
        with self._lock:
            self._registered.add(aor)
            self._gone.pop(aor, None)
            self._changed[aor] = None
        self.wake()

    def dropped(self, aor: str) -> None:
        """A binding went. Returns at once."""
        if aor not in self._registered:
            return
        with self._lock:
            # Before the registrar is asked: a phone that registers meanwhile is news then.
            self._registered.discard(aor)
            self._gone[aor] = self._clock()
            self._changed[aor] = None
        self.wake()

    def work(self) -> None:
        """Take in what was told. Raises UnavailableError where the registrar does not answer; then it is for later."""
        with self._working:
            while some := self._take():
                try:
                    self._settle(some)
                except BaseException:
                    with self._lock:
                        self._changed = dict.fromkeys([*some, *self._changed])
                    raise

    def look(self) -> None:
        """Compare with what the registrar has: what was there before this began, and what went untold.

        Raises UnavailableError.
        """
        found = set(self._bound())
        with self._lock:
            oldest = self._clock() - _LATE_S
            self._gone = {aor: at for aor, at in self._gone.items() if at > oldest}
            missed = found - self._registered - self._gone.keys()
            self._registered |= missed
            self._changed |= dict.fromkeys(sorted(missed))
            gone = self._registered - found
        for aor in gone:  # or made after it was read: the registrar says which
            self.dropped(aor)
        self.work()

    def _take(self) -> list[str]:
        with self._lock:
            some = list(self._changed)[:_AT_ONCE]
            for aor in some:
                del self._changed[aor]
            return some

    def _settle(self, aors: list[str]) -> None:
        people = self._people.by_aor(aors)
        for aor in aors:
            if aor in self._registered or self._is_left(aor):
                registered = True
            else:
                with self._lock:
                    registered = aor in self._registered  # by now
            if aor in people:
                self._here.phone(people[aor].id, registered=registered)

    def _is_left(self, aor: str) -> bool:
        """Whether a binding went, and another one is there."""
        if not self._has_phone(aor):
            return False
        with self._lock:
            self._registered.add(aor)
            self._gone.pop(aor, None)
        return True
