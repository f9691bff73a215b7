"""Lets tasks wait for what other code brings about."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Changes:
    """Lets tasks wait until something has become true."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Say that something changed."""
        self._event.set()
        self._event = asyncio.Event()

    async def until(self, condition: Callable[[], T], what: str, timeout_s: float = 15.0) -> T:
        """Wait for a true value and give it. Raises TimeoutError saying what did not happen."""
        end = time.monotonic() + timeout_s
        while not (value := condition()):
            try:
                # Not wait_for: that of Python 3.11 can swallow a cancellation.
                async with asyncio.timeout(end - time.monotonic()):
                    await self._event.wait()
            except TimeoutError:
                if value := condition():
                    return value
                raise TimeoutError(f"{what}: not within {timeout_s} s") from None
        return value
