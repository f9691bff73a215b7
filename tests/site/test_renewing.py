"""A connector's update on disk: what is fetched, what is installed, what is left of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from isthmus.connectors import package as packages
from isthmus.site.renewing import Renewing

VERSION = "2.0"


class Running:
    """A connector without calls, whose agent is well."""

    well = True
    ended = False

    def calls(self) -> int:
        return 0

    def end(self) -> None:
        self.ended = True

    def tell_now(self) -> None:
        """Nobody listens."""


@pytest.fixture(scope="module")
def packed() -> bytes:
    return packages.archive(packages.source_root(), VERSION)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for version in ("0.9", "1.0"):
        (tmp_path / "versions" / version).mkdir(parents=True)
    (tmp_path / "current").symlink_to("versions/1.0")
    return tmp_path


def renewing(root: Path, version: str, running: Running, packed: bytes, said: list[str]) -> Renewing:
    """Of the connector that runs this version; what would be made ready to run is only unpacked."""
    file = root / "update.json"
    return Renewing(root, file, version, running, lambda _: packed, said.append, install=lambda _: None, steady_s=0)


def test_the_version_before_stays_beside_the_one_that_is_well_and_older_ones_go(root: Path, packed: bytes):
    running, said = Running(), list[str]()
    old = renewing(root, "1.0", running, packed, said)
    old.ordered(VERSION, hashlib.sha256(packed).hexdigest())
    while not running.ended:
        old.work()
    assert (root / "current").readlink() == Path("versions/2.0")
    assert (root / "trial").read_text() == "versions/1.0"
    new = renewing(root, VERSION, Running(), packed, said)
    new.work()
    new.work()
    assert not (root / "trial").exists()
    assert {each.name for each in (root / "versions").iterdir()} == {"1.0", VERSION}
    assert new.report() == {"phase": "", "returned_from": "", "returned_why": ""}


@pytest.mark.parametrize("sha256", ["", "0" * 64])
def test_an_archive_with_another_hash_is_not_even_unpacked(root: Path, packed: bytes, sha256: str):
    running, said = Running(), list[str]()
    one = renewing(root, "1.0", running, packed, said)
    one.ordered(VERSION, sha256)
    for _ in range(5):
        one.work()
    assert not running.ended
    assert not (root / "versions" / VERSION).exists()
    assert one.report()["returned_from"] == VERSION
    assert "hash" in one.report()["returned_why"]
