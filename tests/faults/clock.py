"""A wall clock of a site's own that can be set: libfaketime in all of the site's processes."""

from __future__ import annotations

from pathlib import Path

_LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
# libfaketime 0.9.10 moves the end of an absolute sleep by the monotonic clock (Python's time.sleep) as if it were by
# the wall clock, which the kernel then refuses. The same wait by another call:
_SLEEP = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"


def can_set() -> bool:
    """Whether the library is installed (deploy/bootstrap tests)."""
    return _LIBRARY.exists()


class Clock:
    """What processes started with `env` take for the time. Clocks that never go back stay as they are."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._file = folder / "offset"
        (folder / "sitecustomize.py").write_text(_SLEEP)
        self.offset_s = 0
        self.set(0)
        self.env = {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",  # else each thread learns of the jump at a time of its own
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
            "PYTHONPATH": str(folder),
        }

    def set(self, offset_s: int) -> None:
        """From now on it is so many seconds ahead of the machine's, or behind."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{offset_s:+d}")
        draft.replace(self._file)
        self.offset_s = offset_s
