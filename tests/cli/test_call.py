"""`isthmus call explain`, with nothing running: the snapshot is enough."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from isthmus.addressing import Aor
from isthmus.cli import call
from isthmus.cli.main import run
from isthmus.connectors.bounds import Block, Bounds
from isthmus.connectors.knowing import learned
from isthmus.connectors.learning import BranchDirectory
from isthmus.dialling.plan import Dialling
from isthmus.directory.model import Credentials, FeedPage, Person
from isthmus.directory.wire import encode_page
from isthmus.routing.compile import Compiler, configuration
from isthmus.routing.model import Class, Direction
from isthmus.routing.snapshot import SnapshotWriter
from isthmus.site.file import load

_FILE = """
[site]
name = "{name}"
role = "{name}"
fqdn = "{name}.contoso.example"
domains = ["contoso.example"]
address = "127.0.1.1"
authority = {authority}

[[peer]]
name = "{other}"
fqdn = "{other}.contoso.example"
address = "127.0.2.1"
authority = {other_authority}

[[trunk]]
name = "carrier"
address = "127.0.9.1"
"""


@pytest.fixture
def sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two site folders with snapshots: alice at premises, carol online."""
    people = []
    for name, home, number in (("alice", "premises", "+14255550101"), ("carol", "online", "+14255550103")):
        aor = Aor(name, "contoso.example")
        people.append(Person(aor, "main", name, number, home, 1, Credentials.of(aor, "pw")))
    for name, other in (("premises", "online"), ("online", "premises")):
        folder = tmp_path / name
        folder.mkdir()
        is_authority = name == "premises"
        (folder / "site.toml").write_text(
            _FILE.format(
                name=name,
                other=other,
                authority=str(is_authority).lower(),
                other_authority=str(not is_authority).lower(),
            )
        )
        file = load(folder / "site.toml")
        writer = SnapshotWriter(file.snapshot_dir)
        writer.rebuild(configuration(file, {"contoso.example": "main"}, None), people, 1)
        writer.close()
    monkeypatch.setenv("ISTHMUS_SITES", str(tmp_path))
    monkeypatch.delenv("ISTHMUS_SITE", raising=False)
    return tmp_path


def test_words_say_step_by_step_why(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "explain", "alice@contoso.example", "+14255550103"]) == 0
    told = capsys.readouterr().out
    assert "premises: +14255550103 belongs to carol@contoso.example" in told
    assert "premises: hand over to online with epoch 1" in told
    assert "=> rings the phones of carol@contoso.example, at home at online" in told


