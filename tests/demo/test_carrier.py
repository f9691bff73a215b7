"""The simulated PSTN, run as the demo runs it, called by user agents that stand at the sites' addresses."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from isthmus.demo.carrier_file import load
from isthmus.errors import UsageError
from tests.agents.raw import BUSY, NO_ANSWER, User
from tests.agents.tones import decode_ulaw, keys
from tests.support import Loopback, Processes, start_carrier

FILE = """
address = "{carrier}"
ring_s = 0.2
silence_s = 0.6
[[site]]
name = "premises"
address = "{premises}"
[[site]]
name = "online"
address = "{online}"
[[range]]
prefix = "+142555501"
sites = ["premises", "online"]
[[range]]
prefix = "+1425555019"
sites = ["online"]
"""


@dataclass(frozen=True)
class World:
    """A carrier that runs, and where its sites are."""

    file: Path
    carrier: str
    premises: str
    online: str

    def uri(self, number: str) -> str:
        """A number at the carrier."""
        return f"sip:{number}@{self.carrier}:5060;user=phone"

    async def at(self, address: str, tone_hz: float = 440) -> User:
        """A user agent in the place of a site."""
        return await User.open(f"sip:site@{address}", address, port=5060, tone_hz=tone_hz)


@pytest.fixture
def world(loopback: Loopback, processes: Processes, tmp_path: Path) -> World:
    world = World(tmp_path / "carrier.toml", loopback(), loopback(), loopback())
    world.file.write_text(FILE.format(carrier=world.carrier, premises=world.premises, online=world.online))
    start_carrier(processes, world.file, name="carrier-process")
    return world


async def test_any_number_rings_answers_beeps_and_echoes(world: World):
    async with await world.at(world.premises) as phone:
        call = await phone.dial(world.uri("+12065550123"))
        assert any(response.code == 180 for response in call.responses)
        await phone.hears(call, 1000)
        await phone.hears(call, 440)
        assert (await call.hang_up()).code == 200


async def test_the_numbers_with_ways_of_their_own(world: World):
    async with await world.at(world.premises) as phone:
        assert await phone.refused(world.uri("+14255550990")) == 486
        assert await phone.refused(world.uri("+14255550993")) == 404
        assert await phone.refused(world.uri("+14255550994")) == 603
        assert await phone.refused(world.uri("+14255550995")) == 503
        assert await phone.refused(world.uri("nonsense")) == 404
        nothing = await phone.call(world.uri("+14255550996"))
        await asyncio.sleep(0.5)
        assert [each.code for each in nothing.responses] == [100]
        nothing.cancel()
        assert await nothing.over() == "487 Request Terminated"
        silent = await phone.ring(world.uri("+14255550991"))
        silent.cancel()
        assert await silent.over() == "487 Request Terminated"
        early = await phone.call(world.uri("+14255550992"), sound=b"")
        await early.until(lambda: early.media is not None and early.media.heard, "early media")
        assert not early.up
        await phone.hears(early, 425)
        await early.answered()
        await phone.hears(early, 1000)
        await early.hang_up()


async def test_a_number_that_reads_the_callers_number_back(world: World):
    async with await world.at(world.premises) as phone:
        identity = [("P-Asserted-Identity", "<tel:+12065550139>")]
        call = await phone.call(world.uri("+14255550997"), headers=identity)
        await call.answered()
        await asyncio.sleep(3.5)
        assert call.media is not None
        heard = keys(decode_ulaw(b"".join(frame.payload for frame in call.media.heard)))
        assert heard.startswith("12065550139")
        await call.hang_up()


async def test_a_stranger_is_refused(world: World, loopback: Loopback):
    async with await world.at(loopback()) as stranger:
        assert await stranger.refused(world.uri("+12065550123")) == 403


async def test_a_number_of_the_organisation_goes_to_the_other_site(world: World):
    async with await world.at(world.premises, 440) as premises, await world.at(world.online, 620) as online:
        call = await premises.dial(world.uri("+14255550103"))
        arrived = await online.called()
        assert arrived.invite.uri.startswith("sip:+14255550103@")
        await asyncio.gather(premises.hears(call, 620), online.hears(arrived, 440))
        assert (await call.hold()).code == 200
        assert arrived.remote_audio.direction == "sendonly"
        assert (await call.resume()).code == 200
        assert (await arrived.hang_up()).code == 200
        assert await call.over() == "BYE"
        back = await online.dial(world.uri("+14255550101"))
        assert len(premises.incoming) == 1
        await back.hang_up()
        assert await premises.incoming[0].over() == "BYE"


async def test_refusals_and_cancel_pass_through(world: World):
    async with await world.at(world.premises) as premises, await world.at(world.online) as online:
        online.rule = BUSY
        assert await premises.refused(world.uri("+14255550103")) == 486
        online.rule = NO_ANSWER
        call = await premises.ring(world.uri("+14255550103"))
        call.cancel()
        assert await call.over() == "487 Request Terminated"
        assert await online.incoming[-1].over() == "CANCEL"


async def test_a_site_that_is_silent_is_passed_over(world: World):
    ask = [sys.executable, "-m", "isthmus.demo.carrier", str(world.file), "call", "+12065550123", "+14255550103"]
    async with await world.at(world.online, 620) as online:
        order = subprocess.Popen(ask, stdout=subprocess.PIPE, text=True)
        call = await online.called()
        await online.hears(call, 800)
        await call.hang_up()
        output = await asyncio.to_thread(order.communicate, timeout=10)
        assert output[0].splitlines() == ["calling 1", "answered 1", "ended 1 BYE"]


async def test_no_site_answers(world: World):
    async with await world.at(world.premises) as premises:
        assert await premises.refused(world.uri("+14255550103")) == 503


async def test_the_longest_prefix_wins_and_the_only_site_is_used_though_it_asks(world: World):
    file = load(world.file)
    online = file.site_at(world.online)
    assert [site.name for site in file.way_to("+14255550199", online)] == ["online"]
    assert [site.name for site in file.way_to("+14255550101", online)] == ["premises"]
    assert file.way_to("+12065550123", online) == ()


def test_a_broken_file_is_told_in_one_line(tmp_path: Path):
    path = tmp_path / "carrier.toml"
    path.write_text('[[range]]\nprefix = "+1425"\nsites = ["nowhere"]\n')
    with pytest.raises(UsageError, match="no such site: nowhere"):
        load(path)
    result = subprocess.run(
        [sys.executable, "-m", "isthmus.demo.carrier", str(path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
