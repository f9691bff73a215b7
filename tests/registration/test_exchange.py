"""Many requests at once over a network that loses them, in virtual time."""

from __future__ import annotations

import random

from isthmus.registration.exchange import Requests


def answer(branch: str, status: int = 200) -> bytes:
    return (
        f"SIP/2.0 {status} Fine\r\nVia: SIP/2.0/UDP 127.0.0.1:1;branch={branch};rport\r\nCSeq: 1 REGISTER\r\n\r\n"
    ).encode()


def test_lost_datagrams_are_sent_again_until_answered() -> None:
    dice = random.Random(7)
    wanted = {f"z9hG4bK{number}": str(number).encode() for number in range(200)}
    state, now, under_way = Requests(wanted, window=16, give_up_s=32), 0.0, 0
    while not state.done:
        for datagram in state.due(now):
            if dice.random() > 0.3:
                state.received(answer(f"z9hG4bK{datagram.decode()}"))
        under_way = max(under_way, len(wanted) - len(state.answers) - len(state._waiting))
        now = max(now + 0.001, state.next_at)
    assert set(state.answers.values()) == {(200, "Fine")}
    assert under_way <= 16


def test_silence_ends_in_none_and_the_rest_goes_on() -> None:
    state, now, sent = Requests({"z9hG4bKa": b"a", "z9hG4bKb": b"b"}, window=1, give_up_s=4), 0.0, []
    while not state.done:
        for datagram in state.due(now):
            sent.append((now, datagram))
            if datagram == b"b":
                state.received(answer("z9hG4bKb", 403))
        now = state.next_at
    assert state.answers == {"z9hG4bKa": None, "z9hG4bKb": (403, "Fine")}
    assert [at for at, datagram in sent if datagram == b"a"] == [0.0, 0.5, 1.5, 3.5]


def test_provisional_answers_strangers_and_noise_change_nothing() -> None:
    state = Requests({"z9hG4bKa": b"a"})
    state.due(0)
    for noise in (b"", b"\xff\xfe", answer("z9hG4bKother"), answer("z9hG4bKa", 100), b"REGISTER sip:x SIP/2.0\r\n"):
        state.received(noise)
    assert not state.done
