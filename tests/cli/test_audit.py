"""`isthmus audit`, against a running control service and on the database alone."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from isthmus.database import open_database
from isthmus.site.file import load
from tests.audit.conftest import tampering
from tests.cli.conftest import SITE, Answer, start_control, write_site
from tests.support import Processes

Isthmus = Callable[..., Answer]
ALICE = "alice@contoso.example"


@pytest.fixture
def alice(isthmus: Isthmus) -> str:
    assert isthmus("user", "create", ALICE, "--generate-password").code == 0
    assert isthmus("user", "set", ALICE, "--name", "Alice [red]|=\\\x1b[2JA").code == 2  # refused: can't be shown
    assert isthmus("user", "set", ALICE, "--name", "Alice [red]|=\\A", "--number", "+14255550101").code == 0
    return ALICE


def listed(isthmus: Isthmus, *arguments: str) -> list[dict[str, object]]:
    answer = isthmus("audit", *arguments, "--json")
    assert answer.code == 0, answer.err
    found: list[dict[str, object]] = json.loads(answer.out)
    return found


def test_what_was_done_is_listed_with_who_and_from_where(
    isthmus: Isthmus, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.9 50022 192.0.2.10 22")
    assert isthmus("user", "set", ALICE, "--disable").code == 0
    newest, second = listed(isthmus, "list", "--object", ALICE, "--limit", "2")
    assert (newest["action"], newest["path"], newest["address"]) == ("person.set", "cli", "192.0.2.9")
    assert (second["address"], second["tenant"]) == ("", "main")
    assert str(newest["actor"]).startswith("cli:")
    table = isthmus("audit", "list", "--object", ALICE, "--limit", "2").out
    assert "enabled=false" in table
    assert "cli 192.0.2.9" in table
    assert "Alice [red]|=\\A" in table


def test_searching_and_paging(isthmus: Isthmus, alice: str) -> None:
    found = listed(isthmus, "search", "+14255550101", "--action", "person.*")
    assert found[0]["object"] == ALICE
    assert listed(isthmus, "search", "no such thing anywhere") == []
    first = listed(isthmus, "list", "--limit", "1")[0]
    older = listed(isthmus, "list", "--before", str(first["id"]), "--limit", "1")[0]
    assert older["id"] == int(str(first["id"])) - 1
    assert listed(isthmus, "list", "--until", "2001-01-01") == []
    assert isthmus("audit", "list", "--until", "2001-01-01").out == "No entries.\n"
    assert isthmus("audit", "list", "--since", "yesterday").code == 2


def test_one_entry_is_shown(isthmus: Isthmus, alice: str) -> None:
    id_ = listed(isthmus, "list", "--object", ALICE, "--limit", "1")[0]["id"]
    shown = isthmus("audit", "show", str(id_))
    assert (shown.code, "person.set" in shown.out, "+14255550101" in shown.out) == (0, True, True)
    assert json.loads(isthmus("audit", "show", str(id_), "--json").out)["id"] == id_
    missing = isthmus("audit", "show", "999999999")
    assert missing.code == 1
    assert "there is no entry 999999999" in missing.err


def test_an_export_is_whole_private_and_goes_on_where_it_ended(isthmus: Isthmus, alice: str, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    assert isthmus("audit", "export", "--output", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    assert [entry["id"] for entry in entries] == list(range(1, len(entries) + 1))
    assert isthmus("user", "delete", ALICE, "--yes").code == 0
    rest = isthmus("audit", "export", "--after", str(len(entries)))
    assert [json.loads(line)["action"] for line in rest.out.splitlines()] == ["person.delete"]
    assert isthmus("audit", "export", "--output", str(tmp_path / "no" / "where")).code == 2


def test_an_export_for_a_siem(isthmus: Isthmus, alice: str) -> None:
    out = isthmus("audit", "export", "--format", "cef", "--object", ALICE).out
    last = out.splitlines()[-1]
    assert last.startswith("CEF:0|Isthmus|Isthmus|")
    assert "|person.set|person set|3|" in last
    assert r'"display_name":"Alice [red]|\=\\\\A"' in last  # one backslash: doubled by JSON, and doubled again


def test_verifying_there(isthmus: Isthmus, alice: str) -> None:
    answer = isthmus("audit", "verify")
    assert (answer.code, answer.out.startswith("whole: entries 1 to ")) == (0, True)
    verdict = json.loads(isthmus("audit", "verify", "--json").out)
    assert (verdict["ok"], verdict["faults"], verdict["first"]) == (True, [], 1)


def test_anchors_kept_elsewhere(isthmus: Isthmus, alice: str, tmp_path: Path) -> None:
    anchor = isthmus("audit", "anchor").out
    kept = tmp_path / "anchors.jsonl"
    kept.write_text(anchor)
    before = json.loads(isthmus("audit", "verify", "--json").out)["anchors"]
    assert json.loads(isthmus("audit", "verify", "--json", "--anchor", str(kept)).out)["anchors"] == before + 1
    kept.write_text(anchor.replace('"digest":"', '"digest":"0')[:-1].replace("0", "1", 1))
    assert isthmus("audit", "verify", "--anchor", str(kept)).code in (1, 2)
    wrong = json.loads(anchor)
    kept.write_text(json.dumps({**wrong, "digest": "00" * 32}) + "\n")
    answer = isthmus("audit", "verify", "--anchor", str(kept))
    assert answer.code == 1
    assert "wrong:" in answer.err


def test_a_log_that_agrees_is_not_accepted(isthmus: Isthmus, alice: str) -> None:
    answer = isthmus("audit", "accept", "--reason", "none")
    assert (answer.code, "nothing to accept" in answer.err) == (1, True)


def test_a_rebuilt_snapshot_is_told(isthmus: Isthmus, alice: str) -> None:
    assert isthmus("snapshot", "rebuild").code == 0
    newest = listed(isthmus, "list", "--action", "snapshot.rebuild", "--limit", "1")[0]
    assert (newest["object"], newest["path"]) == ("premises", "cli")
    assert set(newest["after"]) == {"people", "seq"}  # type: ignore[call-overload]


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A site that ran, wrote something, and was stopped: its file."""
    folder = tmp_path / "s"
    folder.mkdir()
    processes = Processes(folder)
    try:
        start_control(processes, write_site(folder / "premises", SITE))
    finally:
        processes.close()
    return folder


