"""What keeps calls at a branch from being made and taken while it is alone."""

from __future__ import annotations

from isthmus.connectors.bounds import BY, Block, Days, bounds_of
from isthmus.routing.model import AtOnce, BlockRecord, Direction
from isthmus.routing.refusals import Refusal, of_country, of_person, of_tenant, of_trunk
from tests.routing.people import config

ANNA, BEN = "anna@contoso.example", "ben@contoso.example"


def test_a_branch_is_told_what_is_its_tenants_and_its_peoples_and_no_more():
    limits = (AtOnce(of_tenant("contoso"), 5), AtOnce(of_country("CU", "fabrikam"), 1))
    blocks = (BlockRecord(0, Direction.OUT, "+1900"), BlockRecord(1, Direction.IN, "+1"))
    closed = Refusal("fraud", "closed", "nobody is called there")
    people = (of_person(ANNA), of_person(BEN))
    tenants = (of_tenant("contoso"), of_tenant("fabrikam"), of_country("KP", "contoso"), of_country("KP", "fabrikam"))
    refused = dict.fromkeys((*people, *tenants, of_country("CU"), of_trunk("carrier")), (closed,))
    found = bounds_of(config(blocks=blocks, at_once=limits), refused, "contoso", [ANNA], Days())
    assert found.blocks == (Block(Direction.OUT, "+1900"),)
    assert found.at_once == limits[:1]
    assert set(found.refusals) == {
        of_person(ANNA), of_tenant("contoso"), of_country("CU"), of_country("KP", "contoso")
    }  # fmt: skip
    assert {each.by for held in found.refusals.values() for each in held} == {BY}


def test_what_is_about_trunks_of_online_alone_stays_there():
    by_trunk = Refusal("plan", "used-up", "no minutes left", ways=("carrier",))
    assert bounds_of(config(), {of_person(ANNA): (by_trunk,)}, "contoso", [ANNA], Days()).refusals == {}


def test_a_tenant_that_online_does_not_know_yet_has_none():
    blocks = (BlockRecord(0, Direction.OUT, "+1900"),)
    assert bounds_of(config(blocks=blocks), {}, "newco", [], Days()).blocks == ()
