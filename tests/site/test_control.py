"""The control service as a process: its sockets, its end, its crash, its troubles."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from isthmus.cli.client import Client
from isthmus.routing.snapshot import LmdbSnapshot
from isthmus.site import internal
from isthmus.site.file import SiteFile
from tests.cli.conftest import SITE, start_control, write_site
from tests.support import wait_for

pytestmark = pytest.mark.e2e


def ask(path: Path, target: str, **headers: str) -> httpx.Response:
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
        return client.get(f"http://site{target}", headers=headers)


def person(user: str) -> dict[str, str]:
    return {"aor": f"{user}@contoso.example", "home": "premises", "password": "x"}


def refused_start(site_file: SiteFile) -> str:
    argv = [sys.executable, "-m", "isthmus.site.control", str(site_file.path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def site_file(tmp_path: Path):
    return write_site(tmp_path / "premises")


def test_it_serves_private_sockets_and_takes_them_away(processes, site_file):
    control = start_control(processes, site_file)
    paths = [internal.control_socket(site_file), internal.link_socket(site_file), internal.web_socket(site_file)]
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o600] * 3
    assert ask(paths[2], "/healthz").json() == {"site": "premises", "status": "up"}
    assert "premises" in ask(paths[2], "/").text
    os.kill(control.pid, signal.SIGTERM)
    wait_for(lambda: not control.running, 60, "the end")
    assert not any(path.exists() for path in paths)


def test_after_a_kill_it_starts_again_with_all_it_had(processes, site_file):
    control = start_control(processes, site_file)
    with Client(site_file) as client:
        client.post("/v1/people", person("alice"))
        os.kill(control.pid, signal.SIGKILL)
        wait_for(lambda: not control.running, 60, "the end")
        assert internal.control_socket(site_file).exists()
        start_control(processes, site_file)
        assert client.get("/v1/people/alice@contoso.example")["home"] == "premises"
        assert client.get("/v1/health")["ok"] is True


def test_there_is_one_a_site(processes, site_file):
    start_control(processes, site_file)
    assert "another control service of this site is running" in refused_start(site_file)
    assert Client(site_file).get("/v1/health")["ok"] is True


def test_calls_see_a_person_as_soon_as_the_answer_is_there(processes, site_file):
    start_control(processes, site_file)
    with Client(site_file) as client:
        snapshot = LmdbSnapshot.open(site_file.snapshot_dir)
        for index in range(20):
            client.post("/v1/people", person(f"u{index}"))
            with snapshot.view() as view:
                assert view.person(f"u{index}@contoso.example") is not None
        snapshot.close()


def test_a_snapshot_of_another_database_is_made_anew(processes, site_file):
    control = start_control(processes, site_file)
    with Client(site_file) as client:
        for user in ("alice", "bob"):
            client.post("/v1/people", person(user))
        control.stop()
        for path in site_file.state_dir.glob("isthmus.db*"):
            path.unlink()
        control = start_control(processes, site_file)
        for user in ("carol", "dave", "erin"):
            client.post("/v1/people", person(user))
    snapshot = LmdbSnapshot.open(site_file.snapshot_dir)
    with snapshot.view() as view:
        assert [each.aor.split("@")[0] for each in view.people()] == ["carol", "dave", "erin"]
    snapshot.close()


def test_reading_goes_on_while_somebody_else_writes(processes, site_file):
    start_control(processes, site_file)
    other = sqlite3.connect(site_file.state_dir / "isthmus.db", isolation_level=None)
    with Client(site_file) as client:
        client.post("/v1/people", person("alice"))
        other.execute("BEGIN IMMEDIATE")
        assert client.get("/v1/people/alice@contoso.example")
        assert client.get("/v1/health")["database"]["ok"] is True
        other.execute("ROLLBACK")
        client.post("/v1/people", person("bob"))
    other.close()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("authority = true", 'authority = true\nnonsense = "x"'), "nonsense"),
        (("[[peer]]", '[state]\ndatabase = "mysql://x/y"\n[[peer]]'), "neither SQLite nor PostgreSQL"),
        (("[[peer]]", '[state]\ndatabase = "postgresql://127.0.0.1:9/x"\n[[peer]]'), "the database refuses"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(tmp_path: Path, change: tuple[str, str], told: str):
    folder = tmp_path / "premises"
    folder.mkdir()
    (folder / "site.toml").write_text(SITE.replace(*change))
    (folder / "state").mkdir()
    argv = [sys.executable, "-m", "isthmus.site.control", str(folder / "site.toml")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
