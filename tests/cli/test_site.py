"""`isthmus site` and `isthmus pki` as a person at a terminal meets them."""

import json
import socket
from pathlib import Path

import pytest

from isthmus.cli.main import run
from isthmus.site import internal
from isthmus.site.file import SiteFile
from tests.site.sites import site_on_disk
from tests.support import Loopback


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> SiteFile:
    folder = tmp_path_factory.mktemp("c")
    monkeypatch.setenv("ISTHMUS_SITES", str(folder))
    monkeypatch.delenv("ISTHMUS_SITE", raising=False)
    return site_on_disk(folder, loopback(), loopback(), loopback())


def test_a_certificate_is_issued_listed_and_renewed(site: SiteFile, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert run(["pki", "issue", str(site.path), "--days", "3"]) == 0
    first = internal.site_certificate(site).read_bytes()
    assert run(["pki", "renew"]) == 0
    assert "not due" in capsys.readouterr().out
    assert internal.site_certificate(site).read_bytes() == first
    assert run(["pki", "renew", "--force"]) == 0
    assert internal.site_certificate(site).read_bytes() != first
    capsys.readouterr()
    assert run(["pki", "list", "--json"]) == 0
    states = [(entry["name"], entry["state"]) for entry in json.loads(capsys.readouterr().out)]
    assert states == [("premises.contoso.example", "good"), ("premises.contoso.example", "replaced")]
    assert run(["pki", "list"]) == 0
    assert "premises.contoso.example" in capsys.readouterr().out


def test_a_ca_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["pki", "init", str(tmp_path / "ca")]) == 0
    assert run(["pki", "init", str(tmp_path / "ca")]) == 1
    assert "there is a CA here already" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["site", "check", "none.toml"], ["pki", "issue", "none.toml"]])
def test_a_missing_file_is_wrong_use(command: list[str], capsys: pytest.CaptureFixture[str]):
    assert run(command) == 2
    assert "none.toml: there is no such site file" in capsys.readouterr().err


@pytest.mark.engine
def test_check_says_what_stands_in_the_way(site: SiteFile, capsys: pytest.CaptureFixture[str]):
    assert run(["site", "check", str(site.path)]) == 0
    assert "can be started" in capsys.readouterr().out
    with socket.create_server((site.site.address, 8443)):
        assert run(["site", "check", str(site.path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "port 8443/tcp" in line


@pytest.mark.engine
def test_check_as_json_is_one_document_whatever_is_wrong(
    site: SiteFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    broken = tmp_path / "site.toml"
    broken.write_text("[site")
    for path, code, good in ((site.path, 0, True), (broken, 2, False), (tmp_path / "none.toml", 2, False)):
        assert run(["site", "check", str(path), "--json"]) == code
        out, err = capsys.readouterr()
        told = json.loads(out)
        assert (told["good"], err) == (good, "")
        assert bool(told["faults"]) is not good


def test_certificates_as_json(site: SiteFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["pki", "issue", str(site.path), "--json"]) == 0
    (issued,) = json.loads(capsys.readouterr().out)
    assert (issued["site"], issued["issued"], issued["state"]) == ("premises", True, "good")
    assert run(["pki", "renew", "--json"]) == 0
    (kept,) = json.loads(capsys.readouterr().out)
    assert kept == {**issued, "issued": False}
    assert run(["pki", "init", str(tmp_path / "ca"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["directory"] == str(tmp_path / "ca")


def test_status_of_a_site_that_does_not_run(site: SiteFile, capsys: pytest.CaptureFixture[str]):
    assert run(["site", "status"]) == 1
    assert "not running" in capsys.readouterr().out
    assert run(["site", "status", "--json"]) == 1
    (told,) = json.loads(capsys.readouterr().out)
    assert told == {"site": "premises", "role": "premises", "ready": False, "running": False}


def test_status_where_there_are_no_sites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("ISTHMUS_SITES", str(tmp_path))
    assert run(["site", "status"]) == 1
    assert "ISTHMUS_SITES" in capsys.readouterr().err
