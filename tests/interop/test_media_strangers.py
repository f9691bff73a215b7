"""RTP from somebody who is not in the call: they hear nothing ("RTP bleed"), and are heard for seconds at most."""

from __future__ import annotations

import asyncio
import time

import pytest

from isthmus.useragent.call import Call
from isthmus.useragent.rtp import Media, tone
from tests.agents.raw import User
from tests.interop.conftest import DOMAIN, HOMES, Sites

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CALLER_HZ, CALLED_HZ, STRANGER_HZ = 440, 620, 1500
_LEARNT_WITHIN_S = 15.0  # the relay takes three seconds to settle where media comes from


@pytest.fixture(scope="module")
def people(two_sites: Sites) -> Sites:
    two_sites.create_all({f"talks-{home}": home for home in HOMES} | {f"listens-{home}": home for home in HOMES})
    return two_sites


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("first", [False, True], ids=["later", "first"])
async def test_a_stranger_does_not_hear_and_is_not_heard_for_long(people: Sites, home: str, first: bool):
    """At both ports of the relay; first: before the phones have said anything, which nobody can take for theirs yet."""
    async with (
        await people.phone(f"talks-{home}", home, tone_hz=CALLER_HZ) as caller,
        await people.phone(f"listens-{home}", home, tone_hz=CALLED_HZ) as called,
    ):
        strangers = [await Media.open(people.loopback()) for _ in range(2)]
        try:
            call = await caller.dial(f"sip:listens-{home}@{DOMAIN}")
            answered = await called.called()
            if first:
                attack(strangers, (call, answered))
            await asyncio.gather(caller.hears(call, CALLED_HZ), called.hears(answered, CALLER_HZ))
            attack(strangers, (call, answered))
            got = [len(stranger.heard) for stranger in strangers]
            assert first or got == [0, 0]
            await until_silent((call, answered))
            since = time.monotonic()
            await asyncio.gather(caller.hears(call, CALLED_HZ), called.hears(answered, CALLER_HZ))
            assert User.tone_heard(call, STRANGER_HZ, since) == User.tone_heard(answered, STRANGER_HZ, since) == 0
            assert all(stranger.sent_frames > 50 for stranger in strangers)
            assert [len(stranger.heard) for stranger in strangers] == got
            assert (await call.hang_up()).code == 200
        finally:
            for stranger in strangers:
                stranger.close()


async def until_silent(legs: tuple[Call, Call]) -> None:
    """Until nothing of the strangers was heard for a second."""
    end = time.monotonic() + _LEARNT_WITHIN_S
    since = time.monotonic()
    while time.monotonic() < since + 1:
        assert time.monotonic() < end, "strangers are heard still"
        await asyncio.sleep(0.1)
        if any(User.tone_heard(leg, STRANGER_HZ, since) for leg in legs):
            since = time.monotonic()


def attack(strangers: list[Media], legs: tuple[Call, Call]) -> None:
    for stranger, leg in zip(strangers, legs, strict=True):
        assert leg.remote_audio is not None
        stranger.remote = (leg.remote_audio.address, leg.remote_audio.port)
        stranger.play(tone(STRANGER_HZ))
