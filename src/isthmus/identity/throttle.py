"""Back-off after wrong guesses, by who guesses and never by whose name is guessed: nobody can shut out another."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from isthmus.errors import TooManyError

_MOST_KEYS = 50_000
_FORGET_S = 3600.0
_LONGEST_S = 900.0


@dataclass(slots=True)
class _Record:
    failures: int
    last: float
    until: float


class BackOff:
    """After `free` failures under a key each next one doubles the pause, up to 15 minutes; forgotten after an hour.

    Safe to use from several threads. clock: seconds that only grow.
    """

    def __init__(self, free: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._free, self._clock = free, clock
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, key: str) -> None:
        """Raises TooManyError while a pause lasts."""
        now = self._clock()
        with self._lock:
            record = self._records.get(key)
            wait = record.until - now if record else 0.0
        if wait > 0:
            raise TooManyError("too many wrong attempts", retry_after_s=wait, do=f"Try again in {wait:.0f} s.")

    def failed(self, key: str) -> None:
        """Count a failure."""
        now = self._clock()
        with self._lock:
            record = self._records.pop(key, None)
            if record is None or now - record.last > _FORGET_S:
                record = _Record(0, now, now)
            record.failures += 1
            record.last = now
            over = record.failures - self._free
            record.until = now + min(2.0 ** min(over, 30), _LONGEST_S) if over >= 0 else now
            self._records[key] = record
            while len(self._records) > _MOST_KEYS:
                self._records.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures."""
        with self._lock:
            self._records.pop(key, None)


class Rate:
    """A token bucket a key: `per_s` requests a second in the long run, `burst` at once."""

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """Use one; returns 0, or the seconds after which there is one."""
        now = self._clock()
        with self._lock:
            left, at = self._buckets.pop(key, (float(self._burst), now))
            left = min(float(self._burst), left + (now - at) * self._per_s)
            wait = 0.0 if left >= 1 else (1 - left) / self._per_s
            self._buckets[key] = (left if wait else left - 1, now)
            while len(self._buckets) > _MOST_KEYS:
                self._buckets.popitem(last=False)
        return wait


def network(address: str) -> str:
    """Whom an address stands for: an IPv6 customer has a whole /64 of them."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
