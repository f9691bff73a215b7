"""A branch with a gateway and phones behind a connector, which opens every connection itself; and cut off."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from isthmus.addressing import Aor
from isthmus.demo.carrier import order
from isthmus.demo.carrier_file import load as load_carrier
from isthmus.engines.kamailio import asking
from isthmus.registration.model import Binding
from isthmus.routing.snapshot import LmdbSnapshot
from isthmus.sip.sealing import Flow
from isthmus.site import internal
from isthmus.site.file import SiteFile
from isthmus.site.moving import registrar_of
from tests.agents.raw import User
from tests.faults.link import Cut, can_drop_packets
from tests.interop.conftest import DOMAIN, HOMES, Sites
from tests.interop.connectors import PROGRAM, Appliance
from tests.interop.test_move import move
from tests.interop.watchers import SLOW_S, Watcher
from tests.support import Processes, start_carrier, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

BELLA, BRUNO = "+14255550201", "+14255550202"
VERA = {"udp": "+14255550203", "tls": "+14255550204"}
_PATIENCE_S = 30.0
_CALLER = "+12065550199"
_UNDER_WAY = ("+12065550171", "+12065550172")
AT_THE_BRANCH = (
    b'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bella@contoso.example"><tuple id="t">'
    b"<status><basic>open</basic></status><note>at the branch</note></tuple></presence>"
)
_CALLER_HZ, _BEEP_HZ = 800, 1000  # what the gateway's network says


@dataclass
class Branch:
    """A connector, its gateway, and the sites, to which its address is known as another place for phones."""

    appliance: Appliance
    sites: Sites
    carrier_file: Path
    folder: Path

    @property
    def file(self) -> SiteFile:
        return self.appliance.site

    async def phone(self, user: str, transport: str = "udp", *, tone_hz: float) -> User:
        """Registered by the connector."""
        return await self.sites.phone(user, self.file.site.name, transport, tone_hz=tone_hz)

    async def is_called(self, phone: User, number: str) -> None:
        """Somebody in the PSTN calls the number by the gateway; the phone answers and hears them."""
        words = ["call", _CALLER, number]
        loop = asyncio.get_running_loop()
        told = loop.run_in_executor(None, lambda: list(order(load_carrier(self.carrier_file), words)))
        call = await phone.called(len(phone.incoming) + 1)
        await call.until(lambda: call.up, "the call is up")
        await phone.hears(call, _CALLER_HZ)
        assert (await call.hang_up()).code == 200
        assert any(line.startswith("answered") for line in await told)


@pytest.fixture(scope="module")
def branch(two_sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Branch]:
    folder = tmp_path_factory.mktemp("b")
    two_sites.create("bella", "online", BELLA)
    two_sites.create("bruno", "online", BRUNO)
    two_sites.wait_until_known(["bella", "bruno"])
    gateway, processes = two_sites.loopback(), Processes(folder)
    made = Appliance(two_sites, processes, folder / "appliance", place="calling-branch").pack()
    made.configure(f'[survival]\ncountry = "US"\n[[trunk]]\nname = "gateway"\naddress = "{gateway}"\n')
    made.install()
    carrier = folder / "carrier.toml"
    sites = f'[[site]]\nname = "branch"\naddress = "{made.address}"\n'
    carrier.write_text(f'address = "{gateway}"\n{sites}[[range]]\nprefix = "+142555502"\nsites = ["branch"]\n')
    before = two_sites.demo
    try:
        start_carrier(processes, carrier)
        made.comes_up()
        two_sites.demo = type(before)(
            before.plan, before.directory, (*before.sites, made.site), before.accounts, before.fresh_passwords
        )
        with two_sites.api("online") as api:
            api.post("/v1/routes", {"name": "branch", "patterns": ["+1206"], "ways": ["@calling-branch"]})
        yield Branch(made, two_sites, carrier, folder)
        with two_sites.api("online") as api:
            api.delete("/v1/routes/branch")
    finally:
        two_sites.demo = before
        processes.close()


async def calls_out(phone: User, number: str = "+12065550123") -> str:
    """A call by the gateway, and its echo; gives the Call-ID."""
    call = await phone.dial(f"sip:{number}@{DOMAIN}")
    await phone.hears(call, _BEEP_HZ)
    assert phone.tone_hz is not None
    await phone.hears(call, phone.tone_hz)  # the echo
    assert (await call.hang_up()).code == 200
    assert call.invite is not None
    return call.invite.call_id


async def test_online_calls_by_the_branchs_gateway_and_is_called_by_it(branch: Branch):
    async with await branch.sites.phone("bella", "online", tone_hz=440) as phone:
        await calls_out(phone)
        await branch.is_called(phone, BELLA)
        await phone.register(0)


async def test_a_phone_at_the_branch_is_judged_by_online(branch: Branch):
    async with await branch.phone("bella", tone_hz=440) as phone:
        await calls_out(phone)
        await branch.is_called(phone, BELLA)
        assert await phone.refused(f"sip:nobody@{DOMAIN}") == 404
        await phone.register(0)
        phone.account = type(phone.account)(phone.account.uri, "", "wrong", phone.account.algorithms)
        assert (await phone.register(300)).code == 401


async def talk(caller: User, callee: User, user: str) -> None:
    """A call to that address, with sound both ways, which the caller ends."""
    count = len(callee.incoming) + 1
    call = await caller.dial(f"sip:{user}@{DOMAIN}", timeout_s=_PATIENCE_S)
    heard = await callee.called(count, timeout_s=_PATIENCE_S)
    assert caller.tone_hz is not None
    assert callee.tone_hz is not None
    await caller.hears(call, callee.tone_hz, timeout_s=_PATIENCE_S)
    await callee.hears(heard, caller.tone_hz, timeout_s=_PATIENCE_S)
    assert (await call.hang_up()).code == 200
    await heard.until(lambda: bool(heard.ended), "the other end hears of it", _PATIENCE_S)


@pytest.mark.parametrize("transport", ["udp", "tls"])
async def test_a_visitors_phone_works_at_the_branch_as_at_any_site(branch: Branch, transport: str):
    """Vera is at home on the premises: she is called from everywhere, calls everybody, and calls for help."""
    sites, vera = branch.sites, f"vera-{transport}"
    sites.create(vera, "premises", VERA[transport])
    others = {home: f"calls-{vera}-{home}" for home in HOMES}
    for home, user in others.items():
        sites.create(user, home)
    sites.wait_until_known([vera, *others.values()])
    async with await sites.phone(vera, branch.file.site.name, transport, tone_hz=440) as phone:
        for number, (home, user) in enumerate(others.items()):
            async with await sites.phone(user, home, tone_hz=600 + 200 * number) as other:
                await talk(other, phone, vera)
                await talk(phone, other, user)
        async with await branch.phone("bella", tone_hz=600) as beside:
            await talk(beside, phone, vera)
            await talk(phone, beside, "bella")
            await beside.register(0)
        await branch.is_called(phone, VERA[transport])
        await calls_out(phone)
        await calls_out(phone, "911")
        (held,) = at_home(branch, vera)
        assert held["edge"].startswith(f"{branch.file.site.name}.")
        assert (await phone.register(0)).code == 200
        assert at_home(branch, vera) == []
        phone.account = type(phone.account)(phone.account.uri, "", "wrong", phone.account.algorithms)
        assert (await phone.register(300)).code == 401


def at_home(branch: Branch, user: str, home: str = "premises") -> list[dict[str, Any]]:
    """The bindings that somebody's home has."""
    with branch.sites.api(home) as api:
        found: list[dict[str, Any]] = api.get("/v1/registrations", aor=f"{user}@{DOMAIN}")[0]["bindings"]
        return found


