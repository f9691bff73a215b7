"""Rules of dial plans: what they match, what they make, and what can't be one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.dialling.patterns import applied, parsed, written
from isthmus.errors import UsageError


@pytest.mark.parametrize(
    ("rule", "digits", "makes"),
    [
        ("7|XXX -> +1425555", "7123", "+1425555123"),
        ("7|XXX -> +1425555", "71234", None),
        ("7|XXX -> +1425555", "8123", None),
        ("88 -> +14255550100", "88", "+14255550100"),
        ("|ZX -> +49", "10", "+4910"),
        ("|ZX -> +49", "01", None),
        ("|NX -> +49", "19", None),
        ("[13-5]|X -> +49", "49", "+499"),
        ("[13-5]|X -> +49", "29", None),
        ("*1#|. -> +1", "*1#4255550101", "+14255550101"),
        ("0|. -> +49", "0", None),
    ],
)
def test_a_rule(rule: str, digits: str, makes: str | None):
    (only,) = parsed(rule)
    assert applied(only, digits) == makes


def test_rules_stand_one_a_line_or_with_semicolons():
    found = parsed("7|XXX -> +1425555;88->+14255550100\n\n  9. -> +49 30 1".replace(" 30 1", "301"))
    assert written(found) == "7|XXX -> +1425555; 88 -> +14255550100; 9. -> +49301"
    assert parsed(written(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "7XXX",
        "7XXX -> 1425",
        "7XXX -> +",
        "7XXX -> +0425",
        "7(XXX)* -> +1",
        "7.X -> +1425555",
        "7|X|X -> +1425555",
        "| -> +1425555",
        " -> +1425555",
        "[5-3]X -> +1425555",
        "[] -> +1425555",
        "7|*X -> +1425555",
        "|X -> +" + "9" * 15,
        "7 -> +1",
        "X" * 41 + " -> +14255550100",
        ";".join(["7 -> +14255550100"] * 101),
    ],
)
def test_what_is_no_rule_is_refused_with_a_reason(text: str):
    with pytest.raises(UsageError) as refusal:
        parsed(text)
    assert str(refusal.value)


@given(st.text(alphabet="0179XNZ.|[]-*# >+;\n", max_size=60), st.text(alphabet="0123456789*#", max_size=40))
def test_no_text_breaks_the_reader_and_no_rule_the_matching(text: str, digits: str):
    try:
        rules = parsed(text)
    except UsageError:
        return
    assert parsed(written(rules)) == rules
    for rule in rules:
        made = applied(rule, digits)
        assert made is None or made.startswith(rule.prefix)
