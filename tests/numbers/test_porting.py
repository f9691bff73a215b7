"""Porting orders from the request to the inventory."""

from __future__ import annotations

import pytest

from isthmus.access.model import Reach, Scope
from isthmus.directory.service import Directory
from isthmus.errors import ForbiddenError, NotFoundError, RefusedError, UsageError
from isthmus.numbers.model import Block, NumberSource, NumberState, Order, PortDirection, PortEvent, PortState, Range
from isthmus.numbers.porting import Porting
from isthmus.numbers.service import Numbers
from tests.numbers.conftest import Clock, owner, stands, telephone

THROUGH = (PortEvent.SUBMIT, PortEvent.ACCEPT, PortEvent.SCHEDULE)


@pytest.fixture
def porting(directory: Directory, numbers: Numbers) -> Porting:
    return Porting(directory)


def ask(porting: Porting, direction: str, text: str, tenant: str = "main") -> Order:
    block = Block(Range.parse(text), tenant, source=NumberSource.PLAN, carrier="Tailspin")
    return porting.request(PortDirection(direction), block, actor="test")


def tell(porting: Porting, order: Order, *events: PortEvent) -> Order:
    for event in events:
        due = "2027-01-31" if event is PortEvent.SCHEDULE else None
        order = porting.happened("main", order.id, event, due=due, actor="test")
    return order


def test_numbers_that_come_are_there_when_it_is_completed_and_not_before(numbers: Numbers, porting: Porting) -> None:
    order = ask(porting, "in", "+14255550300-0309")
    order = tell(porting, order, *THROUGH)
    assert (order.state, order.due) == (PortState.SCHEDULED, "2027-01-31")
    with pytest.raises(NotFoundError):
        numbers.get("main", telephone(300))
    assert tell(porting, order, PortEvent.COMPLETE).state is PortState.COMPLETED
    listed, _ = numbers.get("main", telephone(300))
    assert listed.state is NumberState.FREE
    assert listed.block is not None
    assert (listed.block.carrier, listed.block.source) == ("Tailspin", NumberSource.PLAN)


def test_numbers_that_go_stay_until_it_is_completed_and_nobody_has_them(numbers: Numbers, porting: Porting) -> None:
    numbers.assign("main", telephone(150), owner("alice"), actor="test")
    order = tell(porting, ask(porting, "out", "+14255550150-0159"), *THROUGH)
    with pytest.raises(RefusedError, match="alice@"):
        tell(porting, order, PortEvent.COMPLETE)
    assert porting.get("main", order.id).state is PortState.SCHEDULED
    numbers.release("main", telephone(150), actor="test")
    tell(porting, order, PortEvent.COMPLETE)
    with pytest.raises(NotFoundError):
        numbers.get("main", telephone(150))
    assert stands(numbers, 149) == stands(numbers, 160) == (NumberState.FREE, None)


def test_numbers_that_somebody_has_by_then_are_not_taken_over(numbers: Numbers, porting: Porting) -> None:
    order = tell(porting, ask(porting, "in", "+14255550300-0309"), *THROUGH)
    numbers.add(Block(Range.parse("+14255550305"), "fabrikam"), actor="test")
    with pytest.raises(RefusedError, match="another tenant"):
        tell(porting, order, PortEvent.COMPLETE)
    assert porting.get("main", order.id).state is PortState.SCHEDULED


def test_a_rejected_order_is_mended_and_submitted_anew(porting: Porting, clock: Clock) -> None:
    order = tell(porting, ask(porting, "in", "+14255550300"), PortEvent.SUBMIT)
    clock.now_s += 60
    order = porting.happened("main", order.id, PortEvent.REJECT, note="wrong address", actor="test")
    assert (order.note, order.changed_ms - order.created_ms) == ("wrong address", 60_000)
    order = porting.happened("main", order.id, PortEvent.SUBMIT, reference="TS-2", actor="test")
    assert (order.state, order.reference, order.note) == (PortState.SUBMITTED, "TS-2", "wrong address")


def test_a_number_is_in_one_open_order(porting: Porting) -> None:
    order = ask(porting, "in", "+14255550300-0309")
    with pytest.raises(RefusedError, match=order.id):
        ask(porting, "in", "+14255550309-0319")
    with pytest.raises(RefusedError, match="another tenant's order") as refused:
        ask(porting, "in", "+14255550309-0319", "fabrikam")
    assert order.id not in str(refused.value)
    tell(porting, order, PortEvent.CANCEL)
    ask(porting, "in", "+14255550309-0319")


def test_what_can_not_be_asked(porting: Porting) -> None:
    with pytest.raises(RefusedError, match="in an inventory already"):
        ask(porting, "in", "+14255550199-0200")
    for text, tenant in (("+14255550199-0200", "main"), ("+14255550150", "fabrikam")):
        with pytest.raises(NotFoundError, match="inventory"):
            ask(porting, "out", text, tenant)
    with pytest.raises(UsageError, match="carrier"):
        porting.request(PortDirection.IN, Block(Range.parse("+14255550300"), "main"), actor="test")


def test_a_tenants_administrator_asks_and_cancels_and_the_operator_does_the_rest(porting: Porting) -> None:
    own = Reach((Scope(frozenset({"main"})),))
    order = ask(porting, "in", "+14255550300")
    with pytest.raises(ForbiddenError):
        porting.happened("main", order.id, PortEvent.SUBMIT, actor="test", reach=own)
    assert porting.happened("main", order.id, PortEvent.CANCEL, actor="test", reach=own).state is PortState.CANCELLED
    for tenant, id_ in (("fabrikam", order.id), ("main", "nonesuch")):
        with pytest.raises(NotFoundError):
            porting.happened(tenant, id_, PortEvent.CANCEL, actor="test", reach=own)
        with pytest.raises(NotFoundError):
            porting.get(tenant, id_)


def test_the_audit_log_has_every_step(porting: Porting, directory: Directory) -> None:
    order = tell(porting, ask(porting, "in", "+14255550300"), *THROUGH, PortEvent.COMPLETE)
    actions = [each["action"] for each in directory.audit(order.id)]
    steps = ["number.port", *(f"number.port.{event}" for event in (*THROUGH, PortEvent.COMPLETE))]
    assert actions == steps[::-1]
