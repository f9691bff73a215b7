"""What the demo starts, and how one sees that each part is ready."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from isthmus.demo import branch
from isthmus.demo.plan import CARRIER, CONNECTOR_SITE
from isthmus.demo.provision import Demo
from isthmus.errors import UnavailableError
from isthmus.site import status
from isthmus.site.file import SiteFile, load
from isthmus.site.preflight import Listener

_LAST_WORDS_BYTES = 4096
_CARRIER_PORT = 5060


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the demo.

    site: its site file; None for the carrier. listener: a port that must be free, where the site file says none.
    waits_for: what it still waits for, in a few words; None as soon as it is ready.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    site: SiteFile | None
    waits_for: Callable[[], str | None]
    listener: Listener | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """Start it in a session of its own: Ctrl-C then reaches the demo alone, which stops it in order.

        Raises UnavailableError when it can't be started.
        """
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("wb") as log:
                return subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise UnavailableError(f"{self.name} can't be started ({error})", where=self.command[0]) from error

    def last_words(self) -> str:
        """The last line it printed, for the message that it has ended; empty when it printed none."""
        with contextlib.suppress(OSError):
            lines = self.log.read_bytes()[-_LAST_WORDS_BYTES:].decode(errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""


def parts(demo: Demo) -> list[Part]:
    """The carrier first: it is ready at once, and the sites look for it. The connector once it is there."""
    found = [_carrier(demo), *(_site(site, demo.directory / "log") for site in demo.sites)]
    return [*found, connector(demo)] if demo.plan.branch_address and branch.installed(demo.directory) else found


def connector(demo: Demo) -> Part:
    """The connector, which has to be installed."""
    folder = branch.folder(demo.directory)
    isthmus = Path(sysconfig.get_path("scripts")) / "isthmus"
    return Part(
        name=CONNECTOR_SITE,
        command=(str(isthmus), "connector", "run", "--directory", str(folder.path)),
        log=log_path(demo.directory, CONNECTOR_SITE),
        site=load(folder.site_toml),
        waits_for=lambda: site_waits_for(load(folder.site_toml)),
    )


def log_path(directory: Path, name: str) -> Path:
    """What a part says outside its own logs."""
    return directory / "log" / f"{name}.log"


def _carrier(demo: Demo) -> Part:
    address = demo.plan.carrier_address
    return Part(
        name=CARRIER,
        command=(sys.executable, "-m", "isthmus.demo.carrier", str(demo.carrier_file)),
        log=log_path(demo.directory, CARRIER),
        site=None,
        waits_for=lambda: None if _answers_sip(address, _CARRIER_PORT) else "its SIP port",
        listener=Listener("udp", address, _CARRIER_PORT, f"address in {demo.carrier_file}"),
    )


def _site(site: SiteFile, logs: Path) -> Part:
    isthmus = Path(sysconfig.get_path("scripts")) / "isthmus"
    return Part(
        name=site.site.name,
        command=(str(isthmus), "site", "run", str(site.path)),
        log=logs / f"{site.site.name}.log",
        site=site,
        waits_for=lambda: site_waits_for(site),
    )


def site_waits_for(site: SiteFile) -> str | None:
    """Which of the site's processes are not up yet, and why they ended, by its supervisor's word; None when all are."""
    now = status.read(site)
    if now is None or not now.processes:
        return "its supervisor"
    missing = {name: process.reason for name, process in now.processes.items() if process.state != "up"}
    return (
        ", ".join(f"{name}, which {why}" if why.startswith("ended") else name for name, why in missing.items()) or None
    )


def _answers_sip(address: str, port: int) -> bool:
    """Whether somebody answers an OPTIONS there (RFC 3261 section 11), whatever the answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(1.0)  # where nobody listens, the refusal comes at once
        with contextlib.suppress(OSError):
            # From the same address: a carrier that knows its sites by address has no site at this one.
            probe.bind((address, 0))
            probe.connect((address, port))
            host, own_port = probe.getsockname()
            token = os.urandom(8).hex()
            request = (
                f"OPTIONS sip:{address}:{port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {host}:{own_port};branch=z9hG4bK{token};rport\r\n"
                f"From: <sip:demo@{host}>;tag={token}\r\nTo: <sip:{address}:{port}>\r\n"
                f"Call-ID: {token}@{host}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            )
            probe.send(request.encode())
            return probe.recv(2048).startswith(b"SIP/2.0 ")
    return False
