"""The account of what a fault cost."""

from __future__ import annotations

import pytest
from bench.failing import judge
from bench.talking import Attempt, Held

from bench import ng
from isthmus.useragent.account import Account
from isthmus.useragent.agent import Agent
from isthmus.useragent.call import Call
from isthmus.useragent.wire import UdpWire


async def test_calls_are_lost_through_what_died_or_elsewhere():
    agent = Agent(await UdpWire.open("127.0.0.1"), Account("sip:a@contoso.example"))
    held = [Held("a", "b", Call(agent), through) for through in (True, True, False, False)]
    await agent.close()
    outcome = judge(held, [held[0], held[3]], [], 100.0)
    assert (outcome.up, outcome.through, outcome.lost, outcome.lost_elsewhere) == (4, 2, 2, 1)
    assert (outcome.new, outcome.new_lost, outcome.slowest_s, outcome.disturbed_s) == (0, 0, 0.0, 0.0)


def test_new_calls_are_those_begun_after_it():
    before = Attempt(98.0, 0.1, "ok")
    midst = Attempt(99.9, 25.0, "no answer")
    slow, refused, quick = Attempt(100.5, 10.1, "ok"), Attempt(103.0, 0.2, "503 Gone"), Attempt(110.0, 0.1, "ok")
    outcome = judge([], [], [before, midst, slow, refused, quick], 100.0)
    assert (outcome.new, outcome.new_lost, outcome.midst_lost) == (3, 1, 1)
    assert (outcome.slowest_s, outcome.disturbed_s) == (10.1, 3.0)
    assert outcome.reasons == ("503 Gone",)


@pytest.mark.parametrize(
    "value", ["", "déjà", 0, -7, [], ["a", 1], {}, {"command": "list", "limit": 5, "flags": ["x"]}]
)
def test_bencoding_comes_back_as_it_went(value: object):
    assert ng.decode(ng.encode(value)) == value


@pytest.mark.parametrize("data", [b"", b"x", b"5:abc", b"i7e1:a", b"l1:a"])
def test_what_is_no_bencoding_is_refused(data: bytes):
    with pytest.raises(ValueError):  # noqa: PT011
        ng.decode(data)
