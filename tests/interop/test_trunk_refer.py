"""Transfers by REFER between phones and gateways: where they lead, and where they do not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from isthmus.useragent.call import Call
from tests.agents.raw import User
from tests.interop.conftest import DOMAIN
from tests.interop.trunks import Trunked, with_trunks
from tests.support import Loopback

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SEATTLE, TACOMA, PREMIUM = "+12065550123", "+12535550124", "+19002345678"
ANNA, BERT = "+14255550171", "+14255550172"
TRUNKS = {
    "inside": '[[trunk.number]]\nof = "called"\non = "in"\npattern = "0171"\nstrip = 1\nprepend = "+14255550"\n',
    "outside": 'refer = "outside"\n',
    "none": 'refer = "none"\n',
}


@pytest.fixture(scope="module")
def trunked(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Trunked]:
    trunks = {name: f"ask_every_s = 0\n{more}" for name, more in TRUNKS.items()}
    people = {"anna": ("premises", ANNA), "bert": ("premises", BERT)}
    with with_trunks(tmp_path_factory.mktemp("r"), loopback, trunks, people) as trunked:
        yield trunked


async def gateway_at(trunked: Trunked, name: str) -> User:
    """A gateway where that trunk leads, which finds the domain at premises."""
    found = await trunked.gateway(name, 600, user=SEATTLE)
    found.hosts[DOMAIN] = trunked.sites.address("premises")
    return found


async def call_in(trunked: Trunked, gateway: User, phone: User) -> tuple[Call, Call]:
    """A call from the PSTN that the phone has answered: the gateway's end of it, and the phone's."""
    before = len(phone.incoming)
    theirs = await gateway.dial(f"sip:{ANNA}@{trunked.sites.address('premises')}")
    return theirs, await phone.called(before + 1)


async def transferred(call: Call) -> Call:
    """The call that somebody makes because they were asked to."""
    await call.until(lambda: call.transferred is not None, "a call as the REFER says", 10)
    assert call.transferred is not None
    return call.transferred


@pytest.mark.parametrize(
    ("trunk", "target"),
    [
        ("inside", f"sip:bert@{DOMAIN}"),
        ("inside", f"sip:{BERT}@gateway.example;user=phone"),
        ("inside", f"tel:{BERT}"),
        ("inside", "own"),
        ("outside", f"sip:{BERT}@gateway.example"),
    ],
)
async def test_a_gateway_leads_a_phone_to_a_colleague(trunked: Trunked, trunk: str, target: str):
    async with (
        trunked.phone("anna", 440) as anna,
        trunked.phone("bert", 700) as bert,
        await gateway_at(trunked, trunk) as gateway,
    ):
        theirs, call = await call_in(trunked, gateway, anna)
        uri = f"sip:{BERT}@{trunked.sites.address('premises')}" if target == "own" else target
        assert (await theirs.refer(uri)).code == 202
        new = await transferred(call)
        await anna.hears(new, 700)
        await bert.hears(bert.incoming[-1], 440)
        for each in (new, theirs):
            assert (await each.hang_up()).code == 200


async def test_the_numbers_of_a_transfer_are_read_by_the_trunks_rules(trunked: Trunked):
    """And the phone is told the number as this site reads it."""
    async with trunked.phone("anna", 440) as anna, await gateway_at(trunked, "inside") as gateway:
        theirs, call = await call_in(trunked, gateway, anna)
        assert (await theirs.refer(f"sip:0171@{trunked.sites.address('premises')}")).code == 202
        await transferred(call)
        refer = next(each for each in call.requests if each.method == "REFER")
        assert refer.get("Refer-To") == f"<sip:{ANNA}@{DOMAIN}>"
        await theirs.hang_up()


@pytest.mark.parametrize(
    ("trunk", "target", "code"),
    [
        ("inside", f"sip:{TACOMA}@{DOMAIN}", 403),
        ("inside", f"sip:{PREMIUM}@gateway.example", 403),
        ("inside", "sip:somebody@elsewhere.example", 403),
        ("inside", f"sip:nobody@{DOMAIN}", 403),
        ("outside", "sip:somebody@elsewhere.example", 403),
        ("outside", f"sip:bert@{DOMAIN}?Route=%3Csip:192.0.2.1%3E", 400),
        ("none", f"sip:bert@{DOMAIN}", 405),
    ],
)
async def test_a_gateway_leads_nobody_anywhere_else(trunked: Trunked, trunk: str, target: str, code: int):
    async with trunked.phone("anna", 440) as anna, await gateway_at(trunked, trunk) as gateway:
        theirs, call = await call_in(trunked, gateway, anna)
        answer = await theirs.refer(target)
        assert answer.code == code
        assert (code == 405) is bool(answer.get("Allow"))
        await anna.hears(call, 600)  # the call goes on
        assert (await theirs.hang_up()).code == 200
        assert await call.over() == "BYE"
        assert [each.method for each in call.requests] == ["BYE"]


async def test_a_phone_is_led_outside_where_its_person_may_call_and_no_further(trunked: Trunked):
    trunked.route("inside")
    async with (
        trunked.phone("anna", 440) as anna,
        await gateway_at(trunked, "outside") as gateway,
        await gateway_at(trunked, "inside") as other,
    ):
        theirs, call = await call_in(trunked, gateway, anna)
        assert (await theirs.refer(f"sip:{TACOMA}@gateway.example")).code == 202
        new = await transferred(call)
        await anna.hears(new, 600)
        # It is hers, and her number is shown.
        assert other.incoming[-1].invite is not None
        assert ANNA in other.incoming[-1].invite.get("From")
        assert (await new.hang_up()).code == 200
        call.transferred = None
        assert (await theirs.refer(f"sip:{PREMIUM}@gateway.example")).code == 202
        new = await transferred(call)
        await new.over()
        assert new.final is not None
        assert new.final.code == 403
        await theirs.until(lambda: any(b"403" in each.body for each in theirs.notifies), "word of it", 10)
        assert len(other.incoming) == 1
        await theirs.hang_up()


async def test_a_phone_has_a_gateway_call_a_colleague_and_nobody_else(trunked: Trunked):
    trunked.route("outside")
    async with (
        trunked.phone("anna", 440) as anna,
        trunked.phone("bert", 700) as bert,
        await gateway_at(trunked, "outside") as gateway,
    ):
        call = await anna.dial(f"sip:{SEATTLE}@{DOMAIN}")
        theirs = gateway.incoming[-1]
        for target in (PREMIUM, TACOMA, "nobody"):
            assert (await call.refer(f"sip:{target}@{DOMAIN}")).code == 403
        assert (await call.refer(f"sip:{PREMIUM}@{gateway.wire.local.host}")).code == 403
        assert [each.method for each in theirs.requests] == []
        assert (await call.refer(f"sip:bert@{DOMAIN}")).code == 202
        new = await transferred(theirs)
        await bert.called()
        await gateway.hears(new, 700)
        await bert.hears(bert.incoming[-1], 600)
        for each in (new, call):
            assert (await each.hang_up()).code == 200


async def test_a_trunk_without_refer_hears_of_none_either_way(trunked: Trunked):
    trunked.route("none")
    async with trunked.phone("anna", 440) as anna, await gateway_at(trunked, "none") as gateway:
        methods = [("Allow", "INVITE, ACK, REFER, BYE")]
        call = await anna.call(f"sip:{SEATTLE}@{DOMAIN}", headers=methods, sound=anna._sound)
        await call.answered()
        theirs = gateway.incoming[-1]
        assert theirs.invite is not None
        assert theirs.invite.all("Allow") == ["INVITE", "ACK", "BYE"]
        answer = await call.refer(f"sip:bert@{DOMAIN}")
        assert answer.code == 405
        assert "REFER" not in answer.get("Allow")
        assert theirs.requests == []
        assert (await call.hang_up()).code == 200
