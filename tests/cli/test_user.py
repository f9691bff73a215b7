"""`isthmus user`, against a running control service."""

import io
import json
import os
from pathlib import Path

import pytest


def create(isthmus, user: str, *more: str) -> None:
    answer = isthmus("user", "create", f"{user}@contoso.example", "--password", "secret", *more)
    assert answer.code == 0, answer.err


def test_a_person_is_created_shown_changed_and_deleted(isthmus):
    create(isthmus, "alice", "--number", "+1 425 555 0101", "--name", "Alice [A]", "--group", "sales")
    shown = json.loads(isthmus("user", "show", "sip:Alice@contoso.example", "--json").out)
    assert shown == {
        "aor": "alice@contoso.example",
        "tenant": "main",
        "display_name": "Alice [A]",
        "number": "+14255550101",
        "home": "premises",
        "home_epoch": shown["home_epoch"],
        "enabled": True,
        "groups": ["sales"],
        "barred": [],
        "id": shown["id"],
    }
    changed = isthmus(
        "user", "set", "alice@contoso.example", "--no-number", "--disable", "--add-group", "b", "--remove-group",
        "sales", "--json",
    )  # fmt: skip
    after = json.loads(changed.out)
    assert (after["number"], after["enabled"], after["groups"]) == (None, False, ["b"])
    assert isthmus("user", "delete", "alice@contoso.example").code == 0
    assert isthmus("user", "show", "alice@contoso.example").code == 1


def test_people_are_listed_as_a_table_and_as_json(isthmus):
    assert isthmus("user", "list").out == "Nobody.\n"
    assert isthmus("user", "list", "--json").out == "[]\n"
    create(isthmus, "alice", "--name", "Alice [red]A")
    create(isthmus, "bob", "--home", "online")
    table = isthmus("user", "list").out.splitlines()
    assert [line.split()[0] for line in table] == ["Address", "alice@contoso.example", "bob@contoso.example"]
    assert "Alice [red]A" in table[1]
    assert "\x1b" not in "".join(table)
    listed = json.loads(isthmus("user", "list", "--home", "online", "--json").out)
    assert [person["aor"] for person in listed] == ["bob@contoso.example"]
    assert len(json.loads(isthmus("user", "list", "--limit", "1", "--json").out)) == 1


def test_a_made_password_is_printed_once(isthmus):
    answer = isthmus("user", "create", "alice@contoso.example", "--generate-password", "--json")
    assert len(json.loads(answer.out)["password"]) >= 20
    assert "password" not in isthmus("user", "show", "alice@contoso.example", "--json").out


