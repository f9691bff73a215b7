"""Addresses-of-record as people write them, and what only looks like one."""

from __future__ import annotations

import pytest

from isthmus.addressing import Aor
from isthmus.errors import UsageError


@pytest.mark.parametrize(
    "text", ["alice@contoso.example", " sip:ALICE@Contoso.Example ", "sips:%61lice@contoso.example"]
)
def test_ways_to_write_it(text: str) -> None:
    assert str(Aor.parse(text)) == "alice@contoso.example"


@pytest.mark.parametrize(
    "text",
    [
        "\u0430lice@contoso.example",  # Cyrillic a
        "\u212aate@contoso.example",  # the Kelvin sign, a plain k in lower case
        "%e2%84%aaate@contoso.example",  # the same, escaped
        "alice@\u212aontoso.example",
        "alice@contoso.example\u200b",
        "al ice@contoso.example",
        "alice@contoso@example",
        "alice@",
        "alice",
        "",
    ],
)
def test_lookalikes_and_fragments_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Aor.parse(text)