async def test_a_visitor_is_told_to_come_again_while_online_is_away_and_may_call_for_help(branch: Branch):
    if not can_drop_packets():
        pytest.skip("dropping packets takes root and nft")
    sites = branch.sites
    sites.create("vito", "premises")
    sites.create("calls-vito", "premises")
    sites.wait_until_known(["vito", "calls-vito"])
    async with (
        await branch.phone("vito", tone_hz=440) as phone,
        await sites.phone("calls-vito", "premises", tone_hz=600) as other,
    ):
        await talk(other, phone, "vito")
        with Cut(branch.file.site.address, sites.address("online")) as link:
            link.drop()
            for _ in range(2):  # before the branch knows that it is alone, and after
                told = await phone.register(300)
                assert (told.code, told.get("Retry-After").isdigit()) == (503, True), told.phrase
            assert await phone.refused(f"sip:calls-vito@{DOMAIN}", timeout_s=_PATIENCE_S) == 503
            await calls_out(phone, "911")
        await asyncio.to_thread(branch.appliance.becomes, state="healthy")
        await comes_again(phone)
        await talk(other, phone, "vito")
        await talk(phone, other, "calls-vito")
        with Cut(sites.address("premises"), sites.address("online")) as link:
            link.drop()
            told = await phone.register(300)
            assert (told.code, told.get("Retry-After").isdigit()) == (503, True), told.phrase
        await comes_again(phone)
        await talk(other, phone, "vito")
        await phone.register(0)
    with sites.api("premises") as api:
        wait_for(lambda: api.get("/v1/link")[0]["up"], 60, "the sites hear of one another again")


