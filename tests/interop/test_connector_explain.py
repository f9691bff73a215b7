"""Why a call goes where it goes at a branch: asked on the connector's machine, and by online while it is connected."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from isthmus.cli.client import Client
from isthmus.routing.snapshot import LmdbSnapshot
from isthmus.site.file import SiteFile
from tests.agents.raw import User
from tests.faults.link import Cut, can_drop_packets
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.connectors import PROGRAM, Appliance
from tests.support import Processes, start_carrier, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ELSA, EMIL = "+14255550261", "+14255550262"
SPOKANE, CLOSED = "+15095550123", "+15095559146"
_BEEP_HZ = 1000


@dataclass
class Branch:
    """A connector with a gateway, and one phone that registers by it."""

    appliance: Appliance
    sites: Sites
    folder: Path

    @property
    def file(self) -> SiteFile:
        return self.appliance.site

    def here(self, *words: str) -> str:
        """What `isthmus call explain` says on the connector's own machine."""
        env = {"ISTHMUS_SITES": str(self.folder), "PATH": os.environ["PATH"], "NO_COLOR": "1", "COLUMNS": "200"}
        argv = [PROGRAM, "call", "explain", *words, "--site", self.appliance.folder.name]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def elsewhere(self, caller: str, target: str) -> dict[str, Any]:
        """What online's API says of a call that enters here."""
        with Client(self.sites.file("online"), timeout_s=60) as api:
            return dict(api.get("/v1/calls/explain", **{"from": caller, "to": target}, at=self.file.site.name))

    def alone(self) -> bool:
        """Whether calls are decided here."""
        with Client(self.file) as api:
            return not api.get("/v1/health")["online"]["ok"]

    def knows(self, number: str) -> bool:
        """Whether calls here know somebody."""
        snapshot = LmdbSnapshot.open(self.file.snapshot_dir)
        try:
            with snapshot.view() as view:
                return view.owner_of(number) is not None and any(CLOSED in b.pattern for b in view.config.blocks)
        finally:
            snapshot.close()


@pytest.fixture(scope="module")
def branch(two_sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Branch]:
    folder = tmp_path_factory.mktemp("x")
    two_sites.create("elsa", "online", ELSA)
    two_sites.create("emil", "premises", EMIL)
    two_sites.wait_until_known(["elsa", "emil"])
    gateway, processes = two_sites.loopback(), Processes(folder)
    made = Appliance(two_sites, processes, folder / "appliance", place="explained-branch").pack()
    made.folder = folder / made.name  # as it is on a machine of its own
    made.configure(f'[survival]\ncountry = "US"\n[[trunk]]\nname = "gateway"\naddress = "{gateway}"\n')
    made.install()
    carrier = folder / "carrier.toml"
    carrier.write_text(f'address = "{gateway}"\n[[site]]\nname = "branch"\naddress = "{made.address}"\n')
    before = two_sites.demo
    block = {"direction": "out", "what": f"{CLOSED}$"}
    try:
        start_carrier(processes, carrier)
        made.comes_up()
        two_sites.demo = type(before)(
            before.plan, before.directory, (*before.sites, made.site), before.accounts, before.fresh_passwords
        )
        with two_sites.api("online") as api:
            api.post("/v1/routes", {"name": "explained", "patterns": ["+1509"], "ways": ["@explained-branch"]})
            api.post("/v1/blocks", block)
        yield Branch(made, two_sites, folder)
        with two_sites.api("online") as api:
            api.delete("/v1/routes/explained")
            api.post("/v1/blocks/remove", block)
    finally:
        two_sites.demo = before
        processes.close()


async def _said(phone: User, number: str) -> str:
    """What becomes of a call, in the words of an explanation."""
    call = await phone.call(f"sip:{number}@{DOMAIN}")
    await call.until(lambda: call.up or call.ended, "it is up, or refused", 60)
    if not call.up:
        assert call.final is not None
        return f"is answered {call.final.code} {call.final.phrase}"
    await phone.hears(call, _BEEP_HZ)
    assert (await call.hang_up()).code == 200
    return "goes out"


