"""An inventory of numbers, on either database, and a clock that stands still."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from isthmus.addressing import Telephone
from isthmus.directory.model import NewPerson
from isthmus.directory.service import Directory
from isthmus.numbers.following import follow, kept
from isthmus.numbers.model import Block, NumberState, Owner, Range
from isthmus.numbers.service import Numbers
from tests.devices.conftest import Clock, clock
from tests.directory.conftest import authority, database_url, engine, new, other_site, postgresql

__all__ = ["Clock", "clock", "database_url", "engine", "other_site", "postgresql"]

HUNDRED = "+14255550100-+14255550199"


@pytest.fixture
def directory(engine: Engine, clock: Clock) -> Directory:
    """Alice and Bob of tenant main, Erin of fabrikam; nobody has a number."""
    made = authority(engine, clock=clock)
    made.keep_numbers(kept)
    made.join(follow)
    made.create_tenant("fabrikam", actor="test")
    made.add_domain("fabrikam.example", "fabrikam", actor="test")
    for user in ("alice", "bob"):
        made.create(new(user), actor="test")
    made.create(erin(), actor="test")
    return made


@pytest.fixture
def numbers(directory: Directory, clock: Clock) -> Numbers:
    """Tenant main has a hundred numbers."""
    made = Numbers(directory, clock)
    made.add(Block(Range.parse(HUNDRED), "main", carrier="Northwind"), actor="test")
    return made


def erin(number: str | None = None) -> NewPerson:
    from isthmus.addressing import Aor
    from isthmus.directory.model import Credentials

    aor = Aor.parse("erin@fabrikam.example")
    return NewPerson(aor, "Erin", "premises", Credentials.of(aor, "x"), number)


def telephone(last: int | str) -> Telephone:
    """The number +1425555nnnn, or its extension: 101, "100;ext=7"."""
    end, _, ext = str(last).partition(";")
    return Telephone.parse(f"+1425555{int(end):04}{';' + ext if ext else ''}")


def owner(text: str) -> Owner:
    """`alice` is alice@contoso.example."""
    return Owner.parse(text if ":" in text or "@" in text else f"{text}@contoso.example")


def stands(numbers: Numbers, last: int, tenant: str = "main") -> tuple[NumberState, str | None]:
    """State and owner of a number."""
    listed, _ = numbers.get(tenant, telephone(last))
    return listed.state, str(listed.owner) if listed.owner else None
