"""Measures how many calls with media this machine carries: by real calls through engines of its own, started for it.

A connector of the same program runs beside, on loopback addresses, for the time of the measurement. What comes from one
of its two trunks it dials by the other, since the site it belongs to is nowhere (routing/branch.py, rule 4): so each
call goes through Kamailio and has its media relayed by rtpengine, as any call through the gateways does.

What connectors/load.py spends in the kernel is counted as the calls': on loopback it pays for what a network card's
interrupts would. What it spends itself is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from isthmus.connectors import capacity, toml
from isthmus.connectors.capacity import Before, Capacity, Ended, Level
from isthmus.connectors.load import Ends, Streams
from isthmus.errors import UnavailableError
from isthmus.pki.service import CertificateAuthority
from isthmus.site import certificates, internal, process, status, supervisor
from isthmus.site.file import MediaSection, SiteFile, load

_WINDOW_S = 4.0
_READY_S = 90.0
_AWAY_S = 60.0
_STOP_S = 30.0
_PORTS = (5060, 5061, 5062, 8443, 8444)
Told = Callable[[Level], object]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of loopback: the connector's own two, of both ends, and one where nobody is."""

    site: str
    inner: str
    near: str
    far: str
    nobody: str

    @classmethod
    def free(cls) -> Addresses:
        """Five that nobody uses. Raises UnavailableError."""
        found: list[str] = []
        for _ in range(200):
            address = f"127.{random.randint(224, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"  # noqa: S311
            if address not in found and _is_free(address):
                found.append(address)
            if len(found) == 5:
                return cls(*found)
        raise UnavailableError("no five loopback addresses are free")


