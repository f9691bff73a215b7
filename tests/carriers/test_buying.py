"""Buying a number: what becomes of a purchase, whatever breaks, and whoever else wants the same number."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.carriers import rules
from isthmus.carriers.buying import Buying
from isthmus.carriers.contract import CarrierBusyError, CarrierDownError, CarrierRefusedError
from isthmus.carriers.memory import Exchange, MemoryCarrier
from isthmus.carriers.model import Address
from isthmus.carriers.rules import Event, Purchase, State
from isthmus.carriers.service import Purchases
from isthmus.demo.carrier_shop import offers
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError
from isthmus.numbers.model import Block, NumberSource, NumberState, NumberUse, Range
from isthmus.numbers.service import Numbers
from tests.devices.conftest import Clock
from tests.numbers.conftest import clock, database_url, directory, engine, other_site, postgresql, stands, telephone

__all__ = ["clock", "database_url", "directory", "engine", "other_site", "postgresql"]

NUMBER = "+14255550300"
ALICE = "alice@contoso.example"


class Killed(BaseException):
    """The process ends here."""


class Office:
    """A site that buys numbers. Whatever it asks of the carrier can be made to break before it or after it."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self.directory, self.clock = directory, clock
        self.exchange = Exchange.of(offers(), clock)
        self.account = MemoryCarrier(self.exchange)
        self.numbers = Numbers(directory, clock)
        self.breaks: Callable[[str], None] = lambda where: None
        self.purchases = Purchases(directory, {"simulated": self})  # type: ignore[dict-item]
        self.restart()

    def restart(self) -> None:
        self.buying = Buying(self.directory, self.purchases, clock=self.clock)

    name = "simulated"

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self.account, name)

        def ask(*arguments: Any) -> Any:
            self.breaks(f"before {name}")
            done = asked(*arguments)
            self.breaks(f"after {name}")
            return done

        return ask

    def request(self, number: str = NUMBER, tenant: str = "main", **more: Any) -> Purchase:
        return self.purchases.request(tenant, number, actor="test", **more)

    def work(self, wait_s: float = 0) -> None:
        self.clock.now_s += wait_s
        self.buying.work()

    def now(self, purchase: Purchase) -> Purchase:
        return self.purchases.get(purchase.tenant, purchase.id)


@pytest.fixture
def office(directory: Directory, clock: Clock) -> Office:
    return Office(directory, clock)


def test_a_number_is_reserved_bought_listed_and_given_to_its_owner(office: Office) -> None:
    bought = office.request(owner=ALICE)
    office.work()
    done = office.now(bought)
    assert (done.state, done.reason) == (State.DONE, "")
    assert done.price is not None
    assert done.price.monthly_micro == 1_000_000
    listed, _ = office.numbers.get("main", telephone(300))
    assert (listed.state, str(listed.owner)) == (NumberState.ASSIGNED, ALICE)
    assert listed.block is not None
    assert (listed.block.source, listed.block.carrier) == (NumberSource.PLAN, "simulated")
    trail = [each.entry.action for each in _audit(office.directory) if each.entry.object == bought.id]
    assert sorted(trail) == [
        "purchase.assign", "purchase.confirm", "purchase.list", "purchase.pay", "purchase.request", "purchase.reserve",
    ]  # fmt: skip


def test_without_an_owner_it_is_free_in_the_inventory(office: Office) -> None:
    office.request(use=NumberUse.SERVICE)
    office.work()
    assert stands(office.numbers, 300) == (NumberState.FREE, None)


def test_it_can_be_reserved_first_and_bought_within_ten_minutes(office: Office) -> None:
    kept = office.request(buy=False)
    office.work()
    assert office.now(kept).state is State.RESERVED
    office.work(300)
    office.purchases.confirm("main", kept.id, owner=ALICE, actor="test")
    office.work()
    assert stands(office.numbers, 300) == (NumberState.ASSIGNED, ALICE)


def test_what_is_not_bought_in_time_goes_back(office: Office) -> None:
    kept = office.request(buy=False)
    office.work()
    office.work(601)
    assert office.now(kept).state is State.EXPIRED
    with pytest.raises(RefusedError):
        office.purchases.confirm("main", kept.id, actor="test")
    assert not office.exchange.owners
    assert MemoryCarrier(office.exchange, account="them").reserve(NUMBER, "theirs")


def test_a_reservation_can_be_called_off(office: Office) -> None:
    kept = office.request(buy=False)
    office.work()
    assert office.purchases.cancel("main", kept.id, actor="test").state is State.CANCELLED
    assert office.exchange.holder(NUMBER) == ""


