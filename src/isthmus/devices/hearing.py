"""Hears from the SIP engine which devices proved themselves, and remembers when and where each did last.

The engine's workers write datagrams to a unix socket and never wait (engines/kamailio/sightings.py). Here a thread
reads them into memory; what is new goes to the database every few seconds.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec
from sqlalchemy import Engine

from isthmus.database import reading, writing
from isthmus.devices import store
from isthmus.devices.model import Sighting, Use
from isthmus.errors import UnavailableError

_log = logging.getLogger(__name__)

_MAX_DATAGRAM = 4096
_MOST = 200_000  # devices in memory
_NEWS_MS = 60_000  # a device seen at the place where it was is written down no more often
_BUFFER = 1 << 20


_decode = msgspec.msgpack.Decoder(Sighting).decode


class Uses:
    """When each device was last seen at this site. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._seen: dict[str, Use] = {}
        self._written: dict[str, Use] = {}
        self._news: set[str] = set()

    def note(self, use: Use) -> None:
        """A device was seen. Costs no more than memory."""
        with self._lock:
            before = self._seen.get(use.name)
            if before is None and len(self._seen) >= _MOST:
                return
            if before is None or before.at_ms <= use.at_ms:
                self._seen[use.name] = use
                written = self._written.get(use.name)
                if written is None or _is_news(written, use):
                    self._news.add(use.name)

    def of(self, names: Iterable[str]) -> dict[str, Use]:
        """When those of the devices that were seen here were seen last."""
        wanted = list(names)
        with reading(self._engine) as connection:
            found = store.uses(connection, wanted)
        with self._lock:
            fresh = {name: self._seen[name] for name in wanted if name in self._seen}
        for name, use in fresh.items():
            if name not in found or found[name].at_ms < use.at_ms:
                found[name] = use
        return found

    def write(self, *, everything: bool = False) -> None:
        """Write down what is new: another place, another client, or a minute later. everything: at the end."""
        with self._lock:
            if everything:
                self._news |= {name for name, use in self._seen.items() if self._written.get(name) != use}
            news = [self._seen[name] for name in self._news]
        if not news:
            return
        with writing(self._engine) as connection:
            store.put_uses(connection, news)
        with self._lock:
            self._written |= {use.name: use for use in news}
            self._news -= {use.name for use in news if self._seen[use.name] == use}


def _is_news(before: Use, now: Use) -> bool:
    same = (before.address, before.edge, before.client, before.generation) == (
        now.address,
        now.edge,
        now.client,
        now.generation,
    )
    return not same or now.at_ms - before.at_ms >= _NEWS_MS


class Ear:
    """The socket at which the engine's workers are heard."""

    def __init__(self, path: Path, uses: Uses) -> None:
        self._path, self._uses = path, uses
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin to listen. Raises UnavailableError when the socket can't be made."""
        self._path.unlink(missing_ok=True)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        before = os.umask(0o177)
        try:
            made.bind(str(self._path))
        except OSError as error:
            made.close()
            raise UnavailableError(f"the socket can't be made ({error.strerror})", where=str(self._path)) from error
        finally:
            os.umask(before)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket = made
        self._thread = threading.Thread(target=self._listen, args=(made,), name="devices seen", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hear no more, and write down what is not yet."""
        if self._socket is not None and self._thread is not None:
            self._stopping = True
            self._socket.shutdown(socket.SHUT_RD)  # wakes the thread, which then reads nothing
            self._thread.join(5)
            self._socket.close()
            self._path.unlink(missing_ok=True)
        self._uses.write(everything=True)

    def _listen(self, heard: socket.socket) -> None:
        while True:
            try:
                datagram = heard.recv(_MAX_DATAGRAM)
            except OSError:
                _log.exception("devices that are used are not noted any more")
                return
            if self._stopping:
                return
            use = use_of(datagram)
            if use is not None:
                self._uses.note(use)


def use_of(datagram: bytes) -> Use | None:
    """The use that a worker tells of; None for anything else."""
    try:
        told = _decode(datagram)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    name, _, generation = told.device.partition(".")
    if not generation.isdecimal():
        return None
    return Use(name, int(generation), told.at_ms, told.address, told.edge, told.client)
