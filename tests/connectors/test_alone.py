"""A branch that is cut off for an hour, in virtual time: what goes on, what is put off, and what is made good after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.connectors.bounds import BY, Block, Bounds, DayCap, Days, Price
from isthmus.routing.model import SOS, Answer, Decision, Dial, Direction, Request, Source
from isthmus.routing.refusals import Refusal, of_country
from tests.connectors.alone import EXPIRES_S, NUMBERS, World, aor

_HOUR_S, _MINUTE_S = 3600.0, 60.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def settle(world: World) -> None:
    """Online is heard again, and all has been sent that there is."""
    world.cut = world.lose = False
    for call in list(world.up):
        world.end(call)
    world.pass_s(5 * _MINUTE_S)


def test_an_hour_alone_is_like_any_other_and_is_told_afterwards(world: World) -> None:
    for user in NUMBERS:
        world.register(user)
    world.pass_s(_MINUTE_S)
    world.begin("across", "anna", "+12065550123")
    world.pass_s(_MINUTE_S)
    world.cut = True
    gone_s = world.now_s
    for tenth in range(6):
        world.begin(f"inside-{tenth}", "anna", str(aor("ben")))
        world.begin(f"outside-{tenth}", "ben", "+12065550123")
        world.pass_s(4 * _MINUTE_S)
        world.end(f"outside-{tenth}")
        if tenth == 2:
            world.end("across")
        if tenth == 3:
            world.start()  # its control service is started anew in the midst of a call
        world.pass_s(6 * _MINUTE_S)
        world.end(f"inside-{tenth}")
        for user in NUMBERS:
            assert [each.expires_at > world.now_s for each in world.here.bindings(aor(user))] == [True]
            assert world.online.bindings(aor(user)) == [] or world.now_s - gone_s < EXPIRES_S
    world.begin("help", "anna", "sos.911")
    world.end("help")
    assert world.now_s - gone_s == _HOUR_S
    assert world.at_online() == []
    settle(world)
    found = world.at_online()
    assert [each.seq for each in found] == list(range(1, 15))
    assert sorted(each.call_id for each in found) == sorted(world.made)
    assert [each.ended_ms for each in found] == sorted(each.ended_ms for each in found)
    across = next(each for each in found if each.call_id == "across")
    assert (across.began_ms, across.ended_ms) == (
        int((gone_s - _MINUTE_S) * 1000),
        int((gone_s + 24 * _MINUTE_S) * 1000),
    )
    assert {each.way for each in found if each.call_id.startswith("outside")} == {"gateway"}
    assert [each.callee for each in found if each.call_id == "help"] == ["sos.911"]
    for user in NUMBERS:  # they registered at online again by themselves
        assert [each.expires_at > world.now_s for each in world.online.bindings(aor(user))] == [True]
    world.push.work()
    assert world.at_online() == found


def test_a_certificate_that_comes_due_meanwhile_is_renewed_once_afterwards(world: World) -> None:
    before = world.certificate_until()
    left_s = before.timestamp() - world.now_s
    world.pass_s(_MINUTE_S)
    assert world.renewals == 0
    world.cut = True
    world.now_s += left_s * 0.69  # a third of its lifetime is left
    world.pass_s(_HOUR_S)
    assert (world.renewals, world.certificate_until()) == (0, before)
    world.cut, world.lose = False, True  # online makes one, and the connector does not hear of it
    world.pass_s(_MINUTE_S)
    assert (world.renewals, world.certificate_until()) == (0, before)
    world.lose = False
    world.pass_s(_HOUR_S)
    assert world.renewals == 1
    assert world.certificate_until() > before > datetime.fromtimestamp(world.now_s, UTC)


def test_who_is_gone_meanwhile_is_known_until_online_is_heard_again(world: World) -> None:
    for user in NUMBERS:
        world.register(user)
    world.pass_s(_MINUTE_S)
    world.cut = True
    world.directory.delete(aor("ben"), actor="test")
    world.pass_s(_HOUR_S)
    assert [each.aor for each in world.learning.people] == [aor("anna"), aor("ben")]
    world.cut = False
    world.phones.pop("ben")
    world.pass_s(_MINUTE_S)
    assert [each.aor for each in world.learning.people] == [aor("anna")]


def test_what_online_refused_last_is_refused_until_it_is_heard_again_or_the_day_is_over(world: World) -> None:
    def called(number: str) -> Decision:
        return world.decided(Request("INVITE", number, Source.PHONE, str(aor("anna")), at_s=int(world.now_s)))

    midnight_s = int(world.now_s) + 1800
    closed = Refusal(BY, "closed", "nobody is called there", "Blocked")
    spent = Refusal(BY, "minutes", "30 minutes", "Limit Of The Day Reached", until_s=midnight_s)
    world.bounds = Bounds(
        (Block(Direction.OUT, "+1212"),),
        refusals={of_country("CU", "main"): (closed,), of_country("FR", "main"): (spent,)},
    )
    world.register("anna")
    world.pass_s(_MINUTE_S)
    world.cut = True
    world.bounds = Bounds()
    for _ in range(2):
        assert called("+12125550123") == Answer(403, "Calls There Are Blocked")
        assert called("+5372043000") == Answer(403, "Blocked")
        assert called("+33142685300") == Answer(403, "Limit Of The Day Reached")
        assert called("+12065550123") == Dial("gateway", "+12065550123")
        world.start()  # they are kept over a restart
    world.pass_s(2000)
    assert called("+33142685300") == Dial("gateway", "+33142685300")
    world.cut = False
    world.pass_s(_MINUTE_S)
    world.cut = True
    for number in ("+12125550123", "+5372043000", "+33142685300"):
        assert called(number) == Dial("gateway", number)


def _called(world: World, number: str, caller: str = "anna") -> Decision:
    return world.decided(Request("INVITE", number, Source.PHONE, str(aor(caller)), at_s=int(world.now_s)))


_SEATTLE, _PARIS = "+12065550123", "+33142685300"
_SPENT = Answer(403, "Limit Of The Day Reached")


def _days(world: World, *caps: DayCap, prices: tuple[Price, ...] = (), left_s: float = 6 * _HOUR_S) -> Bounds:
    return Bounds(days=Days("UTC", int(world.now_s + left_s), caps, prices=prices))


def test_a_limit_of_the_day_holds_by_what_is_counted_while_it_is_alone(world: World) -> None:
    """30 minutes a day, 20 of which online had counted: a call of 10 is the last."""
    world.bounds = _days(world, DayCap("tenant", "main", 30, "0", 20 * 60_000.0))
    world.register("anna")
    world.pass_s(_MINUTE_S)
    world.cut = True
    world.begin("one", "anna", _SEATTLE)
    world.pass_s(5 * _MINUTE_S)
    assert isinstance(_called(world, _SEATTLE), Dial)
    world.pass_s(6 * _MINUTE_S)  # it is still up
    assert _called(world, _SEATTLE) == _SPENT
    assert isinstance(_called(world, f"{SOS}911"), Dial)
    world.end("one")
    world.pass_s(_MINUTE_S)
    world.start()  # what was counted is on disk
    world.pass_s(_MINUTE_S)
    assert _called(world, _SEATTLE) == _SPENT
    world.pass_s(6 * _HOUR_S)  # another day
    assert isinstance(_called(world, _SEATTLE), Dial)


def test_calls_that_are_up_end_where_the_limit_says_so(world: World) -> None:
    """10 minutes a day for anna, 4 of which online had counted: hers end after 6, and no others."""
    world.bounds = _days(
        world,
        DayCap("person", str(aor("anna")), 10, "0", 4 * 60_000.0, ends=True),
        DayCap("country", "FR", 5, "0"),
    )
    for user in NUMBERS:
        world.register(user)
    world.pass_s(_MINUTE_S)
    world.cut = True
    for call, caller, number in (("one", "anna", _SEATTLE), ("two", "ben", _SEATTLE), ("three", "ben", _PARIS)):
        world.begin(call, caller, number)
    world.begin("inside", "anna", str(aor("ben")))
    world.begin("help", "anna", f"{SOS}911")
    world.pass_s(5 * _MINUTE_S)
    assert "one" in world.up
    world.start()  # what was counted is on disk
    world.pass_s(2 * _MINUTE_S)
    assert set(world.up) == {"two", "three", "inside", "help"}
    assert _called(world, _SEATTLE) == _SPENT
    world.pass_s(_HOUR_S)
    assert set(world.up) == {"two", "three", "inside", "help"}
    settle(world)
    (lasted_s,) = (each.seconds for each in world.at_online() if each.call_id == "one")
    assert 6 * _MINUTE_S <= lasted_s <= 7 * _MINUTE_S


def test_it_ends_calls_in_reach_of_online_as_well(world: World) -> None:
    """Online counts those that go by a connector when they are over."""
    world.bounds = _days(world, DayCap("tenant", "main", 10, "0", ends=True))
    world.register("anna")
    world.pass_s(_MINUTE_S)
    world.cut = True  # so that it is a call by the gateway here
    world.begin("one", "anna", _SEATTLE)
    world.cut = False
    world.pass_s(9 * _MINUTE_S)
    assert "one" in world.up
    world.pass_s(2 * _MINUTE_S)
    assert "one" not in world.up


def test_limits_of_a_person_and_of_a_country_are_for_their_calls_alone(world: World) -> None:
    caps = DayCap("person", str(aor("anna")), 10, "0"), DayCap("country", "FR", 5, "0")
    world.bounds = _days(world, *caps)
    for user in NUMBERS:
        world.register(user)
    world.pass_s(_MINUTE_S)
    world.cut = True
    world.begin("france", "ben", _PARIS)
    world.begin("seattle", "anna", _SEATTLE)
    world.pass_s(6 * _MINUTE_S)
    assert (_called(world, _PARIS), _called(world, _PARIS, "ben")) == (_SPENT, _SPENT)
    assert isinstance(_called(world, _SEATTLE), Dial)
    world.pass_s(5 * _MINUTE_S)
    assert _called(world, _SEATTLE) == _SPENT
    assert isinstance(_called(world, _SEATTLE, "ben"), Dial)


def test_what_calls_cost_is_counted_by_the_prices_told(world: World) -> None:
    prices = (Price("+33", 500_000, "EUR", 0, 60), Price("+1", 10_000, "EUR", 0, 60))
    world.bounds = _days(world, DayCap("tenant", "main", 0, "3.00", 0.0, {"EUR": 1_000_000.0}), prices=prices)
    world.register("anna")
    world.pass_s(_MINUTE_S)
    world.cut = True
    world.begin("one", "anna", _PARIS)
    world.pass_s(2 * _MINUTE_S)
    assert isinstance(_called(world, _PARIS), Dial)
    world.pass_s(3 * _MINUTE_S)
    assert _called(world, _PARIS) == _SPENT


def test_what_online_has_counted_is_not_counted_twice(world: World) -> None:
    cap = DayCap("tenant", "main", 30, "0")
    world.bounds = _days(world, cap)
    world.register("anna")
    world.pass_s(_MINUTE_S)
    world.cut = True
    world.begin("one", "anna", _SEATTLE)
    world.pass_s(20 * _MINUTE_S)
    world.end("one")
    world.pass_s(_MINUTE_S)
    world.cut = False
    world.pass_s(2 * _MINUTE_S)
    (record,) = world.at_online()
    counted = msgspec.structs.replace(cap, milliseconds=record.seconds * 1000)
    days = msgspec.structs.replace(_days(world, counted).days, counted={record.stream: record.seq})
    world.bounds = Bounds(days=days)
    world.register("anna")
    world.pass_s(2 * _MINUTE_S)
    world.cut = True
    world.begin("two", "anna", _SEATTLE)
    world.pass_s(8 * _MINUTE_S)
    assert isinstance(_called(world, _SEATTLE), Dial)
    world.pass_s(3 * _MINUTE_S)
    assert _called(world, _SEATTLE) == _SPENT


_STEPS = st.lists(
    st.sampled_from(["cut", "lose", "back", "restart", "begin", "end", "minute", "ten minutes"]), max_size=14
)


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_STEPS)
def test_wherever_it_is_cut_and_comes_back_each_call_is_told_once_and_nobody_is_forgotten(
    world: World, steps: list[str]
) -> None:
    for user in NUMBERS:
        world.register(user)
    settle(world)  # as each example begins: the world goes on from one to the next, its calls have names of their own
    before = len(world.made)
    assert len(world.at_online()) == before
    for each in steps:
        if each in ("cut", "lose", "back"):
            world.cut, world.lose = each == "cut", each == "lose"
        elif each == "restart":
            world.recorder.write()
            world.start()
        elif each == "begin":
            world.begin(f"call-{len(world.made)}", "anna", str(aor("ben")))
        elif each == "end" and world.up:
            world.end(next(iter(world.up)))
        else:
            world.pass_s(10 * _MINUTE_S if each == "ten minutes" else _MINUTE_S)
        assert {person.aor for person in world.learning.people} == {aor(user) for user in NUMBERS}
    settle(world)
    found = world.at_online()
    assert [each.seq for each in found] == list(range(1, len(world.made) + 1))
    assert sorted(each.call_id for each in found) == sorted(world.made)
