"""The link is cut, by closing and by silence, while calls and moves go on; and it comes back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from isthmus.site import internal
from isthmus.useragent.call import Call
from tests.agents.raw import Rule, User
from tests.faults.link import Cut, Watch
from tests.faults.people import (
    bindings,
    frozen,
    grown,
    kill,
    link_up,
    log_lines,
    moved,
    other,
    phones,
    pid,
    ready,
    same_homes,
    start_move,
)
from tests.interop.conftest import DOMAIN, HOMES, Sites
from tests.support import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

NUMBER = "+142555501{:02}"  # the carrier hands numbers like this to the sites
_ANSWER_S = 6.0


@asynccontextmanager
async def pairs(sites: Sites, mark: str, numbers: int = 0) -> AsyncIterator[dict[str, User]]:
    """Two people at home at each site, on UDP at their own; with numbers from this one on, if any."""
    users = {f"{mark}-{home}-{n}": home for home in HOMES for n in (1, 2)}
    for offset, (user, home) in enumerate(users.items()):
        sites.create(user, home, NUMBER.format(numbers + offset) if numbers else "")
    sites.wait_until_known(list(users))
    async with AsyncExitStack() as stack:
        yield {user: await stack.enter_async_context(await sites.phone(user, home)) for user, home in users.items()}


async def timed(phone: User, callee: str) -> tuple[str, float]:
    """Call; `answered` or the refusal, and the seconds until then."""
    started = time.monotonic()
    call = await phone.call(f"sip:{callee}@{DOMAIN}")
    await call.until(lambda: call.up or call.ended, "an answer", 15)
    took_s = time.monotonic() - started
    if call.up:
        await call.hang_up()
        return "answered", took_s
    return call.ended, took_s


async def calls_flow(phone: User, callee: str, timeout_s: float = 15.0) -> float:
    """Call until it is answered by the callee's own phone; gives the seconds that took."""
    started = time.monotonic()
    while (await timed(phone, callee))[0] != "answered":
        assert time.monotonic() - started < timeout_s, f"{callee} is not reached within {timeout_s} s"
        await asyncio.sleep(0.3)
    return time.monotonic() - started


@pytest.mark.parametrize("how", ["close", "drop"])
async def test_each_site_serves_its_own_while_the_link_is_cut(sites: Sites, cut: Cut, how: str) -> None:
    """Own people call; others are refused clearly, or reached by the PSTN, within 2 s; logs stay quiet; all is back."""
    async with (
        pairs(sites, f"own{how}") as plain,
        pairs(sites, f"pstn{how}", {"close": 30, "drop": 40}[how]) as numbered,
    ):
        p1, p2, o1, o2 = plain
        before = log_lines(sites)
        getattr(cut, how)()
        cut_at = time.monotonic()
        for caller, callee in ((p1, p2), (o1, o2)):
            assert (await timed(plain[caller], callee))[0] == "answered"
        for caller, callee in ((p1, o1), (o2, p2), (p2, o2)):
            said, took_s = await timed(plain[caller], callee)
            print(f"\n{how}: {caller} -> {callee}: {said} after {took_s:.2f} s")
            assert said != "answered"
            assert said[:3] in ("480", "503", "504")
            assert took_s < _ANSWER_S
        n1, _, m1, _ = numbered
        for caller, callee in ((n1, m1), (m1, n1)):
            count = len(numbered[callee].incoming)
            # The way out is found within 2 s; the PSTN itself takes what it takes to carry the call on.
            said, took_s = await timed(numbered[caller], callee)
            print(f"{how}: {caller} -> {callee} by the PSTN: {said} after {took_s:.2f} s")
            assert said == "answered"
            assert took_s < _ANSWER_S + 4
            assert len(numbered[callee].incoming) == count + 1
        for phone in (*plain.values(), *numbered.values()):
            await phone.registered()
        for _ in range(20):
            await timed(plain[p1], o1)
        name = f"cut{how}"
        sites.create(name, "online")  # the authority goes on; the news follow when they can
        await asyncio.sleep(max(0.0, 12 - (time.monotonic() - cut_at)))
        lines = grown(before, log_lines(sites))
        print(f"{how}: log lines in {time.monotonic() - cut_at:.0f} s of cut: {lines}")
        assert all(count < 100 for count in lines.values()), lines
        cut.mend()
        for caller, callee in ((p1, o1), (o1, p1)):
            print(f"{how}: calls flow again {caller} -> {callee} after {await calls_flow(plain[caller], callee):.1f} s")
        await asyncio.to_thread(same_homes, sites, [name, *plain])