async def comes_again(phone: User) -> None:
    """As a phone does that was told to; sooner than it was told."""
    async with asyncio.timeout(90):
        while (answer := await phone.register(300)).code == 503:
            await asyncio.sleep(0.5)
    assert answer.code == 200, answer.phrase


async def test_a_visitor_moves_home_and_back_with_the_phone_untouched(branch: Branch):
    sites = branch.sites
    for user, home in (("moving-vroni", "online"), ("calls-vroni", "online"), ("asks-vroni", "premises")):
        sites.create(user, home)
    sites.wait_until_known(["moving-vroni", "calls-vroni", "asks-vroni"])
    async with (
        await branch.phone("moving-vroni", "tcp", tone_hz=440) as phone,
        await sites.phone("calls-vroni", "online", tone_hz=600) as online,
        await sites.phone("asks-vroni", "premises", tone_hz=800) as premises,
    ):
        for home in ("premises", "online"):
            done = await asyncio.to_thread(move, sites, ["moving-vroni"], home)
            assert done["moved"] == 1, done
            assert len(at_home(branch, "moving-vroni", home)) == 1
            await talk(online, phone, "moving-vroni")
            await talk(premises, phone, "moving-vroni")
        await phone.register(0)


@pytest.mark.parametrize("home", HOMES)
async def test_a_device_that_is_revoked_ends_at_the_branch_too(branch: Branch, home: str):
    sites, user = branch.sites, f"lost-phone-{home}"
    sites.create(user, home)
    sites.wait_until_known([user])
    with sites.api("premises") as api:
        device = api.post("/v1/devices", {"aor": f"{user}@{DOMAIN}", "label": "desk"})
    phone = await sites.phone(user, branch.file.site.name, register=False)
    async with phone:
        uri, algorithms = phone.account.uri, phone.account.algorithms
        phone.account = type(phone.account)(uri, device["name"], device["secret"], algorithms)
        await asyncio.to_thread(online_knows, branch, user, device["name"])
        await phone.registered()
        (held,) = at_home(branch, user, home)
        assert held["device"] == device["name"]
        with sites.api("premises") as api:
            api.delete(f"/v1/devices/{device['name']}")
        await asyncio.to_thread(wait_for, lambda: not at_home(branch, user, home), 60, "its registration has ended")
        await asyncio.to_thread(online_knows, branch, user)
        assert (await phone.register(300)).code == 401


def online_knows(branch: Branch, user: str, *devices: str) -> None:
    """Wait until these are all devices of somebody that online knows of."""
    with branch.sites.api("online") as api:

        def so() -> bool:
            return [each["name"] for each in api.get("/v1/devices", aor=f"{user}@{DOMAIN}")] == list(devices)

        wait_for(so, 60, f"online knows {devices}")
        wait_for(lambda: api.get("/v1/snapshot")["current"], 60, "calls know them")


@pytest.mark.parametrize("home", HOMES)
async def test_a_phone_at_the_branch_and_one_elsewhere_call_each_other(branch: Branch, home: str):
    other = f"elsewhere-{home}"
    branch.sites.create(other, home)
    branch.sites.wait_until_known([other])
    async with (
        await branch.phone("bella", tone_hz=440) as phone,
        await branch.sites.phone(other, home, tone_hz=600) as far,
    ):
        call = await phone.dial(f"sip:{other}@{DOMAIN}")
        await phone.hears(call, 600)
        await far.hears(far.incoming[0], 440)
        await call.hang_up()
        call = await far.dial(f"sip:bella@{DOMAIN}")
        await far.hears(call, 440)
        await phone.hears(phone.incoming[0], 600)
        assert (await call.hang_up()).code == 200
        await phone.register(0)