def test_without_the_control_service_the_database_is_verified_itself(
    stopped: Path, isthmus: Isthmus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTHMUS_SITES", str(stopped))
    site_file = load(stopped / "premises" / "site.toml")
    anchor = json.loads((site_file.state_dir / "audit.anchors").read_text().splitlines()[-1])
    answer = isthmus("audit", "verify", "--json")
    assert answer.code == 0, answer.err
    verdict = json.loads(answer.out)
    assert (verdict["anchors"], verdict["last"]) == (1, anchor["id"])  # noted when the service was stopped
    engine = open_database(site_file.database_url)
    with tampering(engine) as connection:
        connection.execute(text("UPDATE audit SET actor = 'nobody' WHERE id = 2"))
    answer = isthmus("audit", "verify")
    assert (answer.code, "wrong: entry 2 was changed" in answer.err) == (1, True)
    with tampering(engine) as connection:
        connection.execute(text("DELETE FROM audit_chain"))
    answer = isthmus("audit", "verify")
    assert (answer.code, "gone or damaged" in answer.err) == (1, True)
    engine.dispose()


def test_a_restored_backup_is_noticed_told_and_accepted(
    stopped: Path, isthmus: Isthmus, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTHMUS_SITES", str(stopped))
    site_file = load(stopped / "premises" / "site.toml")
    database, backup = site_file.state_dir / "isthmus.db", stopped / "backup.db"
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    first = Processes(stopped)
    try:
        start_control(first, site_file)
        assert isthmus("user", "create", ALICE, "--generate-password").code == 0
    finally:
        first.close()
    shutil.copy(backup, database)
    for left in database.parent.glob(f"{database.name}-*"):  # -wal has what came after the backup
        left.unlink()
    start_control(processes, site_file)
    assert isthmus("user", "create", "bob@contoso.example", "--generate-password").code == 0
    answer = isthmus("audit", "verify")
    assert (answer.code, "backup" in answer.err) == (1, True)
    told = isthmus("audit", "accept", "--reason", "restored: the disk was lost")
    assert told.code == 0, told.err
    assert isthmus("audit", "verify").code == 0
    newest = listed(isthmus, "list", "--limit", "1")[0]
    assert (newest["action"], newest["path"]) == ("audit.accept", "cli")


def test_a_site_that_never_ran_is_told_and_left_as_it_is(
    isthmus: Isthmus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_file = write_site(tmp_path / "sites" / "premises")
    monkeypatch.setenv("ISTHMUS_SITES", str(tmp_path / "sites"))
    answer = isthmus("audit", "verify")
    assert (answer.code, "Is the site running?" in answer.err) == (1, True)
    assert list(site_file.state_dir.iterdir()) == []
