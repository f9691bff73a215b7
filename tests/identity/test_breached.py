"""A list of breached passwords in a file, as they are published."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import UsageError
from isthmus.identity.breached import Breached
from tests.api.callers import OPERATOR, Site, open_site


def listed(folder: Path, passwords: Iterable[str], counts: bool = True) -> Path:
    """The file."""
    hashes = sorted(hashlib.sha1(each.encode()).hexdigest().upper() for each in passwords)
    path = folder / "pwned.txt"
    path.write_text("".join(f"{each}:7\n" if counts else f"{each}\n" for each in hashes))
    return path


@given(st.sets(st.text(st.characters(exclude_categories=("Cs",)), max_size=12), min_size=1, max_size=40), st.data())
def test_every_password_of_the_list_is_found_and_no_other(passwords: set[str], data: st.DataObject):
    folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/tmp")
    path = folder / f"isthmus-breached-{id(passwords)}"
    made = listed_at(path, passwords, data.draw(st.sampled_from(["\n", "\r\n"])), data.draw(st.booleans()))
    try:
        for each in passwords:
            with pytest.raises(UsageError, match="breached"):
                made.check(each)
        for each in data.draw(st.sets(st.text(max_size=5).filter(lambda text: text.isascii()), max_size=5)):
            if each not in passwords:
                made.check(each)
        assert not made.fault()
    finally:
        path.unlink()


def listed_at(path: Path, passwords: set[str], newline: str, last: bool) -> Breached:
    hashes = sorted(hashlib.sha1(each.encode()).hexdigest().upper() for each in passwords)
    path.write_bytes((newline.join(f"{each}:3" for each in hashes) + (newline if last else "")).encode())
    return Breached(path)


def test_a_list_without_counts_and_in_small_letters_does(tmp_path: Path):
    path = listed(tmp_path, ["correct horse battery staple"], counts=False)
    path.write_text(path.read_text().lower())
    with pytest.raises(UsageError):
        Breached(path).check("correct horse battery staple")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"password\nletmein\n", "no list of SHA-1 hashes"),
        (b"x" * 5000, "no list of SHA-1 hashes"),
        (b"F" * 40 + b":1\n" + b"0" * 40 + b":1\n", "ascending"),
    ],
)
def test_what_is_no_such_list_is_told_and_keeps_nobody_out(tmp_path: Path, content: bytes, why: str):
    path = tmp_path / "list"
    path.write_bytes(content)
    assert why in Breached(path).fault()
    Breached(path).check("a heron on the jetty at noon")


def test_a_list_that_is_missing_is_told():
    assert "No such file" in Breached(Path("/nowhere/list")).fault()
    assert not Breached(None).fault()


def test_accounts_take_no_breached_password_and_health_tells_of_the_list(tmp_path: Path):
    path = listed(tmp_path, ["many sandpipers run along the tide"])
    services = open_site(tmp_path, f'\n[sign_in]\nbreached_passwords_file = "{path}"\n')
    site = Site(services, None)
    with pytest.raises(UsageError, match="breached"):
        services.identity.accounts.create(OPERATOR, "ina", password="many sandpipers run along the tide")
    site.account("ina")
    assert services.facts["passwords"]() == {"ok": True, "reason": ""}
    path.unlink()
    assert not services.facts["passwords"]()["ok"]
    services.close()
