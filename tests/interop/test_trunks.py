"""Trunks that answer, stay silent, send away, are full: which one carries the call, and what is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import pytest

from isthmus.routing.snapshot import LmdbSnapshot
from isthmus.useragent.call import Call
from tests.agents.raw import BUSY, NO_ANSWER, Rule, User
from tests.interop.conftest import DOMAIN
from tests.interop.trunks import Trunked, with_trunks
from tests.support import Loopback, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

Phone = AbstractAsyncContextManager[User]
ANSWER_S = 1.0
SEATTLE = "+12065550123"
NOTHING = Rule(0, ring=False)
AWAY = Rule(503, "Service Unavailable", ring=False)
TRUNKS = {
    "gw1": "ask_every_s = 0\n",
    "gw2": "ask_every_s = 0\n",
    "narrow": "ask_every_s = 0\nmost_calls = 1\n",
    "asked": "ask_every_s = 1\nalert_after_s = 1\n",
}


@pytest.fixture(scope="module")
def trunked(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Trunked]:
    trunks = {name: f"answer_s = {ANSWER_S}\n{more}" for name, more in TRUNKS.items()}
    people = {"anna": ("premises", "+14255550171"), "olga": ("online", "+14255550172")}
    with with_trunks(tmp_path_factory.mktemp("t"), loopback, trunks, people) as trunked:
        yield trunked


@pytest.fixture
def anna(trunked: Trunked) -> Phone:
    return trunked.phone("anna")


async def carried(phone: User, tone_hz: float, number: str = SEATTLE) -> Call:
    """A call that is answered by who plays this tone, and hears the caller."""
    call = await phone.dial(f"sip:{number}@{DOMAIN}")
    await phone.hears(call, tone_hz)
    return call


async def test_the_next_trunk_where_one_is_silent_and_that_one_last_from_then_on(trunked: Trunked, anna: Phone):
    async with anna as phone:
        trunked.route("gw1", "gw2")
        async with await trunked.gateway("gw2", 800) as second:
            await (await carried(phone, 800)).hang_up()  # nobody is at gw1
            async with await trunked.gateway("gw1", 600) as first:
                call = await carried(phone, 800)
                await second.hears(second.incoming[-1], 440)
                await call.hang_up()
                assert first.incoming == []
        # When the second is silent, too, the first has its turn, and is known to be back.
        async with await trunked.gateway("gw1", 600):
            await (await carried(phone, 600)).hang_up()
            await (await carried(phone, 600)).hang_up()


async def test_a_trunk_that_says_trying_and_then_nothing_is_as_good_as_silent(trunked: Trunked, anna: Phone):
    async with anna as phone:
        trunked.route("gw1", "gw2")
        async with await trunked.gateway("gw1", 600) as first, await trunked.gateway("gw2", 800):
            first.rule = NOTHING
            call = await carried(phone, 800)
            assert len(first.incoming) == 1
            await call.hang_up()
            first.rule = Rule()
            trunked.route("gw1")
            await (await carried(phone, 600)).hang_up()  # the only one is tried, whatever is known of it


@pytest.mark.parametrize("code", [408, 500, 502, 503, 504])
async def test_the_next_trunk_where_one_sends_the_call_away(trunked: Trunked, anna: Phone, code: int):
    async with anna as phone:
        trunked.route("gw1", "gw2")
        async with await trunked.gateway("gw1", 600) as first, await trunked.gateway("gw2", 800):
            first.rule = Rule(code, "No", ring=False)
            await (await carried(phone, 800)).hang_up()
            first.rule = Rule()
            await (await carried(phone, 600)).hang_up()


@pytest.mark.parametrize("code", [403, 404, 480, 486, 603])
async def test_what_is_said_of_the_called_is_the_callers_answer(trunked: Trunked, anna: Phone, code: int):
    async with anna as phone:
        trunked.route("gw1", "gw2")
        async with await trunked.gateway("gw1", 600) as first, await trunked.gateway("gw2", 800) as second:
            first.rule = Rule(code, "No", ring=False)
            assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == code
            assert second.incoming == []


async def test_a_call_that_rang_is_not_tried_elsewhere(trunked: Trunked, anna: Phone):
    async with anna as phone:
        trunked.route("gw1", "gw2")
        async with await trunked.gateway("gw1", 600) as first, await trunked.gateway("gw2", 800) as second:
            first.rule = Rule(503, "No", after_s=ANSWER_S * 1.5)
            # A proxy does not pass 503 on, which would speak of itself (RFC 3261 section 16.7, step 6).
            assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 500
            assert second.incoming == []


async def test_a_trunk_that_asks_for_time_has_it(trunked: Trunked, anna: Phone):
    async with anna as phone:
        trunked.route("gw1", "gw2")
        async with await trunked.gateway("gw1", 600) as first, await trunked.gateway("gw2", 800):

            async def send_away(call: Call) -> None:
                first.incoming.append(call)
                call.reject(503, "Busy", headers=[("Retry-After", "2")])

            first.on_call = send_away
            await (await carried(phone, 800)).hang_up()
            await (await carried(phone, 800)).hang_up()
            assert len(first.incoming) == 1
            await asyncio.sleep(2.1)
            first.on_call = first._take
            await (await carried(phone, 600)).hang_up()


async def test_when_nothing_is_left_the_last_answer_is_the_callers(trunked: Trunked, anna: Phone):
    async with anna as phone:
        trunked.route("gw1", "gw2")
        async with await trunked.gateway("gw1", 600) as first, await trunked.gateway("gw2", 800) as second:
            first.rule, second.rule = AWAY, Rule(502, "Bad Gateway", ring=False)
            assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 502
            second.rule = NOTHING
            assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 503
            second.rule = Rule()
            trunked.route("gw2")
            await (await carried(phone, 800)).hang_up()  # it answered: nothing is held against it any more


async def test_a_caller_who_gives_up_ends_the_trying(trunked: Trunked, anna: Phone):
    async with anna as phone:
        trunked.route("gw1", "gw2")
        async with await trunked.gateway("gw1", 600) as first, await trunked.gateway("gw2", 800) as second:
            first.rule = NOTHING
            call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}")
            await first.called()
            call.cancel()
            assert await call.over() == "487 Request Terminated"
            await asyncio.sleep(ANSWER_S * 1.5)
            assert second.incoming == []


async def test_a_full_trunk_is_passed_over_and_makes_room_for_an_emergency_call(trunked: Trunked, anna: Phone):
    async with anna as phone:
        trunked.route("narrow", "gw2", patterns=["+", "emergency"])
        _give_dial_plan(trunked)
        async with await trunked.gateway("narrow", 600) as narrow, await trunked.gateway("gw2", 800):
            first = await carried(phone, 600)
            second = await carried(phone, 800)
            assert first.up
            emergency = await carried(phone, 600, "911")
            assert await first.over() == await narrow.incoming[0].over() == "BYE"
            assert narrow.incoming[1].up
            assert second.up
            # It keeps its place from the next one.
            another = await carried(phone, 600, "911")
            assert emergency.up
            for call in (second, emergency, another):
                await call.hang_up()
            await (await carried(phone, 600)).hang_up()  # there is room again


@pytest.mark.parametrize(
    ("out", "back"),
    [({"enabled": False}, {"enabled": True}), (None, None)],
    ids=["disabled", "account blocked"],
)
async def test_who_is_kept_out_can_still_call_for_help(
    trunked: Trunked, anna: Phone, out: dict[str, bool] | None, back: dict[str, bool] | None
):
    trunked.route("gw1", patterns=["+", "emergency"])
    _give_dial_plan(trunked)
    aor = f"anna@{DOMAIN}"
    async with anna as phone, await trunked.gateway("gw1", 600):
        with trunked.sites.api("premises") as api:
            if out:
                api.patch(f"/v1/people/{aor}", out)
            else:
                api.post("/v1/activity/block", {"aor": aor, "block": "account"})
        try:
            await (await carried(phone, 600, "911")).hang_up()
            assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") in (403, 407)
        finally:
            with trunked.sites.api("premises") as api:
                if back:
                    api.patch(f"/v1/people/{aor}", back)
                else:
                    api.post("/v1/activity/unblock", {"aor": aor, "block": "account"})


async def test_nobody_has_more_calls_outside_than_the_policy_allows(trunked: Trunked):
    trunked.route("@premises", at="online")
    trunked.route("gw1")
    target = {"kind": "calling", "level": "person", "target": f"olga@{DOMAIN}"}
    with trunked.sites.api("online") as api:
        api.post("/v1/policies", {"kind": "calling", "name": "two", "settings": {"most_calls": 2}})
        api.post("/v1/policies/grant", target | {"policy": "two"})
    wait_for(lambda: 2 in _most_calls(trunked), 60, "calls follow the policy")
    async with trunked.phone("olga") as olga, await trunked.gateway("gw1", 600):
        first, second = await carried(olga, 600), await carried(olga, 600)
        assert await olga.refused(f"sip:{SEATTLE}@{DOMAIN}") == 403
        await first.hang_up()
        third = await carried(olga, 600)
        for call in (second, third):
            await call.hang_up()
    with trunked.sites.api("online") as api:
        api.post("/v1/policies/revoke", target)
    wait_for(lambda: 2 not in _most_calls(trunked), 60, "calls follow the policy")


async def test_calls_that_come_in_take_a_trunks_room_too(trunked: Trunked, anna: Phone):
    async with anna as phone:
        trunked.route("narrow")
        async with await trunked.gateway("narrow", 600) as narrow:
            site = trunked.sites.address("premises")
            await narrow.dial(f"sip:+14255550171@{site}")
            assert await narrow.refused(f"sip:+14255550171@{site}") == 503
            assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 503
            await phone.incoming[0].hang_up()
            await (await carried(phone, 600)).hang_up()


async def test_a_trunk_that_does_not_answer_options_is_known_before_any_call(trunked: Trunked, anna: Phone):
    async with anna as phone:
        trunked.route("asked", "gw2")
        async with AsyncExitStack() as stack:
            gateway = await stack.enter_async_context(await trunked.gateway("gw2", 800))
            wait_for(lambda: _state(trunked, "asked") == "down", 60, "it is known to be down")
            await (await carried(phone, 800)).hang_up()
            asked = await stack.enter_async_context(await trunked.gateway("asked", 600))
            await asyncio.to_thread(wait_for, lambda: _state(trunked, "asked") == "up", 60, "it is known to be back")
            await (await carried(phone, 600)).hang_up()
            assert len(gateway.incoming) == 1
            assert asked.received_requests("OPTIONS")


def _asked(gateway: User) -> int:
    """How often it was asked whether it is there."""
    return len({each.call_id for each in gateway.received_requests("OPTIONS")})


async def becomes(trunked: Trunked, name: str, state: str) -> None:
    await asyncio.to_thread(wait_for, lambda: _state(trunked, name) == state, 60, f"{name} is {state}")


async def test_a_gateway_by_udp_that_dies_while_it_rings_is_left_for_the_next(trunked: Trunked, anna: Phone):
    async with anna as phone, await trunked.gateway("gw2", 800) as second:
        trunked.route("asked", "gw2")
        # Nobody is there before: that one answers OPTIONS is known by its coming back.
        await becomes(trunked, "asked", "down")
        async with await trunked.gateway("asked", 600) as first:
            first.rule = NO_ANSWER
            await becomes(trunked, "asked", "up")
            call = await phone.ring(f"sip:{SEATTLE}@{DOMAIN}")
            assert len(first.incoming) == 1
        await call.answered(90)
        assert len(second.incoming) == 1
        await phone.hears(call, 800)
        await second.hears(second.incoming[0], 440)
        await call.hang_up()


async def test_the_caller_is_told_where_the_only_gateway_dies_while_it_rings(trunked: Trunked, anna: Phone):
    async with anna as phone:
        trunked.route("asked")
        await becomes(trunked, "asked", "down")
        async with await trunked.gateway("asked", 600) as gateway:
            gateway.rule = NO_ANSWER
            await becomes(trunked, "asked", "up")
            call = await phone.ring(f"sip:{SEATTLE}@{DOMAIN}")
        await call.until(lambda: call.ended, "the caller is told", 90)
        assert call.final is not None
        assert (call.final.code, call.final.phrase) == (503, "No Trunk Answers")


async def test_a_gateway_that_answers_no_options_rings_as_long_as_it_likes(trunked: Trunked, anna: Phone):
    async with anna as phone:
        trunked.route("asked")
        await becomes(trunked, "asked", "down")
        async with await trunked.gateway("asked", 600) as gateway:
            gateway.deaf = frozenset({"OPTIONS"})
            gateway.rule = NO_ANSWER
            call = await phone.ring(f"sip:{SEATTLE}@{DOMAIN}")
            # It is asked again and again meanwhile, in vain each time.
            await gateway.changes.until(lambda: _asked(gateway) >= 4, "it is asked", 120)
            assert _state(trunked, "asked") == "down"
            assert not call.ended
            await gateway.incoming[0].answer()
            await call.answered(10)
            await phone.hears(call, 600)
            await call.hang_up()


async def test_people_are_told_of_a_trunk_that_is_down_and_of_its_end(trunked: Trunked):
    def told(word: str) -> int:
        with trunked.sites.api("premises") as api:
            alerts = [each for each in api.get("/v1/activity/alerts") if each["rule"] == "trunk-trouble"]
        return sum(each["subject"] == "trunk:asked" and word in each["now"] for each in alerts)

    down, again = "does not answer", "is well again"
    await asyncio.to_thread(wait_for, lambda: told(down) > told(again), 60, "that it is down is told")
    async with await trunked.gateway("asked", 600):
        await asyncio.to_thread(wait_for, lambda: told(down) == told(again), 60, "that it is back is told")


def _state(trunked: Trunked, name: str) -> str:
    with trunked.sites.api("premises") as api:
        return next(each["state"] for each in api.get("/v1/trunks") if each["name"] == name)


async def test_online_people_call_by_the_trunks_of_premises_and_by_none_of_its_rules_twice(trunked: Trunked):
    trunked.route("gw1", "gw2")
    trunked.route("@premises", at="online")
    async with (
        await trunked.sites.phone("olga", "online", tone_hz=440) as olga,
        await trunked.gateway("gw1", 600) as first,
        await trunked.gateway("gw2", 800) as second,
    ):
        call = await carried(olga, 600)
        await first.hears(first.incoming[0], 440)
        await call.hang_up()
        first.rule = BUSY
        assert await olga.refused(f"sip:{SEATTLE}@{DOMAIN}") == 486
        first.rule = AWAY
        await (await carried(olga, 800)).hang_up()
        invite = second.incoming[-1].invite
        assert invite is not None
        assert invite.all("P-Asserted-Identity") == ["<tel:+14255550172>"]
        assert invite.get("From").startswith("<sip:+14255550172@")
        # The gateway hangs up by what it knows, the caller hears of it by what she knows.
        call = await carried(olga, 800)
        await second.incoming[-1].hang_up()
        assert await call.over() == "BYE"
        await olga.register(0)


async def test_the_next_way_where_the_other_site_has_tried_all_its_trunks(trunked: Trunked):
    trunked.route("gw1")
    trunked.route("@premises", "carrier", at="online")
    carrier = trunked.sites.demo.plan.carrier_address
    async with (
        trunked.phone("olga") as olga,
        await trunked.gateway("gw1", 600) as first,
        await User.open(f"sip:carrier@{carrier}", carrier, port=5060, tone_hz=1000) as own,
    ):
        first.rule = AWAY
        call = await carried(olga, 1000)
        await own.hears(own.incoming[0], 440)
        await call.hang_up()
        first.rule = BUSY
        assert await olga.refused(f"sip:{SEATTLE}@{DOMAIN}") == 486
        assert len(own.incoming) == 1
        # That its own trunk is silent then is not held against the other site.
        first.rule, own.rule = AWAY, NOTHING
        assert await olga.refused(f"sip:{SEATTLE}@{DOMAIN}", timeout_s=15) == 503
        first.rule = Rule()
        await (await carried(olga, 600)).hang_up()


@pytest.mark.parametrize("home", ["premises", "online"])
@pytest.mark.parametrize(
    ("shown", "heard"),
    [({"shown": "anonymous"}, []), ({"shown": "substitute", "substitute": "+14255550100"}, ["<tel:+14255550100>"])],
    ids=["anonymous", "substitute"],
)
async def test_the_called_see_what_the_caller_id_policy_says(
    trunked: Trunked, home: str, shown: dict[str, str], heard: list[str]
):
    user = {"premises": "anna", "online": "olga"}[home]
    trunked.route("gw1")
    trunked.route("@premises", at="online")
    with trunked.sites.api(home) as api:
        if any(each["name"] == "x" for each in api.get("/v1/policies", kind="caller-id")):
            api.patch("/v1/policies/caller-id/x", {"settings": shown})
        else:
            api.post("/v1/policies", {"kind": "caller-id", "name": "x", "settings": shown})
        grant = {"kind": "caller-id", "policy": "x", "level": "person", "target": f"{user}@{DOMAIN}"}
        api.post("/v1/policies/grant", grant)
    wait_for(lambda: shown["shown"] in _shown(trunked, home), 60, "calls follow the policy")
    async with (
        await trunked.sites.phone(user, home, tone_hz=440) as phone,
        await trunked.gateway("gw1", 600) as gateway,
    ):
        await (await carried(phone, 600)).hang_up()
        invite = gateway.incoming[0].invite
        assert invite is not None
        assert invite.all("P-Asserted-Identity") == heard
        assert bool(invite.get("Privacy")) is (heard == [])
        assert user not in invite.get("From")
        assert ("anonymous.invalid" if heard == [] else "+14255550100@") in invite.get("From")
        await phone.register(0)
    with trunked.sites.api(home) as api:
        api.post("/v1/policies/revoke", {"kind": "caller-id", "level": "person", "target": f"{user}@{DOMAIN}"})
    wait_for(lambda: shown["shown"] not in _shown(trunked, home), 60, "calls follow the policy")


def _shown(trunked: Trunked, site: str) -> list[str]:
    """What the classes of service at a site say of what the called see."""
    with LmdbSnapshot.open(trunked.sites.file(site).snapshot_dir).view() as view:
        return [view.config.class_of(person).shown for person in view.people()]


def _most_calls(trunked: Trunked) -> list[int]:
    with LmdbSnapshot.open(trunked.sites.file("online").snapshot_dir).view() as view:
        return [view.config.class_of(person).most_calls for person in view.people()]


def _give_dial_plan(trunked: Trunked) -> None:
    """So that 911 means something."""
    with trunked.sites.api("premises") as api:
        if not api.get("/v1/policies", kind="dial-plan"):
            api.post("/v1/policies", {"kind": "dial-plan", "name": "usa", "settings": {"country": "US"}})
            api.post("/v1/policies/grant", {"kind": "dial-plan", "policy": "usa", "level": "tenant"})
    wait_for(lambda: "US" in _countries(trunked), 60, "calls follow the plan")


def _countries(trunked: Trunked) -> list[str]:
    with LmdbSnapshot.open(trunked.sites.file("premises").snapshot_dir).view() as view:
        return [view.config.class_of(person).dialling.country for person in view.people()]