@pytest.mark.parametrize("transport", ["udp", "tls"])
async def test_a_phone_at_the_branch_watches_and_is_watched(branch: Branch, transport: str):
    """Whom it watches is at premises, and so is who watches it: the subscription itself is online's."""
    other = f"watched-{transport}"
    branch.sites.create(other, "premises")
    branch.sites.wait_until_known([other])
    async with (
        await branch.phone("bella", transport, tone_hz=440) as phone,
        await branch.sites.phone(other, "premises", "tcp") as far,
    ):
        bella, watched = Watcher(phone), Watcher(far)
        answer = await bella.subscribe(other)
        assert (answer.code, answer.get("Expires")) == (200, "600")
        await bella.hears(b"<basic>open</basic>")
        assert (await watched.subscribe("bella")).code == 200
        await watched.hears(b"<basic>open</basic>")
        call = await far.dial(f"sip:bella@{DOMAIN}", timeout_s=SLOW_S)
        for each in (bella, watched):
            await each.hears(b"<rpid:on-the-phone/>")
        assert (await call.hang_up()).code == 200
        for each in (bella, watched):
            await each.hears_not(b"<rpid:")
        headers = [("Event", "presence"), ("Content-Type", "application/pidf+xml"), ("Expires", "120")]
        answer = await phone.request("PUBLISH", f"sip:bella@{DOMAIN}", headers=headers, body=AT_THE_BRANCH)
        assert answer.code == 200
        await watched.hears(b"at the branch")
        told = len(bella.told)
        assert (await bella.refresh(900)).code == 200
        await until(lambda: len(bella.told) > told and bella.state.startswith("active"), "it is told anew")
        assert (await bella.refresh(0)).code == 200
        await until(lambda: bella.state.startswith("terminated"), "that it has ended")
        assert (await bella.refresh(600)).code == 481
        ended = [("Event", "presence"), ("SIP-If-Match", answer.get("SIP-ETag")), ("Expires", "0")]
        assert (await phone.request("PUBLISH", f"sip:bella@{DOMAIN}", headers=ended)).code == 200
        await phone.register(0)
        await watched.hears(b"<basic>closed</basic>")
        await far.register(0)


async def test_what_a_phone_at_the_branch_may_not_ask_of_presence_is_refused(branch: Branch):
    headers = [("Event", "presence"), ("Content-Type", "application/pidf+xml"), ("Expires", "120")]
    async with await branch.phone("bella", tone_hz=440) as phone:
        assert (await Watcher(phone).subscribe("nobody-at-all")).code == 404
        uri = f"sip:bruno@{DOMAIN}"
        assert (await phone.request("PUBLISH", uri, headers=headers, body=AT_THE_BRANCH)).code == 403
        assert (await phone.request("PUBLISH", uri, headers=headers, body=AT_THE_BRANCH, digest=False)).code == 407
        # What the service is too busy for comes to the phone as it said it, through both.
        own = f"sip:bella@{DOMAIN}"
        answers = [await phone.request("PUBLISH", own, headers=headers, body=AT_THE_BRANCH) for _ in range(11)]
        assert [each.code for each in answers] == [200] * 10 + [503]
        assert (answers[-1].phrase, answers[-1].get("Retry-After")) == ("Too Many Publications", "60")
        for answer in answers[:10]:
            ended = [("Event", "presence"), ("SIP-If-Match", answer.get("SIP-ETag")), ("Expires", "0")]
            assert (await phone.request("PUBLISH", own, headers=ended)).code == 200
        other = [("Event", "dialog"), ("Expires", "600"), ("Contact", f"<{phone.contact}>")]
        assert (await phone.request("SUBSCRIBE", uri, headers=other)).code == 489
        await phone.register(0)


