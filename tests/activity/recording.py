"""Records a history from real engines: `python -m tests.activity.recording` writes tests/data/activity/engines.jsonl.

An hour in the life of a small site, run in half a minute: phones of all transports register and refresh, people call
the PSTN and are refused or not answered, somebody mistypes a password, a stranger scans for names and guesses one
password, and a phone dials premium numbers. What the workers told is written down as it came.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from isthmus.activity.feed import Feed
from isthmus.activity.model import Event
from isthmus.site import internal
from tests.agents.raw import BUSY, TRANSPORTS, User
from tests.hostile.sites import OURS, EdgeSites, launch
from tests.hostile.stranger import Draft, Stranger
from tests.support import Loopback, Processes

FILE = Path(__file__).parents[1] / "data" / "activity" / "engines.jsonl"


def read(path: Path = FILE) -> list[Event]:
    """The recorded events."""
    decode = msgspec.json.Decoder(Event).decode
    return [decode(line) for line in path.read_bytes().splitlines()]


async def _live(sites: EdgeSites) -> None:
    async with AsyncExitStack() as stack:
        carrier = await User.open(f"sip:carrier@{sites.carrier}", sites.carrier, port=5060, media=False)
        await stack.enter_async_context(carrier)
        phones = {}
        for user, transport in zip(("alice", "bob", "erin", "gina"), TRANSPORTS, strict=True):
            phones[user] = await stack.enter_async_context(await sites.phone(user, transport=transport))
        carol = await stack.enter_async_context(
            await sites.phone("carol", transport="tls")
        )  # at home at the other site
        for _ in range(3):
            for phone in (*phones.values(), carol):
                await phone.registered(60)
        for user, number in (("alice", "+12065550123"), ("bob", "+12065550124"), ("gina", "+442079460123")):
            call = await phones[user].dial(f"sip:{number}@{OURS}")
            await call.hang_up()
        call = await carol.dial(f"sip:+12065550125@{OURS}")
        await call.hang_up()
        carrier.rule = BUSY
        await phones["alice"].refused(f"sip:+12065550126@{OURS}")
        call = await phones["bob"].dial(f"sip:erin@{OURS}")  # inside: not told
        await call.hang_up()
        await _strangers(sites)
        for number in range(3):
            await phones["erin"].refused(f"sip:+1900555012{number}@{OURS}")


async def _strangers(sites: EdgeSites) -> None:
    async with await Stranger.open(sites) as stranger:
        for name, secret in (("alice", "mistyped"), *((f"{n}", "1234") for n in range(100, 112)), *[("bob", "x")] * 12):
            own = f"sip:{name}@{OURS}"
            headers = [f"Contact: <sip:{name}@{stranger.address}>", "User-Agent: pplsip"]
            await stranger.signed(Draft("REGISTER", f"sip:{OURS}", own, own, headers=headers), name, secret=secret)


def main() -> None:
    """Record anew."""
    loopback = Loopback()
    with tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
        processes = Processes(Path(folder))
        try:
            sites = launch(Path(folder), loopback, processes)
            events: list[Event] = []
            feed = Feed(internal.activity_socket(sites.files["premises"]), events.append)
            feed.start()
            asyncio.run(_live(sites))
            feed.stop()
        finally:
            processes.close()
            loopback.close()
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    print(f"{len(events)} events in {FILE}")


if __name__ == "__main__":
    main()
