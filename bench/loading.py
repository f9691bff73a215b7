"""Many calls at once with media through one connector: its CPU a call against a bare rtpengine's, its memory, losses.

The phones are at online, which lets their media alone, so that the connector's relay is the only one. A gateway of our
own answers. Both relays carry the same number of streams, one after the other.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from tests.agents.raw import User
from tests.interop.conftest import DOMAIN, PASSWORD

from bench import cpu, memory, ng
from bench import lab as laboratory
from bench.lab import Lab
from bench.model import Aim, Figure, Scale
from bench.rig import answers_ng
from bench.streams import FRAME_S, Address, Ends, Streamed
from isthmus.engines import rtpengine
from isthmus.site.file import SiteFile
from isthmus.useragent.account import Account
from isthmus.useragent.call import Call
from isthmus.useragent.sdp import Audio
from isthmus.useragent.wire import UdpWire

_RATIO = 1.5
_CALLERS = 100  # each with a few calls: a calling policy allows no more than that at a time
_AT_ONCE = 8  # calls that are set up at the same time
_ANSWER_S = 30.0
_SETTINGS = "[media]\nrtp_high = 34999\n"


@dataclass(frozen=True, slots=True)
class Carried:
    """One window: CPU seconds a call and second of its media, and what became of the packets.

    A second of media is as many packets as were to be sent in it: a sender that was late doesn't make calls cheaper.
    """

    cpu_s: float
    streamed: Streamed


@dataclass(frozen=True, slots=True)
class SetUp:
    """Setting calls up and ending them: each one's CPU at the connector, how many a second, and its memory after it."""

    cpu_s: float
    a_second: float
    bytes_a_call: float


class Gateway(User):
    """Answers every call with the address of the echo."""

    echo: Address = ("", 0)

    async def _take(self, call: Call) -> None:
        await call.answer(bytes(Audio(*self.echo)))


def measure(scale: Scale) -> list[Figure]:
    """CPU, memory, loss and set-ups."""
    return asyncio.run(_measure(scale))


async def _measure(scale: Scale) -> list[Figure]:
    loopback = laboratory.Addresses()
    async with AsyncExitStack() as stack:
        stack.callback(loopback.close)
        place, caller = loopback(), loopback()
        gateway = Gateway(await UdpWire.open(place, 5060), Account(f"sip:gateway@{place}"))
        stack.push_async_callback(gateway.close)
        running = laboratory.running(connectors=1, settings=_SETTINGS, media_online=False, at_branch=place)
        lab = await asyncio.to_thread(running.__enter__)
        stack.callback(running.__exit__, None, None, None)
        ends = stack.enter_context(Ends(caller, place))
        gateway.echo = ends.far
        phones = await _phones(lab, stack, min(_CALLERS, scale.at_once))
        connector = lab.connectors[0].site
        calls, set_up = await _bring_up(connector, phones, ends.near, scale.at_once)
        bare = Bare(lab, connector, loopback())
        bare_bytes = bare.bring_up(scale.at_once, ends)
        served = [_address(call) for call in calls]
        assert all(host == connector.site.address for host, _ in served), "the media does not go by the connector"
        rounds = []
        for _ in range(scale.rounds):
            ours = await asyncio.to_thread(_window, laboratory.tree(connector), ends, served, scale.stream_s)
            theirs = await asyncio.to_thread(_window, [bare.pid], ends, bare.served, scale.stream_s)
            rounds.append((ours, theirs))
        for call in calls:
            await call.hang_up()
        return _figures(scale, rounds, set_up, bare_bytes)


async def _phones(lab: Lab, stack: AsyncExitStack, count: int) -> list[User]:
    users = [f"lo{number:02}" for number in range(count)]
    people = dict.fromkeys(users, "online"), {user: f"+1425555{4000 + n}" for n, user in enumerate(users)}
    await asyncio.to_thread(lab.people, *people)
    await asyncio.to_thread(lab.route, "online", "branch", "+1212", f"@{laboratory.BRANCH}")
    phones = []
    for user in users:
        opened = await User.open(
            f"sip:{user}@{DOMAIN}", lab.sites.loopback(), proxy=lab.sites.proxy("online", "udp"), password=PASSWORD
        )
        phones.append(await stack.enter_async_context(opened))
        opened.hosts |= {site.site.fqdn: site.site.address for site in lab.sites.demo.sites}
        await opened.registered(3600)
    return phones


