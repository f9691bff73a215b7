"""The adapter for Telnyx when things go wrong: lost answers, rate limits, refusals, what can't be read."""

from __future__ import annotations

import logging

import httpx
import pytest

from isthmus.carriers.contract import (
    CarrierBusyError,
    CarrierDownError,
    CarrierKeyError,
    CarrierRefusedError,
    GoneError,
)
from isthmus.carriers.memory import Exchange, MemoryCarrier
from isthmus.carriers.model import OrderState, PortStanding, Search
from isthmus.carriers.telnyx import TelnyxCarrier
from isthmus.demo.carrier_shop import offers
from tests.carriers.telnyx_api import KEY, TelnyxApi, data, error

NUMBER = "+14255550300"


@pytest.fixture
def api() -> TelnyxApi:
    return TelnyxApi(MemoryCarrier(Exchange.of(offers())))


@pytest.fixture
def carrier(api: TelnyxApi) -> TelnyxCarrier:
    return TelnyxCarrier("telnyx", lambda: KEY, connection="17", transport=api)


def broken(method: str, path: str, failure: Exception | httpx.Response):
    """A hook that fails the first such request."""
    left = [1]

    def hook(request: httpx.Request) -> httpx.Response | None:
        if request.method == method and request.url.path.endswith(path) and left:
            left.pop()
            if isinstance(failure, Exception):
                raise failure
            return failure
        return None

    return hook


@pytest.mark.parametrize("failure", [httpx.ReadTimeout("late"), httpx.RemoteProtocolError("cut"), httpx.Response(502)])
def test_an_order_whose_answer_was_lost_is_found_and_not_made_again(
    carrier: TelnyxCarrier, api: TelnyxApi, failure: Exception | httpx.Response
) -> None:
    api.after = broken("POST", "/number_orders", failure)
    with pytest.raises(CarrierDownError):
        carrier.buy(NUMBER, "purchase-1")
    assert carrier.buy(NUMBER, "purchase-1").state is OrderState.DONE
    assert len(api.orders) == 1
    assert api.asked.count("POST /number_orders") == 1


def test_a_reservation_whose_answer_was_lost_is_prolonged(carrier: TelnyxCarrier, api: TelnyxApi) -> None:
    api.after = broken("POST", "/number_reservations", httpx.ReadTimeout("late"))
    with pytest.raises(CarrierDownError):
        carrier.reserve(NUMBER, "purchase-1")
    assert carrier.reserve(NUMBER, "purchase-1").number == NUMBER
    assert len(api.reservations) == 1


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [({"Retry-After": "7"}, 7), ({"x-ratelimit-reset": "3"}, 3), ({"Retry-After": "86400"}, 600), ({}, 5)],
)
def test_a_rate_limit_says_how_long_to_wait(
    carrier: TelnyxCarrier, api: TelnyxApi, headers: dict[str, str], wait_s: float
) -> None:
    limit = error(
        429, "10011", "Too many requests", "You have exceeded the maximum number of allowed requests.", **headers
    )
    api.before = broken("GET", "/number_orders", limit)
    with pytest.raises(CarrierBusyError, match="exceeded the maximum") as raised:
        carrier.buy(NUMBER, "purchase-1")
    assert raised.value.retry_after_s == wait_s
    assert not api.orders


def test_a_key_that_is_not_accepted_is_the_operators_to_mend_and_is_told_to_nobody(
    api: TelnyxApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    carrier = TelnyxCarrier("telnyx", lambda: "KEYsecret", transport=api)
    with pytest.raises(CarrierKeyError) as raised:
        carrier.search(Search("US"))
    assert "KEYsecret" not in str(raised.value) + caplog.text


def test_why_an_order_is_refused_is_told_and_a_number_that_is_gone_is_told_apart(
    carrier: TelnyxCarrier, api: TelnyxApi
) -> None:
    refusal = error(422, "10015", "Bad Request", "Your account has not enough funds.")
    api.before = broken("POST", "/number_orders", refusal)
    with pytest.raises(CarrierRefusedError, match="not enough funds"):
        carrier.buy(NUMBER, "purchase-1")
    MemoryCarrier(api.carrier.exchange, account="them").buy(NUMBER, "theirs")
    with pytest.raises(GoneError):
        carrier.buy(NUMBER, "purchase-1")


def test_an_order_that_waits_for_documents_is_pending_and_says_so(carrier: TelnyxCarrier, api: TelnyxApi) -> None:
    number = {"phone_number": NUMBER, "status": "pending", "requirements_met": False}
    order = {"id": "1", "phone_numbers": [number], "status": "pending", "requirements_met": False}
    api.before = broken("POST", "/number_orders", data(order | {"customer_reference": "purchase-1"}))
    bought = carrier.buy(NUMBER, "purchase-1")
    assert bought.state is OrderState.PENDING
    assert "documents" in bought.reason


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"data": [{"cost_information": 7}]}', b'{"data": 3}'])
def test_an_answer_that_can_not_be_read_is_no_answer(carrier: TelnyxCarrier, api: TelnyxApi, body: bytes) -> None:
    api.before = lambda request: httpx.Response(200, content=body)
    with pytest.raises(CarrierDownError):
        carrier.search(Search("US"))


def test_a_porting_order_that_was_split_is_as_far_as_its_slowest_part(carrier: TelnyxCarrier, api: TelnyxApi) -> None:
    first = carrier.port_in(("+14255551000",), "port-1")
    second = carrier.port_in(("+442079461000",), "port-2")
    both = f"{first.id},{second.id}"
    one, two = api.carrier.ports
    api.carrier.tell_port(one, PortStanding.COMPLETED)
    api.carrier.tell_port(two, PortStanding.SCHEDULED, due="2027-02-01")
    assert (carrier.port(both).standing, carrier.port(both).due) == (PortStanding.SCHEDULED, "2027-02-01")
    api.carrier.tell_port(two, PortStanding.COMPLETED)
    assert carrier.port(both).standing is PortStanding.COMPLETED


def test_a_draft_that_lacks_documents_is_submitted_when_asked_again(carrier: TelnyxCarrier, api: TelnyxApi) -> None:
    api.before = broken("POST", "/confirm", error(422, "10015", "Bad Request", "A letter of authorization is missing."))
    with pytest.raises(CarrierRefusedError, match="letter of authorization"):
        carrier.port_in(("+14255551000",), "port-1")
    assert carrier.port_in(("+14255551000",), "port-1").standing is PortStanding.SUBMITTED
    assert len(api.ports) == 1
