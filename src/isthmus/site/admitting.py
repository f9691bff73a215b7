"""Which connectors the site lets in: the service that knows them, and haproxy, which has nobody to ask."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from isthmus.connectors.api import Where
from isthmus.connectors.service import Connectors, Home
from isthmus.directory.service import Directory
from isthmus.engines.haproxy import runtime
from isthmus.errors import IsthmusError, UnavailableError
from isthmus.pki import store
from isthmus.site import certificates, internal
from isthmus.site.background import Background, Repeating
from isthmus.site.file import SiteFile

_LOOK_S = 5.0  # how often haproxy's map is compared: it may have been started again
_LINE = re.compile(r"0x[0-9a-f]+ (\S+) (\S+)")


def build_connectors(site_file: SiteFile, directory: Directory) -> Connectors:
    """The connectors of this site."""
    home = Home(site_file.site.fqdn, site_file.connector_slots, lambda: certificates.authority(site_file))
    return Connectors(directory, home, offered=lambda: offered(site_file))


def offer(site_file: SiteFile, version: str, packed: bytes) -> Path:
    """Let connectors bring themselves to this version; gives the file that they get. packed: its archive."""
    file = internal.connector_packages(site_file) / f"{version}.tar.gz"
    hashed = file.with_name(f"{version}.sha256")
    hashed.unlink(missing_ok=True)  # what is there before is offered no more while it is exchanged
    store.write_private(file, packed)
    store.write_private(hashed, hashlib.sha256(packed).hexdigest().encode())
    return file


def offered(site_file: SiteFile) -> dict[str, str]:
    """The versions that connectors can bring themselves to, and the hash (SHA-256) of each, as it was offered."""
    found = {}
    for path in internal.connector_packages(site_file).glob("*.sha256"):
        with contextlib.suppress(OSError):  # withdrawn just now
            found[path.stem] = path.read_text(encoding="ascii").strip()
    return found


def package_of(site_file: SiteFile, version: str) -> Path | None:
    """The archive of a version that is offered."""
    if version not in offered(site_file):
        return None
    return internal.connector_packages(site_file) / f"{version}.tar.gz"


def where_of(site_file: SiteFile) -> Where:
    """How connectors reach this site."""
    site, ports = site_file.site, site_file.ports
    path = internal.ca_certificate(site_file)
    ca = path.read_bytes() if path.exists() else b""
    return Where(
        name=site.name,
        fqdn=site.fqdn,
        address=site.address,
        web=ports.web,
        link_sip=ports.link_sip,
        link_api=ports.link_api,
        ca=ca.decode("ascii"),
        fingerprint=store.fingerprint(ca, str(path)) if ca else "",
    )


class Doorkeeper:
    """Keeps haproxy's map of connectors as it should be: the file for its start, and what it knows as it runs.

    ask: haproxy's runtime socket.
    """

    def __init__(self, file: Path, let_in: Callable[[], Mapping[str, int]], ask: Callable[[str], str]) -> None:
        self._file, self._let_in, self._ask = file, let_in, ask

    def work(self) -> None:
        """Bring file and haproxy to what is wanted; who is let in no more loses its connections at once.

        Raises UnavailableError when haproxy does not answer; the file is written then.
        """
        wanted = {name: str(slot) for name, slot in self._let_in().items()}
        text = "".join(f"{name} {slot}\n" for name, slot in sorted(wanted.items())).encode()
        if not self._file.exists() or self._file.read_bytes() != text:
            store.write_private(self._file, text)
        known = dict(_LINE.findall(self._ask(f"show map {self._file}")))
        for name, slot in known.items():
            if wanted.get(name) != slot:
                self._ask(f"del map {self._file} {name}")
                self._ask(f"shutdown sessions server connector_in_{slot}/kamailio")
        for name, slot in wanted.items():
            if known.get(name) != slot:
                self._ask(f"add map {self._file} {name} {slot}")


def keep_admitted(site_file: SiteFile, connectors: Connectors, background: Background) -> Callable[[], None]:
    """Let haproxy follow. Gives what is to be called when it should do so now."""
    if not site_file.connector_slots:
        return lambda: None
    runtime_socket = internal.haproxy_socket(site_file)
    keeper = Doorkeeper(
        internal.connectors_map(site_file), connectors.let_in, lambda order: runtime.ask(runtime_socket, order)
    )

    def work() -> None:
        with contextlib.suppress(UnavailableError):  # it reads the file when it starts
            keeper.work()

    job = Repeating("let connectors in", work, _LOOK_S)
    background.add("let connectors in", job.start, job.stop)

    def now() -> None:
        try:
            keeper.work()
        except IsthmusError:
            job.wake()

    return now
