"""The sites and the public telephone network: out, in, and the numbers that behave in their own way."""

from __future__ import annotations

import subprocess
import sys

import pytest

from isthmus.routing.snapshot import LmdbSnapshot
from tests.interop.conftest import DOMAIN, HOMES, Sites
from tests.support import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def numbered(two_sites: Sites) -> Sites:
    """One person with a number at each home."""
    two_sites.create("numbered-premises", "premises", "+14255550111")
    two_sites.create("numbered-online", "online", "+14255550112")
    two_sites.wait_until_known(["numbered-premises", "numbered-online"])
    return two_sites


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("at", HOMES)
async def test_out_to_the_pstn(numbered: Sites, home: str, at: str):
    async with await numbered.phone(f"numbered-{home}", at, tone_hz=440) as phone:
        call = await phone.dial(f"sip:+12065550123@{DOMAIN}")
        await phone.hears(call, 1000)
        await phone.hears(call, 440)  # the echo
        assert (await call.hang_up()).code == 200
        assert await phone.refused(f"sip:+14255550990@{DOMAIN}") == 486
        early = await phone.call(f"sip:+14255550992@{DOMAIN}")
        await early.until(lambda: early.media is not None and early.media.heard, "early media")
        assert not early.up
        early.cancel()
        assert await early.over() == "487 Request Terminated"
        await phone.register(0)


@pytest.fixture(scope="module")
def planned(numbered: Sites) -> Sites:
    """Both sites with a dial plan, in force for calls."""
    settings = {"country": "US", "outside_line": "9", "extension_digits": 4, "extension_base": "+1425555"}
    for site in HOMES:
        with numbered.api(site) as api:
            api.post("/v1/policies", {"kind": "dial-plan", "name": "usa", "settings": settings})
            api.post("/v1/policies/grant", {"kind": "dial-plan", "policy": "usa", "level": "tenant"})
        wait_for(lambda site=site: "9" in outside_lines(numbered, site), 60, f"calls at {site} follow the plan")
    return numbered


def outside_lines(sites: Sites, site: str) -> list[str]:
    """Those of the dial plans that a site's calls go by. No other file's plan has one: their country says nothing."""
    with LmdbSnapshot.open(sites.file(site).snapshot_dir).view() as view:
        return [each.dialling.outside for each in view.config.classes]


@pytest.mark.parametrize(("home", "at"), [("premises", "premises"), ("online", "premises")])
async def test_dialled_by_the_dial_plan(planned: Sites, home: str, at: str):
    """An outside line, an extension of the other home's, an emergency call: also by phones at the wrong site."""
    other = HOMES[1 - HOMES.index(home)]
    extension = {"premises": "0111", "online": "0112"}[other]
    async with (
        await planned.phone(f"numbered-{home}", at, tone_hz=440) as phone,
        await planned.phone(f"numbered-{other}", other, tone_hz=600) as called,
    ):
        call = await phone.dial(f"sip:912065550123@{DOMAIN}")
        await phone.hears(call, 1000)
        await call.hang_up()
        call = await phone.dial(f"sip:{extension}@{DOMAIN}")
        await phone.hears(call, 600)
        await call.hang_up()
        for digits in ("911", "9112"):
            call = await phone.dial(f"sip:{digits}@{DOMAIN}")
            await phone.hears(call, 1000)
            await call.hang_up()
        assert await phone.refused(f"sip:0990@{DOMAIN}") == 486
        await phone.register(0)
        await called.register(0)


@pytest.mark.parametrize(("home", "number"), [("premises", "+14255550111"), ("online", "+14255550112")])
async def test_in_from_the_pstn(numbered: Sites, home: str, number: str):
    """The carrier hands every number of the range to premises first: online's people are reached all the same."""
    async with await numbered.phone(f"numbered-{home}", home, "tcp", tone_hz=440) as phone:
        words = ["call", "+12065550123", number]
        file = str(numbered.demo.carrier_file)
        order = subprocess.Popen(
            [sys.executable, "-m", "isthmus.demo.carrier", file, *words], stdout=subprocess.PIPE, text=True
        )
        call = await phone.called(timeout_s=10)
        assert "+12065550123" in call.invite.get("From") + call.invite.get("P-Asserted-Identity")
        await phone.hears(call, 800)
        assert (await call.hang_up()).code == 200
        output, _ = order.communicate(timeout=10)
        assert output.splitlines()[-1].endswith(" BYE")
        await phone.register(0)
