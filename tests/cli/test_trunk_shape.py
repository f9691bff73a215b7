"""`isthmus trunk test` and `isthmus trunk profiles`: by the site file alone, without a site that runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isthmus.cli.main import run
from isthmus.trunking import profiles
from tests.cli.conftest import SITE, write_site

TRUNK = """profile = "telekom-companyflex"
[[trunk.number]]
of = "called"
form = "national"
"""


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_site(tmp_path / "premises", SITE.replace('address = "127.0.9.1"\n', f'address = "127.0.9.1"\n{TRUNK}'))
    monkeypatch.setenv("ISTHMUS_SITES", str(tmp_path))


def test_out(capsys: pytest.CaptureFixture[str]):
    assert run(["trunk", "test", "carrier", "--from", "+14255550101", "--to", "+493012345678"]) == 0
    told = capsys.readouterr().out
    assert "called +493012345678: rule any form national makes 03012345678" in told
    assert "INVITE sip:03012345678@127.0.9.1:5060 SIP/2.0" in told
    assert "P-Preferred-Identity: <sip:+14255550101@premises.contoso.example>" in told
    told_json = ["--private", "--diverted", "+14255550100", "--json"]
    assert run(["trunk", "test", "carrier", "--to", "110", "--from", "+14255550101", *told_json]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["request"][:2] == ["INVITE sip:110@127.0.9.1:5060 SIP/2.0", "From: <sip:anonymous@anonymous.invalid>"]
    assert any("sip:+14255550100@" in line for line in found["request"])


def test_in(capsys: pytest.CaptureFixture[str]):
    words = ["--in", "--from", "08912345678", "--to", "03012345678", "--header", "Diversion: <sip:+14255550100@x>"]
    assert run(["trunk", "test", "carrier", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "called: +493012345678" in lines
    assert "calling: +498912345678" in lines


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["nobody", "--to", "+14255550101"], 1, "Trunks are carrier"),
        (["carrier", "--to", "bob"], 2, "is not a number"),
        (["carrier", "--to", "110", "--header", "x"], 2, "is no header"),
    ],
)
def test_what_can_t_be_asked(capsys: pytest.CaptureFixture[str], words: list[str], code: int, told: str):
    assert run(["trunk", "test", *words]) == code
    assert told in capsys.readouterr().err


def test_profiles(capsys: pytest.CaptureFixture[str]):
    assert run(["trunk", "profiles"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in profiles.names())
    assert run(["trunk", "profiles", "teams-direct-routing"]) == 0
    assert "sip3.pstnhub.microsoft.com" in capsys.readouterr().out
    assert run(["trunk", "profiles", "twilio", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "twilio"
    assert run(["trunk", "profiles", "nobody"]) == 1
