"""Files that are sent with messages: kept by the hash of what is in them, outside the database.

Nothing is served before it was looked at by the site's own command, if it has one; what comes from a peer neither.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import logging
import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from starlette.concurrency import run_in_threadpool

from isthmus.database import reading, writing
from isthmus.errors import IsthmusError, NotFoundError, RefusedError, TooManyError, UsageError
from isthmus.identity.throttle import Rate
from isthmus.messaging import rules, store
from isthmus.messaging.feed import Peer
from isthmus.messaging.model import File
from isthmus.messaging.service import Messaging

_log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_SCAN_S = 120.0
_FETCH_S = 20.0
_UNSENT_MS = 86_400_000  # how long a file may wait for its message


class Files:
    """The files of a site. scan: the command that looks at a file, which gets its path; none without one."""

    def __init__(
        self,
        messaging: Messaging,
        folder: Path,
        peers: Sequence[Peer],
        scan: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._messaging, self._folder, self._peers = messaging, folder, peers
        self._scan, self._clock = list(scan), clock
        self._rate = Rate(0.5, 20)

    async def bring(self, owner: str, name: str, body: AsyncIterator[bytes]) -> File:
        """Take a file. Raises UsageError for what is too large or of a kind that is not taken, RefusedError."""
        limits = self._messaging.limits
        name = rules.file_name(name)
        if not rules.ending_allowed(name, limits.file_endings):
            raise UsageError(f"files like {name} are not taken here", where="name",
                             do=f"Taken are: {', '.join(limits.file_endings)}.")  # fmt: skip
        if wait := self._rate.take(owner):
            raise TooManyError("you send too many files", retry_after_s=wait, do=f"Try again in {wait:.0f} s.")
        with self._temporary() as (path, file):
            hash_, size = hashlib.sha256(), 0
            async for chunk in body:
                size += len(chunk)
                if size > limits.file_bytes:
                    raise UsageError(f"the file is larger than {limits.file_bytes:,} bytes")
                hash_.update(chunk)
                file.write(chunk)
            file.flush()
            if not size:
                raise UsageError("the file is empty")
            await run_in_threadpool(self._admit, path, hash_.hexdigest(), name)
        made = File(str(uuid.uuid4()), hash_.hexdigest(), name, size, "application/octet-stream")

        def note() -> None:
            with writing(self._messaging.engine) as connection:
                store.add_file(connection, made, owner, int(self._clock() * 1000))

        await run_in_threadpool(note)
        return made

    def brought(self, id_: str, owner: str) -> File:
        """A file that somebody has brought to this site. Raises NotFoundError."""
        with reading(self._messaging.engine) as connection:
            found = store.file(connection, id_, owner)
        if found is None:
            raise NotFoundError("you have brought no such file here", where="file", do="Send the file again.")
        return found

    def path(self, file: File) -> Path:
        """Where it is; asked of the peers where it is not here. Raises NotFoundError, LinkDownError, RefusedError."""
        path = self._path(file.hash)
        if not path.exists():
            self._fetch(file)
        return path

    def fetch(self, files: Iterable[File]) -> None:
        """See that these are here. What no site has any more, or is refused here, is passed over."""
        for file in files:
            with contextlib.suppress(NotFoundError, RefusedError):
                self.path(file)

    def part(self, hash_: str, offset: int) -> dict[str, Any]:
        """A stretch of a file, for a peer."""
        path = self._path(hash_)
        if not path.exists():
            raise NotFoundError("there is no such file here")
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(_CHUNK)
            return {"data": base64.b64encode(data).decode(), "size": path.stat().st_size}

    def sweep(self) -> None:
        """Remove what no message has any more."""
        before_ms = int(self._clock() * 1000) - _UNSENT_MS
        with writing(self._messaging.engine) as connection:
            store.forget_files(connection, before_ms)
            used = store.files_used(connection, before_ms)
        for path in self._folder.glob("??/*"):
            with contextlib.suppress(FileNotFoundError):
                if path.name not in used and path.stat().st_mtime * 1000 < before_ms:
                    path.unlink()

    def _fetch(self, file: File) -> None:
        for peer in self._peers:
            with contextlib.suppress(NotFoundError), self._temporary() as (path, out):
                hash_, size = hashlib.sha256(), 0
                while size < file.size:
                    told = peer.ask("/link/messages/file", {"hash": file.hash, "offset": size}, timeout_s=_FETCH_S)
                    try:
                        data = base64.b64decode(told["data"], validate=True)
                    except binascii.Error:
                        data = b""
                    if not data:
                        break
                    hash_.update(data)
                    out.write(data)
                    size += len(data)
                out.flush()
                if hash_.hexdigest() == file.hash:
                    self._admit(path, file.hash, file.name)
                    return
        raise NotFoundError("this file is not there any more")

    def _admit(self, path: Path, hash_: str, name: str) -> None:
        """Let it be looked at, and keep it. Raises RefusedError, also where it could not be looked at."""
        if self._scan:
            try:
                done = subprocess.run(
                    [*self._scan, str(path)],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=_SCAN_S,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                _log.error("files can't be scanned: %s", error)
                raise RefusedError("files can't be looked at for viruses now", do="Try again later.") from error
            if done.returncode != 0:
                _log.warning("a file was refused by the scan (exit %s)", done.returncode)
                raise RefusedError(f"{name} was refused by this site's virus scan")
        target = self._path(hash_)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        path.replace(target)

    def _path(self, hash_: str) -> Path:
        if len(hash_) != 64 or set(hash_) - set("0123456789abcdef"):
            raise NotFoundError("there is no such file")
        return self._folder / hash_[:2] / hash_

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[tuple[Path, BinaryIO]]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".coming-")
        path = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield path, file
        except OSError as error:
            raise IsthmusError(f"the file can't be kept ({error.strerror})", do="Look for a full disk.") from error
        finally:
            path.unlink(missing_ok=True)
