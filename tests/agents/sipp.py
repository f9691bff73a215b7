"""SIPp with scenarios that follow routes (tests/agents/scenarios); its counters read, a failure shown in full.

SIPp speaks MD5 only, and never matches a Call-ID of the form `text-[call_id]`.
"""

from __future__ import annotations

import csv
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import Process, Processes, wait_for

_SCENARIOS = Path(__file__).parent / "scenarios"
_TRANSPORTS = {"udp": "u1", "tcp": "t1", "tls": "l1"}


@dataclass(frozen=True, slots=True)
class Counters:
    """What became of the calls (or registrations) of one run."""

    successful: int
    failed: int
    retransmissions: int
    unexpected: int


@dataclass(frozen=True, slots=True)
class User:
    """A line of the -inf file. target: whom to call, `user@domain`."""

    user: str
    domain: str
    password: str = ""
    target: str = ""

    def __str__(self) -> str:
        auth = f"[authentication username={self.user} password={self.password}]"
        return ";".join((self.user, self.domain, auth, self.target))


class Sipp:
    """One run of a scenario."""

    def __init__(self, process: Process, statistics: Path, errors: Path) -> None:
        self._process, self._statistics, self._errors = process, statistics, errors

    @classmethod
    def start(
        cls,
        processes: Processes,
        scenario: str,
        address: str,
        *,
        to: str = "",
        port: int = 5060,
        transport: str = "udp",
        users: Sequence[User] = (),
        calls: int = 1,
        rate: float = 10,
        pause_ms: int = 100,
        echo: bool = False,
    ) -> Sipp:
        """Start a scenario by name, or by its path without `.xml`.

        to: host:port of the other side, empty for one that is called. users: all with one target, as SIPp
        makes its credentials for one URI. echo: RTP is sent back as it comes.
        """
        folder = processes.folder
        name = f"sipp-{Path(scenario).name}-{len(processes.started)}"
        statistics, errors, inf = (folder / f"{name}{tail}" for tail in (".csv", ".err", ".inf"))
        inf.write_text("SEQUENTIAL\n" + "".join(f"{user}\n" for user in users or [User("sipp", address)]))
        argv = ["sipp", "-sf", str(_SCENARIOS / f"{scenario}.xml"), "-inf", str(inf), "-nostdin"]
        argv += ["-i", address, "-p", str(port), "-mi", address, "-t", _TRANSPORTS[transport]]
        argv += ["-m", str(calls), "-r", str(rate), "-d", str(pause_ms), "-timeout_error"]
        argv += ["-trace_stat", "-stf", str(statistics), "-fd", "1", "-trace_err", "-error_file", str(errors)]
        argv += ["-rtp_echo"] if echo else []
        if users:  # else its credentials are for the address it sends to, not for the Request-URI
            argv += ["-auth_uri", users[0].domain if scenario == "register" else users[0].target]
        process = processes.start([*argv, *([to] if to else [])], name=name, cwd=folder)
        if not to and transport == "tcp":  # by UDP who calls too early is heard by a retransmission
            wait_for(lambda: _listens(address, port), 60, f"{name} listens")
        return cls(process, statistics, errors)

    def finish(self, timeout: float = 60.0) -> Counters:
        """Wait for all calls; an AssertionError shows what SIPp complained of."""
        code = self._process.wait(timeout)
        counters = self.counters()
        if code or counters.failed:
            complaint = self._errors.read_text(errors="replace")[-3000:] if self._errors.exists() else ""
            raise AssertionError(
                f"{self._process.name} ended with {code}: {counters}\n{complaint or self._process.tail()}"
            )
        return counters

    def counters(self) -> Counters:
        """The counters as they stand."""
        with self._statistics.open() as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        return Counters(
            int(last["SuccessfulCall(C)"]),
            int(last["FailedCall(C)"]),
            int(last["Retransmissions(C)"]),
            int(last["FailedUnexpectedMessage(C)"]),
        )

    def stop(self) -> None:
        """End it before its calls are done."""
        self._process.stop()


def _listens(address: str, port: int) -> bool:
    """Whether somebody listens for TCP there; asked of the kernel, since a connection would be one for SIPp, too."""
    local = f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1] == local and row[3] == "0A" for row in rows)
