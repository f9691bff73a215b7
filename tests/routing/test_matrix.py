"""Who may call what, on one page."""

from __future__ import annotations

import msgspec
import pytest

from isthmus.dialling.plan import Dialling
from isthmus.routing.matrix import matrix, samples
from isthmus.routing.model import Class
from tests.routing.people import MemorySnapshot, config, record

NONE, OPEN = Class(Dialling("US"), reach="none"), Class(Dialling("US"), dear=True)


def test_people_of_one_class_share_a_line_and_each_cell_says_why():
    everybody = [record(f"u{i}@contoso.example", "premises", number=f"+1425555010{i}") for i in range(4)]
    people = [msgspec.structs.replace(each, service=i // 2) for i, each in enumerate(everybody)]
    people.append(msgspec.structs.replace(record("berlin@contoso.example", "online", number="+4930123456"), service=1))
    snapshot = MemorySnapshot(config(classes=(NONE, OPEN)), people)
    targets = samples("US")
    lines = matrix(people, list(targets.values()), snapshot, 0)
    assert [(each.aor.partition("@")[0], each.people) for each in lines] == [("u0", 2), ("u2", 2), ("berlin", 1)]
    none, free, _ = (dict(zip(targets, each.cells, strict=True)) for each in lines)
    assert {kind for kind, cell in none.items() if cell.way} == {"emergency"}
    assert none["abroad"].rule == "not-allowed"
    assert "does not allow calls outside" in none["abroad"].text
    assert {cell.way for cell in free.values()} == {"carrier"}


@pytest.mark.parametrize("country", ["US", "DE", "GB", "JP", "BR", "AQ"])
def test_there_are_numbers_to_try_in_every_country(country: str):
    found = samples(country)
    assert found["abroad"][:3] != found.get("domestic", "")[:3]
    assert all(target.startswith(("+", "sos.")) for target in found.values())
