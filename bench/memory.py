"""What processes hold: memory, open files and sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path


def held(pids: Iterable[int]) -> int:
    """Bytes of memory of these processes, what several share counted once (Pss, proc(5)); ended ones count nothing."""
    return sum(map(_pss, pids))


def open_files(pids: Iterable[int]) -> int:
    """Descriptors that these processes have open, sockets among them."""
    count = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            count += sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return count


def _pss(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
