"""`isthmus registration list` at a site whose peer is on another machine."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.conftest import Answer

Isthmus = Callable[..., Answer]


def test_a_person_at_home_elsewhere_is_never_said_to_have_no_phone(isthmus: Isthmus) -> None:
    assert isthmus("user", "create", "carol@contoso.example", "--home", "online", "--generate-password").code == 0
    answer = isthmus("registration", "list", "carol@contoso.example")
    assert answer.code == 1
    assert answer.out == ""
    assert "carol@contoso.example is at home at online" in answer.err
    assert "Run there: isthmus registration list carol@contoso.example" in answer.err


def test_a_registrar_that_is_down_is_told(isthmus: Isthmus) -> None:
    assert isthmus("user", "create", "alice@contoso.example", "--home", "premises", "--generate-password").code == 0
    answer = isthmus("registration", "list", "alice@contoso.example")
    assert (answer.code, answer.out) == (1, "")
    assert "Kamailio does not answer" in answer.err
    assert isthmus("registration", "list", "nobody@contoso.example").code == 1
    assert isthmus("registration", "list", "nonsense").code == 2
