"""What only whole sites show: how soon after `make run` one can call, and how long a thousand people take to move."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import Loopback, Processes

from bench import load, rig
from bench.model import Aim, Figure, Scale
from isthmus.addressing import Aor
from isthmus.cli.client import Client
from isthmus.demo import provision
from isthmus.demo.plan import DOMAIN, make_plan
from isthmus.demo.provision import Demo
from isthmus.site.file import SiteFile

_ROOT = Path(__file__).parent.parent
_FIRST_CALL_S, _MOVE_S = 15.0, 60.0
_CALLS_A_SECOND = 20
_REGISTERS_A_SECOND = 200
_POLL_S = 0.25
_LONGEST_MOVE_S = 180.0
_ADJUSTED = """
[digest]
md5_only_user_agents = ["SIPp"]
[protection]
requests_per_2s = 1000000
exempt_networks = ["127.0.0.0/8"]
"""


@dataclass(frozen=True, slots=True)
class Up:
    """The demo, running. began: when its start was asked for (time.monotonic). addresses: for phones."""

    demo: Demo
    began: float
    processes: Processes
    addresses: Callable[[], str]

    def place(self, name: str) -> rig.Target:
        """Where a site takes SIP."""
        return rig.Target(name, self._site(name).site.address, ())

    def _site(self, name: str) -> SiteFile:
        return next(site for site in self.demo.sites if site.site.name == name)


def measure(scale: Scale) -> list[Figure]:
    """Bring the demo up, call, move people there with calls going on, and back without."""
    native_s = _native_first_call_s()
    with running() as up:
        first_call_s = _first_call_s(up)
        under_calls_s, alone_s, note = _moves(up, scale)
    return [
        Figure.of(
            "run.first_call",
            "From `make run` to a first call between the sites",
            "s",
            [(first_call_s, native_s)],
            "native Kamailio, one site",
            Aim("value", _FIRST_CALL_S),
            "wall time, on a prepared machine, with new sites and accounts to be made",
        ),
        Figure.of(
            "move.time",
            f"Moving {scale.moved:,} people with phones, {_CALLS_A_SECOND} calls a second to one of them",
            "s",
            [(under_calls_s, alone_s)],
            "back, without calls",
            Aim("value", _MOVE_S),
            note,
        ),
    ]


@contextlib.contextmanager
def running(at_authority: str = "") -> Iterator[Up]:
    """The demo, laid out anew in a temporary folder and on a network of its own, stopped and removed in the end.

    at_authority: what the authority's site file says besides.
    """
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder, contextlib.ExitStack() as stack:
        loopback = Loopback()
        stack.callback(loopback.close)
        # The sites' addresses end in .1.1 and so on; tests hold single addresses of the same network.
        network = ".".join(rig.free_address(loopback).split(".")[:2])
        directory = Path(folder) / "demo"
        demo = provision.provision(make_plan(network), directory)
        for site in demo.sites:
            more = at_authority if site.site.authority else ""
            site.path.write_text(site.path.read_text() + _ADJUSTED + more)
        phones = Path(folder) / "phones"
        phones.mkdir()
        processes = Processes(phones)
        stack.callback(processes.close)
        began = time.monotonic()
        _run(["deploy/bootstrap", "runtime"], network)
        isthmus = str(Path(sys.executable).with_name("isthmus"))
        stack.callback(_run, [isthmus, "demo", "down", "--directory", str(directory)], network)
        _run([isthmus, "demo", "up", "--detach", "--directory", str(directory)], network)
        yield Up(provision.existing(make_plan(network), directory), began, processes, loopback)


def _run(command: list[str], network: str) -> None:
    environment = {**os.environ, "ISTHMUS_DEMO_NETWORK": network}
    done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, f"{command[:3]} ended with {done.returncode}: {done.stderr[-2000:]}"


def _first_call_s(up: Up) -> float:
    """Seconds from the start until alice, at premises, has called carol, at online."""
    phones = {account.username: load.Phone(Aor.parse(account.aor), account.password) for account in up.demo.accounts}
    alice, carol, address = phones["alice"], phones["carol"], up.addresses()
    load.register(up.processes, up.place(rig.ONLINE), [carol], address, registers=1, rate=1)
    phone = load.wait_for_calls(up.processes, address)
    load.call(up.processes, up.place(rig.PREMISES), [alice], carol.aor, up.addresses(), calls=1, rate=1)
    took = time.monotonic() - up.began
    phone.stop()
    return took


def _native_first_call_s() -> float:
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
        began = time.monotonic()
        with rig.native_alone(Path(folder), accounts=2) as (processes, addresses, target):
            alice, carol = (load.Phone(Aor(f"p{index:05}", rig.DOMAIN)) for index in range(2))
            address = addresses()
            load.register(processes, target, [carol], address, registers=1, rate=1)
            load.wait_for_calls(processes, address)
            load.call(processes, target, [alice], carol.aor, addresses(), calls=1, rate=1)
            return time.monotonic() - began


def _moves(up: Up, scale: Scale) -> tuple[float, float, str]:
    """Seconds to move everybody to online under calls, seconds back without, and what became of the calls."""
    phones = [load.Phone(Aor(f"mover{index:05}", DOMAIN)) for index in range(scale.moved)]
    rows = [
        {"aor": str(phone.aor), "home": rig.PREMISES, "password": phone.password, "display_name": "Mover"}
        for phone in phones
    ]
    premises, address = up.place(rig.PREMISES), up.addresses()
    with Client(up.demo.authority, timeout_s=None) as api:
        api.post("/v1/people/import", {"rows": rows})
        load.register(
            up.processes, premises, phones, address, registers=len(phones), rate=min(_REGISTERS_A_SECOND, len(phones))
        )
        load.wait_for_calls(up.processes, address)
        # At full scale for as long as the move may take.
        calls = max(_CALLS_A_SECOND * 2, round(_CALLS_A_SECOND * _MOVE_S * scale.moved / 1000))
        with _calls_to(up, phones[len(phones) // 2].aor, calls) as outcome:
            under_calls_s = _move(api, phones, rig.ONLINE)
        alone_s = _move(api, phones, rig.PREMISES)
    return under_calls_s, alone_s, outcome[0]


@contextlib.contextmanager
def _calls_to(up: Up, called: Aor, calls: int) -> Iterator[list[str]]:
    """Calls to one person from alice, going on while the context is open and until all are made.

    Gives a list in which, in the end, stands what became of them.
    """
    alice = next(account for account in up.demo.accounts if account.username == "alice")
    phone = load.Phone(Aor.parse(alice.aor), alice.password)
    outcome: list[str] = []

    def work() -> None:
        try:
            failed = load.call(
                up.processes,
                up.place(rig.PREMISES),
                [phone],
                called,
                up.addresses(),
                calls=calls,
                rate=_CALLS_A_SECOND,
            )
            outcome.append(f"of {calls} calls made meanwhile {failed} failed")
        except AssertionError as error:
            outcome.append(str(error).partition("\n")[0])

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield outcome
    finally:
        thread.join()


def _move(api: Client, phones: list[load.Phone], to: str) -> float:
    """Move everybody; seconds until the last one has moved. Everybody has to."""
    began = time.monotonic()
    batch: dict[str, Any] = api.post("/v1/moves", {"aors": [str(phone.aor) for phone in phones], "to": to})
    found = batch
    while not found["finished"]:
        assert time.monotonic() - began < _LONGEST_MOVE_S, f"the move to {to} still goes on: {found}"
        time.sleep(_POLL_S)
        found = api.get(f"/v1/moves/{batch['id']}", people="none")
    took = time.monotonic() - began
    assert found["moved"] == len(phones), f"not everybody moved to {to}: {found}"
    return took