async def _bring_up(connector: SiteFile, phones: Sequence[User], near: Address, count: int) -> tuple[list[Call], SetUp]:
    """So many calls. The first few, which warm everything up, are hung up again and not counted."""
    offer = bytes(Audio(*near))

    async def one(number: int) -> Call:
        call = await phones[number % len(phones)].call(f"sip:+1212555{number % 10000:04}@{DOMAIN}", body=offer)
        await call.answered(_ANSWER_S)
        return call

    for call in [await one(number) for number in range(len(phones))]:
        await call.hang_up()
    tree = laboratory.tree(connector)
    before, held, began = cpu.of(tree), memory.held(tree), time.monotonic()
    calls: list[Call] = []
    for first in range(0, count, _AT_ONCE):
        calls += await asyncio.gather(*(one(number) for number in range(first, min(first + _AT_ONCE, count))))
    took = time.monotonic() - began
    await asyncio.sleep(1.0)
    grown = memory.held(tree) - held
    return calls, SetUp((cpu.of(tree) - before) / count, count / took, grown / count)


def _address(call: Call) -> Address:
    assert call.remote_audio is not None
    return call.remote_audio.address, call.remote_audio.port


def _window(pids: Sequence[int], ends: Ends, served: Sequence[Address], seconds: float) -> Carried:
    before = cpu.of(pids)
    streamed = ends.stream(served, seconds)
    return Carried((cpu.of(pids) - before) / max(streamed.sent, 1) / FRAME_S, streamed)


class Bare:
    """An rtpengine with the connector's command line and nobody in front of it."""

    def __init__(self, lab: Lab, like: SiteFile, address: str) -> None:
        there = like.site.model_copy(update={"address": address, "internal_address": address})
        argv = rtpengine.command(like.model_copy(update={"site": there}))
        self.at = (address, ng.of(like)[1])
        self.pid = lab.processes.start(argv, name="bare-rtpengine", ready=lambda: answers_ng(self.at)).pid
        self.served: list[Address] = []

    def bring_up(self, count: int, ends: Ends) -> float:
        """So many sessions between the two ends; the bytes each takes."""
        before = memory.held([self.pid])
        flags = {"replace": ["origin", "session-connection"], "ICE": "remove"}
        for number in range(count):
            name = f"{number}-{secrets.token_hex(8)}"
            ng.ask(
                self.at, "offer", call__id=name, from__tag="a", sdp=bytes(Audio(*ends.near)).decode(),
                transport__protocol="RTP/AVP", DTLS="off", SDES=["off"], rtcp__mux=["demux"], **flags,
            )  # fmt: skip
            answer = ng.ask(
                self.at, "answer", call__id=name, from__tag="a", to__tag="b", sdp=bytes(Audio(*ends.far)).decode(),
                replace=["origin", "session-connection"],
            )  # fmt: skip
            found = Audio.parse(answer["sdp"].encode())
            self.served.append((found.address, found.port))
        return (memory.held([self.pid]) - before) / count


def _figures(scale: Scale, rounds: Sequence[tuple[Carried, Carried]], set_up: SetUp, bare_bytes: float) -> list[Figure]:
    late = max(carried.streamed.late_share for pair in rounds for carried in pair)
    limit = f"the sender was late in {late:.0%} of its rounds: it was the limit, not the relay" if late > 0.05 else ""
    many = f"{scale.at_once} calls at once by one connector"
    return [
        Figure.of(
            "load.media.cpu",
            f"{many}: CPU a call",
            "us a second",
            [(ours.cpu_s * 1e6, theirs.cpu_s * 1e6) for ours, theirs in rounds],
            "bare rtpengine",
            Aim("ratio", _RATIO),
            limit,
        ),
        Figure.of(
            "load.media.returned",
            f"{many}: packets that come back",
            "%",
            [(100 * (1 - ours.streamed.loss), max(100 * (1 - theirs.streamed.loss), 0.01)) for ours, theirs in rounds],
            "bare rtpengine",
            Aim("ratio", 0.99, least=True),
        ),
        Figure.of(
            "load.media.memory",
            f"{many}: memory of the connector",
            "kB a call",
            [(set_up.bytes_a_call / 1024, max(bare_bytes, 1) / 1024)],
            "bare rtpengine",
        ),
        Figure.of(
            "load.media.set_up",
            f"{many}: CPU of the connector to set one up",
            "us",
            [(set_up.cpu_s * 1e6, rounds[0][1].cpu_s * 1e6)],
            "a second of its media",
            note=f"{set_up.a_second:.0f} calls a second were set up, by phones and a gateway written in Python",
        ),
    ]
