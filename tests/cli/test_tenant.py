"""`isthmus tenant` and `isthmus domain`, against a control service, as docs/tenants.md has them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable

import pytest

from tests.cli.conftest import Answer
from tests.docs.commands import blocks

pytestmark = pytest.mark.e2e

Isthmus = Callable[..., Answer]


def test_the_commands_of_the_page(isthmus: Isthmus):
    found = [command for block in blocks() if block.file == "docs/tenants.md" for command in block.commands]
    assert len(found) > 8
    told = {}
    for command in found:
        program, *arguments = shlex.split(command)
        assert program == ".venv/bin/isthmus"
        answer = told[command] = isthmus(*arguments)
        assert answer.code == 0, (command, answer.err)
    assert "_isthmus.fabrikam.example TXT" in next(t.out for c, t in told.items() if "domain add" in c)
    assert "0 of 500" in next(t.out for c, t in told.items() if "tenant show" in c)
    assert "suspended" in next(t.out for c, t in told.items() if "--suspend" in c)


def test_limits_are_numbers_or_none(isthmus: Isthmus):
    assert isthmus("tenant", "create", "adatum", "--people", "3").code == 0
    try:
        assert isthmus("tenant", "set", "adatum", "--people", "some").code == 2
        assert isthmus("tenant", "set", "adatum").code == 2
        isthmus("tenant", "set", "adatum", "--people", "none", "--numbers", "0")
        shown = json.loads(isthmus("tenant", "show", "adatum", "--json").out)
        assert (shown["limits"]["people"], shown["limits"]["numbers"]) == (None, 0)
        assert "adatum" in isthmus("tenant", "list").out
        assert isthmus("tenant", "create", "adatum").code == 1
    finally:
        assert isthmus("tenant", "delete", "adatum", "--yes").code == 0
    assert isthmus("tenant", "show", "adatum").code == 1