def measure(media: MediaSection, seconds: float, told: Told, addresses: Addresses | None = None) -> Capacity:
    """The capacity, in about so many seconds besides the start. media: whose ports are used. told: each level.

    Raises UnavailableError where the engines do not come up, or not even a few calls are carried.
    """
    folder = Path(tempfile.mkdtemp(prefix="im-"))  # short: it has sockets in it
    try:
        site = _laid_out(folder, media, addresses or Addresses.free())
        running = subprocess.Popen(
            [str(Path(sys.executable).with_name("isthmus")), "site", "run", str(site.path)],
            stdin=subprocess.DEVNULL,
            stdout=(folder / "run.log").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_ready(site, running, folder / "run.log")
            return asyncio.run(_measured(site, seconds, told))
        finally:
            _end(site, running)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _laid_out(folder: Path, media: MediaSection, at: Addresses) -> SiteFile:
    document = {
        "site": {
            "name": "capacity",
            "role": "connector",
            "fqdn": "capacity.example.net",
            "address": at.site,
            "internal_address": at.inner,
        },
        "media": {"rtp_low": media.rtp_low, "rtp_high": media.rtp_high},
        "survival": {"fallback": "+12065550100"},
        "peer": [{"name": "nowhere", "fqdn": "nowhere.example.net", "address": at.nobody, "authority": True}],
        "trunk": [{"name": "far", "address": at.far}, {"name": "near", "address": at.near}],
    }
    path = folder / "site.toml"
    path.write_text(toml.dumped(document))
    site = load(path)
    certificates.issue(site, CertificateAuthority.create(folder / "ca"))
    return site


async def _measured(site: SiteFile, seconds: float, told: Told) -> Capacity:
    most, levels = (site.media.rtp_high - site.media.rtp_low + 1) // 4, list[Level]()
    async with _calling(site) as (ends, streams):
        await _first_call(ends)
        idle = await _idle(site)
        deadline, why, set_up_s = time.monotonic() + seconds, Ended.TIME, 0.0
        calls = capacity.FIRST
        while time.monotonic() + 2 * _WINDOW_S < deadline or not levels:
            calls = min(calls, most)
            before, spent = ends.calls, _engines_s(site)["kamailio"]
            try:
                await ends.reach(calls)
            except (ConnectionError, TimeoutError):
                why = Ended.BUSY  # it does not keep up with setting them up
                break
            set_up_s = max(set_up_s, (_engines_s(site)["kamailio"] - spent) / max(calls - before, 1))
            level = await _level(site, streams, calls)
            levels.append(level)
            told(level)
            if (end := capacity.ended(level, most)) is not None:
                why = end
                break
            calls = capacity.after(calls, most)
    found = capacity.reckoned(levels, idle, set_up_s, most, why)
    if found is None:
        raise UnavailableError(
            f"not even {capacity.FIRST} calls are carried without loss", do="See what else keeps this machine busy."
        )
    return found


@contextlib.asynccontextmanager
async def _calling(site: SiteFile) -> AsyncIterator[tuple[Ends, Streams]]:
    far, near = (trunk.address for trunk in site.trunk)
    streams = Streams()
    ends = await Ends.open(near, far, (site.site.address, 5060), streams)
    streams.start()
    try:
        yield ends, streams
    finally:
        await ends.close()
        streams.close()


async def _first_call(ends: Ends) -> None:
    """Wait for the connector to see that the site it belongs to is nowhere. Raises UnavailableError."""
    deadline = time.monotonic() + _AWAY_S
    while True:
        try:
            await ends.reach(1)
        except (ConnectionError, TimeoutError) as error:
            if time.monotonic() > deadline:
                raise UnavailableError(f"no call comes up ({error})") from error
            await asyncio.sleep(1)
        else:
            return


async def _idle(site: SiteFile) -> Before:
    """The machine with hardly any call: what it takes besides those."""
    cores, before, (busy, whole) = os.cpu_count() or 1, sum(_engines_s(site).values()), _machine_s()
    await asyncio.sleep(_WINDOW_S / 2)
    now_busy, now_whole = _machine_s()
    engines = (sum(_engines_s(site).values()) - before) / (_WINDOW_S / 2)
    share = (now_busy - busy) / (now_whole - whole) if now_whole > whole else 0.0
    return Before(cores, engines, max(0.0, share * cores - engines))


async def _level(site: SiteFile, streams: Streams, calls: int) -> Level:
    began, before, machine = time.monotonic(), sum(_engines_s(site).values()), _machine_s()
    window = await streams.measured(_WINDOW_S)
    took = time.monotonic() - began
    spent = sum(_engines_s(site).values()) - before
    busy, whole = (now - then for now, then in zip(_machine_s(), machine, strict=True))
    # The kernel's part is of the window, which is shorter than what the engines' is of.
    cores = spent / took + window.kernel_s / _WINDOW_S
    return Level(calls, cores, busy / whole if whole else 0.0, window.loss, window.late)


def _engines_s(site: SiteFile) -> dict[str, float]:
    """CPU seconds that each engine has used so far, by its name."""
    spent: dict[str, float] = {}
    with contextlib.suppress(OSError, ValueError, TypeError):
        for entry in json.loads(internal.pids_path(site).read_bytes()):
            family = process.Family(**entry)
            spent[family.name] = sum(map(_process_s, process.members(family)))
    return {"kamailio": 0.0, **spent}


def _process_s(pid: int) -> float:
    """CPU seconds of a process (proc(5): fields 14 and 15 of its stat)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _machine_s() -> tuple[float, float]:
    """Busy and whole time of all cores so far, in ticks (proc(5): the first line of stat)."""
    fields = [int(each) for each in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    return float(sum(fields) - fields[3] - fields[4]), float(sum(fields))


def _wait_until_ready(site: SiteFile, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and running.poll() is None:
        now = status.read(site)
        if now is not None and now.ready:
            return
        time.sleep(0.2)
    said = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise UnavailableError(f"the engines to measure with do not come up: {' / '.join(said)}")


def _end(site: SiteFile, running: subprocess.Popen[bytes]) -> None:
    running.terminate()
    try:
        running.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
        supervisor.end_orphans(site)


def _is_free(address: str) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        for port in _PORTS:
            with socket.socket(socket.AF_INET, kind) as probe:
                try:
                    probe.bind((address, port))
                except OSError:
                    return False
    return True