def test_of_two_tenants_who_want_it_one_gets_it(office: Office) -> None:
    first = office.request()
    with pytest.raises(RefusedError, match="a purchase is about"):
        office.request(tenant="fabrikam")
    office.work()
    assert office.now(first).state is State.DONE
    with pytest.raises(RefusedError, match="in an inventory"):
        office.request(tenant="fabrikam")


def test_of_two_customers_of_the_carrier_one_gets_it(office: Office) -> None:
    ours = office.request()
    MemoryCarrier(office.exchange, account="them").buy(NUMBER, "theirs")
    office.work()
    assert office.now(ours).state is State.FAILED
    assert "does not offer it" in office.now(ours).reason
    assert office.exchange.owners == {NUMBER: "them"}


def test_what_is_dearer_than_it_may_be_is_not_bought(office: Office) -> None:
    dear = office.request(most_monthly_micro=500_000)
    office.work()
    assert office.now(dear).state is State.FAILED
    assert "1.00 USD a month" in office.now(dear).reason
    assert not office.exchange.owners


def test_another_tenants_purchase_does_not_exist(office: Office) -> None:
    ours = office.request()
    for ask in (office.purchases.get, lambda *a: office.purchases.cancel(*a, actor="test")):
        with pytest.raises(NotFoundError):
            ask("fabrikam", ours.id)
    assert office.purchases.listed("fabrikam") == []


def test_an_owner_who_is_gone_leaves_it_free_and_that_is_said(office: Office) -> None:
    bought = office.request(owner="nobody@contoso.example")
    office.work()
    assert office.now(bought).state is State.DONE
    assert "not nobody@contoso.example's: nobody is called" in office.now(bought).reason
    assert stands(office.numbers, 300) == (NumberState.FREE, None)


def test_what_the_inventory_does_not_take_goes_back_to_the_carrier(office: Office) -> None:
    bought = office.request()
    taken = [False]

    def meanwhile(where: str) -> None:
        if where == "after buy" and not taken[0]:
            taken[0] = True
            office.numbers.add(Block(Range.parse(NUMBER), "fabrikam"), actor="test")

    office.breaks = meanwhile
    office.work()
    assert office.now(bought).state is State.RETURNED
    assert "given back" in office.now(bought).reason
    assert not office.exchange.owners


def test_a_carrier_that_does_not_answer_is_asked_again_later_and_later(office: Office) -> None:
    bought = office.request()

    def down(where: str) -> None:
        raise CarrierDownError("no answer")

    office.breaks = down
    waits = []
    for _ in range(4):
        office.work()
        waits.append((office.now(bought).next_ms - office.now(bought).changed_ms) / 1000)
        office.clock.now_s += waits[-1]
    assert waits == [2, 4, 8, 16]
    office.breaks = lambda where: None
    office.work(600)
    assert office.now(bought).state is State.DONE


def test_it_is_given_up_after_a_while_if_nothing_was_spent(office: Office) -> None:
    bought = office.request()

    def down(where: str) -> None:
        raise CarrierDownError("no answer")

    office.breaks = down
    for _ in range(20):
        office.work(100)
    assert office.now(bought).state is State.FAILED


def test_money_that_may_be_spent_is_never_given_up_and_health_says_so(office: Office) -> None:
    bought = office.request()

    def down(where: str) -> None:
        if "buy" in where or "order" in where:
            raise CarrierDownError("no answer")

    office.breaks = down
    for _ in range(50):
        office.work(600)
    assert office.now(bought).state is State.BUYING
    assert office.buying.health()["ok"] is False
    office.breaks = lambda where: None
    office.work(600)
    assert office.now(bought).state is State.DONE
    assert office.buying.health()["ok"] is True


def test_a_rate_limit_is_kept_to(office: Office) -> None:
    bought = office.request()

    def busy(where: str) -> None:
        raise CarrierBusyError("too often", retry_after_s=42.0)

    office.breaks = busy
    office.work()
    assert office.now(bought).next_ms - office.now(bought).changed_ms == 42_000


def test_a_refusal_of_the_order_is_its_end(office: Office) -> None:
    bought = office.request()

    def refused(where: str) -> None:
        if where == "before buy":
            raise CarrierRefusedError("not enough funds")

    office.breaks = refused
    office.work()
    assert (office.now(bought).state, office.now(bought).reason) == (State.FAILED, "not enough funds")


PLACES = [f"{when} {what}" for when in ("before", "after") for what in ("search", "reserve", "order", "buy")]


def test_killed_or_cut_off_anywhere_nothing_is_bought_twice_and_the_number_arrives(office: Office) -> None:
    ways = [(place, how) for place in PLACES for how in (Killed(), CarrierDownError("no answer"))]
    for at, (place, how) in enumerate(ways):
        _breaks_once(office, place, how)
        bought = office.request(f"+142555503{at:02}", owner=f"service:{at}")
        _until_over(office, bought)
        assert (office.now(bought).state, place) == (State.DONE, place)
        assert len(office.account.orders) == at + 1
        assert stands(office.numbers, 300 + at) == (NumberState.ASSIGNED, f"service:{at}")


