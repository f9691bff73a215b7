"""SIP transactions in virtual time: what is resent, when, and what ends it."""

from __future__ import annotations

import pytest

from isthmus.useragent.message import Request, Response, parse, response_to
from isthmus.useragent.transaction import Action, Answered, Deliver, Flow, GaveUp, Send, Transactions

UDP = Flow(("127.0.0.2", 5060), None, reliable=False)
TCP = Flow(("127.0.0.2", 5060), "connection", reliable=True)


def request(method: str, *, branch: str = "z9hG4bK1", cseq: str = "", to_tag: str = "") -> Request:
    text = (
        f"{method} sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch={branch};rport\r\n"
        f"Route: <sip:proxy;lr>\r\nFrom: <sip:alice@a.example>;tag=a\r\nTo: <sip:bob@b.example>{to_tag}\r\n"
        f"Call-ID: c1\r\nCSeq: 1 {cseq or method}\r\n\r\n"
    )
    message = parse(text.encode())
    assert isinstance(message, Request)
    return message


def run(transactions: Transactions, until: float) -> list[tuple[float, Action]]:
    """Let the timers run up to a time; what they did, and when."""
    done = []
    while (at := transactions.next_at) is not None and at <= until:
        done += [(at, action) for action in transactions.tick(at)]
    return done


def sends(actions: list[tuple[float, Action]]) -> list[float]:
    return [at for at, action in actions if isinstance(action, Send)]


def test_an_invite_is_resent_at_doubling_intervals_until_it_is_given_up():
    transactions = Transactions()
    transactions.request(request("INVITE"), UDP, 0)
    done = run(transactions, 100)
    assert sends(done) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert done[-1] == (32, GaveUp(request("INVITE")))


def test_another_request_is_resent_at_most_every_four_seconds():
    transactions = Transactions()
    transactions.request(request("OPTIONS"), UDP, 0)
    assert sends(run(transactions, 31)) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5]


def test_nothing_is_resent_on_a_connection():
    transactions = Transactions()
    transactions.request(request("INVITE"), TCP, 0)
    assert run(transactions, 100) == [(32, GaveUp(request("INVITE")))]


def test_a_provisional_answer_ends_the_resending_of_an_invite_and_its_time_limit():
    transactions, invite = Transactions(), request("INVITE")
    transactions.request(invite, UDP, 0)
    ringing = response_to(invite, 180, "Ringing", to_tag="b")
    assert transactions.receive(ringing, UDP, 0.1) == [Answered("z9hG4bK1", "INVITE", ringing)]
    assert run(transactions, 300) == []


def test_a_refusal_is_acknowledged_each_time_it_comes_and_told_once():
    transactions, invite = Transactions(), request("INVITE")
    transactions.request(invite, UDP, 0)
    busy = response_to(invite, 486, "Busy Here", to_tag="b")
    ack, told = transactions.receive(busy, UDP, 0.1)
    assert isinstance(ack, Send) and isinstance(ack.message, Request)
    assert (ack.message.method, ack.message.branch, ack.message.to_tag) == ("ACK", "z9hG4bK1", "b")
    assert ack.message.get("Route") == "<sip:proxy;lr>"
    assert told == Answered("z9hG4bK1", "INVITE", busy)
    assert transactions.receive(busy, UDP, 0.6) == [ack]


def test_each_2xx_is_handed_up():
    transactions, invite = Transactions(), request("INVITE")
    transactions.request(invite, UDP, 0)
    for tag in ("b", "b", "c"):
        answer = response_to(invite, 200, "OK", to_tag=tag)
        assert transactions.receive(answer, UDP, 0.1) == [Answered("z9hG4bK1", "INVITE", answer)]


def test_an_answer_to_another_call_is_dropped():
    transactions = Transactions()
    transactions.request(request("INVITE"), UDP, 0)
    answer = response_to(request("INVITE"), 200, "OK", to_tag="b").with_headers(("Call-ID", "other"))
    assert transactions.receive(answer, UDP, 0.1) == []


def test_a_request_that_comes_again_is_answered_again_and_delivered_once():
    transactions, message = Transactions(), request("MESSAGE")
    assert transactions.receive(message, UDP, 0) == [Deliver(message, UDP)]
    assert transactions.receive(message, UDP, 0.5) == []
    answer = response_to(message, 200, "OK", to_tag="b")
    assert transactions.respond(message, answer, 0.6) == [Send(answer, UDP)]
    assert transactions.receive(message, UDP, 1.5) == [Send(answer, UDP)]
    assert transactions.respond(message, answer, 2) == []
    run(transactions, 40)
    assert transactions.receive(message, UDP, 41) == [Deliver(message, UDP)]


@pytest.mark.parametrize(
    ("code", "flow", "resent"), [(486, UDP, True), (486, TCP, False), (200, UDP, True), (200, TCP, True)]
)
def test_a_final_answer_to_an_invite_is_resent_until_its_ack(code: int, flow: Flow, resent: bool):
    transactions, invite = Transactions(), request("INVITE")
    transactions.receive(invite, flow, 0)
    transactions.respond(invite, response_to(invite, code, "Done", to_tag="b"), 0)
    assert sends(run(transactions, 8)) == ([0.5, 1.5, 3.5, 7.5] if resent else [])
    ack = request("ACK", branch="z9hG4bK1" if code > 300 else "z9hG4bK2", to_tag=";tag=b")
    assert transactions.receive(ack, flow, 8) == ([Deliver(ack, flow)] if code == 200 else [])
    assert transactions.receive(ack, flow, 8.1) == []
    assert run(transactions, 100) == []


def test_a_200_that_is_never_acknowledged_is_told():
    transactions, invite = Transactions(), request("INVITE")
    transactions.receive(invite, UDP, 0)
    transactions.respond(invite, response_to(invite, 200, "OK", to_tag="b"), 0)
    assert run(transactions, 100)[-1] == (32, GaveUp(invite))


def test_a_cancel_is_a_transaction_of_its_own():
    transactions, invite = Transactions(), request("INVITE")
    transactions.receive(invite, UDP, 0)
    cancel = request("CANCEL")
    assert transactions.receive(cancel, UDP, 0.1) == [Deliver(cancel, UDP)]
    assert isinstance(response_to(cancel, 200, "OK"), Response)
