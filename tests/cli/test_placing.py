"""What `call explain --at` takes: a site, an address of the caller's phone, or both."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from isthmus.addressing import Aor
from isthmus.cli import placing
from isthmus.cli.main import run
from isthmus.directory.model import Credentials, Person
from isthmus.errors import UsageError
from isthmus.routing.compile import configuration
from isthmus.routing.model import Class
from isthmus.routing.snapshot import SnapshotWriter
from isthmus.site.file import load
from tests.cli.conftest import SITE

_MORE = """
[[network_site]]
name = "delhi"
subnets = ["10.1.0.0/16"]
[[trunk]]
name = "gw-delhi"
address = "127.0.9.2"
network_site = "delhi"
"""


class Bound:
    """Everybody goes by where they are."""

    classes = (Class(location_based=True),)

    def position(self, person: Person) -> int:
        return 0


@pytest.fixture
def explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """How a call of Alice's to the PSTN ends, entering where it is said."""
    (tmp_path / "premises").mkdir()
    (tmp_path / "premises" / "site.toml").write_text(SITE.replace('"carrier"', '"world"') + _MORE)
    file = load(tmp_path / "premises" / "site.toml")
    aor = Aor("alice", "contoso.example")
    alice = Person(aor, "main", "Alice", "+14255550101", "premises", 1, Credentials.of(aor, "pw"))
    writer = SnapshotWriter(file.snapshot_dir)
    writer.rebuild(configuration(file, {"contoso.example": "main"}, None), [alice], 1, Bound())
    writer.close()
    monkeypatch.setenv("ISTHMUS_SITES", str(tmp_path))

    def explain(*at: str) -> str:
        options = [word for each in at for word in ("--at", each)]
        code = run(["call", "explain", "alice@contoso.example", "+12065550123", "--json", *options])
        out, err = capsys.readouterr()
        assert code == 0, err
        return str(json.loads(out)["hops"][0]["steps"])

    return explain


def test_a_call_is_explained_from_an_address(explained: Callable[..., str]):
    assert "the caller is at delhi" in explained("10.1.2.3")
    assert "the caller is at delhi" in explained("premises", "10.1.2.3")
    assert "at no known network site" in explained("192.0.2.1")
    assert "not by gw-delhi, which is for calls from delhi alone" in explained()


def test_sites_and_addresses_are_told_apart():
    assert placing.apart(["online", "10.1.2.3"]) == ("online", ["10.1.2.3"])
    assert placing.apart(["2001:db8::1"]) == (None, ["2001:db8::1"])
    for both in (["online", "premises"], ["10.1.2.3", "10.1.2.4"]):
        with pytest.raises(UsageError):
            placing.apart(both)
