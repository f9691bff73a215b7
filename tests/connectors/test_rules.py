"""Codes, settings and turns of connectors."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isthmus.connectors import rules
from isthmus.connectors.model import Connector, ConnectorSite, State
from isthmus.errors import UsageError

SUNDAY_3 = 1_795_921_200_000 - 1_795_921_200_000 % 604_800_000 + 3 * 86_400_000 + 3 * 3_600_000  # 1970 began a Thursday
SITE = ConnectorSite("main", "branch", window="sun 02:00-04:00", version="2")


def one(number: int, version: str = "1", **report: object) -> Connector:
    told = {"version": version, "ok": True, "phase": "", **report}
    return Connector(f"branch-{number}", "branch", "main", number, enrolled=1, slot=number, seen=SUNDAY_3, report=told)


def test_a_code_is_known_however_it_is_typed():
    code = rules.new_code()
    assert rules.code_hash(code.lower().replace("-", " ")) == rules.code_hash(code)
    assert rules.code_hash("OIL") == rules.code_hash("011")


@pytest.mark.parametrize("section", ["site", "peer", "pki", "state", "stir", "ports"])
def test_nobody_elsewhere_chooses_files_peers_or_addresses_of_the_machine(section: str):
    with pytest.raises(UsageError):
        rules.checked_site(ConnectorSite("main", "branch", {section: {}}))


def test_in_the_window_one_is_updated_at_a_time():
    both = [one(1), one(2)]
    assert rules.to_update(SITE, both, ["2"], SUNDAY_3) == "branch-1"
    under_way = [one(1), one(2, phase="draining")]
    assert rules.to_update(SITE, under_way, ["2"], SUNDAY_3) == "branch-2"


def test_outside_it_none_is():
    assert rules.to_update(SITE, [one(1)], ["2"], SUNDAY_3 + 3 * 3_600_000) == ""


def test_a_version_that_one_returned_from_is_given_to_none():
    assert rules.to_update(SITE, [one(1), one(2, returned_from="2")], ["2"], SUNDAY_3) == ""


def test_who_is_alone_in_carrying_calls_is_left_alone():
    lost = replace(one(2), seen=1)
    assert rules.state_of(lost, SUNDAY_3) is State.LOST
    assert rules.to_update(SITE, [one(1), lost], ["2"], SUNDAY_3) == ""


def test_none_begins_while_another_is_on_trial():
    """Who is on trial runs the new version already."""
    three = [one(1, "2", phase="trial"), one(2), one(3)]
    assert rules.to_update(SITE, three, ["2"], SUNDAY_3) == "branch-1"
    assert rules.to_update(SITE, [one(1, "2"), *three[1:]], ["2"], SUNDAY_3) == "branch-2"
