"""`isthmus account`, `role`, `token`, `session` and `access`, against a control service."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from isthmus.cli.client import Client
from isthmus.site.file import load
from tests.cli.conftest import Answer

pytestmark = pytest.mark.e2e

Isthmus = Callable[..., Answer]


@pytest.fixture(autouse=True)
def no_accounts(sites: Path) -> Iterator[None]:
    """All but one administrator who stays, as the last one has to."""
    with Client(load(sites / "premises" / "site.toml")) as client:
        if not any(account["name"] == "last" for account in client.get("/v1/accounts")):
            client.post("/v1/accounts", {"name": "last", "roles": [{"role": "global"}]})
        yield
        for account in client.get("/v1/accounts"):
            if account["name"] != "last":
                client.delete(f"/v1/accounts/{account['name']}")


def test_a_first_administrator_is_made_on_the_machine(isthmus: Isthmus):
    made = json.loads(isthmus("account", "create", "anna", "--role", "global", "--json").out)
    assert len(made["new_password"]) >= 20
    shown = isthmus("account", "show", "anna").out
    assert "global (everything)" in shown
    assert made["new_password"] not in shown
    assert "anna" in isthmus("account", "list").out


def test_a_password_comes_from_standard_input_and_has_to_be_a_good_one(isthmus: Isthmus, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("password1234\n"))
    refused = isthmus("account", "create", "anna", "--password-stdin")
    assert (refused.code, "too easily guessed" in refused.err) == (2, True)
    monkeypatch.setattr("sys.stdin", io.StringIO("a heron on the jetty at noon\n"))
    made = isthmus("account", "create", "anna", "--password-stdin")
    assert made.code == 0
    assert "Password" not in made.out


def test_roles_are_given_explained_and_taken(isthmus: Isthmus):
    isthmus("user", "create", "alice@contoso.example", "--generate-password", "--group", "sales")
    isthmus("account", "create", "ben")
    assert isthmus("access", "explain", "ben", "person.password", "alice@contoso.example").code == 1
    assert isthmus("role", "grant", "helpdesk", "ben", "--group-scope", "sales").code == 0
    allowed = isthmus("access", "explain", "ben", "person.password", "alice@contoso.example")
    assert allowed.code == 0
    assert "role helpdesk has person.password" in allowed.out
    refused = json.loads(isthmus("access", "explain", "ben", "person.delete", "alice@contoso.example", "--json").out)
    assert (refused["allowed"], refused["outcome"]) == (False, "forbidden")
    assert "none of the roles of ben (helpdesk) has person.delete" in refused["reasons"][0]
    assert "ben" in isthmus("role", "show", "helpdesk").out
    assert isthmus("role", "revoke", "helpdesk", "ben").code == 0
    assert isthmus("role", "revoke", "helpdesk", "ben").code == 1
    assert isthmus("access", "explain", "ben", "person.eat", "site").code == 2


def test_custom_roles(isthmus: Isthmus):
    made = isthmus("role", "create", "desk", "--permission", "person.read", "--description", "Hall")
    assert made.code == 0, made.err
    assert "desk" in isthmus("role", "list").out
    assert "person.read" in isthmus("role", "list", "--permissions").out
    assert isthmus("role", "create", "desk2", "--permission", "person.eat").code == 2
    assert isthmus("role", "delete", "desk").code == 0
    assert isthmus("role", "show", "desk").code == 1


def test_tokens_are_shown_once_listed_and_revoked(isthmus: Isthmus):
    isthmus("account", "create", "anna", "--role", "global")
    made = json.loads(
        isthmus("token", "create", "backup", "--account", "anna", "--permission", "person.export", "--json").out
    )
    assert made["token"].startswith("isthmus_")
    listed = isthmus("token", "list").out
    assert "backup" in listed
    assert made["token"] not in listed
    assert isthmus("token", "revoke", made["id"]).code == 0
    assert isthmus("token", "revoke", made["id"]).code == 1
    beyond = isthmus("token", "create", "x", "--account", "last", "--permission", "person.eat")
    assert beyond.code == 2


def test_the_last_administrator_can_not_be_disabled_or_deleted(isthmus: Isthmus):
    for command in (("disable", "last"), ("delete", "last", "--yes")):
        refused = isthmus("account", *command)
        assert (refused.code, "last administrator" in refused.err) == (1, True)


def test_an_account_is_changed_reset_and_deleted(isthmus: Isthmus):
    isthmus("account", "create", "anna")
    assert "Anna B." in isthmus("account", "set", "anna", "--name", "Anna B.").out
    assert "Password" in isthmus("account", "set", "anna", "--new-password").out
    assert "disabled" in isthmus("account", "disable", "anna").out
    assert isthmus("account", "reset-mfa", "anna").code == 0
    assert isthmus("account", "set", "anna").code == 2
    assert isthmus("session", "list").out == "Nobody is signed in.\n"
    assert isthmus("session", "revoke", "nonesuch").code == 1
    assert isthmus("account", "delete", "anna", "--yes").code == 0
    assert isthmus("account", "show", "anna").code == 1


def test_a_person_has_one_account(isthmus: Isthmus):
    isthmus("user", "create", "alice@contoso.example", "--generate-password")
    made = isthmus("account", "create", "alice", "--person", "alice@contoso.example", "--json")
    assert json.loads(made.out)["person"] == "alice@contoso.example"
    assert isthmus("account", "create", "alice2", "--person", "alice@contoso.example").code == 1
    assert isthmus("account", "create", "bob", "--person", "bob@contoso.example").code == 1
    assert isthmus("access", "explain", "alice", "person.read", "alice@contoso.example").code == 0
