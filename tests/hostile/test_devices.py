"""What a device's credential opens, and what not: its person's address alone, by its own secrets, while they are good."""

from __future__ import annotations

import asyncio
import time

import pytest

from isthmus.activity.feed import Feed
from isthmus.activity.model import Event, Kind
from isthmus.engines.kamailio.config import WORKERS
from isthmus.site import internal
from isthmus.useragent.message import Response
from tests.hostile.sites import NO_DEVICE, OURS, THEIRS, EdgeSites, password
from tests.hostile.stranger import Draft, Stranger, credentials
from tests.support import wait_for

pytestmark = pytest.mark.engine

DESK, SHA256_ONLY, ROTATED, OVER = (f"dev{digit * 10}" for digit in "0123")


def register(stranger: Stranger, user: str = "bob", domain: str = OURS) -> Draft:
    own = f"sip:{user}@{domain}"
    return Draft("REGISTER", f"sip:{domain}", own, own, headers=[f"Contact: <sip:{user}@{stranger.address}>"])


async def answered(stranger: Stranger, draft: Draft, name: str, secret: str, algorithm: str = "SHA-256") -> Response:
    """The answer to a request that is signed with this user name and secret by this algorithm."""
    challenge = await stranger.ask(draft)
    kept = [(k, v) for k, v in challenge.headers if "uthenticate" not in k or f"algorithm={algorithm}," in v]
    draft.cseq += 1
    return await stranger.ask(draft, [credentials(Response(tuple(kept), b"", challenge.code, ""), draft, name, secret)])


@pytest.mark.parametrize(("at", "algorithm"), [("premises", "SHA-256"), ("premises", "MD5"), ("online", "SHA-256")])
async def test_a_device_registers_its_persons_address_at_either_site(
    edge_sites: EdgeSites, algorithm: str, at: str
) -> None:
    async with await Stranger.open(edge_sites, at=at) as stranger:
        answer = await answered(stranger, register(stranger), DESK, password(DESK), algorithm)
        assert answer.code == 200
        (binding,) = edge_sites.bindings("bob")
        assert binding.device == (DESK, 1)


@pytest.mark.parametrize("name", [DESK, "bob"])
async def test_a_site_without_md5_does_not_offer_it_and_takes_no_answer_by_it(edge_sites: EdgeSites, name: str) -> None:
    async with await Stranger.open(edge_sites, at="online") as stranger:
        draft = register(stranger)
        challenge = await stranger.ask(draft)
        assert [value for key, value in challenge.headers if "uthenticate" in key and "MD5" in value] == []
        made_up = [(key, value.replace("SHA-256", "MD5")) for key, value in challenge.headers]
        draft.cseq += 1
        answer = credentials(Response(tuple(made_up), b"", challenge.code, ""), draft, name, password(name))
        assert (await stranger.ask(draft, [answer])).code == 401


async def test_a_phone_may_write_the_user_name_in_capitals_if_it_digests_what_it_writes(edge_sites: EdgeSites) -> None:
    """The name is found in any case; the digest is over what the phone wrote, and so has to be over the real one."""
    async with await Stranger.open(edge_sites) as stranger:
        assert (await answered(stranger, register(stranger), DESK.upper(), password(DESK))).code == 401


@pytest.mark.parametrize("user", ["alice", "carol", DESK, "nobody"])
async def test_it_registers_nobody_else(edge_sites: EdgeSites, user: str) -> None:
    async with await Stranger.open(edge_sites) as stranger:
        answer = await answered(stranger, register(stranger, user), DESK, password(DESK))
        assert (answer.code, answer.phrase) == (403, "Not Your Address")


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "OPTIONS"])
async def test_it_sends_as_nobody_else(edge_sites: EdgeSites, method: str) -> None:
    async with await Stranger.open(edge_sites) as stranger:
        for sender in (f"sip:alice@{OURS}", f"sip:{DESK}@{OURS}"):
            draft = Draft(method, f"sip:carol@{OURS}", sender, headers=[f"Contact: <sip:x@{stranger.address}>"])
            answer = await answered(stranger, draft, DESK, password(DESK))
            assert (answer.code, answer.phrase) == (403, "From Is Not You")


async def test_it_is_none_of_another_domains(edge_sites: EdgeSites) -> None:
    async with await Stranger.open(edge_sites) as stranger:
        assert (await answered(stranger, register(stranger, "bob", THEIRS), DESK, password(DESK))).code == 401