async def test_a_device_revoked_during_a_cut_is_out_at_the_other_site_once_the_link_is_back(
    sites: Sites, cut: Cut
) -> None:
    aor = f"lost-phone@{DOMAIN}"
    sites.create("lost-phone", "online")
    with sites.api("premises") as authority, sites.api("online") as online:
        device = authority.post("/v1/devices", {"aor": aor, "label": "desk phone"})
        wait_for(lambda: online.get("/v1/devices", aor=aor), 60, "online knows the device")
        wait_for(lambda: online.get("/v1/snapshot")["current"], 60, "calls at online know the device")
        own = {"username": device["name"], "password": device["secret"]}
        phone = await User.open(
            f"sip:{aor}", sites.loopback(), proxy=sites.proxy("online", "udp"),
            hosts={site.site.fqdn: site.site.address for site in sites.demo.sites}, **own,
        )  # fmt: skip
        async with phone:
            await phone.registered()
            cut.close()
            authority.delete(f"/v1/devices/{device['name']}")
            await phone.registered()  # online can't have heard of it
            cut.mend()
            started = time.monotonic()
            wait_for(lambda: bindings(sites, "online", "lost-phone") == [], 60, "its registration has ended")
            print(f"\nrevoked at online {time.monotonic() - started:.1f} s after the link was back")
            assert (await phone.register()).code == 401


@pytest.mark.parametrize("how", ["close", "drop"])
async def test_calls_that_are_up_outlive_a_cut(sites: Sites, cut: Cut, how: str) -> None:
    """Media crosses the same link, so it is gone as long; it comes back, and the call can be changed and ended."""
    async with pairs(sites, f"up{how}") as people:
        one, _, far, _ = people
        people[one].tone_hz, people[far].tone_hz = 440, 620
        call = await people[one].dial(f"sip:{far}@{DOMAIN}")
        heard = await people[far].called()
        await people[far].hears(heard, 440)
        getattr(cut, how)()
        await people[far].hears_nothing(heard)
        await asyncio.sleep(7)  # longer than the kernels go on trying (tcp-ut 5s)
        cut.mend()
        await people[far].hears(heard, 440)
        await people[one].hears(call, 620)
        assert (await call.reinvite()).code == 200
        assert (await heard.reinvite()).code == 200
        assert (await call.hang_up()).code == 200


@pytest.fixture(scope="module")
def watch(sites: Sites) -> Iterator[Watch]:
    """Sees what the authority's control service asks of its peer."""
    watch = Watch(internal.link_out_socket(sites.file("premises"), "online"))
    before = pid(sites, "premises", "control")
    kill(sites, "premises", "control")  # so that it opens its connections anew
    wait_for(lambda: pid(sites, "premises", "control") != before and ready(sites, "premises"), 60, "a new control")
    yield watch
    watch.close()


STEPS = ("check", "undo", "import", "feed", "verify")
BACK = ("export", "feed", "clean_up")
AFTER_COMMIT = ("feed", "verify", "clean_up")


@pytest.mark.parametrize(
    ("to", "step", "how"),
    [
        *[("online", step, "drop") for step in STEPS],
        *[("premises", step, "drop") for step in BACK],
        ("online", "import", "close"),
        ("online", "feed", "close"),
    ],
)
async def test_the_link_is_cut_at_a_step_of_the_move(
    sites: Sites, cut: Cut, watch: Watch, to: str, step: str, how: str
) -> None:
    """For eight seconds. The move ends by itself when the link is back, all at one home, called at both sites."""
    mark = f"cs{to[0]}{step.replace('_', '')}{how[0]}"
    users = {f"{mark}{number}": other(to) for number in range(4)}
    await asyncio.to_thread(sites.create_all, users)
    async with AsyncExitStack() as stack:
        people = await phones(sites, stack, users)
        await asyncio.to_thread(link_up, sites)
        watch.arm(step, getattr(cut, how))
        batch = asyncio.create_task(asyncio.to_thread(start_move, sites, list(users), to))
        assert await asyncio.to_thread(watch.fired.wait, 10), f"no {step} passed"
        await asyncio.sleep(8)
        cut.mend()
        mended_at = time.monotonic()
        done = await asyncio.to_thread(moved, sites, await batch, 60)
        reason = done["people"][0]["reasons"]
        print(
            f"\n{how} at {step} to {to}: {done['counts']} {time.monotonic() - mended_at:.1f} s after mending {reason}"
        )
        live = await asyncio.to_thread(same_homes, sites, list(users))
        assert len(set(live.values())) == 1
        states = {person["state"] for person in done["people"]}
        if step in AFTER_COMMIT:
            assert states == {"moved"}
        assert states == ({"moved"} if set(live.values()) == {to} else {"not_moved"})
        for user, home in live.items():
            assert len(bindings(sites, home, user)) == 1
            assert bindings(sites, other(home), user) == []
        names = list(people)
        for caller, callee in zip(names, names[1:] + names[:1], strict=True):
            await calls_flow(people[caller], callee)


