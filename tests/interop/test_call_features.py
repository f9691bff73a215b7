"""What a proxy owes a call besides reaching the right phone: forking, early media, timers, privacy, transfers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from isthmus.useragent.call import Call
from tests.agents.raw import BUSY, DECLINE, NO_ANSWER, Rule, User
from tests.interop.conftest import DOMAIN, HOMES, Sites
from tests.support import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PEOPLE = {"ann": "premises", "ben": "online", "cid": "online"}
ANN_HZ, BEN_HZ, OTHER_HZ = 440.0, 620.0, 1000.0
BEN = "sip:ben@contoso.example"


@pytest.fixture(scope="module")
def people(two_sites: Sites) -> Sites:
    """Ann at home on premises, Ben and Cid online."""
    for user, home in PEOPLE.items():
        two_sites.create(user, home)
    two_sites.wait_until_known(list(PEOPLE))
    return two_sites


@asynccontextmanager
async def phones(sites: Sites, *seats: tuple[str, str, str, float]) -> AsyncIterator[list[User]]:
    """A registered phone for each (user, site, transport, tone); their bindings end with the test."""
    async with AsyncExitStack() as stack:
        opened = []
        for user, site, transport, tone in seats:
            phone = await stack.enter_async_context(await sites.phone(user, site, transport, tone_hz=tone))
            stack.push_async_callback(phone.register, 0)
            opened.append(phone)
        yield opened


ANN = ("ann", "premises", "udp", ANN_HZ)
BEN_HOME = ("ben", "online", "tls", BEN_HZ)
BEN_AWAY = ("ben", "premises", "udp", OTHER_HZ)


async def test_all_phones_of_a_person_ring_and_the_others_learn_who_answered(people: Sites) -> None:
    async with phones(people, ANN, BEN_HOME, BEN_AWAY) as (ann, home, away):
        away.rule, home.rule = NO_ANSWER, Rule(after_s=0.3)
        call = await ann.dial(BEN)
        unanswered = await away.called()
        assert await unanswered.over() == "CANCEL"
        (cancel,) = away.received_requests("CANCEL")
        assert 'text="Call completed elsewhere"' in cancel.get("Reason")
        await asyncio.gather(ann.hears(call, BEN_HZ), home.hears(await home.called(), ANN_HZ))
        await call.hang_up()


async def test_one_busy_phone_does_not_end_the_call_for_the_others(people: Sites) -> None:
    async with phones(people, ANN, BEN_HOME, BEN_AWAY) as (ann, home, away):
        away.rule, home.rule = BUSY, Rule(after_s=0.3)
        call = await ann.dial(BEN)
        assert call.up
        await call.hang_up()


async def test_busy_is_said_even_when_another_phone_is_dead(people: Sites) -> None:
    async with phones(people, ANN, BEN_HOME) as (ann, home):
        dead = await people.phone("ben", "premises", "udp")
        await dead.close()  # no unregistering: its binding stays
        home.rule = BUSY
        assert await ann.refused(BEN, timeout_s=15) == 486
        again = await people.phone("ben", "premises", "udp", register=False)
        again.instance = dead.instance
        await again.registered()
        await again.register(0)
        await again.close()


@pytest.mark.parametrize("transport", ["tcp", "tls", "ws"])
async def test_a_phone_whose_connection_is_gone_is_forgotten_at_either_home(people: Sites, transport: str) -> None:
    """At the edge by the lost connection, at the home by 430 (RFC 5626): the next caller need not wait for it."""
    async with phones(people, ANN) as (ann,):
        for site in ("online", "premises"):
            lost = await people.phone("ben", site, transport)
            await lost.close()
            await asyncio.sleep(1.2)  # the registrar looks once a second
            first = await ann.refused(BEN)
            assert first in (430, 480)
            assert await ann.refused(BEN) == 480


async def test_early_media_is_heard_before_the_answer(people: Sites) -> None:
    async with phones(people, ANN, BEN_HOME) as (ann, ben):
        answer = asyncio.Event()

        async def announce(call: Call) -> None:
            call.sound = ben._sound
            ben.incoming.append(call)
            await call.early_media()
            await answer.wait()
            await call.answer()

        ben.on_call = announce
        call = await ann.call(BEN, sound=ann._sound)
        await call.until(lambda: call.media is not None and call.media.heard, "early media")
        await ann.hears(call, BEN_HZ)
        assert not call.up
        answer.set()
        await call.answered()
        await ann.hears(call, BEN_HZ)
        await call.hang_up()


async def test_a_cancelled_call_stops_ringing_at_both_sites(people: Sites) -> None:
    async with phones(people, ANN, BEN_HOME, BEN_AWAY) as (ann, home, away):
        home.rule = away.rule = NO_ANSWER
        call = await ann.ring(BEN)
        at_home, at_away = await home.called(), await away.called()
        call.cancel()
        assert (await call.over()).startswith("487")
        assert await at_home.over() == "CANCEL"
        assert await at_away.over() == "CANCEL"


async def test_decline_reaches_the_caller(people: Sites) -> None:
    async with phones(people, ANN, BEN_HOME) as (ann, ben):
        ben.rule = DECLINE
        assert await ann.refused(BEN) == 603


class TestSessionTimers:
    """RFC 4028: the site at which a call begins keeps its time."""

    async def test_an_interval_is_asked_of_the_callee_and_told_to_a_caller_that_can_refresh(
        self, people: Sites
    ) -> None:
        async with phones(people, ANN, BEN_HOME) as (ann, ben):
            call = await ann.call(BEN, headers=[("Supported", "timer")])
            await call.answered()
            (invite,) = ben.received_requests("INVITE")
            assert invite.get("Session-Expires") == "1800"
            assert invite.get("Min-SE") == "90"
            final = next(r for r in call.responses if r.code == 200)
            assert final.get("Session-Expires") == "1800;refresher=uac"
            assert final.get("Require") == "timer"
            await call.hang_up()

    async def test_a_caller_without_timers_is_not_asked_for_any(self, people: Sites) -> None:
        async with phones(people, ANN, BEN_HOME) as (ann, _):
            call = await ann.dial(BEN)
            final = next(r for r in call.responses if r.code == 200)
            assert not final.get("Require")
            await call.hang_up()

    async def test_too_short_an_interval_is_refused_with_the_least(self, people: Sites) -> None:
        async with phones(people, ANN, BEN_HOME) as (ann, ben):
            call = await ann.call(BEN, headers=[("Session-Expires", "30")])
            await call.over()
            assert call.final is not None
            assert (call.final.code, call.final.get("Min-SE")) == (422, "90")
            assert not ben.incoming


class TestIdentity:
    async def test_the_callee_learns_who_calls_from_us_not_from_the_caller(self, people: Sites) -> None:
        forged = [("P-Asserted-Identity", "<sip:boss@contoso.example>"), ("X-Isthmus-Epoch", "99")]
        async with phones(people, ANN, BEN_HOME) as (ann, ben):
            call = await ann.call(BEN, headers=forged)
            await call.answered()
            (invite,) = ben.received_requests("INVITE")
            assert "sip:ann@contoso.example" in invite.get("P-Asserted-Identity")
            assert "boss" not in str(invite.headers)
            assert not any(name.lower().startswith("x-isthmus") for name, _ in invite.headers)
            await call.hang_up()

    async def test_privacy_keeps_the_identity_from_the_callee(self, people: Sites) -> None:
        async with phones(people, ANN, BEN_HOME) as (ann, ben):
            call = await ann.call(BEN, headers=[("Privacy", "id")], caller="sip:anonymous@anonymous.invalid")
            await call.answered()
            (invite,) = ben.received_requests("INVITE")
            assert not invite.get("P-Asserted-Identity")
            assert "ann@" not in invite.get("From")
            await call.hang_up()


async def test_an_attended_transfer_to_a_contact_finds_the_phone_by_our_seal(people: Sites) -> None:
    """Many phones put the Contact of the second call into Refer-To: it is ours to open, at whichever site."""
    async with phones(people, ANN, BEN_HOME, ("cid", "premises", "tcp", OTHER_HZ)) as (ann, ben, cid):
        call = await ann.dial(BEN)
        second = await ben.dial("sip:cid@contoso.example")
        assert second.dialog is not None
        first_leg = await ben.called()
        response = await first_leg.refer(second.dialog.target, replaces=second)
        assert response.code == 202
        joined = await cid.called(2)
        await joined.until(lambda: joined.up, "the transferred call")
        await cid.hears(joined, ANN_HZ)
        await joined.hang_up()
        assert call is not None


async def test_the_pages_answer_on_the_port_of_the_web_phones(people: Sites) -> None:
    import ssl
    import urllib.request

    trust = ssl.create_default_context(cafile=people.ca)
    trust.check_hostname = False
    for site in ("premises", "online"):
        with urllib.request.urlopen(f"https://{people.address(site)}:8443/healthz", context=trust) as page:
            assert page.status == 200


@pytest.mark.parametrize(("asked", "up_at"), [("online", "premises"), ("premises", "online")])
async def test_an_administrator_ends_a_call_that_is_up_at_the_other_site(two_sites: Sites, asked: str, up_at: str):
    users = [f"faraway-{which}-{up_at}" for which in ("a", "b")]
    two_sites.create_all(dict.fromkeys(users, up_at))
    async with (
        await two_sites.phone(users[0], up_at, "udp", tone_hz=440) as caller,
        await two_sites.phone(users[1], up_at, "tls", tone_hz=600) as called,
    ):
        call = await caller.dial(f"sip:{users[1]}@{DOMAIN}")
        answered = await called.called()
        await caller.hears(call, 600)
        with two_sites.api(asked) as api, two_sites.api(up_at) as there:
            (up,) = [each for each in api.get("/v1/calls", everywhere="true") if users[0] in each["caller"]]
            assert up["site"] == up_at
            api.post("/v1/calls/end", {"call_id": up["call_id"], "site": up_at})
            assert await call.over() == await answered.over() == "BYE"
            noted = [each.get("/v1/audit", object=up["call_id"]) for each in (api, there)]
        (here,), (at_other,) = noted
        assert (here["action"], here["before"]["site"]) == ("call.end", up_at)
        assert at_other["action"] == "call.end"
        assert at_other["actor"] == f"site:{asked}/{here['actor']}"
        await caller.register(0)
        await called.register(0)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws"])
@pytest.mark.parametrize("ends_at", HOMES)
async def test_an_administrator_ends_a_call_across_the_sites_at_either(two_sites: Sites, transport: str, ends_at: str):
    users = {home: f"ended-{home}-{transport}-{ends_at}" for home in HOMES}
    two_sites.create_all({user: home for home, user in users.items()})
    async with (
        await two_sites.phone(users["premises"], "premises", transport, tone_hz=440) as caller,
        await two_sites.phone(users["online"], "online", transport, tone_hz=600) as called,
    ):
        call = await caller.dial(f"sip:{users['online']}@{DOMAIN}")
        answered = await called.called()
        await caller.hears(call, 600)
        with two_sites.api(ends_at) as api:
            up = [each for each in api.get("/v1/calls") if users["premises"] in each["caller"]]
            api.post("/v1/calls/end", {"call_id": up[0]["call_id"]})
            assert await call.over() == await answered.over() == "BYE"
            wait_for(
                lambda: not [each for each in api.get("/v1/calls") if users["premises"] in each["caller"]],
                60,
                "the call is gone",
            )
        await caller.register(0)
        await called.register(0)