@pytest.mark.parametrize(
    ("name", "secret", "algorithm", "code"),
    [
        (SHA256_ONLY, SHA256_ONLY, "SHA-256", 200),
        (SHA256_ONLY, SHA256_ONLY, "MD5", 401),
        (ROTATED, ROTATED, "SHA-256", 200),
        (ROTATED, ROTATED, "MD5", 200),
        (ROTATED, f"{ROTATED}-former", "SHA-256", 200),
        (ROTATED, f"{ROTATED}-former", "MD5", 200),
        (OVER, OVER, "SHA-256", 200),
        (OVER, f"{OVER}-former", "SHA-256", 401),
        (OVER, f"{OVER}-former", "MD5", 401),
        (DESK, "bob", "SHA-256", 401),
        ("bob", DESK, "SHA-256", 401),
        ("dev4444444444", "dev4444444444", "SHA-256", 401),  # of somebody who is disabled
        (NO_DEVICE, NO_DEVICE, "SHA-256", 401),
        ("bob", "bob", "SHA-256", 200),  # a person's own credential
    ],
)
async def test_which_secret_opens_what(
    edge_sites: EdgeSites, name: str, secret: str, algorithm: str, code: int
) -> None:
    async with await Stranger.open(edge_sites) as stranger:
        user = "nora" if name == "dev4444444444" else "bob"
        answer = await answered(stranger, register(stranger, user), name, password(secret), algorithm)
        assert answer.code == code


@pytest.mark.parametrize(("secret", "generation"), [(ROTATED, 2), (f"{ROTATED}-former", 1)])
async def test_a_registration_tells_which_of_two_secrets_it_was_made_with(
    edge_sites: EdgeSites, secret: str, generation: int
) -> None:
    async with await Stranger.open(edge_sites) as stranger:
        assert (await answered(stranger, register(stranger), ROTATED, password(secret))).code == 200
        assert edge_sites.bindings("bob")[0].device == (ROTATED, generation)


async def test_nothing_that_a_phone_writes_makes_its_registration_another_devices(edge_sites: EdgeSites) -> None:
    async with await Stranger.open(edge_sites) as stranger:
        draft = register(stranger)
        draft.headers = [f"Contact: <sip:bob@{stranger.address};device={DESK}.1>;device={DESK}.1"]
        assert (await answered(stranger, draft, "bob", password("bob"))).code == 200
        (binding,) = edge_sites.bindings("bob")
        assert binding.device is None


async def test_guessing_a_devices_password_is_stopped_as_for_people(edge_sites: EdgeSites) -> None:
    codes = set()
    most = edge_sites.files["premises"].protection.failed_logins_per_minute
    for name in (DESK, NO_DEVICE, "bob"):
        async with await Stranger.open(edge_sites) as stranger:
            answers = [await answered(stranger, register(stranger), name, "wrong") for _ in range(most + 1)]
            codes.add(tuple(answer.code for answer in answers))
            assert (await answered(stranger, register(stranger), name, password(name))).code == 403
    assert len(codes) == 1
    assert codes.pop()[-1] == 403


async def test_where_a_device_is_used_is_told_once_a_minute_and_at_each_new_place(edge_sites: EdgeSites) -> None:
    """By each worker, which know nothing of one another. While nobody listens no phone waits."""
    told: list[Event] = []
    feed = Feed(internal.activity_socket(edge_sites.files["premises"]), told.append)
    for _ in range(20):
        await _used(edge_sites, times=1)
    feed.start()
    try:
        # A worker that found nobody looks again after a second.
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            await _used(edge_sites, times=1)
            await asyncio.sleep(0.05)
        places = {await _used(edge_sites, times=25) for _ in range(8)}
        wait_for(lambda: {event.address for event in _uses(told)} >= places, 60, "the places")
    finally:
        feed.stop()
    assert {(event.device, event.edge, event.client) for event in _uses(told)} == {(f"{DESK}.1", "udp", "")}
    for place in places:
        assert sum(event.address == place for event in _uses(told)) <= WORKERS


def _uses(told: list[Event]) -> list[Event]:
    return [event for event in told if event.kind is Kind.DEVICE]


async def _used(sites: EdgeSites, times: int) -> str:
    """A device asks for something from a new address, which is given."""
    async with await Stranger.open(sites) as stranger:
        for _ in range(times):
            draft = Draft("OPTIONS", f"sip:nobody@{OURS}", f"sip:bob@{OURS}")
            assert (await answered(stranger, draft, DESK, password(DESK))).code == 404
        return stranger.address.rpartition(":")[0]


@pytest.mark.parametrize("transport", ["udp", "tls", "ws"])
async def test_a_network_that_a_site_is_closed_to_is_refused_with_the_right_secret_too(
    edge_sites: EdgeSites, transport: str
) -> None:
    async with await Stranger.open(edge_sites, transport, at="online", address=edge_sites.blocked) as stranger:
        answer = await stranger.ask(register(stranger))
        assert (answer.code, answer.phrase) == (403, "Blocked")
        # It could be an emergency call, which nothing keeps anybody from: who calls has to be known first.
        answer = await answered(stranger, Draft("INVITE", f"sip:carol@{OURS}", f"sip:bob@{OURS}"), DESK, password(DESK))
        assert (answer.code, answer.phrase) == (403, "Blocked")
    async with await Stranger.open(edge_sites, at="premises", address=edge_sites.blocked) as stranger:
        assert (await answered(stranger, register(stranger), DESK, password(DESK))).code == 200
