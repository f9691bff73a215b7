"""Log files that can't fill the disk: bounded in size, and in lines a second."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

MAX_BYTES = 10_000_000
KEPT = 3  # the file in use and two before it
LINES_PER_S = 200.0
BURST = 1000.0
MAX_LINE = 4000


@dataclass(slots=True)
class Throttle:
    """A token bucket of lines. Times are seconds of any clock that never goes back."""

    rate: float = LINES_PER_S
    burst: float = BURST
    tokens: float = BURST
    last: float = 0.0
    dropped: int = 0

    def take(self, now: float) -> int | None:
        """None: leave this line out. A number: write it; so many were left out just before."""
        self.tokens = min(self.burst, self.tokens + (now - self.last) * self.rate)
        self.last = now
        if self.tokens < 1:
            self.dropped += 1
            return None
        self.tokens -= 1
        dropped, self.dropped = self.dropped, 0
        return dropped


class LogFile:
    """Appends lines with the time (UTC) to a file, 0600, that is rotated by size. Never raises.

    last_words: the last line that was fed and is not empty.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._path, self._max_bytes = path, max_bytes
        self._throttle = Throttle()
        self._rest = b""
        self.last_words = ""

    def feed(self, chunk: bytes, now: float) -> None:
        """Take output as it comes; whole lines are written. now: seconds, monotonic."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > MAX_LINE:
            lines, self._rest = [*lines, self._rest], b""
        kept: list[bytes] = []
        for line in lines:
            dropped = self._throttle.take(now)
            if dropped is None:
                continue
            if dropped:
                kept.append(f"... {dropped} lines left out, more came than {LINES_PER_S:.0f} a second".encode())
            kept.append(line[:MAX_LINE])
            if line.strip():
                self.last_words = line[:MAX_LINE].decode(errors="replace").strip()
        self._write(kept)

    def say(self, text: str, now: float) -> None:
        """A line of the supervisor's own."""
        self.feed(text.encode() + b"\n", now)

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3].encode() + b"Z "
        # A full disk must not take the engines down with it: their log can wait.
        with contextlib.suppress(OSError):
            if self._path.exists() and self._path.stat().st_size > self._max_bytes:
                self._rotate()
            if not self._path.exists():
                self._path.touch(mode=0o600)
            with self._path.open("ab") as file:
                file.write(b"".join(stamp + line + b"\n" for line in lines))

    def _rotate(self) -> None:
        for number in range(KEPT - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path.with_name(f"{self._path.name}.{number - 1}") if number > 1 else self._path
            if newer.exists():
                newer.replace(older)
