"""Making and changing caps and blocks: what is kept, what is refused, what the audit log and the snapshot say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from isthmus.database import writing
from isthmus.directory import store as directory_store
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError, UsageError
from isthmus.fraud.model import Block, Cap, Kind
from isthmus.fraud.service import Guard, block_json, block_of
from isthmus.routing.model import AtOnce, Direction
from tests.devices.conftest import Clock
from tests.fraud.conftest import Watched

OUT, IN = Direction.OUT, Direction.IN


def test_a_cap_is_made_changed_and_removed(watched: Watched):
    guard, changes = watched.guard, 0

    def changed() -> None:
        nonlocal changes
        changes += 1

    guard.changed = changed
    made = guard.set_cap("main", Kind.COUNTRY, "cu", {"minutes": 30, "calls": 2}, actor="anna")
    assert made == Cap("main", Kind.COUNTRY, "CU", calls=2, minutes=30)
    assert guard.set_cap("main", Kind.COUNTRY, "CU", {"ends": True}, actor="anna") == replace(made, ends=True)
    assert guard.listed_caps("main") == [replace(made, ends=True)]
    assert guard.at_once() == [AtOnce("country CU main", 2)]
    guard.remove_cap("main", Kind.COUNTRY, "CU", actor="anna")
    assert guard.listed_caps("main") == []
    assert changes == 3
    with pytest.raises(NotFoundError):
        guard.remove_cap("main", Kind.COUNTRY, "CU", actor="anna")
    told = [each["action"] for each in watched.office.directory.audit("main/country/CU")]
    assert told == ["cap.remove", "cap.set", "cap.set"]


def test_a_trunk_is_capped_by_the_site_and_has_to_be_there(watched: Watched):
    watched.office.directory.create_tenant("fabrikam", actor="test")
    with pytest.raises(RefusedError):
        watched.guard.set_cap("fabrikam", Kind.TRUNK, "carrier", {"minutes": 1}, actor="erin")
    with pytest.raises(NotFoundError):
        watched.guard.set_cap("main", Kind.TRUNK, "other", {"minutes": 1}, actor="anna")
    with pytest.raises(NotFoundError):
        watched.guard.set_cap("nobody", Kind.TENANT, "", {"minutes": 1}, actor="anna")
    with pytest.raises(UsageError):
        watched.guard.set_cap("main", Kind.TENANT, "", {"minutes": -1}, actor="anna")


def test_a_block_is_made_said_anew_and_taken_back(watched: Watched):
    guard = watched.guard
    made = guard.block(Block("main", IN, "+1900", reason="nuisance"), actor="anna")
    assert (made.by, made.at) == ("anna", watched.office.clock.now_s)
    guard.block(Block("main", IN, "+1900", exception=True), actor="anna")
    guard.block(Block("main", OUT, "+1900"), actor="anna")
    assert guard.blocks() == [("main", IN, "+1900", True), ("main", OUT, "+1900", False)]
    guard.unblock("main", IN, "+1900", actor="anna")
    assert [each.direction for each in guard.listed_blocks("main")] == [OUT]
    with pytest.raises(NotFoundError):
        guard.unblock("main", IN, "+1900", actor="anna")


def test_a_tenant_blocks_its_own_people_alone(watched: Watched):
    watched.office.directory.create_tenant("fabrikam", actor="test")
    for what in ("person:alice@contoso.example", "person:nobody@contoso.example"):
        with pytest.raises(NotFoundError):
            watched.guard.block(Block("fabrikam", OUT, what), actor="erin")
    with pytest.raises(NotFoundError):
        watched.guard.block(Block("main", OUT, "trunk:other"), actor="anna")


def test_the_authoritys_blocks_hold_at_other_sites(watched: Watched, other_site: Callable[[], Directory], clock: Clock):
    here = other_site()
    with writing(here.engine) as connection:
        directory_store.put_tenants(connection, ["main"])
    there = Guard(here, ["gw"], "main", "online", clock=clock)
    for what in ("+1900", "country:CU", "trunk:carrier"):
        watched.guard.block(Block("main", OUT, what), actor="anna")
    there.block(Block("main", OUT, "+44"), actor="olga")
    told = [block_of(block_json(each)) for each in watched.guard.told()]
    assert there.follow("premises", told)
    assert not there.follow("premises", told)  # the same again
    assert [(each.what, each.site) for each in there.listed_blocks("main")] == [
        ("+1900", "premises"), ("+44", "online"), ("country:CU", "premises"),
    ]  # fmt: skip
    assert [each.what for each in there.told()] == ["+44"]
    with pytest.raises(NotFoundError):
        there.unblock("main", OUT, "+1900", actor="olga")  # it is the authority's
    watched.guard.unblock("main", OUT, "+1900", actor="anna")
    assert there.follow("premises", watched.guard.told())
    assert [each.what for each in there.listed_blocks("main")] == ["+44", "country:CU"]


def test_blocks_of_tenants_that_are_not_here_are_left_out(watched: Watched):
    assert not watched.guard.follow("online", [Block("nobody", OUT, "+44")])