def test_json_is_for_scripts(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "explain", "alice", "carol", "--json", "--down", "online"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["hops"][0]["decision"] == {
        "type": "dial",
        "trunk": "carrier",
        "number": "+14255550103",
        "instead_of": "online",
        "emergency": False,
    }
    assert [step["rule"] for step in told["hops"][0]["steps"]] == ["home", "link", "way-out"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nobody", "carol"], "nobody is called nobody@contoso.example, so no phone can sign in as them"),
        (["alice@other.example", "carol"], "other.example is not one of our domains"),
        (["alice", "911"], "911 is no number: those are dialled as +14255550101 or 14255550101"),
        (["alice", "4255550103"], "4255550103 is no number"),
        (["alice", "1 (425) 555-0103"], "rings the phones of carol@contoso.example"),
        (["alice", "sip:14255550103@contoso.example"], "rings the phones of carol@contoso.example"),
        (["alice", "tel:+1-425-555-0103"], "rings the phones of carol@contoso.example"),
        (["+12025550123", "carol"], "Call from +12025550123 by trunk carrier to carol@contoso.example"),
        (["alice", "carol", "--method", "MESSAGE"], "Message from alice@contoso.example"),
    ],
)
def test_callers_and_targets_are_read_as_the_sites_read_them(
    sites: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert run(["call", "explain", *arguments]) == 0
    assert told in capsys.readouterr().out


def test_reverse_says_what_reaches_somebody(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "explain", "--reverse", "+14255550101"]) == 0
    told = capsys.readouterr().out
    assert "alice@contoso.example (+14255550101) is at home at premises, epoch 1." in told
    assert "the PSTN by trunk carrier of online, dialling +14255550101:" in told


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["alice"], 2),
        (["alice", "carol", "--reverse"], 2),
        (["alice", ""], 2),
        (["alice", "bob@"], 2),
        (["alice", "carol", "--down", "mars"], 1),
        (["alice", "carol", "--method", "BYE"], 2),
        (["alice", "carol", "--at", "mars"], 1),
        (["--reverse", "+12025550123"], 1),
    ],
)
def test_wrong_use_is_told_in_one_line(
    sites: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    assert run(["call", "explain", *arguments]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert "Traceback" not in told.err


RULES = """profile = "cisco-cube"
[trunk.shape]
country = "US"
[[trunk.number]]
of = "called"
pattern = "+1"
form = "national"
prepend = "9"
[[trunk.header]]
name = "X-Account"
set = "{trunk}-{calling}"
"""


def test_the_trunks_rules_are_shown_as_the_tester_shows_them(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (sites / "premises" / "site.toml").open("a") as file:
        file.write(RULES)
    assert (
        run(
            [
                "trunk",
                "test",
                "carrier",
                "--site",
                "premises",
                "--from",
                "+14255550101",
                "--to",
                "+12025550123",
                "--json",
            ]
        )
        == 0
    )
    tested = json.loads(capsys.readouterr().out)
    assert run(["call", "explain", "alice", "+12025550123", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sent"] == {"trunk": "carrier", **tested}
    assert any("9" in step and "+12025550123" in step for step in tested["steps"])
    assert run(["call", "explain", "alice", "+12025550123"]) == 0
    told = capsys.readouterr().out
    for line in (*tested["steps"], *tested["request"]):
        assert f"     carrier: {line}" in told
    assert "X-Account: carrier-+14255550101" in told


def test_a_call_that_goes_out_by_no_trunk_has_no_rules_of_one(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "explain", "alice", "carol", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sent"] is None


BRANCH = """
[site]
name = "branch-1"
role = "connector"
fqdn = "branch-1.connectors.online.contoso.example"
address = "127.0.3.1"

[[peer]]
name = "online"
fqdn = "online.contoso.example"
address = "127.0.2.1"
authority = true

[survival]
country = "US"

[[trunk]]
name = "gateway"
address = "127.0.9.3"
"""


@pytest.fixture
def at_branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A connector's folder on its own machine, which knows bella alone; nothing runs."""
    folder = tmp_path / "branch-1"
    folder.mkdir()
    (folder / "site.toml").write_text(BRANCH)
    file, bella = load(folder / "site.toml"), Aor("bella", "contoso.example")
    directory = BranchDirectory("branch-1", file.survival.country)
    page = FeedPage(
        "", 0, 0, 0, ("main",), (("contoso.example", "main"),),
        ((bella, Person(bella, "main", "Bella", "+14255550201", "online", 1, Credentials.of(bella, "pw"))),),
    )  # fmt: skip
    bounds = Bounds(blocks=(Block(Direction.OUT, "+1212"),))
    said = {"page": encode_page(page).decode(), "classes": [], "service": {}, "bindings": {}, "bounds": bounds}
    said["classes"] = [msgspec.to_builtins(Class(dialling=Dialling(country="US")))]
    directory.set(learned(msgspec.json.encode(said)))
    writer = SnapshotWriter(file.snapshot_dir)
    Compiler(directory, writer, file, directory, guard=directory).rebuild()
    writer.close()
    monkeypatch.setenv("ISTHMUS_SITES", str(tmp_path))
    monkeypatch.delenv("ISTHMUS_SITE", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["bella", "+12065550123"], "branch-1: a connector judges nobody: online does"),
        (["bella", "+12065550123"], "=> goes on at online, whose snapshot is not on this machine"),
        (["bella", "+12065550123", "--down", "online"], "through trunk gateway of branch-1"),
        (["bella", "2065550123", "--down", "online"], "=> goes out to +12065550123 through trunk gateway of branch-1"),
        (["bella", "+12125550123", "--down", "online"], "is answered 403 Calls There Are Blocked by branch-1"),
        (["stranger", "911", "--down", "online"], "=> goes out to 911 through trunk gateway of branch-1"),
        (["stranger", "bella", "--down", "online"], "503 Online Can't Be Reached"),
        (["+12065550199", "+14255550201", "--down", "online"], "=> rings the phones of bella@contoso.example"),
        (["--reverse", "bella"], "a phone registered at branch-1 while online can't be reached"),
    ],
)
def test_at_a_connector_it_answers_by_what_that_holds(
    at_branch: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert run(["call", "explain", *arguments]) == 0
    assert told in capsys.readouterr().out


def test_a_connector_that_is_alone_is_explained_as_it_stands(
    at_branch: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, "_alone", lambda first, site: ["online"] if site == "branch-1" else [])
    assert run(["call", "explain", "bella", "+12065550123"]) == 0
    told = capsys.readouterr().out
    assert "=> goes out to +12065550123 through trunk gateway of branch-1" in told
    assert "online can't be reached from branch-1 now." in told