async def test_phones_at_the_branch_write_and_are_written_to(branch: Branch):
    branch.sites.create("writes", "premises")
    branch.sites.wait_until_known(["writes"])
    async with (
        await branch.phone("bella", "tcp", tone_hz=440) as bella,
        await branch.phone("bruno", tone_hz=600) as bruno,
        await branch.sites.phone("writes", "premises") as far,
    ):
        for sender, user, receiver, text in (
            (bella, "bruno", bruno, "from the branch to the branch"),
            (bruno, "writes", far, "from the branch to premises"),
            (far, "bella", bella, "from premises to the branch"),
        ):
            answer = await sender.message(f"sip:{user}@{DOMAIN}", text)
            assert (answer.code, answer.phrase) == (202, "Accepted")
            await until(lambda receiver=receiver: receiver.messages, f"{user} has got it")
            (request,) = receiver.messages
            assert request.body.decode() == text
            assert f"<{sender.account.uri}>" in request.get("From")
            assert "X-Isthmus" not in bytes(request).decode()
        assert (await bella.message(f"sip:nobody-at-all@{DOMAIN}", "hello")).code == 404
        for each in (bella, bruno, far):
            await each.register(0)
    # What comes while no phone is there is there when it is back, at the branch, too.
    async with await branch.sites.phone("writes", "premises") as far:
        assert (await far.message(f"sip:bruno@{DOMAIN}", "for later")).code == 202
        async with await branch.phone("bruno", tone_hz=600) as bruno:
            await until(lambda: bruno.messages, "he has got it")
            assert [each.body for each in bruno.messages] == [b"for later"]
            await bruno.register(0)
        await far.register(0)


