"""Passwords that were in breaches are no new passwords."""

import hashlib
from pathlib import Path

import pytest

from isthmus.errors import UnavailableError, UsageError
from isthmus.identity import rules
from isthmus.identity.breached import BreachedPasswords, Breaches
from tests.api.callers import PASSWORD
from tests.identity.conftest import OPERATOR, House

KNOWN = [f"herons fly over jetty {number}" for number in range(300)]


def line(password: str, count: int, end: str = "\r\n") -> str:
    return f"{hashlib.sha1(password.encode()).hexdigest().upper()}:{count}{end}"


def write(path: Path, lines: list[str]) -> Path:
    path.write_bytes("".join(lines).encode())
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The list, as the downloader writes it: counts of all lengths, the last line without an end."""
    lines = sorted(line(password, 7 ** (number % 9)) for number, password in enumerate(KNOWN))
    return write(tmp_path_factory.mktemp("breached") / "pwned.txt", [*lines[:-1], lines[-1].rstrip()])


def test_each_password_of_the_list_is_found_the_first_and_the_last_as_well(file: Path):
    listed = BreachedPasswords(file)
    listed.check()
    assert [listed.count(password) for password in KNOWN] == [7 ** (number % 9) for number in range(len(KNOWN))]
    assert not any(listed.count(f"{password}!") for password in KNOWN)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("many", [1, 2, 3])
def test_a_short_list(tmp_path: Path, many: int, end: str):
    listed = BreachedPasswords(write(tmp_path / "list", sorted(line(each, 4, end) for each in KNOWN[:many])))
    listed.check()
    assert [listed.count(each) for each in KNOWN[:4]] == [4] * many + [0] * (4 - many)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (sorted((line(each, 1) for each in KNOWN), reverse=True), "not sorted"),
        ([line(each, 1) for each in KNOWN], "not sorted"),
        ([], "no lines"),
        (["B4B9B02E6F09A9BD760F388B67351E2B:12\n"] * 200, "no line SHA1:COUNT"),  # the list of NTLM hashes
        (["herons and jetties\n"] * 200, "no line SHA1:COUNT"),
        (["0" * 5000], "no line SHA1:COUNT"),
    ],
)
def test_a_file_of_another_form_is_noticed(tmp_path: Path, lines: list[str], told: str):
    with pytest.raises(UnavailableError, match=told):
        BreachedPasswords(write(tmp_path / "list", lines)).check()


def test_a_list_in_wrong_order_does_not_say_that_a_password_is_unknown(tmp_path: Path):
    lines = sorted((line(each, 1) for each in KNOWN), reverse=True)
    with pytest.raises(UnavailableError, match="not sorted"):
        BreachedPasswords(write(tmp_path / "list", lines)).count(KNOWN[0])


def test_a_password_of_the_list_is_refused_and_it_is_told_why(file: Path):
    breached = Breaches(file)
    assert breached.health() == {"ok": True, "file": str(file)}
    with pytest.raises(UsageError, match="found in breaches 7 times"):
        rules.new_password(KNOWN[1], 12, (), breached.told)
    assert rules.new_password(KNOWN[1] + " and back", 12, (), breached.told)


def test_the_most_common_are_refused_with_nothing_set_up_wherever_a_password_is_set(house: House):
    common = "krankenschwester05"  # no meter of its own lists minds it
    assert rules.new_password(common, 12, ())
    accounts, own = house.identity.accounts, house.identity.own
    with pytest.raises(UsageError, match="most common"):
        accounts.create(OPERATOR, "anna", password=common)
    house.account("anna", "helpdesk")
    with pytest.raises(UsageError, match="most common"):
        own.set_password(house.acting("anna"), PASSWORD, common)
    with pytest.raises(UsageError, match="most common"):
        accounts.set(OPERATOR, "anna", password=common)


def test_without_its_file_a_site_says_so_and_still_refuses_the_common_ones(tmp_path: Path):
    breaches = Breaches(tmp_path / "missing")
    with pytest.raises(UnavailableError, match="No such file"):
        breaches.health()
    assert breaches.told("a heron on the jetty at noon") == ""
    assert "most common" in breaches.told("krankenschwester05")