@pytest.mark.parametrize(("how", "for_s"), [("drop", 0.0), ("drop", 2.5), ("freeze", 2.5)])
async def test_a_call_that_was_stuck_rings_for_an_instant_at_most(
    sites: Sites, cut: Cut, how: str, for_s: float
) -> None:
    """The caller was refused after 1.5 s of silence. What comes across later brings its own end: the CANCEL behind it.

    Both are in one stream, so that the INVITE, which comes at most five seconds late (tcp-ut), comes with its CANCEL.
    for_s: how long it stays stuck after the refusal.
    """
    async with pairs(sites, f"late{how[0]}{int(for_s)}") as people:
        one, _, far, _ = people
        await calls_flow(people[one], far)  # the connection across is open
        rang = len(people[far].incoming)
        people[far].rule = Rule(after_s=1)  # a person takes the call, and no machine
        with ExitStack() as stack:
            if how == "drop":
                stack.callback(cut.mend)
                cut.drop()
            else:
                stack.enter_context(frozen(sites, "online"))
            said, took_s = await timed(people[one], far)
            await asyncio.sleep(for_s)
        since = time.monotonic()
        assert said[:3] in ("480", "503", "504")
        assert took_s < _ANSWER_S
        await calls_flow(people[one], far)
        await asyncio.sleep(max(0.0, 5.5 - (time.monotonic() - since)))  # the kernels have given up what is older
        late = [call for call in people[far].incoming[rang:] if call.ended == "CANCEL"]
        assert len(people[far].incoming[rang:]) == len(late) + 1  # and the one that was answered
        rang_s = [rung_s(people[far], call) for call in late]
        print(f"\n{how}, {for_s} s: {said} after {took_s:.2f} s; rang late for {rang_s} s")
        assert how == "drop" or late, "nothing was stuck"
        assert all(seconds < 1 for seconds in rang_s)


def rung_s(phone: User, call: Call) -> float:
    """Seconds from the INVITE of a call to its CANCEL, at the phone."""
    assert call.invite is not None
    mark = call.invite.call_id.encode()
    mine = [each for each in phone.record if each.direction == "received" and mark in each.data]
    came = min(each.at_s for each in mine if each.start.startswith("INVITE"))
    return round(min(each.at_s for each in mine if each.start.startswith("CANCEL")) - came, 3)


async def test_control_and_database_gone(sites: Sites) -> None:
    """With the control services stopped (SIGSTOP) and the database unreadable, phones register and call."""
    async with pairs(sites, "alone") as people:
        names = list(people)
        stopped = []
        databases: list[Path] = []
        try:
            for site in HOMES:
                stopped.append(pid(sites, site, "control"))
                os.kill(stopped[-1], signal.SIGSTOP)
                for path in sites.file(site).state_dir.glob("*.db*"):
                    path.rename(path.with_name(f"away-{path.name}"))
                    databases.append(path)
            assert databases
            for phone in people.values():
                await phone.registered()
            for caller, callee in zip(names, names[1:] + names[:1], strict=True):
                assert (await timed(people[caller], callee))[0] == "answered"
            # Nobody could say that it is kept.
            refused = await people[names[0]].message(f"sip:{names[2]}@{DOMAIN}", "still here")
            assert (refused.code, int(refused.get("Retry-After")) > 0) == (503, True)
        finally:
            for path in databases:
                path.with_name(f"away-{path.name}").rename(path)
            for number in stopped:
                os.kill(number, signal.SIGCONT)
        await asyncio.to_thread(link_up, sites)
        await asyncio.to_thread(same_homes, sites, names)


async def test_presence_is_the_last_that_is_known_and_is_right_again_afterwards(sites: Sites, cut: Cut) -> None:
    users = {"seen": "online", "sees": "premises"}
    sites.create_all(users)
    uri = f"/v1/presence/seen@{DOMAIN}"

    def shown() -> tuple[str, bool]:
        with sites.api("premises") as api:
            told = api.get(uri)
        return told["availability"], told["current"]

    def choose(availability: str) -> None:
        with sites.api("online") as api:
            api.put(uri, {"availability": availability})

    async with await sites.phone("sees", "premises") as watcher:
        told: list[bytes] = []
        watcher.on_notify = lambda request: told.append(request.body)
        headers = [("Event", "presence"), ("Expires", "600"), ("Contact", f"<{watcher.contact}>")]
        assert (await watcher.request("SUBSCRIBE", f"sip:seen@{DOMAIN}", headers=headers)).code == 200
        choose("busy")
        await asyncio.to_thread(wait_for, lambda: shown() == ("busy", True) or None, 60)
        cut.drop()
        await asyncio.to_thread(wait_for, lambda: shown() == ("busy", False) or None, 60)
        await asyncio.to_thread(wait_for, lambda: (told and b"rpid:unknown" in told[-1]) or None, 60)
        choose("away")
        assert shown() == ("busy", False)
        cut.mend()
        await asyncio.to_thread(wait_for, lambda: shown() == ("away", True) or None, 60)
        await asyncio.to_thread(wait_for, lambda: (b"rpid:away" in told[-1] and b"unknown" not in told[-1]) or None, 60)
