"""Lends numbers to emergency calls, and knows whom a call back to one reaches. One writer at a time, in SQL."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from isthmus.database import reading
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.emergency import elin, store
from isthmus.emergency.model import Loan, Place

_log = logging.getLogger(__name__)
_BY = "emergency"  # who the audit log says has lent a number


class Lending:
    """The loans of one site. clock: seconds since 1970. changed: called after each loan, for the snapshot."""

    def __init__(
        self,
        directory: Directory,
        clock: Callable[[], float] = time.time,
        *,
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        self._directory, self._clock, self._changed = directory, clock, changed

    def lend(self, place: Place, aor: str, *, device: str = "", call_id: str = "", window_s: int) -> Loan:
        """Lend a number of the place's pool to a call. Two calls never share one, unless the pool is exhausted: then
        the oldest loan ends, which the audit log and the service's log say. Raises UsageError for an empty pool."""
        now_ms = int(self._clock() * 1000)
        wanted = Loan("", place.tenant, place.name, aor, device, call_id, now_ms)

        def work(log: Journal) -> tuple[Loan, Loan | None]:
            # The pool as it is under the lock: what was read before may have changed.
            present = store.places(log.connection, place.tenant, place.name)
            pool = present[0].elins if present else ()
            made, lost = elin.lent(store.loans_of(log.connection, pool), pool, wanted, window_s)
            store.put_loan(log.connection, made)
            told = {"tenant": place.tenant, "place": place.name, "number": made.number, "until_ms": made.until_ms}
            before = lost and {
                "tenant": place.tenant,
                "number": lost.number,
                "aor": lost.aor,
                "until_ms": lost.until_ms,
            }
            log.entry("location.lend", aor, before, told)
            return made, lost

        made, lost = self._directory.write_here(_BY, work)
        self._changed()
        if lost is not None:
            _log.warning(
                "the numbers of %s/%s are exhausted: %s is lent to %s, and no longer reaches %s",
                place.tenant, place.name, made.number, made.aor, lost.aor,
            )  # fmt: skip
        return made

    def note(self, made: Loan) -> None:
        """Write down what was lent as the call was made. Noted twice, it is one loan; an older one is passed over."""

        def work(log: Journal) -> bool:
            before = next(iter(store.loans_of(log.connection, [made.number])), None)
            if before is not None and before.lent_ms >= made.lent_ms:
                return False
            store.put_loan(log.connection, made)
            told = {"tenant": made.tenant, "place": made.place, "number": made.number, "until_ms": made.until_ms}
            lost = elin.called_back(before, made.lent_ms)
            taken = lost is not None and (lost.aor, lost.device) != (made.aor, made.device)
            log.entry("location.lend", made.aor, {**told, "aor": lost.aor} if taken and lost else None, told)
            return True

        if self._directory.write_here(_BY, work):
            self._changed()

    def callback(self, number: str, now: float | None = None) -> str | None:
        """The address that a call to this number (E.164) reaches by a loan. now: seconds since 1970; None: now."""
        loan = self.loan(number, now)
        return None if loan is None else loan.aor

    def loan(self, number: str, now: float | None = None) -> Loan | None:
        """The loan itself, which names the device as well; None where the window is over, or nothing was lent."""
        at_ms = int((self._clock() if now is None else now) * 1000)
        with reading(self._directory.engine) as connection:
            found = store.loans_of(connection, [number])
        return elin.called_back(found[0] if found else None, at_ms)

    def running(self, tenant: str) -> list[Loan]:
        """The tenant's loans whose window is open, the newest first."""
        with reading(self._directory.engine) as connection:
            return store.loans(connection, tenant, int(self._clock() * 1000))
