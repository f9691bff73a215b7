"""`isthmus device` against a control service that is up."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import segno

from isthmus.devices.rules import is_device_name
from tests.cli.conftest import Answer

Isthmus = Callable[..., Answer]
ALICE = "alice@contoso.example"
_BLOCKS = re.compile("[█▀▄ \u00a0]+")


@pytest.fixture(autouse=True)
def alice(isthmus: Isthmus) -> None:
    assert isthmus("user", "create", ALICE, "--home", "premises", "--generate-password").code == 0


@pytest.fixture
def must(isthmus: Isthmus) -> Callable[..., str]:
    def call(*arguments: str) -> str:
        answer = isthmus(*arguments)
        assert answer.code == 0, (arguments, answer)
        return answer.out

    return call


def added(must: Callable[..., str], label: str = "desk phone", *more: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(must("device", "add", ALICE, "--label", label, *more, "--json"))
    return made


def test_a_credential_is_shown_once_with_all_that_a_phone_asks_for(isthmus: Isthmus, must: Callable[..., str]) -> None:
    answer = isthmus("device", "add", ALICE, "--label", "desk phone")
    facts = dict(line.split(None, 1) for line in answer.out.splitlines() if line.split()[0] in ("Password", "Realm"))
    assert facts["Realm"].strip() == "contoso.example"
    secret = facts["Password"].strip()
    assert re.fullmatch("[0-9a-z]{24}", secret)
    assert "shown this once" in answer.err
    for later in (("device", "list"), ("device", "list", ALICE, "--json"), ("user", "show", ALICE, "--json")):
        assert secret not in must(*later)


def test_as_json_it_holds_the_secret_and_the_rest(must: Callable[..., str]) -> None:
    made = added(must)
    assert is_device_name(made["name"])
    assert (made["aor"], made["realm"], made["md5"], made["label"]) == (ALICE, "contoso.example", True, "desk phone")
    assert re.fullmatch("[0-9a-z]{24}", made["secret"])


def test_as_a_qr_code_it_is_the_same_text(must: Callable[..., str]) -> None:
    lines = must("device", "add", ALICE, "--label", "softphone", "--qr").splitlines()
    blocks = [line for line in lines if line and _BLOCKS.fullmatch(line)]
    told = dict(re.split("  +", line, maxsplit=1) for line in lines if line not in blocks)
    text = "".join(f"{name}: {told[name]}\n" for name in ("SIP address", "User name", "Password", "Realm"))
    same = io.StringIO()
    segno.make(text, micro=False, error="m").terminal(out=same, compact=True)
    assert blocks == same.getvalue().splitlines()


def test_devices_are_listed_shown_renamed_rotated_and_revoked(isthmus: Isthmus, must: Callable[..., str]) -> None:
    assert "isthmus device add" in must("device", "list")
    one, two = added(must), added(must, "softphone", "--no-md5")
    assert [device["name"] for device in json.loads(must("device", "list", ALICE, "--json"))] == sorted(
        (one["name"], two["name"])
    )
    assert "desk phone" in must("device", "list")
    assert "SHA-256, MD5" in must("device", "show", one["name"])
    assert "MD5" not in must("device", "show", two["name"])
    assert re.search("Last used +-\n", must("device", "show", one["name"]))

    must("device", "rename", one["name"], "--label", "phone at home")
    rotated = json.loads(must("device", "rotate", one["name"], "--overlap", "12h", "--json"))
    assert rotated["secret"] != one["secret"]
    assert rotated["former_until"] - rotated["secret_made"] == 12 * 3600
    shown = must("device", "show", one["name"])
    assert "phone at home" in shown and "Old password until" in shown

    by_label = f"{ALICE}/Softphone"
    assert json.loads(must("device", "show", by_label, "--json"))["name"] == two["name"]
    assert isthmus("device", "show", f"{ALICE}/nothing").code == 1

    answer = isthmus("device", "revoke", one["name"], "dev0000000000", "--yes")
    assert (answer.code, f"revoked {one['name']}" in answer.out) == (1, True)
    assert "there is no device 'dev0000000000'" in answer.err
    assert isthmus("device", "show", one["name"]).code == 1
    must("device", "revoke", by_label, "--yes", "--json")
    assert json.loads(must("device", "list", "--json")) == []


def test_md5_is_forbidden_by_policy_for_a_tenant_or_by_hand_for_a_device(
    isthmus: Isthmus, must: Callable[..., str]
) -> None:
    old, older = added(must), added(must, "older")
    must("device", "forbid-md5", older["name"])
    must("policy", "create", "client", "strict", "--set", "md5_digest=no")
    must("policy", "grant", "client", "strict", "--everybody")
    try:
        refused = isthmus("device", "add", ALICE, "--label", "new", "--md5")
        assert (refused.code, "a policy forbids MD5" in refused.err) == (1, True)
        assert added(must, "new")["md5"] is False
        assert f"would forbid MD5 for {old['name']}" in must("device", "forbid-md5", "--by-policy", "--dry-run")
        done = json.loads(must("device", "forbid-md5", "--by-policy", "--json"))
        assert done == {"devices": [old["name"]], "dry_run": False}
        assert "No device" in must("device", "forbid-md5", "--by-policy")
        assert json.loads(must("device", "rotate", old["name"], "--json"))["md5"] is False
    finally:
        must("policy", "revoke", "client", "--everybody")
        must("policy", "delete", "client", "strict")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", "alice", "--label", "x"), 2),
        (("add", "nobody@contoso.example", "--label", "x"), 1),
        (("add", ALICE, "--label", " "), 2),
        (("add", ALICE), 2),
        (("show", "../people"), 2),
        (("show", "a b"), 2),
        (("rotate", "dev0000000000", "--overlap", "soon"), 2),
        (("rotate", "dev0000000000", "--overlap", "99d"), 2),
        (("rename", "dev0000000000", "--label", "x"), 1),
        (("forbid-md5",), 2),
        (("forbid-md5", "dev0000000000"), 1),
        (("list", "alice"), 2),
        (("list", "nobody@contoso.example"), 1),
    ],
)
def test_what_cannot_be_is_said_in_one_line(isthmus: Isthmus, arguments: tuple[str, ...], code: int) -> None:
    answer = isthmus("device", *arguments)
    assert answer.code == code
    assert answer.err.strip()


def test_the_other_site_that_cannot_be_asked_is_named(isthmus: Isthmus, must: Callable[..., str]) -> None:
    made = added(must)
    answer = isthmus("device", "show", made["name"])
    assert "Could not ask online for its last uses." in answer.err
    assert json.loads(must("device", "show", made["name"], "--json"))["sites_not_asked"] == ["online"]
