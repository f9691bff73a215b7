"""CPU a digest REGISTER, and the rate that follows from it."""

from __future__ import annotations

import contextlib
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import load, rig
from bench.model import Aim, Figure, Scale
from bench.rig import Rig, Target
from isthmus.activity.feed import Feed
from isthmus.site import internal
from isthmus.site.file import load as load_site

_WANTED = 8_000
_AS_QUICK = 1.05  # what one figure differs by from the next on a quiet machine
_WRITTEN_S = 1.5  # bindings are written to disk every second: that work belongs to the REGISTERs


def measure(scale: Scale) -> list[Figure]:
    """REGISTER, 401, REGISTER with digest, 200; as many phones as there are accounts, each again and again."""
    costs: list[tuple[float, float]] = []
    rates: list[tuple[float, float]] = []
    devices: list[tuple[float, float]] = []
    cores = os.cpu_count() or 1
    with (
        tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder,
        rig.running(Path(folder), accounts=scale.accounts, relay=False) as running,
        contextlib.ExitStack() as stack,
    ):
        address = running.addresses()
        # As the control service does: what is told of phones costs more where somebody listens.
        feed = Feed(internal.activity_socket(load_site(Path(folder) / rig.PREMISES / "site.toml")), lambda _: None)
        feed.start()
        stack.callback(feed.stop)
        for round_ in range(-1, scale.rounds):
            own = [load.Phone(person.aor) for person in running.callers]
            by_device = [load.Phone(person.aor, name=rig.device(person.aor)) for person in running.callers]
            native, _ = _microseconds(running, running.native, own, address, scale)
            product, generator = _microseconds(running, running.premises, own, address, scale)
            device, _ = _microseconds(running, running.premises, by_device, address, scale)
            if round_ < 0:
                continue  # connections made, tables grown
            costs.append((product, native))
            devices.append((device, product))
            rates.append((cores * 1e6 / (product + generator), cores * 1e6 / (native + generator)))
    return [
        Figure.of("register.cpu", "CPU a digest REGISTER (challenge and answer)", "us", costs, "native Kamailio"),
        Figure.of(
            "register.rate",
            f"REGISTERs a second on {cores} cores less the generator",
            "1/s",
            rates,
            "native Kamailio",
            Aim("value", _WANTED, least=True),
            f"reckoned: {cores} cores shared with SIPp in the proportion measured",
        ),
        Figure.of(
            "register.device",
            "the same by a device's credential",
            "us",
            devices,
            "by a person's own",
            Aim("ratio", _AS_QUICK),
        ),
    ]


def _microseconds(
    running: Rig, target: Target, phones: Sequence[load.Phone], address: str, scale: Scale
) -> tuple[float, float]:
    """CPU a REGISTER of the target, and of SIPp."""
    before, generator = target.cpu_s(), _children_s()
    load.register(
        running.processes,
        target,
        phones,
        address,
        registers=scale.registers,
        rate=scale.register_rate,
    )
    generator = _children_s() - generator
    time.sleep(_WRITTEN_S)
    each = 1e6 / scale.registers
    return (target.cpu_s() - before) * each, generator * each


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
