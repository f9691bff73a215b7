"""`isthmus user move` and `isthmus move` at an authority whose peer can't be reached."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Answer

Isthmus = Callable[..., Answer]
ALICE, NOBODY = "alice@contoso.example", "nobody@contoso.example"


@pytest.fixture
def alice(isthmus: Isthmus) -> str:
    assert isthmus("user", "create", ALICE, "--home", "premises", "--generate-password").code == 0
    return ALICE


def test_a_dry_run_tells_every_reason_and_changes_nothing(isthmus: Isthmus, alice: str) -> None:
    answer = isthmus("user", "move", alice, NOBODY, "--to", "online", "--dry-run", "--json")
    assert answer.code == 1
    people = {entry["aor"]: entry for entry in json.loads(answer.out)["people"]}
    assert len(people[alice]["reasons"]) == 2
    assert "the link to online is down" in people[alice]["reasons"][0]
    assert "registration at premises: Kamailio does not answer" in people[alice]["reasons"][1]
    assert "nobody with this address is in the directory" in people[NOBODY]["reasons"]
    assert isthmus("user", "move", alice, "--to", "online", "--dry-run").out.startswith("0 of 1 would move to online")


def test_who_is_not_moved_is_told_with_the_reasons_and_exit_1(isthmus: Isthmus, alice: str) -> None:
    answer = isthmus("user", "move", alice, "--to", "online", "--wait", "--json")
    assert answer.code == 1
    batch = json.loads(answer.out)
    assert (batch["moved"], batch["not_moved"], batch["state"]) == (0, 1, "done")
    shown = isthmus("move", "show", batch["id"])
    assert shown.code == 0
    assert "the link to online is down" in shown.out
    assert batch["id"] in isthmus("move", "list").out
    refused = isthmus("move", "pause", batch["id"])
    assert (refused.code, refused.err.strip()) == (1, f"error: batch {batch['id']} is done and can't be paused")


def test_people_come_from_files_too(isthmus: Isthmus, alice: str, tmp_path: Path) -> None:
    file = tmp_path / "people.txt"
    file.write_text(f"# those who go first\n{alice}\n\n{NOBODY}  # not yet\n")
    answer = isthmus("user", "move", "--file", str(file), "--to", "online", "--dry-run", "--json")
    assert [entry["aor"] for entry in json.loads(answer.out)["people"]] == [alice, NOBODY]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["user", "move", ALICE, "--to", "online"], "The move may have begun all the same. See: isthmus move list"),
        (["user", "import", "{file}"], "The import may be done all the same. See: isthmus user list"),
    ],
)
def test_ctrl_c_while_the_service_works_says_that_it_may_be_done(
    isthmus: Isthmus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], said: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "people.csv"
    file.write_text("aor,home\nalice@contoso.example,premises\n")
    monkeypatch.setattr("isthmus.cli.client.Client.post", interrupted)
    answer = isthmus(*(argument.format(file=file) for argument in arguments))
    assert (answer.code, answer.out, answer.err.strip()) == (130, "", said)


def test_a_terminal_gets_many_people_by_reason_and_a_pipe_one_by_one(
    isthmus: Isthmus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "people.txt"
    file.write_text("\n".join(f"nobody{number}@contoso.example" for number in range(60)))
    words = ("user", "move", "--file", str(file), "--to", "online", "--dry-run")
    assert len(isthmus(*words).out.splitlines()) == 62
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    told = isthmus(*words).out
    assert told.count("@") == 0
    assert "60      nobody with this address is in the directory" in told


@pytest.mark.parametrize("form", ["csv", "json"])
def test_people_come_from_an_export(isthmus: Isthmus, alice: str, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"people.{form}"
    assert isthmus("user", "export", str(file)).code == 0
    answer = isthmus("user", "move", "--file", str(file), "--to", "online", "--dry-run", "--json")
    assert [entry["aor"] for entry in json.loads(answer.out)["people"]] == [alice]


def test_what_is_no_address_in_a_file_is_told_line_by_line(isthmus: Isthmus, alice: str, tmp_path: Path) -> None:
    file = tmp_path / "people.txt"
    file.write_text(f"{alice}\nbob\n\ncarol@ # who?\n")
    answer = isthmus("user", "move", "--file", str(file), "--to", "online")
    assert (answer.code, answer.out) == (2, "")
    lines = answer.err.splitlines()
    assert [line.split(": ")[1] for line in lines[:2]] == ["line 2", "line 4"]
    assert lines[2] == f"error: {file}: 2 errors; nobody is moved"


def test_a_site_that_does_not_exist_is_one_line_and_no_batch(isthmus: Isthmus, alice: str) -> None:
    before = isthmus("move", "list", "--json").out
    for more in ([], ["--dry-run"], ["--wait"]):
        answer = isthmus("user", "move", alice, "--to", "mars", *more)
        assert (answer.code, answer.out) == (1, "")
        assert answer.err == "error: there is no site 'mars'. Sites are online, premises.\n"
    assert isthmus("move", "list", "--json").out == before


@pytest.mark.parametrize("batch", ["", "261124-0a1b2c", "../people", "a/pause", "?people=all", "%2e"])
@pytest.mark.parametrize("order", ["show", "pause", "resume", "cancel"])
def test_a_batch_that_does_not_exist_is_told(isthmus: Isthmus, batch: str, order: str) -> None:
    answer = isthmus("move", order, batch)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == f"error: there is no batch {batch!r}. See: isthmus move list\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("user", "move", "--to", "online"), "name people"),
        (("user", "move", ALICE, "--group", "g", "--to", "online"), "name people"),
        (("user", "move", ALICE), "--to"),
        (("user", "move", "not an address", "--to", "online"), "not an address-of-record"),
        (("user", "move", "--file", "/nonexistent/file", "--to", "online"), "can't be read"),
        (("user", "move", "--group", "empty", "--to", "online"), "nobody in group 'empty'"),
    ],
)
def test_wrong_use_is_exit_2_and_says_why(isthmus: Isthmus, arguments: tuple[str, ...], said: str) -> None:
    answer = isthmus(*arguments)
    assert answer.code == 2
    assert said in answer.err


def test_a_batch_that_is_not_there(isthmus: Isthmus) -> None:
    for command in ("show", "pause", "resume", "cancel"):
        answer = isthmus("move", command, "no-such")
        assert answer.code == 1
        assert "there is no batch 'no-such'" in answer.err


def test_registrations_of_a_registrar_that_is_away(isthmus: Isthmus, alice: str) -> None:
    answer = isthmus("registration", "list", alice)
    assert answer.code == 1
    assert "Kamailio does not answer" in answer.err
