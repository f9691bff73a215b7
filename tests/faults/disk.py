"""A disk of a site's own that can be filled to the last byte, for real: a small tmpfs."""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

_CHUNK = bytes(1 << 20)


def can_mount() -> bool:
    """Whether this user may mount a tmpfs."""
    if os.geteuid() != 0:
        return False
    with TemporaryDirectory() as folder:
        disk = Disk(Path(folder) / "d", size_mb=1)
        try:
            disk.mount()
        except OSError:
            return False
        disk.unmount()
    return True


class Disk:
    """A file system of `size_mb` at `folder`. While it is full, what is given back is taken at once."""

    def __init__(self, folder: Path, *, size_mb: int) -> None:
        self.folder, self._size_mb = folder, size_mb
        self._ballast = folder / "ballast"
        self._full = threading.Event()
        self._filler: threading.Thread | None = None

    def mount(self) -> None:
        """Make it, empty. Raises OSError where that is not allowed."""
        self.folder.mkdir(mode=0o700, parents=True)
        options = f"size={self._size_mb}m,mode=700"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "isthmus-test", self.folder],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise OSError(done.stderr.strip())

    def unmount(self) -> None:
        """Take it away, even from under a process that still has files open."""
        self.free()
        subprocess.run(["umount", "--lazy", self.folder], check=True, capture_output=True)

    def fill(self) -> None:
        """Not one byte is free from now on, until `free`."""
        self._full.set()
        self._take()
        self._filler = threading.Thread(target=self._keep_full, daemon=True)
        self._filler.start()

    def free(self) -> None:
        """Give all the room back that `fill` took."""
        self._full.clear()
        if self._filler is not None:
            self._filler.join()
            self._filler = None
        self._ballast.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """Room that anybody could write to."""
        return os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize

    def _keep_full(self) -> None:
        while self._full.is_set():
            self._take()
            threading.Event().wait(0.005)

    def _take(self) -> None:
        with self._ballast.open("ab", buffering=0) as file:
            for size in (len(_CHUNK), 4096):
                with suppress(OSError):
                    while file.write(_CHUNK[:size]) == size:
                        pass
