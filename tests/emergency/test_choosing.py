"""What people choose for themselves: it goes with them, ends with them, and nobody else reads where they live."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import Engine, func, select

from isthmus.addressing import Aor
from isthmus.database import reading
from isthmus.devices.service import Devices
from isthmus.directory.service import Directory
from isthmus.emergency.build import Emergency
from isthmus.emergency.choosing import Choices
from isthmus.emergency.model import Choice
from isthmus.emergency.tables import choice
from isthmus.errors import NotFoundError, UsageError
from tests.devices.conftest import Clock
from tests.directory.conftest import new
from tests.emergency.addresses import place, us
from tests.emergency.conftest import ALICE, rename


@pytest.fixture
def choices(emergency: Emergency) -> Choices:
    emergency.locations.add(place("hq1"), actor="test")
    return emergency.choices


def test_said_again_it_is_confirmed_anew(choices: Choices, clock: Clock):
    home = Choice(str(ALICE), civic=us(UNIT="4"))
    first = choices.choose(home, actor="test")
    clock.now_s += 86_400
    again = choices.choose(home, actor="test")
    assert (first.confirmed_ms, again.confirmed_ms) == (1_800_000_000_000, 1_800_086_400_000)
    assert choices.of(ALICE) == [again]


def test_a_device_can_have_its_own(directory: Directory, choices: Choices):
    device = Devices(directory).add(ALICE, "phone", actor="test")[0].device.name
    general = choices.choose(Choice(str(ALICE), civic=us()), actor="test")
    special = choices.choose(Choice(str(ALICE), device, "hq1"), actor="test")
    assert choices.of(ALICE) == [general, special]
    choices.forget(ALICE, device, actor="test")
    assert choices.of(ALICE) == [general]
    choices.forget(ALICE, actor="test")
    with pytest.raises(NotFoundError):
        choices.of(ALICE)


def test_what_is_no_choice(choices: Choices):
    for wrong in (Choice(str(ALICE)), Choice(str(ALICE), place="hq1", civic=us())):
        with pytest.raises(UsageError):
            choices.choose(wrong, actor="test")
    for nobody in (
        Choice(str(ALICE), place="gone"),
        Choice(str(ALICE), "dev0000000000", "hq1"),
        Choice("nobody@contoso.example", place="hq1"),
    ):
        with pytest.raises(NotFoundError):
            choices.choose(nobody, actor="test")
    with pytest.raises(NotFoundError):
        choices.forget(ALICE, actor="test")


def test_it_goes_with_the_person_to_another_address(engine: Engine, directory: Directory, choices: Choices):
    made = choices.choose(Choice(str(ALICE), civic=us(UNIT="4")), actor="test")
    allie = Aor.parse("allie@contoso.example")
    rename(engine, directory, ALICE, allie)
    assert [each.civic for each in choices.of(allie)] == [made.civic]


def test_who_comes_later_under_an_old_address_gets_nothing_of_it(
    engine: Engine, directory: Directory, choices: Choices
):
    choices.choose(Choice(str(ALICE), civic=us(UNIT="4")), actor="test")
    directory.delete(ALICE, actor="test")
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(choice)).scalar_one() == 0
    directory.create(new("alice"), actor="test")
    with pytest.raises(NotFoundError):
        choices.of(ALICE)


def test_the_audit_log_does_not_say_where_somebody_lives(directory: Directory, choices: Choices):
    choices.choose(Choice(str(ALICE), civic=us(UNIT="4")), actor="admin")
    choices.forget(ALICE, actor="admin")
    entries = directory.audit(str(ALICE))[:2]
    assert [each["action"] for each in entries] == ["location.forget", "location.choose"]
    assert "Main" not in json.dumps(entries)
