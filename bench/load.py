"""Phones in numbers: SIPp with the test suite's scenarios, which follow routes. All of them speak UDP."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.support import Process, Processes

from bench.rig import PASSWORD
from isthmus.addressing import Aor

_OWN = Path(__file__).parent / "scenarios"
_OF_TESTS = Path(__file__).parent.parent / "tests" / "agents" / "scenarios"
_MANY = 1_000_000
_PAUSE_MS = 100
_ANSWER_MS = 8000
# On a busy machine UDP loses and overtakes; SIPp then gives a call up that a phone would save.
_MAY_FAIL = 0.02


@dataclass(frozen=True, slots=True)
class Phone:
    """Somebody's phone, with the password it knows. name: its user name; by default the person's own."""

    aor: Aor
    password: str = PASSWORD
    name: str = ""


class Site(Protocol):
    """Where phones register and call: what it is called, and its address."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> str: ...


def wait_for_calls(processes: Processes, address: str) -> Process:
    """A phone that answers every call."""
    return _start(processes, _OWN / "callee.xml", address, ["-m", str(_MANY)])


def call(
    processes: Processes, target: Site, callers: Sequence[Phone], called: Aor, address: str, *, calls: int, rate: float
) -> int:
    """Let the callers in turn call one person, each with digest, and hang up. AssertionError when many fail.

    One, since SIPp can't vary the digest's uri, which has to be that of the request. rate: calls a second.
    Returns how many failed.
    """
    return _run(
        processes,
        _OF_TESTS / "uac_auth.xml",
        target,
        [f"{_line(phone)};{called}" for phone in callers],
        str(called),
        address,
        calls,
        rate,
    )


def register(
    processes: Processes, target: Site, phones: Sequence[Phone], address: str, *, registers: int, rate: float
) -> None:
    """Let the people in turn register a phone at `address`, each with digest. AssertionError when many fail."""
    _run(
        processes,
        _OF_TESTS / "register.xml",
        target,
        [_line(phone) for phone in phones],
        phones[0].aor.domain,
        address,
        registers,
        rate,
    )


def _line(phone: Phone) -> str:
    user, domain = phone.aor.user, phone.aor.domain
    return f"{user};{domain};[authentication username={phone.name or user} password={phone.password}]"


def _run(
    processes: Processes,
    scenario: Path,
    target: Site,
    lines: Sequence[str],
    digest_uri: str,
    address: str,
    calls: int,
    rate: float,
) -> int:
    inf = processes.folder / f"sipp-{len(processes.started)}.inf"
    inf.write_text("SEQUENTIAL\n" + "".join(f"{line}\n" for line in lines))
    argv = ["-inf", str(inf), "-auth_uri", digest_uri, "-m", str(calls), "-r", str(rate), "-d", str(_PAUSE_MS)]
    statistics = inf.with_suffix(".csv")
    argv += ["-trace_stat", "-stf", str(statistics), "-fd", "1", "-recv_timeout", str(_ANSWER_MS)]
    process = _start(processes, scenario, address, [*argv, f"{target.address}:5060"])
    code = process.wait(60 + 3 * calls / rate)
    failed = _failed(statistics) if code in (0, 1) else calls
    what = f"SIPp's {scenario.stem} at {target.name} ended with {code}, {failed} of {calls} failed"
    assert failed <= calls * _MAY_FAIL, f"{what}:\n{_complaints(process)}"
    return failed


def _failed(statistics: Path) -> int:
    with statistics.open() as file:
        return int(list(csv.DictReader(file, delimiter=";"))[-1]["FailedCall(C)"])


def _start(processes: Processes, scenario: Path, address: str, more: Sequence[str]) -> Process:
    name = f"sipp-{scenario.stem}-{len(processes.started)}"
    argv = ["sipp", "-sf", str(scenario), "-nostdin", "-i", address, "-p", "5060"]
    argv += ["-mi", address, "-t", "u1", "-trace_err", "-error_file", str(processes.folder / f"{name}.err")]
    return processes.start([*argv, *more], name=name, cwd=processes.folder)


def _complaints(process: Process) -> str:
    errors = process.log.with_name(f"{process.name}.err")
    return errors.read_text(errors="replace")[:2000] if errors.exists() else process.tail()