async def until(condition: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(wait_for, condition, SLOW_S, what)


def over(branch: Branch, *numbers: str) -> bool:
    """Whether the gateway has had calls to these numbers, and they are over there."""
    log = (branch.folder / "carrier.log").read_text()
    return all(f" to {number}: " in log for number in numbers)


def survey(branch: Branch) -> str:
    """What `isthmus site survivability` says."""
    env = {"ISTHMUS_SITES": str(branch.folder), "PATH": "/usr/bin:/bin", "NO_COLOR": "1", "COLUMNS": "200"}
    argv = [PROGRAM, "site", "survivability", "--site", branch.appliance.folder.name]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


async def test_phones_that_are_gone_keep_nobody_waiting_while_they_are_asked(branch: Branch):
    """200 of them take 20 s; one after the other by a worker for connections, it would be a quarter of an hour."""
    async with (
        await branch.phone("bella", "tcp", tone_hz=440) as phone,
        await branch.phone("bruno", "tcp", tone_hz=600) as other,
    ):
        there = await asyncio.to_thread(wait_for, lambda: held(branch, phone), 60, "the branch knows the phone")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind((branch.sites.loopback(), 0))
            silent.settimeout(30)
            flow = Flow("udp", *silent.getsockname()).uri
            gone = [Binding(f"sip:{number}@192.0.2.1", "c", 1, 2_000_000_000, received=flow) for number in range(200)]
            settled: list[int] = []
            answers = asyncio.create_task(asyncio.to_thread(asked, branch.file, [*gone, *there], settled))
            await asyncio.to_thread(silent.recv, 4096)  # it has begun
            call = await phone.dial(f"sip:bruno@{DOMAIN}")
            await phone.hears(call, 600)
            assert (await call.hang_up()).code == 200
            await other.registered()
            async with asyncio.timeout(150):
                assert await answers == [False] * len(gone) + [True] * len(there)
        assert settled == sorted(settled)
        assert settled[-1] == len(gone) + len(there)
        for each in (phone, other):
            await each.register(0)


def held(branch: Branch, phone: User) -> list[Binding]:
    """The binding of this very phone, as the branch has it."""
    found = registrar_of(branch.file).bindings(Aor.parse(phone.account.uri.removeprefix("sip:")))
    return [each for each in found if each.contact == phone.contact]


def asked(site: SiteFile, phones: list[Binding], settled: list[int]) -> list[bool]:
    """Which of the phones answer. settled: how far it was, each time."""
    under_way = asking.ask(site, phones)
    while True:
        try:
            settled.append(next(under_way))
        except StopIteration as end:
            return list(end.value)


async def test_the_branch_helps_itself_while_online_is_away(branch: Branch):
    """Known phones call each other, the PSTN and for help; and all is as before when online is back."""
    if not can_drop_packets():
        pytest.skip("dropping packets takes root and nft")
    online = branch.sites.address("online")
    with branch.sites.api(branch.file.site.name) as api:
        async with (
            await branch.phone("bella", tone_hz=440) as phone,
            await branch.phone("bruno", "tcp", tone_hz=600) as other,
        ):
            wait_for(lambda: len(api.get("/v1/branch")) == 2, 60, "the branch knows its people")
            # These very phones: of another test's it may know still.
            for each in (phone, other):
                await asyncio.to_thread(
                    wait_for, lambda each=each: held(branch, each), 60, "the branch knows its phones"
                )
            told = await asyncio.to_thread(survey, branch)
            assert "bella@contoso.example (+14255550201)" in told and "gateway" in told
            at_once, later = [await phone.dial(f"sip:{number}@{DOMAIN}") for number in _UNDER_WAY]
            await phone.hears(at_once, 440)  # what the gateway says back
            with Cut(branch.file.site.address, online) as link:
                link.drop()
                # What goes on here, goes on; and who hangs up, does, though the way of a BYE is by online: at once,
                # before anybody has noticed the cut, and later.
                await phone.hears(at_once, 440)
                assert (await at_once.hang_up()).code == 200
                call = await phone.dial(f"sip:bruno@{DOMAIN}")
                await phone.hears(call, 600)
                await call.hang_up()
                await calls_out(other)
                await branch.is_called(phone, BELLA)
                helped = await calls_out(phone, "911")
                await phone.registered()
                await other.registered()
                assert (await later.hang_up()).code == 200
                await asyncio.to_thread(
                    wait_for, lambda: over(branch, *_UNDER_WAY), 60, "the gateway knows of the ends"
                )
            await asyncio.to_thread(branch.appliance.becomes, state="healthy")
            await calls_out(phone)
            await branch.is_called(phone, BELLA)
            await phone.register(0)
            await other.register(0)
    with branch.sites.api("online") as api:
        name = branch.file.site.name

        def merged() -> list[str]:
            found = api.get("/v1/calls/records", site=name, limit=1000)
            return [each["callee"] for each in found if each["call_id"] == helped]

        assert wait_for(merged, 60, "what the branch recorded alone is at online") == ["sos.911"]


async def test_what_online_blocks_nobody_calls_and_nobody_is_called_by_with_online_away(branch: Branch):
    if not can_drop_packets():
        pytest.skip("dropping packets takes root and nft")
    closed, nuisance = "+12065559144", "+12065559145"
    blocks = [{"direction": "out", "what": f"{closed}$"}, {"direction": "in", "what": f"{nuisance}$"}]

    def known() -> bool:
        snapshot = LmdbSnapshot.open(branch.file.snapshot_dir)
        try:
            with snapshot.view() as view:
                return {each["what"] for each in blocks} <= {each.pattern for each in view.config.blocks}
        finally:
            snapshot.close()

    with branch.sites.api("online") as api:
        for block in blocks:
            api.post("/v1/blocks", block)
        try:
            async with await branch.phone("bella", tone_hz=440) as phone:
                await asyncio.to_thread(wait_for, known, 60, "the branch was told of the blocks")
                with Cut(branch.file.site.address, branch.sites.address("online")) as link:
                    link.drop()
                    await calls_out(phone)  # by now the branch knows that it is alone
                    assert await phone.refused(f"sip:{closed}@{DOMAIN}") == 403
                    words = ["call", nuisance, BELLA]
                    told = await asyncio.to_thread(lambda: list(order(load_carrier(branch.carrier_file), words)))
                    assert "603" in told[-1]
                await asyncio.to_thread(branch.appliance.becomes, state="healthy")
                await phone.register(0)
        finally:
            for block in blocks:
                api.post("/v1/blocks/remove", block)


async def test_a_call_that_is_up_ends_at_its_limit_with_online_away(branch: Branch):
    """One euro a second, and three for the day."""
    if not can_drop_packets():
        pytest.skip("dropping packets takes root and nft")
    auckland, cap = "+6495551234", {"kind": "country", "key": "NZ"}

    def limits() -> int:
        found = re.search(r"(\d+) of the day", survey(branch))
        return int(found[1]) if found else -1

    with branch.sites.api("online") as api:
        async with await branch.phone("bella", tone_hz=440) as phone:
            with branch.sites.api(branch.file.site.name) as here:
                await asyncio.to_thread(wait_for, lambda: here.get("/v1/branch"), 60, "the branch knows its phone")
            before = await asyncio.to_thread(limits)
            api.post("/v1/rates/import", {"csv": "prefix,name,price_per_minute,currency\n+64,Far away,60,EUR\n"})
            api.post("/v1/caps", cap | {"cost": "3", "ends": True})
            try:
                await asyncio.to_thread(wait_for, lambda: limits() > before, 180, "the branch was told of the limit")
                with Cut(branch.file.site.address, branch.sites.address("online")) as link:
                    link.drop()
                    await calls_out(phone)  # by now the branch knows that it is alone
                    call = await phone.dial(f"sip:{auckland}@{DOMAIN}", timeout_s=_PATIENCE_S)
                    answered = time.monotonic()
                    await call.until(lambda: call.ended, "the end of the call", 60)
                    assert time.monotonic() - answered > 1.5  # the third second costs after two
                    await asyncio.to_thread(wait_for, lambda: over(branch, auckland), 60, "the gateway knows of it")
                    assert await phone.refused(f"sip:{auckland}@{DOMAIN}", timeout_s=_PATIENCE_S) == 403
                    await calls_out(phone)  # to another country
                await asyncio.to_thread(branch.appliance.becomes, state="healthy")
                await phone.register(0)
            finally:
                api.post("/v1/caps/remove", cap)
                api.post("/v1/rates/import", {"csv": "prefix,name,price_per_minute,currency\n"})


def said(branch: Branch, method: str, target: str, *headers: str) -> int:
    """The answer to what somebody sends who has taken the connector's machine over."""
    site = branch.file
    with socket.create_connection((site.site.internal_address, internal.link_out_port(0)), timeout=10) as connection:
        token = uuid.uuid4().hex
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/TCP {site.site.address}:5062;branch=z9hG4bK{token}",
            f"Call-ID: {token}",
            f"CSeq: 1 {method}",
            "Max-Forwards: 70",
            f"To: <{target}>",
            f"Contact: <sip:x@{site.site.address}:5060>",
            "Content-Length: 0",
            *headers,
        ]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while True:
            status = connection.recv(65536).split(b"\r\n")[0]
            if (code := int(status.split()[1])) >= 200:
                return code


