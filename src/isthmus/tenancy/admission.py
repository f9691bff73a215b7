"""Whether a tenant's accounts and tokens are let in now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from isthmus.database import reading
from isthmus.directory.service import Directory
from isthmus.errors import ForbiddenError, IsthmusError, TooManyError
from isthmus.identity.throttle import Rate
from isthmus.tenancy import store
from isthmus.tenancy.model import Tenant

_KNOWN_S = 2.0  # how long a tenant's limits are believed without asking the database


class Admission:
    """Whether the accounts and tokens of a tenant are let in now: not those of a suspended one, and so many a minute.

    Safe to use from several threads.
    """

    def __init__(self, directory: Directory, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._directory, self._monotonic = directory, monotonic
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, bool, int | None]] = {}
        self._rates: dict[str, tuple[int, Rate]] = {}

    def __call__(self, tenant: str | None) -> None:
        """Count a request. Raises ForbiddenError (suspended), TooManyError."""
        if tenant is None:
            return
        suspended, limit = self._facts(tenant)
        if suspended:
            raise ForbiddenError(f"tenant {tenant} is suspended", do="Ask the operator of the service.")
        if limit is None:
            return
        with self._lock:
            known = self._rates.get(tenant)
            if known is None or known[0] != limit:
                known = self._rates[tenant] = (limit, Rate(limit / 60, limit, self._monotonic))
        if wait := known[1].take(tenant):
            raise TooManyError(
                f"tenant {tenant} may ask {limit} times a minute", retry_after_s=wait, do=f"Try again in {wait:.1f} s."
            )

    def forget(self, *_: object) -> None:
        """The directory has changed: look anew."""
        with self._lock:
            self._known.clear()

    def _facts(self, tenant: str) -> tuple[bool, int | None]:
        now = self._monotonic()
        with self._lock:
            known = self._known.get(tenant)
        if known is not None and known[0] > now:
            return known[1], known[2]
        try:
            with reading(self._directory.engine) as connection:
                found = store.tenants(connection, names=[tenant])
        except IsthmusError:
            if known is None:
                raise
            return known[1], known[2]
        each = found[0] if found else Tenant(tenant)
        with self._lock:
            self._known[tenant] = (now + _KNOWN_S, each.suspended, each.limits.requests_per_minute)
        return each.suspended, each.limits.requests_per_minute
