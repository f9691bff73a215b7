"""Telephone numbers as they are dialled."""

from __future__ import annotations

import pytest

from isthmus.addressing import dialled_number


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ("+14255550101", "+14255550101"),
        ("+1-425-555.0101;phone-context=x", "+14255550101"),
        ("1 (425) 555 0101", "+14255550101"),
        ("4255550101", None),
        ("911", None),
        ("04255550101", None),
        ("\u0661\u0664\u0662\u0665\u0665\u0665\u0665\u0660\u0661\u0660\u0661", None),
        ("alice", None),
        ("", None),
    ],
)
def test_what_is_a_number_to_the_sites(user: str, number: str | None) -> None:
    assert dialled_number(user) == number