async def test_a_connector_that_was_taken_over_speaks_for_nobody(branch: Branch):
    with branch.sites.api("premises") as api:
        api.post("/v1/tenants", {"name": "fabrikam"})
        api.post("/v1/domains", {"name": "fabrikam.example"}, tenant="fabrikam")
        api.post("/v1/domains/fabrikam.example/approve", tenant="fabrikam")
        rows = [{"aor": "mia@fabrikam.example", "home": "online", "password": "x y z", "number": "+14255550250"}]
        assert not api.post("/v1/people/import", {"rows": rows})["errors"]
    with branch.sites.api("online") as api:
        wait_for(lambda: api.get("/v1/people/mia@fabrikam.example"), 60, "online knows her")
        wait_for(lambda: api.get("/v1/snapshot")["current"], 60, "calls know her")
    bella, mia = f"sip:bella@{DOMAIN}", "sip:mia@fabrikam.example"
    own = ("From: <sip:bella@contoso.example>;tag=1", "P-Asserted-Identity: <sip:bella@contoso.example>")
    epoch = "X-Isthmus-Epoch: 9999"
    from_pstn = ("From: <sip:+12065550199@192.0.2.1>;tag=1", "X-Isthmus-Trunk: gateway")
    assert said(branch, "INVITE", f"sip:bruno@{DOMAIN}", *own, epoch) == 407
    assert said(branch, "INVITE", f"sip:+12065550123@{DOMAIN}", *own) == 407
    assert said(branch, "INVITE", mia, *from_pstn) == 404
    assert said(branch, "INVITE", f"sip:+14255550250@{DOMAIN}", *from_pstn) == 404
    assert said(branch, "INVITE", f"sip:+12065550123@{DOMAIN}", *from_pstn) == 404  # the PSTN by way of us
    assert said(branch, "INVITE", mia, "From: <sip:mia@fabrikam.example>;tag=1") == 403
    assert said(branch, "REGISTER", bella, own[0], "Path: <sip:evil.example;lr>") == 401
    assert said(branch, "REGISTER", mia, "From: <sip:mia@fabrikam.example>;tag=1") == 403
    route = f"Route: <sip:x;lr;received=sip:{branch.file.site.address}>"
    assert said(branch, "INVITE", f"sip:bruno@{DOMAIN}", *own, route) == 407
