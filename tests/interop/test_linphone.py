"""linphone, a SIP client of others, in calls, conversations and presence of two sites."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.linphone import Linphone
from tests.interop.conftest import DOMAIN, HOMES, PASSWORD, Sites
from tests.interop.tabs import Tab
from tests.interop.test_phone_messages import says
from tests.support import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

LINPHONE_HZ, OTHER_HZ = 440, 620


@pytest.fixture(scope="module")
def sites(two_sites: Sites) -> Sites:
    two_sites.create_all({"lin-lena": "online", "lin-otto": "premises"})
    return two_sites


@pytest.fixture(scope="module")
def otto(sites: Sites) -> Iterator[Tab]:
    """His page; he is at home at premises."""
    tab = Tab(sites, "premises", "lin-otto")
    yield tab
    tab.close()


async def linphone(sites: Sites, folder: Path, at: str, transport: str) -> Linphone:
    """lin-lena's, registered at a site."""
    host, port = sites.proxy(at, transport)
    return await Linphone.open(
        f"sip:lin-lena@{DOMAIN}",
        sites.loopback(),
        folder,
        proxy=f"{host}:{port}",
        password=PASSWORD,
        transport=transport,
        tone_hz=LINPHONE_HZ,
    )


@pytest.mark.parametrize(("at", "transport"), [("online", "udp"), ("premises", "tcp")])
async def test_it_calls_and_is_called(sites: Sites, tmp_path: Path, at: str, transport: str):
    async with (
        await sites.phone("lin-otto", "premises", tone_hz=OTHER_HZ) as other,
        await linphone(sites, tmp_path, at, transport) as lena,
    ):
        call = await other.ring(f"sip:lin-lena@{DOMAIN}")
        await lena.says("Receiving new incoming call", f"lin-otto@{DOMAIN}")
        lena.command("answer")
        await call.answered()
        await asyncio.gather(other.hears(call, LINPHONE_HZ), lena.hears(OTHER_HZ))
        assert (await call.hang_up()).code == 200
        await lena.says("ended")
        lena.command(f"call sip:lin-otto@{DOMAIN}")
        answered = await other.called()
        await asyncio.gather(other.hears(answered, LINPHONE_HZ), lena.hears(OTHER_HZ))
        lena.command("terminate")
        assert await answered.over() == "BYE"
        await other.register(0)


@pytest.mark.parametrize(("at", "transport"), [("online", "udp"), ("premises", "tcp")])
async def test_it_writes_and_is_written_to(sites: Sites, otto: Tab, tmp_path: Path, at: str, transport: str):
    async with await linphone(sites, tmp_path, at, transport) as lena:
        sent = await asyncio.to_thread(says, otto, "lin-lena", f"Grüße an linphone an {at}")
        await lena.says(f"lin-otto@{DOMAIN}", f"Grüße an linphone an {at}")
        await asyncio.to_thread(
            otto.hears, "chat.mark", lambda event: event["kind"] == "delivered" and event["stamp"] == sent["stamp"]
        )
        lena.command(f"chat sip:lin-otto@{DOMAIN} Grüße von linphone an {at}")
        await asyncio.to_thread(
            otto.hears, "chat.message", lambda event: event["message"]["text"] == f"Grüße von linphone an {at}"
        )


async def test_it_shows_presence_and_has_one(sites: Sites, tmp_path: Path):
    def shown(user: str, at: str) -> str:
        with sites.api(at) as api:
            return str(api.get(f"/v1/presence/{user}@{DOMAIN}")["availability"])

    async with await linphone(sites, tmp_path, "premises", "tcp") as lena:
        for at in HOMES:
            await asyncio.to_thread(wait_for, lambda at=at: shown("lin-lena", at) == "available", 60, f"seen at {at}")
        lena.command(f"friend add Otto sip:lin-otto@{DOMAIN}")
        await lena.says(f"lin-otto@{DOMAIN}", "is Offline")
        since = len(lena.events)
        with sites.api("online") as api:
            api.put(f"/v1/presence/lin-otto@{DOMAIN}", {"availability": "busy"})
        await lena.says(f"lin-otto@{DOMAIN}", "is Busy", since=since)
