"""Trunks that write numbers and headers in their own way: what a gateway gets, and what phones see of its calls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from isthmus.useragent.message import Request
from isthmus.useragent.rtp import tone
from tests.agents.raw import User
from tests.interop.conftest import DOMAIN
from tests.interop.trunks import Trunked, with_trunks
from tests.support import Loopback

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

BERLIN, SEATTLE = "+493012345678", "+12065550123"
TRUNKS = {
    "german": """profile = "telekom-companyflex"
codecs = []
[trunk.shape]
private = "assert"
extension = "append"
[[trunk.number]]
of = "called"
pattern = "+49"
form = "national"
[[trunk.number]]
of = "called"
form = "international"
[[trunk.header]]
name = "X-Account"
set = "{trunk}-{calling}"
[[trunk.header]]
name = "User-Agent"
remove = true
""",
    "plain": "",
    "cisco": 'profile = "cisco-cube"\n',
}


@pytest.fixture(scope="module")
def shaped(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Trunked]:
    trunks = {name: f"ask_every_s = 0\n{more}" for name, more in TRUNKS.items()}
    people = {"anna": ("premises", "+14255550171"), "olga": ("online", "+14255550172")}
    with with_trunks(tmp_path_factory.mktemp("s"), loopback, trunks, people) as trunked:
        yield trunked


async def sent(shaped: Trunked, phone: User, trunk: str, number: str, **headers: str) -> Request:
    """The INVITE that the gateway gets of an answered call, in which both are heard."""
    shaped.route(trunk)
    async with await shaped.gateway(trunk, 800) as gateway:
        more = [(name.replace("_", "-"), value) for name, value in headers.items()]
        call = await phone.call(f"sip:{number}@{DOMAIN}", headers=more, sound=tone(440))
        await call.answered()
        await phone.hears(call, 800)
        await gateway.hears(gateway.incoming[-1], 440)
        # What the called are shown as From and To is put back: both ends end the call in their own words.
        assert (await call.hang_up()).code == 200
        invite = gateway.incoming[-1].invite
        assert invite is not None
        return invite


async def test_out_as_the_gateway_writes_numbers(shaped: Trunked):
    async with await shaped.sites.phone("anna", "premises", tone_hz=440) as phone:
        invite = await sent(shaped, phone, "german", BERLIN, User_Agent="Secret 1.0")
        assert invite.uri.startswith("sip:03012345678@")
        assert "sip:03012345678@" in invite.get("To")
        assert invite.get("P-Preferred-Identity") == "<sip:+14255550171@premises.contoso.example>"
        assert invite.get("P-Asserted-Identity") == invite.get("User-Agent") == ""
        assert invite.get("X-Account") == "german-+14255550171"
        assert (await sent(shaped, phone, "german", SEATTLE)).uri.startswith("sip:0012065550123@")
        assert (await sent(shaped, phone, "german", f"{BERLIN};ext=12")).uri.startswith("sip:0301234567812@")
        await phone.register(0)


async def test_a_caller_who_wants_to_be_known_to_nobody(shaped: Trunked):
    async with await shaped.sites.phone("anna", "premises", tone_hz=440) as phone:
        invite = await sent(shaped, phone, "german", BERLIN, Privacy="id")
        assert "anonymous.invalid" in invite.get("From")
        assert "+14255550171" in invite.get("P-Preferred-Identity")
        assert invite.get("Privacy") == "id"
        invite = await sent(shaped, phone, "plain", BERLIN, Privacy="id")
        assert "+14255550171" not in str(invite.headers)
        await phone.register(0)


async def test_what_phones_say_of_who_forwarded_the_call_is_not_believed(shaped: Trunked):
    async with await shaped.sites.phone("anna", "premises", tone_hz=440) as phone:
        made_up = f"<sip:{SEATTLE}@x>;reason=unconditional"
        history = f"<sip:{SEATTLE}@x>;index=1, <sip:{BERLIN}@x;cause=302>;index=1.1"
        for trunk in ("plain", "cisco"):
            invite = await sent(
                shaped, phone, trunk, BERLIN, Diversion=made_up, History_Info=history, Referred_By=f"<sip:{SEATTLE}@x>"
            )
            assert SEATTLE not in str(invite.headers)
        await phone.register(0)


@pytest.mark.parametrize(("user", "home", "number"), [("anna", "premises", "171"), ("olga", "online", "172")])
async def test_in_by_the_country_of_the_trunk_with_who_forwarded_it(shaped: Trunked, user: str, home: str, number: str):
    """Also over the link: at both homes the phone sees E.164, in either header, and no line of the gateway's making."""
    async with (
        await shaped.sites.phone(user, home, tone_hz=440) as phone,
        await shaped.gateway("german", 800, user="03012345678") as gateway,
    ):
        site = shaped.sites.file("premises").site.address
        call = await gateway.call(
            f"sip:0014255550{number}@{site}:5060",
            headers=[
                ("P-Asserted-Identity", "<sip:03012345678@gw>"),
                ("Diversion", "<sip:030999888@gw>;reason=user-busy"),
                ("Diversion", "<sip:030777666@gw>;reason=no-answer;privacy=full"),
                ("X-Isthmus-Epoch", "99"),
            ],
            sound=tone(800),
        )
        taken = await phone.called()
        await phone.hears(taken, 800)
        invite = taken.invite
        assert invite is not None
        assert BERLIN in invite.get("P-Asserted-Identity")
        assert f"sip:{BERLIN}@" in invite.get("From")
        assert invite.all("Diversion") == [
            "<sip:+4930999888@premises.contoso.example;user=phone>;reason=user-busy;counter=1"
        ]
        assert [each.partition("@")[0] for each in invite.all("History-Info")] == [
            "<sip:+4930999888",
            f"<sip:+14255550{number}",
        ]
        assert "030777666" not in str(invite.headers)
        assert (await call.hang_up()).code == 200
        await phone.register(0)