def test_a_password_comes_from_standard_input(isthmus, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    assert isthmus("user", "create", "alice@contoso.example", "--password-stdin").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["create", "alice@contoso.example"], 2, "no password is given"),
        (["create", "nonsense", "--password", "x"], 2, "'nonsense' is not an address-of-record"),
        (["create", "a@contoso.example", "--password", "x", "--password-stdin"], 2, "only one of"),
        (["create", "a@contoso.example", "--password", ""], 2, "the password is empty"),
        (["create", "a@contoso.example", "--password", "x", "--home", "moon"], 2, "there is no site 'moon'"),
        (["create", "a@other.example", "--password", "x"], 2, "not one of our domains"),
        (["create", "a@contoso.example", "--password", "x", "--number", "12"], 2, "not a telephone number"),
        (["create", "bob@contoso.example", "--password", "x"], 1, "exists already"),
        (["create", "a@contoso.example", "--password", "x", "--number", "+14255550102"], 1, "bob@contoso.example"),
        (["set", "bob@contoso.example"], 2, "nothing to change"),
        (["set", "bob@contoso.example", "--number", "+1", "--no-number"], 2, "exclude each other"),
        (["set", "zoe@contoso.example", "--disable"], 1, "nobody is called zoe"),
        (["delete", "zoe@contoso.example"], 1, "nobody is called zoe"),
        (["show", "\udcff@contoso.example"], 2, "is not allowed"),
        (["show", "../../etc@contoso.example"], 2, "is not allowed"),
        (["show"], 2, "Missing argument"),
        (["list", "--limit", "0"], 2, "limit"),
        (["list", "--limit", "x"], 2, "valid integer"),
        (["list", "--nonsense"], 2, "No such option"),
        (["list", "--site", "moon"], 1, "there is no site 'moon'"),
        (["nonsense"], 2, "No such command"),
        (["import"], 2, "Missing argument"),
        (["import", "/nonexistent/file.csv"], 2, "No such file"),
        (["import", "/tmp"], 2, "can't be read"),
        (["export", "/nonexistent/file.csv"], 2, "can't be written"),
        (["import", "x.csv", "--format", "xml"], 2, "xml"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_line_and_an_exit_code(isthmus, arguments: list[str], code: int, told: str):
    create(isthmus, "bob", "--number", "+14255550102")
    answer = isthmus("user", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert told in answer.err
    assert sum(line.startswith("error: ") for line in answer.err.splitlines()) == 1


def test_deleting_several_goes_on_after_one_that_is_not_there(isthmus):
    create(isthmus, "alice")
    answer = isthmus("user", "delete", "zoe@contoso.example", "alice@contoso.example")
    assert (answer.code, answer.out) == (1, "deleted alice@contoso.example\n")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_export_is_imported_again(isthmus, tmp_path: Path, form: str):
    create(isthmus, "alice", "--number", "+14255550101", "--group", "a", "--group", "b", "--name", "=1+1")
    create(isthmus, "bob", "--home", "online", "--disabled")
    file = tmp_path / f"people.{form}"
    assert isthmus("user", "export", str(file)).code == 0
    assert file.stat().st_mode & 0o077 == 0
    before = isthmus("user", "list", "--json").out
    assert isthmus("user", "import", str(file), "--update").out.startswith("0 created, 0 updated, 2 as they were")
    isthmus("user", "delete", "alice@contoso.example", "bob@contoso.example")
    assert "2 would be created" in isthmus("user", "import", str(file), "--dry-run").out
    assert isthmus("user", "list").out == "Nobody.\n"
    report = json.loads(isthmus("user", "import", str(file), "--json").out)
    assert report == {"created": 2, "updated": 0, "unchanged": 0, "dry_run": False, "errors": []}
    # Who is created again is somebody new, with an id of their own.
    without_epochs = [
        [{**person, "home_epoch": 0, "id": ""} for person in json.loads(text)]
        for text in (before, isthmus("user", "list", "--json").out)
    ]
    assert without_epochs[0] == without_epochs[1]
    assert isthmus("user", "export", "--format", form).out == file.read_text()


def test_a_bad_file_is_told_line_by_line_and_writes_nothing(isthmus, tmp_path: Path):
    create(isthmus, "alice", "--number", "+14255550101")
    file = tmp_path / "bad.csv"
    file.write_text(
        "aor,number,home,colour\n"
        "bob@contoso.example,,premises,\n"
        "nonsense,,premises,\n"
        "carol@contoso.example,+14255550101,premises,\n"
        "dave@contoso.example\n"
        "alice@contoso.example,,,\n"
    )
    answer = isthmus("user", "import", str(file))
    assert answer.code == 1
    lines = [line.removeprefix(f"{file}: ").split(":")[0] for line in answer.err.splitlines()]
    assert lines == ["line 1", "line 3", "line 4", "line 5", "line 6", "error"]
    assert "5 errors; nothing was written" in answer.err
    assert len(json.loads(isthmus("user", "list", "--json").out)) == 1
    report = json.loads(isthmus("user", "import", str(file), "--json").out)
    assert [error["line"] for error in report["errors"]] == [1, 3, 4, 5, 6]
    assert report["created"] == 0


def test_a_file_that_is_not_utf8_is_told_with_its_line(isthmus, tmp_path: Path):
    (tmp_path / "x.csv").write_bytes(b"aor,display_name\na@contoso.example,\xff\n")
    answer = isthmus("user", "import", str(tmp_path / "x.csv"))
    assert answer.code == 2
    assert "line 2: the file is not UTF-8" in answer.err


def test_what_was_deleted_and_what_not_is_one_json_document(isthmus):
    create(isthmus, "alice")
    answer = isthmus("user", "delete", "nobody@contoso.example", "alice@contoso.example", "--json")
    assert answer.code == 1
    told = json.loads(answer.out)
    assert [(entry["aor"], entry["deleted"]) for entry in told] == [
        ("nobody@contoso.example", False),
        ("alice@contoso.example", True),
    ]
    assert "nobody is called nobody" in told[0]["error"]


def test_an_export_as_json(isthmus):
    create(isthmus, "alice")
    assert [person["aor"] for person in json.loads(isthmus("user", "export", "--json").out)] == [
        "alice@contoso.example"
    ]
    assert isthmus("user", "export", "--json", "--format", "csv").code == 2


def test_an_export_never_replaces_a_device_a_pipe_or_a_link(isthmus, tmp_path: Path):
    create(isthmus, "alice")
    assert isthmus("user", "export", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    assert isthmus("user", "export", str(tmp_path / "link.csv")).code == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert "alice@contoso.example" in (tmp_path / "real.csv").read_text()
    os.mkfifo(tmp_path / "pipe.csv")
    reader = os.open(tmp_path / "pipe.csv", os.O_RDONLY | os.O_NONBLOCK)
    assert isthmus("user", "export", str(tmp_path / "pipe.csv")).code == 0
    assert b"alice@contoso.example" in os.read(reader, 10_000)
    os.close(reader)
