"""Porting orders as carriers are told of them and follow them, until the numbers are in the inventory."""

from __future__ import annotations

import pytest

from isthmus.carriers.contract import CarrierDownError, CarrierRefusedError
from isthmus.carriers.memory import Exchange, MemoryCarrier
from isthmus.carriers.model import PortStanding
from isthmus.carriers.porting import PortFollowing, steps
from isthmus.demo.carrier_shop import offers
from isthmus.directory.service import Directory
from isthmus.numbers import port_rules
from isthmus.numbers.model import Block, NumberSource, Order, PortDirection, PortEvent, PortState, Range
from isthmus.numbers.porting import Porting
from isthmus.numbers.service import Numbers
from tests.devices.conftest import Clock
from tests.numbers.conftest import clock, database_url, directory, engine, other_site, postgresql

__all__ = ["clock", "database_url", "directory", "engine", "other_site", "postgresql"]

BLOCK = Block(Range.parse("+14255551000-1001"), "main", source=NumberSource.PLAN, carrier="northwind")


class Office:
    """A site that tells one carrier of its porting orders."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self.porting, self.numbers = Porting(directory), Numbers(directory, clock)
        self.carrier = MemoryCarrier(Exchange.of(offers(), clock))
        self.following = PortFollowing(directory, self.porting, {"northwind": self.carrier}, today=lambda: "2026-12-24")

    def order(self, direction: PortDirection = PortDirection.IN, block: Block = BLOCK) -> Order:
        return self.porting.request(direction, block, actor="test")

    def tell(self, standing: PortStanding, **more: str) -> None:
        (id_,) = self.carrier.ports
        self.carrier.tell_port(id_, standing, **more)
        self.following.work()

    def now(self, order: Order) -> Order:
        return self.porting.get("main", order.id)


@pytest.fixture
def office(directory: Directory, clock: Clock) -> Office:
    return Office(directory, clock)


def test_an_order_is_told_to_its_carrier_and_followed_into_the_inventory(office: Office) -> None:
    order = office.order()
    office.following.work()
    office.following.work()
    assert (office.now(order).state, len(office.carrier.ports)) == (PortState.SUBMITTED, 1)
    assert office.now(order).reference in office.carrier.ports
    office.tell(PortStanding.SCHEDULED, due="2027-01-31")
    assert (office.now(order).state, office.now(order).due) == (PortState.SCHEDULED, "2027-01-31")
    office.tell(PortStanding.SCHEDULED, due="2027-02-02")
    assert office.now(order).due == "2027-02-02"
    office.tell(PortStanding.COMPLETED)
    assert office.now(order).state is PortState.COMPLETED
    (stock,) = office.numbers.ranges("main")
    assert (str(stock.block.range), stock.block.source) == ("+14255551000-+14255551001", NumberSource.PLAN)


def test_what_was_missed_on_the_way_is_made_up_for(office: Office) -> None:
    order = office.order()
    office.following.work()
    office.tell(PortStanding.COMPLETED)
    assert (office.now(order).state, office.now(order).due) == (PortState.COMPLETED, "2026-12-24")


def test_a_rejection_is_told_with_its_reason_and_what_is_mended_goes_on(office: Office) -> None:
    order = office.order()
    office.following.work()
    office.tell(PortStanding.REJECTED, reason="the account number is wrong")
    assert (office.now(order).state, office.now(order).note) == (PortState.REJECTED, "the account number is wrong")
    office.tell(PortStanding.SUBMITTED)
    assert office.now(order).state is PortState.SUBMITTED


def test_an_order_called_off_here_is_called_off_there(office: Office) -> None:
    order = office.order()
    office.following.work()
    office.porting.happened("main", order.id, PortEvent.CANCEL, actor="test")
    office.following.work()
    (port,) = office.carrier.ports.values()
    assert port[2].standing is PortStanding.CANCELLED


def test_orders_of_other_carriers_and_those_that_go_away_are_no_business_of_ours(office: Office) -> None:
    office.order(block=Block(BLOCK.range, "main", carrier="somebody else"))
    office.following.work()
    assert not office.carrier.ports


def test_why_a_carrier_takes_no_order_stands_in_its_note(office: Office) -> None:
    order = office.order(block=Block(Range.parse("+14255550300"), "main", carrier="northwind"))
    office.following.work()
    assert (office.now(order).state, office.now(order).note) == (
        PortState.REQUESTED,
        "numbers of it are this carrier's already",
    )


def test_a_lost_answer_makes_no_second_order(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    order, port_in = office.order(), office.carrier.port_in

    def lost(numbers: tuple[str, ...], reference: str) -> None:
        port_in(numbers, reference)
        raise CarrierDownError("no answer")

    monkeypatch.setattr(office.carrier, "port_in", lost)
    office.following.work()
    assert office.now(order).state is PortState.REQUESTED
    monkeypatch.undo()
    office.following.work()
    assert (office.now(order).state, len(office.carrier.ports)) == (PortState.SUBMITTED, 1)


def test_one_order_that_fails_keeps_no_other_from_going_on(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = office.order(), office.order(block=Block(Range.parse("+14255552000"), "main", carrier="northwind"))
    port_in = office.carrier.port_in

    def refuses(numbers: tuple[str, ...], reference: str) -> object:
        if reference == first.id:
            raise CarrierRefusedError("no letter of authorisation")
        return port_in(numbers, reference)

    monkeypatch.setattr(office.carrier, "port_in", refuses)
    office.following.work()
    assert (office.now(first).state, office.now(second).state) == (PortState.REQUESTED, PortState.SUBMITTED)


@pytest.mark.parametrize("before", list(PortState))
@pytest.mark.parametrize("after", list(PortState))
def test_the_way_from_state_to_state_is_by_the_table(before: PortState, after: PortState) -> None:
    state = before
    for event in steps(before, after):
        state = port_rules.TABLE[state][event]
    assert state in (before, after)
    assert state is after or not steps(before, after)
