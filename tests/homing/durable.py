"""A control service for tests: the real workflow on real SQLite and DBOS, with sites whose bindings are in files.

`in_child` forks the process that gets killed.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from pathlib import Path

from isthmus.addressing import Aor
from isthmus.database.durable import Durable
from isthmus.homing.model import BatchState
from isthmus.homing.workflow import Workflows
from isthmus.registration.model import Binding
from tests.homing.world import SITES, World


class FileWorld(World):
    """The world of the model tests, with registrars that outlive the process."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "registrars.json"
        super().__init__(folder)
        if self._state.exists():
            for name, held in json.loads(self._state.read_text()).items():
                for aor, bindings in held.items():
                    for binding in bindings:
                        self.sites[name].registrar.register(Aor.parse(aor), Binding.from_json(binding))

    def point(self, name: str) -> None:
        if hasattr(self, "sites"):
            self.keep()
        super().point(name)

    def keep(self) -> None:
        """What the registrars hold, as another process finds it."""
        held = {
            name: {
                str(aor): [binding.to_json() for binding in self.sites[name].registrar.bindings(aor)]
                for aor in self.people
            }
            for name in SITES
        }
        fresh = self._state.with_suffix(".new")
        fresh.write_text(json.dumps(held))
        fresh.replace(self._state)


class DurableMoves(Workflows):
    """The moves' workflows, with a DBOS of their own."""

    def __init__(self, world: World, **options: float) -> None:
        self._own = Durable(world.url)
        super().__init__(world.ledger, self._own, **options)

    def start(self) -> None:
        self._own.start()
        super().start()

    def stop(self) -> None:
        super().stop()
        self._own.stop()


def run(folder: Path, batch: str, crash_at: int) -> int:
    """Work until the batch is over, or to point number `crash_at`. Returns 0 when it ended as done."""
    world = FileWorld(folder)
    passed: list[str] = []

    def at(point: str) -> None:
        passed.append(point)
        if len(passed) == crash_at:
            os._exit(9)

    world.on_point = at
    workflows = DurableMoves(world, patience_s=1, watch_s=0.2)
    workflows.start()
    if world.moves.get(batch).run == 1:
        workflows.begin(batch, 1)
    deadline = time.monotonic() + 20
    while world.moves.get(batch).finished is None and time.monotonic() < deadline:
        time.sleep(0.01)
    world.keep()
    return 0 if world.moves.get(batch).state is BatchState.DONE else 1


def in_child(folder: Path, batch: str, crash_at: int) -> int:
    """`run` in a process of its own, forked from this one to save the time of a start. Returns its exit code."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = run(folder, batch, crash_at)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