async def test_in_reach_online_asks_the_connector_and_each_says_its_part(branch: Branch):
    name = branch.file.site.name
    async with await branch.sites.phone("elsa", name, tone_hz=440) as phone:
        await asyncio.to_thread(wait_for, lambda: branch.knows(ELSA), 60, "the branch knows its phone and the block")
        told = await asyncio.to_thread(branch.elsewhere, f"elsa@{DOMAIN}", SPOKANE)
        assert told["unknown"] == []
        assert [(hop["site"], hop["source"]) for hop in told["hops"]] == [
            (name, "branch"),
            ("online", "phone"),
            (name, "peer"),
        ]
        assert told["ends"] == f"goes out to {SPOKANE} through trunk gateway of {name}"
        assert await _said(phone, SPOKANE) == "goes out"
        typed = ("call", "explain", "elsa", SPOKANE, "--site", "online", "--at", name)
        spoken = await asyncio.to_thread(branch.appliance.online, *typed)
        assert f"  {name}: a connector judges nobody: online does" in spoken
        assert f"  => goes out to {SPOKANE} through trunk gateway of {name}" in spoken
        there = await asyncio.to_thread(branch.here, "elsa", SPOKANE)
        assert f"  {name}: a connector judges nobody: online does" in there
        assert f"What online decides it says there: isthmus call explain FROM TO --at {name}" in there
        assert "can't be reached" not in there
        # Of people at home elsewhere it holds nothing, and says nothing.
        assert "premises" not in await asyncio.to_thread(branch.here, "elsa", EMIL)
        visitor = await asyncio.to_thread(branch.elsewhere, f"emil@{DOMAIN}", ELSA)
        assert visitor["ends"] == f"rings the phones of elsa@{DOMAIN}, at home at online"
        await phone.register(0)


async def test_by_the_premises_too_which_asks_through_online(branch: Branch):
    with Client(branch.sites.file("premises"), timeout_s=60) as api:
        told = await asyncio.to_thread(
            lambda: api.get("/v1/calls/explain", **{"from": f"elsa@{DOMAIN}", "to": SPOKANE}, at="online")
        )
    assert told["unknown"] == []
    assert told["hops"][-1]["site"] == branch.file.site.name
    assert told["ends"].startswith(f"goes out to {SPOKANE} through trunk gateway")


async def test_alone_it_says_why_each_call_goes_where_it_does(branch: Branch):
    if not can_drop_packets():
        pytest.skip("dropping packets takes root and nft")
    name = branch.file.site.name
    async with await branch.sites.phone("elsa", name, tone_hz=440) as phone:
        await asyncio.to_thread(wait_for, lambda: branch.knows(ELSA), 60, "the branch knows its phone and the block")

        def known() -> bool:
            """This very phone: of another test's it may know still."""
            with Client(branch.file) as api:
                (person,) = api.get("/v1/registrations", aor=f"elsa@{DOMAIN}")
            return phone.contact in [each["contact"] for each in person["bindings"]]

        await asyncio.to_thread(wait_for, known, 120, "the branch knows this phone")
        with Cut(branch.file.site.address, branch.sites.address("online")) as link:
            link.drop()
            await asyncio.to_thread(wait_for, branch.alone, 60, "the branch knows that it is alone")
            for number in (SPOKANE, "911", CLOSED):
                became = await _said(phone, number)
                told = json.loads(await asyncio.to_thread(branch.here, "elsa", number, "--json"))
                assert told["ends"].startswith(became), told
                assert told["hops"][0]["steps"][0]["rule"] == "alone"
            said = await asyncio.to_thread(branch.here, "+15095550199", ELSA)
            assert f"  => rings the phones of elsa@{DOMAIN}, at home at {name}" in said
            assert f"     phone {phone.contact}" in said
            assert f"online can't be reached from {name} now." in said
            stranger = await asyncio.to_thread(branch.here, "nobody-we-know", SPOKANE)
            assert "=> is answered 503 Online Can't Be Reached" in stranger
            assert "goes out to 911" in await asyncio.to_thread(branch.here, "nobody-we-know", "911")

            def not_there() -> bool:
                return bool(branch.elsewhere(f"elsa@{DOMAIN}", SPOKANE)["unknown"])

            await asyncio.to_thread(wait_for, not_there, 60, "online can ask it no more")
        await asyncio.to_thread(branch.appliance.becomes, state="healthy")
        await asyncio.to_thread(wait_for, lambda: not branch.alone(), 90, "calls go to online again")

        def asked() -> bool:
            return not branch.elsewhere(f"elsa@{DOMAIN}", SPOKANE)["unknown"]

        await asyncio.to_thread(wait_for, asked, 90, "online can ask it again")
        await phone.register(0)
