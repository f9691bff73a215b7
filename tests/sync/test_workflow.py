"""The durable run: killed at any point by the process's end, it is finished by the next process."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from isthmus.database import migrate, open_database
from isthmus.database.durable import Durable
from isthmus.errors import UnavailableError
from isthmus.sync import store, work
from isthmus.sync.model import RunState
from isthmus.sync.source import Reading
from isthmus.sync.workflow import Runs
from tests.support import wait_for
from tests.sync.world import DOMAIN, World, configured, csv_source

_HEADING = "id,aor,display_name,number\n"
_KILLED = 9
_AT_ONCE = 6
_POINTS = 12  # at least so many points where a run can be killed; the test finds them all
# Where a run is killed: before each of these is called, which is after the one before it.
_PLACES = ("put_plan", "set_run", "next_chunk", "put_links", "set_done", "set_cursor")


def rows(*users: str) -> str:
    return _HEADING + "".join(f"{user},{user}@{DOMAIN},{user.upper()},\n" for user in users)


def world_in(folder: Path) -> World:
    url = f"sqlite:///{folder / 'isthmus.db'}"
    return World(open_database(url), csv_source(folder / "people.csv", percent=100))


def drive(folder: Path, crash_at: int) -> int:
    """Work until nothing is under way, or to point number `crash_at`."""
    passed = 0

    def point() -> None:
        nonlocal passed
        passed += 1
        if passed == crash_at:
            os._exit(_KILLED)

    def watched(function: Callable) -> Callable:
        def call(*arguments: object, **named: object) -> object:
            point()
            return function(*arguments, **named)

        return call

    for name in _PLACES:
        setattr(store, name, watched(getattr(store, name)))
    work._CHUNK = work._TOGETHER = 2
    world = world_in(folder)
    durable = Durable(f"sqlite:///{folder / 'isthmus.db'}")
    runs = Runs(world.work, durable, watch_s=0.05)
    durable.start()
    runs.start()
    deadline = time.monotonic() + 20
    while world.work.open_runs() and time.monotonic() < deadline:
        time.sleep(0.01)
    return 0 if not world.work.open_runs() else 1


def in_children(runs: dict[Path, int]) -> dict[Path, int]:
    """`drive` in processes of their own, all at once (they mostly wait), forked to save the time of a start.

    runs: folder to the point at which it is killed. Returns the exit codes.
    """
    sys.stdout.flush()
    children: dict[Path, int] = {}
    for folder, crash_at in runs.items():
        child = os.fork()
        if child == 0:
            code = 2
            try:
                code = drive(folder, crash_at)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        children[folder] = child
    return {folder: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for folder, child in children.items()}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with people of a source, whose file says something else by now, and a run that is asked for."""
    folder = tmp_path_factory.mktemp("prepared")
    migrate(f"sqlite:///{folder / 'isthmus.db'}")
    (folder / "people.csv").write_text(rows("a", "b", "c", "d"))
    world = world_in(folder)
    world.sync()
    (folder / "people.csv").write_text(
        rows("b", "c", "e", "f", "g").replace("b@", "z@").replace("C,", "C,+14255550101")
    )
    world.service.start("csv", full=False, approved=True, actor="test")
    world.engine.dispose()
    return folder


def _is_finished(folder: Path) -> None:
    world = world_in(folder)
    run = world.service.runs()[0]
    assert (run.state, run.counts) == (RunState.DONE, {"rename": 1, "change": 1, "create": 3, "disable": 2})
    people = {user: (each.enabled, each.number) for user, each in world.people().items()}
    on, off = (True, None), (False, None)
    assert people == {"a": off, "c": (True, "+14255550101"), "d": off, "e": on, "f": on, "g": on, "z": on}
    # Each change once, whatever was begun how often.
    done = [entry["action"] for entry in world.directory.audit() if entry["actor"] == f"sync:csv:{run.id}"]
    expected = {"person.rename": 2, "person.change": 1, "person.create": 3, "person.disable": 2}
    assert Counter(done) == expected
    assert world.counts() == {}
    world.engine.dispose()


def test_killed_at_every_point_it_is_finished_by_the_next_process(prepared: Path, tmp_path: Path):
    for first in itertools.count(1, _AT_ONCE):
        folders = {tmp_path / str(number): number for number in range(first, first + _AT_ONCE)}
        for folder in folders:
            shutil.copytree(prepared, folder)
        ended = in_children(folders)
        codes = set(ended.values())
        assert codes <= {0, _KILLED}
        killed = [folder for folder, code in ended.items() if code == _KILLED]
        assert set(in_children(dict.fromkeys(killed, 0)).values()) <= {0}
        for folder in folders:
            _is_finished(folder)
        if 0 in codes:  # there was no such point any more
            break
    assert first > _POINTS


class _Flaky:
    """A source that does not answer at first."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def check(self) -> str:
        return ""

    def full(self) -> Reading:
        if self.failures:
            self.failures -= 1
            raise UnavailableError("no answer")
        return Reading([], frozenset(), "1")

    def changes(self, cursor: str, known: object) -> Reading:
        return self.full()


@pytest.mark.parametrize(("failures", "state"), [(3, RunState.DONE), (1000, RunState.FAILED)])
def test_a_source_that_does_not_answer_is_asked_again(
    engine: Engine, database_url: str, failures: int, state: RunState
):
    world = World(engine, configured("ldap", _Flaky(failures)))
    durable = Durable(database_url)
    runs = Runs(world.work, durable, patience_s=1.0, watch_s=0.05)
    durable.start()
    runs.start()
    run = world.service.start("ldap", full=False, approved=False, actor="test")
    wait_for(lambda: world.work.run(run.id).finished is not None)
    runs.stop()
    durable.stop()
    assert world.work.run(run.id).state is state


def test_sources_with_an_interval_are_read_by_themselves(engine: Engine, database_url: str):
    world = World(engine, configured("ldap", _Flaky(0), interval_s=60))
    world.service.begin_due()
    assert len(world.service.runs()) == 1
    world.service.begin_due()
    assert len(world.service.runs()) == 1, "one at a time"
    run = world.service.runs()[0].id
    world.work.read(run)
    while world.work.apply(run):
        pass
    world.now += 59
    world.service.begin_due()
    assert len(world.service.runs()) == 1
    world.now += 1
    world.service.begin_due()
    assert [each.actor for each in world.service.runs()] == ["sync:interval"] * 2
