"""`isthmus scim`, against a control service."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cli.conftest import Answer

pytestmark = pytest.mark.e2e

Isthmus = Callable[..., Answer]


def test_a_token_is_made_shown_once_and_revoked(isthmus: Isthmus):
    made = json.loads(isthmus("scim", "token", "create", "entra", "--days", "30", "--json").out)
    assert made["token"].startswith("isthmus_") and made["permissions"] == ["scim.push"]
    assert (made["expires"] - made["created"]) == pytest.approx(30 * 86_400)
    listed = isthmus("scim", "token", "list")
    assert made["id"] in listed.out and "entra" in listed.out and made["token"] not in listed.out
    assert isthmus("scim", "token", "revoke", made["id"]).code == 0
    assert "No tokens." in isthmus("scim", "token", "list").out
    assert isthmus("scim", "token", "revoke", made["id"]).code == 1


def test_the_account_of_tokens_can_only_push(isthmus: Isthmus):
    made = json.loads(isthmus("scim", "token", "create", "okta", "--json").out)
    shown = isthmus("account", "show", "scim-main").out
    assert "provisioner" in shown and "global" not in shown
    isthmus("scim", "token", "revoke", made["id"])


def test_status_says_what_was_pushed(isthmus: Isthmus):
    told = json.loads(isthmus("scim", "status", "--json").out)
    assert told == {
        "tenant": "main", "source": "scim:main", "users": 0, "groups": 0, "pushed": None, "conflicts": 0, "waiting": 0,
    }  # fmt: skip
    assert "scim:main" in isthmus("scim", "status").out


def test_a_tenant_that_is_none(isthmus: Isthmus):
    for command in (("scim", "status"), ("scim", "token", "create", "x")):
        refused = isthmus(*command, "--tenant", "nonesuch")
        assert refused.code == 1 and "no tenant 'nonesuch'" in refused.err
