"""What people chose, in a move: taken over, told of where it can't be, and gone where they do not live any more."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from isthmus.directory.service import Directory
from isthmus.emergency.build import Emergency
from isthmus.emergency.choosing import Choices
from isthmus.emergency.model import Choice
from isthmus.emergency.moving import EmergencyParticipant
from isthmus.errors import NotFoundError
from tests.devices.conftest import Clock
from tests.directory.test_feed import pump
from tests.emergency.addresses import place, us
from tests.emergency.conftest import ALICE


@pytest.fixture
def away(directory: Directory, other_site: Callable[[], Directory]) -> Directory:
    made = other_site()
    pump(directory, made)
    return made


def test_an_address_of_their_own_goes_along(directory: Directory, emergency: Emergency, away: Directory):
    chosen = emergency.choices.choose(Choice(str(ALICE), civic=us(UNIT="4")), actor="test")
    source, target = EmergencyParticipant(directory), EmergencyParticipant(away)
    handed = json.loads(json.dumps({str(aor): value for aor, value in source.export([ALICE]).items()}))
    assert target.review(source.describe([ALICE]), "online") == {}
    for _ in range(2):
        assert target.import_({ALICE: handed[str(ALICE)]}, None) == {ALICE: None}
    assert Choices(away).of(ALICE) == [chosen]
    assert source.clean_up({ALICE: handed[str(ALICE)]}) == {ALICE: None}
    with pytest.raises(NotFoundError):
        emergency.choices.of(ALICE)
    target.undo([ALICE])
    with pytest.raises(NotFoundError):
        Choices(away).of(ALICE)


def test_a_place_that_is_not_there_is_told_of(directory: Directory, emergency: Emergency, away: Directory):
    emergency.locations.add(place("hq1"), actor="test")
    emergency.choices.choose(Choice(str(ALICE), place="hq1"), actor="test")
    source, target = EmergencyParticipant(directory), EmergencyParticipant(away)
    reviewed = target.review(source.describe([ALICE]), "online")
    assert reviewed[ALICE].notes == ("has chosen the emergency place hq1, which online does not have",)
    assert target.import_(source.export([ALICE]), None) == {ALICE: None}
    with pytest.raises(NotFoundError):
        Choices(away).of(ALICE)


def test_what_was_said_later_stays(directory: Directory, emergency: Emergency, away: Directory, clock: Clock):
    emergency.choices.choose(Choice(str(ALICE), civic=us(UNIT="4")), actor="test")
    old = EmergencyParticipant(directory).export([ALICE])
    later = Choices(away).choose(Choice(str(ALICE), civic=us(UNIT="5")), actor="test")
    assert later.confirmed_ms != old[ALICE][0][-1]
    newer_first = {ALICE: [[*old[ALICE][0][:-1], later.confirmed_ms - 1]]}
    EmergencyParticipant(away).import_(newer_first, None)
    assert Choices(away).of(ALICE) == [later]
    assert EmergencyParticipant(away).changed(old[ALICE], newer_first[ALICE])


def test_what_the_other_site_says_may_be_anything(emergency: Emergency, directory: Directory):
    for nonsense in (None, 5, {"x": 1}, [["x"]]):
        assert EmergencyParticipant(directory).import_({ALICE: nonsense}, None) == {ALICE: None}
