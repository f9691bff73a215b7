"""What a site has to tell its peers, in order: of each thing the newest change alone. Pure.

So the log is never longer than what there is, whoever reads it, and from wherever.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)


class Log(Generic[_K]):
    """Keys in the order of their last change. seq: number of the last one; numbers begin at 1."""

    def __init__(self) -> None:
        self.seq = 0
        self._at: OrderedDict[_K, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._at)

    def put(self, key: _K) -> int:
        """What is called `key` is another now; gives the number of the change."""
        self.seq += 1
        self._at[key] = self.seq
        self._at.move_to_end(key)
        return self.seq

    def after(self, seq: int, limit: int) -> tuple[list[_K], int]:
        """What changed after number `seq`, the oldest change first, at most `limit`; and up to which number that is."""
        found: list[tuple[_K, int]] = []
        for key in reversed(self._at):
            at = self._at[key]
            if at <= seq:
                break
            found.append((key, at))
        found.reverse()
        page = found[:limit]
        return [key for key, _ in page], (page[-1][1] if len(found) > limit else self.seq)
