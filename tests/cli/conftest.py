"""A control service of the authority, running, and the command line in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from isthmus.cli.client import Client
from isthmus.cli.main import run
from isthmus.errors import IsthmusError
from isthmus.site.file import SiteFile, load
from tests.support import Processes

SITE = """
[site]
name = "premises"
role = "premises"
fqdn = "premises.contoso.example"
domains = ["contoso.example"]
address = "127.0.1.1"
authority = true
[[trunk]]
name = "carrier"
address = "127.0.9.1"
[[peer]]
name = "online"
fqdn = "online.contoso.example"
address = "127.0.2.1"
"""


@dataclass
class Answer:
    """What a command gave."""

    code: int
    out: str
    err: str


def write_site(folder: Path, text: str = SITE) -> SiteFile:
    folder.mkdir(parents=True)
    (folder / "site.toml").write_text(text)
    site_file = load(folder / "site.toml")
    site_file.state_dir.mkdir(mode=0o700)
    return site_file


def start_control(processes: Processes, site_file: SiteFile) -> object:
    def answers() -> bool:
        try:
            with Client(site_file) as client:
                return bool(client.get("/v1/health"))
        except IsthmusError:
            return False

    argv = [sys.executable, "-m", "isthmus.site.control", str(site_file.path)]
    return processes.start(argv, name="control", ready=answers, timeout=120)


@pytest.fixture(scope="package")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the site file of `premises`, whose control service is up."""
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    try:
        start_control(processes, write_site(folder / "premises"))
        yield folder
    finally:
        processes.close()


@pytest.fixture
def isthmus(
    sites: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Answer]:
    """`isthmus("user", "list")` runs the command; nobody is in the directory when a test begins."""
    monkeypatch.setenv("ISTHMUS_SITES", str(sites))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("ISTHMUS_SITE", raising=False)
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: PTH123, SIM115
    with Client(load(sites / "premises" / "site.toml")) as client:
        for person in client.get("/v1/people", limit=1000):
            client.delete(f"/v1/people/{person['aor']}")

    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        code = run(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Answer(code, out, err)

    return call
