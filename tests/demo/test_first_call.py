"""What the README promises a newcomer: phones of any make register at either site and call one another."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.agents.baresip import Baresip
from tests.agents.raw import SIP_PORTS, User
from tests.demo.here import Here, demo_here

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def here() -> Iterator[Here]:
    with demo_here() as here:
        up = here.run("demo", "up", "--detach")
        assert up.returncode == 0, up.stderr
        here.printed = up.stderr
        yield here


async def phone(here: Here, name: str, site: str, number: int, transport: str = "udp", tone_hz: float = 440) -> User:
    """Our own user agent, registered as one of the demo's people at a site."""
    account = here.accounts()[name]
    address = here.site_address(site)
    user = await User.open(
        f"sip:{account['aor']}",
        f"{here.network}.50.{number}",
        transport=transport,
        proxy=(address, SIP_PORTS[transport]),
        password=account["password"],
        ca=str(here.folder / "ca" / "ca.pem") if transport in ("tls", "ws") else None,
        server_name=f"{site}.contoso.example",
        tone_hz=tone_hz,
    )
    await user.registered()
    return user


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws"])
async def test_alice_calls_carol_at_the_other_site(here: Here, transport: str) -> None:
    alice = await phone(here, "alice", "premises", 1, transport, 440)
    carol = await phone(here, "carol", "online", 2, transport, 620)
    async with alice, carol:
        call = await alice.dial("sip:carol@contoso.example")
        answered = await carol.called()
        await asyncio.gather(alice.hears(call, 620), carol.hears(answered, 440))
        await call.hang_up()
        await answered.over()


async def test_a_number_leads_to_the_same_person_and_both_may_be_at_the_wrong_site(here: Here) -> None:
    alice = await phone(here, "alice", "online", 3)
    dave = await phone(here, "dave", "premises", 4, tone_hz=620)
    async with alice, dave:
        call = await alice.dial("sip:+14255550104@contoso.example")
        answered = await dave.called()
        await asyncio.gather(alice.hears(call, 620), dave.hears(answered, 440))
        await answered.hang_up()
        await call.over()


async def test_any_other_number_leads_to_the_carrier(here: Here) -> None:
    async with await phone(here, "bob", "premises", 5, tone_hz=440) as bob:
        call = await bob.dial("sip:+12065550100@contoso.example")
        await bob.hears(call, 440, timeout_s=10)  # the carrier echoes
        await call.hang_up()


async def test_frank_at_the_connector_calls_and_is_called_by_its_gateway(here: Here) -> None:
    frank = await phone(here, "frank", "branch", 6, tone_hz=440)
    carol = await phone(here, "carol", "online", 7, tone_hz=620)
    async with frank, carol:
        call = await frank.dial("sip:carol@contoso.example")
        await frank.hears(call, 620)
        await call.hang_up()
        call = await frank.dial("sip:+12065550100@contoso.example")
        await frank.hears(call, 440, timeout_s=10)  # the carrier echoes
        await call.hang_up()
        calling = asyncio.create_task(asyncio.to_thread(here.run, "demo", "call", "+12065550123", "+14255550106"))
        call = await frank.called(timeout_s=30)  # a command that has to start first
        await frank.hears(call, 800)
        await call.hang_up()
        assert (await calling).returncode == 0
    listed = json.loads(here.run("--site", "online", "connector", "list", "--json").stdout)
    assert [each["state"] for each in listed] == ["healthy"]


def test_everybody_can_sign_in_to_the_phone_in_a_browser_at_both_sites(here: Here) -> None:
    printed = re.search(r"In a browser +(\S+) or\s+(\S+), as (\w+), with the same password", here.printed)
    assert printed
    assert printed[3] in here.accounts()
    context = ssl.create_default_context(cafile=str(here.folder / "ca" / "ca.pem"))
    for page in printed.groups()[:2]:
        fqdn = httpx.URL(page).host
        address = here.site_address(fqdn.partition(".")[0])
        with httpx.Client(base_url=f"https://{address}:8443", verify=context, headers={"Host": fqdn}) as client:
            assert client.get("/phone/").status_code in (200, 503)  # 503: the application is not built here
            for name, account in here.accounts().items():
                answer = client.post("/v1/session", json={"name": name, "password": account["password"]})
                assert (answer.status_code, answer.json()["person"]) == (201, account["aor"]), name


async def test_what_is_printed_is_enough_for_a_first_call_and_a_first_move(here: Here) -> None:
    told = re.search(r"A phone +user (\w+), domain ([\w.]+), server \(outbound proxy\) ([\d.]+) or", here.printed)
    number = re.search(r"First call +dial (\+\d+)", here.printed)
    accounts = re.search(r"its password, and everybody's: (\S+)", here.printed)
    move = re.search(r"First move +(.+)", here.printed)
    assert told and number and accounts and move
    user, domain, server = told.groups()
    passwords = {entry["username"]: entry["password"] for entry in json.loads(Path(accounts[1]).read_text())}
    address = f"{here.network}.50.9"
    async with await User.open(
        f"sip:{user}@{domain}", address, proxy=(server, 5060), password=passwords[user], tone_hz=440
    ) as phone:
        await phone.registered()
        call = await phone.dial(f"sip:{number[1]}@{domain}")
        await phone.hears(call, 440, timeout_s=10)
        moved = await asyncio.to_thread(subprocess.run, ["bash", "-c", move[1]], capture_output=True, text=True)
        assert (moved.returncode, moved.stderr) == (0, "")
        assert ": 1 moved" in moved.stdout
        await phone.hears(call, 440, timeout_s=10)
        await call.hang_up()
    stop = re.search(r"To stop it: (.+)", here.printed)
    assert stop
    assert f"ISTHMUS_DEMO={here.folder} " in stop[1]


async def test_grace_calls_by_her_plan_and_is_called_on_the_number_that_was_bought(here: Here) -> None:
    async with await phone(here, "grace", "online", 11, tone_hz=440) as grace:
        call = await grace.dial("sip:+12065550100@contoso.example")
        await grace.hears(call, 440, timeout_s=10)
        await call.hang_up()
        calling = asyncio.create_task(asyncio.to_thread(here.run, "demo", "call", "+12065550123", "+14255550310"))
        call = await grace.called(timeout_s=30)
        await grace.hears(call, 800)
        await call.hang_up()
        assert (await calling).returncode == 0
    told = here.run("--site", "online", "call", "explain", "grace@contoso.example", "+12065550100").stdout
    assert "northwind" in told, told
    (usage,) = json.loads(here.run("--site", "online", "plan", "list", "--json").stdout)
    assert (usage["name"], usage["holders"]) == ("demo", 1)


async def test_baresip_calls_across_the_sites(here: Here, tmp_path: Path) -> None:
    account = here.accounts()["alice"]
    proxy = f"{here.site_address('premises')}:5060"
    carol = await phone(here, "carol", "online", 7, tone_hz=620)
    alice = await Baresip.open(
        f"sip:{account['aor']}",
        f"{here.network}.50.8",
        tmp_path,
        proxy=proxy,
        password=account["password"],
        tone_hz=440,
    )
    async with carol, alice:
        await alice.registered()
        await alice.dial("sip:carol@contoso.example")
        answered = await carol.called()
        await asyncio.gather(carol.hears(answered, 440), alice.hears(620))
        await alice.hang_up()
        await answered.over()
