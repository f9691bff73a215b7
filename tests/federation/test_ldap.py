"""Sign-in by the password of a real slapd."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isthmus.errors import UnauthenticatedError
from isthmus.federation.ldap import LdapPasswords, Lookup
from tests.api.callers import Browser, Site
from tests.federation.conftest import known_as
from tests.support import Loopback, Processes
from tests.sync.slapd import BASE, READER, SECRET, Slapd

pytestmark = pytest.mark.engine
PASSWORD = "alice's own word"
ASK = "/v1/session/outside/directory/password"
_PROVIDER = """
[[identity_provider]]
name = "directory"
kind = "ldap"
source = "people"
servers = ["{uri}"]
ca_file = "{ca_file}"
user = "{user}"
password_file = "secret"
base = ["ou=people,dc=contoso,dc=example"]
name_attributes = ["uid", "mail"]
"""


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder, loopback = tmp_path_factory.mktemp("slapd"), Loopback()
    processes = Processes(folder)
    made = Slapd(folder / "slapd", loopback(), processes).start()
    made.person("alice", userPassword=PASSWORD)
    made.person("bob", userPassword="bob's own word")
    made.person("twin", userPassword=PASSWORD)
    made.person("twin", ou="sales", userPassword=PASSWORD)
    made.person("nopassword")
    yield made
    processes.close()
    loopback.close()


def lookup() -> Lookup:
    return Lookup((f"ou=people,{BASE}",), "(objectClass=inetOrgPerson)", ("uid", "mail"))


@pytest.fixture
def site(slapd: Slapd, site_with: Callable[[str], Site], tmp_path: Path) -> Site:
    made = site_with(_PROVIDER.format(uri=slapd.uri, ca_file=slapd.ca_file, user=READER))
    secret = tmp_path / "premises" / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    made.person("alice@contoso.example")
    known_as(made, "alice@contoso.example", entry_id(slapd, "alice"))
    return made


def entry_id(slapd: Slapd, user: str) -> str:
    with slapd.admin() as connection:
        ((_, values),) = connection.search_s(f"uid={user},ou=people,{BASE}", 0, "(objectClass=*)", ["entryUUID"])
    return str(values["entryUUID"][0].decode())


def ask(browser: Browser, name: str, password: str) -> Any:
    return browser.post(ASK, json={"name": name, "password": password})


def test_a_person_signs_in_with_the_password_of_the_directory(site: Site, slapd: Slapd):
    assert site.browser().get("/v1/session/outside").json() == [
        {"name": "directory", "title": "directory", "kind": "password"}
    ]
    for name in ("alice", "alice@contoso.example", " ALICE "):
        browser = site.browser()
        told = ask(browser, name, PASSWORD)
        assert told.status_code == 201, told.text
        assert (told.json()["account"], told.json()["stage"]) == ("alice@contoso.example", "full")
        assert told.json()["person"] == "alice@contoso.example"
        assert [each["aor"] for each in browser.get("/v1/people").json()] == ["alice@contoso.example"]
    (link,) = browser.get("/v1/session/links").json()
    assert (link["authority"], link["subject"]) == ("ldap:directory", entry_id(slapd, "alice"))
    # The account has no password of its own, so the other way in stays shut.
    assert site.browser().sign_in("alice@contoso.example", PASSWORD).status_code == 401


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "wrong"),
        ("alice", ""),
        ("", PASSWORD),
        ("nobody", PASSWORD),
        ("nopassword", PASSWORD),
        ("twin", PASSWORD),
        ("*", PASSWORD),
        ("al*", PASSWORD),
        ("alice)(uid=*", PASSWORD),
        ("*)(|(uid=*", PASSWORD),
        ("x)(!(uid=x)", PASSWORD),
        ("alice\\2a", PASSWORD),
        ("alice\0", PASSWORD),
        ("alice", f"{PASSWORD}\0x"),
        ("reader", SECRET),
        (f"uid=alice,ou=people,{BASE}", PASSWORD),
    ],
)
def test_whatever_is_wrong_the_answer_is_the_same_and_nobody_is_in(site: Site, name: str, password: str):
    browser = site.browser()
    refused = ask(browser, name, password)
    assert refused.status_code == 401
    assert refused.json()["what"] == "the name or the password is wrong"
    assert browser.get("/v1/session").status_code == 401


def test_the_filter_holds_the_name_as_one_value(slapd: Slapd):
    passwords = LdapPasswords("ldap:x", slapd.server(), lookup())
    assert passwords.ask("alice", PASSWORD).login == "alice"
    for name in ("*", "a*", "alice)(uid=alice", "*)(objectClass=*", "(", ")", "\\", "\\00"):
        assert passwords._found(name) is None, name
        with pytest.raises(UnauthenticatedError):
            passwords.ask(name, PASSWORD)


def test_who_is_in_the_directory_but_nobody_here_gets_no_account(site: Site):
    assert ask(site.browser(), "bob", "bob's own word").status_code == 401
    entries = [each for each in site.services.directory.audit(limit=100) if each["action"] == "session.refused"]
    assert "nobody of the directory" in str(entries[0]["after"])


def test_who_is_given_the_address_of_somebody_who_left_gets_nothing_of_theirs(site: Site):
    assert ask(site.browser(), "alice", PASSWORD).status_code == 201
    directory = site.services.directory
    directory.delete(next(iter(directory.people())).aor, actor="test")
    site.person("alice@contoso.example")
    assert ask(site.browser(), "alice", PASSWORD).status_code == 401


def test_an_administrator_still_registers_a_second_factor(site: Site):
    site.account("anna", "global", person="alice@contoso.example")
    told = ask(browser := site.browser(), "alice", PASSWORD).json()
    assert (told["account"], told["stage"]) == ("anna", "enrol")
    browser.enrol()
    assert ask(site.browser(), "alice", PASSWORD).json()["stage"] == "second_factor"


def test_wrong_guesses_pause_who_guesses_and_nobody_else(site: Site):
    guesser = site.browser(address="192.0.2.66")
    answers = [ask(guesser, "alice", f"wrong {index}").status_code for index in range(8)]
    assert answers[:5] == [401] * 5 and answers[-1] == 429
    assert ask(guesser, "alice", PASSWORD).status_code == 429
    assert ask(site.browser(address="192.0.2.7"), "alice", PASSWORD).status_code == 201


def test_an_unknown_name_takes_as_long_as_a_wrong_password(site: Site):
    took: dict[str, list[float]] = {"alice": [], "nobody": []}
    for index in range(5):
        for name, times in took.items():
            browser = site.browser(address=f"192.0.2.{100 + index}")
            began = time.perf_counter()
            assert ask(browser, name, "wrong").status_code == 401
            times.append(time.perf_counter() - began)
    known, unknown = (statistics.median(times) for times in took.values())
    assert abs(known - unknown) < 0.05
    assert min(known, unknown) >= 0.25


def test_a_directory_without_a_verified_name_or_answer_is_not_asked(
    slapd: Slapd, site_with: Callable[[str], Site], tmp_path: Path
):
    uri = slapd.uri.replace(slapd.address, "localhost")
    made = site_with(_PROVIDER.format(uri=uri, ca_file=slapd.ca_file, user=READER))
    secret = tmp_path / "premises" / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    answer = ask(made.browser(), "alice", PASSWORD)
    assert answer.status_code == 503
    assert PASSWORD not in answer.text and SECRET not in answer.text


def test_no_password_is_in_the_audit_log(site: Site):
    ask(site.browser(), "alice", PASSWORD)
    ask(site.browser(), "alice", "a wrong word of mine")
    text = str(site.services.directory.audit(limit=1000))
    assert PASSWORD not in text and "a wrong word of mine" not in text
