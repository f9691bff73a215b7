"""A tenant that may have no more people or numbers than its source brings, on either database."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from isthmus.tenancy.model import TenantChanges
from isthmus.tenancy.service import Tenants, keep_within
from tests.sync.world import World, csv_source


class Limited(World):
    """A world where limits count, with a file as its source."""

    def __init__(self, engine: Engine, path: Path) -> None:
        super().__init__(engine, csv_source(path))
        self.path = path
        self.directory.join(keep_within)
        self.tenants = Tenants(self.directory, None, own_tenant="main", own_domains=[])

    def limit(self, **limits: int | None) -> None:
        self.tenants.set("main", TenantChanges(**limits), actor="test")

    def file(self, *rows: str) -> None:
        self.path.write_text("\n".join(["id,aor,number", *rows]))


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> Limited:
    return Limited(engine, tmp_path / "people.csv")


def rows(count: int, start: int = 0) -> list[str]:
    return [f"{n},u{n}@contoso.example,+1425555{n:04}" for n in range(start, start + count)]


def test_as_many_people_come_as_there_is_room_for_and_the_others_are_told(world: Limited):
    world.limit(people=7)
    world.file(*rows(20))
    assert world.sync().state.value == "done"
    assert len(world.people()) == 7
    told = world.conflicts()
    assert len(told) == 13
    assert all("may have 7 people" in why for why in told.values())
    creations = [each for each in world.directory.audit(limit=1000) if each["action"] == "person.create"]
    assert len(creations) == 7, "of those who did not come, the audit log says nothing"
    world.limit(people=None)
    world.sync()
    assert len(world.people()) == 20
    assert world.conflicts() == {}


def test_a_tenant_that_is_full_still_has_its_people_changed_and_disabled(world: Limited):
    world.file(*rows(10))
    world.sync()
    world.limit(people=10)
    changed = rows(10)
    changed[3] = "3,u3@contoso.example,+14255559999"
    world.file(*changed[:9], *rows(2, start=50))
    world.sync()
    assert world.person("u3").number == "+14255559999"
    assert not world.person("u9").enabled
    assert "u50" not in world.people()
    assert set(world.conflicts()) == {"50", "51"}


def test_a_number_too_many_keeps_nobody_else_from_theirs(world: Limited):
    world.limit(numbers=2)
    world.file(*rows(2), "2,u2@contoso.example,")
    world.sync()
    # One gives a number up, another one gets it; a third has to wait.
    world.file("0,u0@contoso.example,", "1,u1@contoso.example,+14255550001", "2,u2@contoso.example,+14255550000",
               "3,u3@contoso.example,+14255550003")  # fmt: skip
    world.sync()
    assert {user: each.number for user, each in world.people().items()} == {
        "u0": None,
        "u1": "+14255550001",
        "u2": "+14255550000",
    }
    assert "may have 2 numbers" in world.conflicts()["3"]
