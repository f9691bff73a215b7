"""`isthmus directory`, against a running control service with a CSV source."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.cli.main import run
from tests.cli.conftest import SITE, Answer, start_control, write_site
from tests.support import Processes

_SOURCE = """
[[source]]
name = "people"
kind = "csv"
file = "people.csv"
"""
_HEADING = "id,aor,display_name,number,home,groups,department\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    try:
        start_control(processes, write_site(folder / "premises", SITE + _SOURCE))
        yield folder
    finally:
        processes.close()


class Command:
    """The command line, and the CSV file of the source."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys, self.file = capsys, folder / "premises" / "people.csv"

    def people(self, *lines: str) -> None:
        self.file.write_text(_HEADING + "\n".join(lines) + "\n")

    def __call__(self, *arguments: str) -> Answer:
        self._capsys.readouterr()
        code = run(["directory", *arguments])
        out, err = self._capsys.readouterr()
        assert "Traceback" not in out + err
        return Answer(code, out, err)

    def json(self, *arguments: str):
        answer = self(*arguments, "--json")
        assert answer.code == 0, answer.err
        return json.loads(answer.out)


@pytest.fixture
def directory(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    monkeypatch.setenv("ISTHMUS_SITES", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("ISTHMUS_SITE", raising=False)
    return Command(folder, capsys)


ALICE = "1,alice@contoso.example,Alice,+14255550101,,sales,R&D"
BOB = "2,bob@contoso.example,Bob,+14255550102,online,,"


def test_from_a_dry_run_to_a_restored_person(directory: Command):
    assert directory("sync", "--wait").code == 1  # there is no file yet
    directory.people(ALICE, BOB)
    assert "2 people" in directory.json("sources", "--check")[0]["found"]
    planned = directory.json("sync", "--dry-run")
    assert planned["counts"] == {"create": 2}
    assert directory.json("sources")[0]["people"] == 0
    dry = directory("sync", "--dry-run").out
    assert "Would change: 2 create. Nothing was changed." in dry and "new at online; number +14255550102" in dry

    done = directory("sync", "people", "--wait")
    assert done.code == 0 and "done. 2 create" in done.out
    shown = directory("show", "alice@contoso.example").out
    assert "R&D" in shown and "people" in shown
    assert [each["state"] for each in directory.json("runs")] == ["done", "failed"]
    failed = directory("runs").out.splitlines()[2]
    assert "people.csv: the file can't be read (No such file or directory)" in failed

    directory.people(ALICE)
    run_id = directory.json("sync", "--wait")["id"]
    assert "gone from the source" in directory("runs", run_id).out
    assert directory("restore", "bob@contoso.example").out == "restored bob@contoso.example\n"
    assert directory("restore", "bob@contoso.example").code == 1


def test_a_run_that_disables_too_many_stops_and_asks(directory: Command):
    everybody = [f"p{n},p{n}@contoso.example,P{n},,,," for n in range(10)]
    directory.people(ALICE, *everybody)
    assert directory("sync", "--wait").code == 0
    directory.people(ALICE, *everybody[:6])
    asked = directory("sync", "--wait")
    assert asked.code == 1
    assert "4 of 11 people would be disabled (36 %, and 10 % is the limit)" in asked.err
    assert "--yes" in asked.err
    assert "it would stop and ask" in directory("sync", "--dry-run").out
    assert directory.json("sync", "--yes", "--wait")["counts"] == {"disable": 4}


def test_conflicts_are_told(directory: Command):
    directory.people(ALICE)
    assert directory("sync", "--yes", "--wait").code == 0
    directory.people(ALICE, "8,alice@contoso.example,Another,,,,", "9,x@elsewhere.example,X,,,,")
    assert directory("sync", "--yes", "--wait").code == 0
    told = {each["id"]: each["conflicts"] for each in directory.json("conflicts")}
    assert told == {"8": ["alice@contoso.example belongs to 1"], "9": ["elsewhere.example is not one of our domains"]}
    assert "belongs to 1" in directory("conflicts").out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["sync", "nonsense"], 1, "there is no source 'nonsense' (people)"),
        (["show", "zoe@contoso.example"], 1, "comes from no source"),
        (["show", "nonsense"], 2, "not an address-of-record"),
        (["runs", "nonsense"], 1, "there is no run 'nonsense'"),
        (["--site", "online", "sources"], 2, ""),
    ],
)
def test_what_goes_wrong_is_told_in_one_line(directory: Command, arguments: list[str], code: int, told: str):
    answer = directory(*arguments)
    assert answer.code == code
    assert told in answer.err


def test_every_change_is_in_the_audit_log_with_its_source(directory: Command, folder: Path):
    with sqlite3.connect(folder / "premises" / "state" / "isthmus.db") as database:
        rows = database.execute("SELECT DISTINCT actor, action FROM audit WHERE action LIKE 'person.%'").fetchall()
    assert rows
    assert {actor.split(":")[0] for actor, action in rows if action != "person.restore"} == {"sync"}