def test_killed_at_any_transaction_the_number_arrives(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Odd: before the commit; even: after it."""
    write, left = office.directory.write, [0]

    def killing(*arguments: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        done = write(*arguments, **more)
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return done

    for nth in range(1, 15):
        bought = office.request(f"+142555503{nth:02}", owner=f"service:{nth}")
        left[0] = nth
        monkeypatch.setattr(office.directory, "write", killing)
        _until_over(office, bought)
        monkeypatch.undo()
        assert (office.now(bought).state, nth) == (State.DONE, nth)
        assert len(office.account.orders) == nth
        assert stands(office.numbers, 300 + nth) == (NumberState.ASSIGNED, f"service:{nth}")


@given(st.lists(st.sampled_from(list(Event)), max_size=12))
def test_every_way_through_the_table_ends_with_the_number_or_without_cost(events: list[Event]) -> None:
    """What was paid for is listed or given back; what was not paid for is neither."""
    purchase = Purchase("1", "main", "simulated", NUMBER, NumberUse.SUBSCRIBER, "", True, None, "test")
    seen = set()
    for event in events:
        if event in rules.TABLE[purchase.state]:
            purchase = rules.after(purchase, event, 0)
            seen.add(event)
    if not purchase.live and Event.PAY in seen:
        assert seen & {Event.LIST, Event.RETURN}
    if purchase.state in (State.FAILED, State.EXPIRED, State.CANCELLED):
        assert Event.PAY not in seen


def _breaks_once(office: Office, place: str, how: BaseException) -> None:
    left = [1]

    def breaks(where: str) -> None:
        if where == place and left:
            left.pop()
            raise how

    office.breaks = breaks


def _until_over(office: Office, purchase: Purchase) -> None:
    for _ in range(20):
        try:
            office.work(60)
        except Killed:
            office.restart()
        if not office.now(purchase).live:
            return


def _audit(directory: Directory) -> list[Any]:
    from isthmus.audit import store
    from isthmus.audit.model import Filter
    from isthmus.database import reading

    with reading(directory.engine) as connection:
        return store.find(connection, Filter(), limit=100)


def test_a_number_that_is_not_wanted_any_more_goes_back(office: Office) -> None:
    bought = office.request(owner=ALICE)
    office.work()
    with pytest.raises(RefusedError, match="have owners"):
        office.purchases.give_back("main", bought.id, actor="test")
    office.numbers.release("main", telephone(300), actor="test")
    with pytest.raises(NotFoundError):
        office.purchases.give_back("fabrikam", bought.id, actor="test")
    office.purchases.give_back("main", bought.id, actor="test")
    office.work()
    assert office.now(bought).state is State.RETURNED
    assert not office.exchange.owners
    with pytest.raises(NotFoundError):
        office.numbers.get("main", telephone(300))


def test_what_is_paid_for_and_in_no_inventory_is_told_and_can_go_back(office: Office) -> None:
    bought = office.request()
    office.work()
    assert office.buying.health()["ok"] is True
    office.numbers.remove("main", Range.parse(NUMBER), actor="test")
    assert office.buying.health()["stuck"] == [
        f"{NUMBER}: paid for, and in no inventory: isthmus number return {bought.id}"
    ]
    office.purchases.give_back("main", bought.id, actor="test")
    office.work()
    assert office.buying.health()["ok"] is True


def test_two_at_once_who_want_one_number_are_served_one_after_the_other(office: Office) -> None:
    """Requests and the work on them from many threads: one purchase is made, and one number bought."""

    def ask(tenant: str) -> bool:
        try:
            office.request(tenant=tenant)
        except RefusedError:
            return False
        office.buying.work()
        return True

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(ask, ["main", "fabrikam"] * 3))
    office.work(60)
    assert sum(won) == 1
    assert list(office.exchange.owners.values()) == ["us"]
    assert len(office.account.orders) == 1


def test_an_emergency_address_is_told_for_a_number_of_ones_own_alone(office: Office) -> None:
    address = Address("Contoso", "Main Street", "1", "Bellevue", "WA", "98004", "US")
    office.request()
    office.work()
    for tenant, number in (("fabrikam", NUMBER), ("main", "+14255550301")):
        with pytest.raises(NotFoundError):
            office.purchases.register_address(tenant, number, address, "hq", actor="test")
    assert office.purchases.register_address("main", NUMBER, address, "hq", actor="test")
    assert office.account.addresses == {NUMBER: address}
