"""What every adapter keeps to, whatever its carrier is like."""

from __future__ import annotations

import pytest

from isthmus.carriers.contract import CarrierRefusedError, GoneError
from isthmus.carriers.model import Address, Can, Kind, OrderState, PortStanding, Search
from tests.carriers.conftest import World

NUMBER, OTHER = "+14255550300", "+14255550301"
OFFICE = Address("Contoso", "Main Street", "1", "Bellevue", "WA", "98004", "US")


def test_a_search_finds_numbers_by_country_area_pattern_and_kind_with_their_prices(world: World) -> None:
    def found(search: Search) -> list[str]:
        return [each.number for each in world.carrier.search(search)]

    first, second = world.carrier.search(Search("US", area="425", limit=2))
    assert (first.number, second.number) == (NUMBER, OTHER)
    assert (first.price.currency, first.price.monthly_micro) == ("USD", 1_000_000)
    assert Can.VOICE in first.can and first.place == "Bellevue, WA"
    assert found(Search("US", pattern="+1206*7", limit=50)) == ["+12065550307", "+12065550317"]
    assert found(Search("US", pattern="5550311")) == ["+12065550311", "+14255550311"]
    assert len(found(Search("US", kind=Kind.TOLL_FREE, limit=50))) == 10
    assert found(Search("GB", area="020", pattern="319")) == ["+442079460319"]
    assert found(Search("FR")) == []


def test_a_reservation_keeps_a_number_from_others(world: World) -> None:
    kept = world.carrier.reserve(NUMBER, "ref-1")
    assert kept.number == NUMBER
    with pytest.raises(GoneError):
        world.rival.reserve(NUMBER, "theirs")
    again = world.carrier.reserve(NUMBER, "ref-1")
    assert again.until_s >= kept.until_s
    world.carrier.unreserve(kept.id)
    world.carrier.unreserve(kept.id)


def test_what_somebody_else_has_is_gone(world: World) -> None:
    world.rival.buy(NUMBER, "theirs")
    with pytest.raises(GoneError):
        world.carrier.reserve(NUMBER, "ref-1")
    with pytest.raises(GoneError):
        world.carrier.buy(NUMBER, "ref-1")
    assert world.carrier.order("ref-1") is None
    assert NUMBER not in [each.number for each in world.carrier.search(Search("US", area="425"))]


def test_a_number_is_bought_once_a_reference(world: World) -> None:
    assert world.carrier.order("ref-1") is None
    first, again = world.carrier.buy(NUMBER, "ref-1"), world.carrier.buy(NUMBER, "ref-1")
    assert first == again == world.carrier.order("ref-1")
    assert (first.number, first.state) == (NUMBER, OrderState.DONE)
    assert len(world.account.orders) == 1


def test_a_number_is_given_back_and_can_be_had_by_others(world: World) -> None:
    world.carrier.buy(NUMBER, "ref-1")
    world.carrier.release(NUMBER)
    world.carrier.release(NUMBER)
    assert world.rival.buy(NUMBER, "theirs").state is OrderState.DONE


def test_a_porting_order_goes_through_its_states(world: World) -> None:
    ours = world.carrier.port_in(("+14255551000", "+14255551001"), "port-1")
    assert ours == world.carrier.port_in(("+14255551000", "+14255551001"), "port-1")
    assert ours.standing is PortStanding.SUBMITTED
    (theirs,) = world.account.ports
    world.account.tell_port(theirs, PortStanding.REJECTED, reason="the account number is wrong")
    rejected = world.carrier.port(ours.id)
    assert (rejected.standing, rejected.reason) == (PortStanding.REJECTED, "the account number is wrong")
    world.account.tell_port(theirs, PortStanding.SCHEDULED, due="2027-01-31")
    scheduled = world.carrier.port(ours.id)
    assert (scheduled.standing, scheduled.due) == (PortStanding.SCHEDULED, "2027-01-31")
    world.account.tell_port(theirs, PortStanding.COMPLETED)
    assert world.carrier.port(ours.id).standing is PortStanding.COMPLETED
    world.carrier.cancel_port(ours.id)
    assert world.carrier.port(ours.id).standing is PortStanding.COMPLETED


def test_a_porting_order_is_called_off(world: World) -> None:
    ours = world.carrier.port_in(("+14255551000",), "port-1")
    world.carrier.cancel_port(ours.id)
    assert world.carrier.port(ours.id).standing is PortStanding.CANCELLED


def test_numbers_that_are_the_carriers_already_are_not_ported(world: World) -> None:
    with pytest.raises(CarrierRefusedError):
        world.carrier.port_in((NUMBER,), "port-1")


def test_an_emergency_address_is_registered_for_a_number_of_ours_alone(world: World) -> None:
    with pytest.raises(CarrierRefusedError):
        world.carrier.register_address(NUMBER, OFFICE)
    world.carrier.buy(NUMBER, "ref-1")
    assert world.carrier.register_address(NUMBER, OFFICE)
    assert world.account.addresses[NUMBER] == OFFICE
