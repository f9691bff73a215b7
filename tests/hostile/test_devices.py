"""What a device's credential opens, and what not: its person's address alone, by its own secrets, while they are good."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from isthmus.devices.hearing import use_of
from isthmus.devices.model import Use
from isthmus.site import internal
from isthmus.useragent.message import Response
from tests.hostile.sites import NO_DEVICE, OURS, THEIRS, EdgeSites, password
from tests.hostile.stranger import Draft, Stranger, credentials

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


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
@pytest.mark.parametrize("at", ["premises", "online"])
async def test_a_device_registers_its_persons_address_at_either_site(
    edge_sites: EdgeSites, algorithm: str, at: str
) -> None:
    async with await Stranger.open(edge_sites, at=at) as stranger:
        answer = await answered(stranger, register(stranger), DESK, password(DESK), algorithm)
        assert answer.code == 200
        (binding,) = edge_sites.bindings("bob")
        assert binding.device == (DESK, 1)


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


@pytest.fixture
def ear(edge_sites: EdgeSites) -> Iterator[Callable[[], socket.socket]]:
    """Stands in for the control service, which these sites have none of: makes the socket at which it hears of devices."""
    path = internal.sightings_socket(edge_sites.files["premises"])
    made: list[socket.socket] = []

    def make() -> socket.socket:
        path.unlink(missing_ok=True)
        made.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        made[-1].bind(str(path))
        made[-1].setblocking(False)
        return made[-1]

    yield make
    for each in made:
        each.close()
    path.unlink(missing_ok=True)


def heard(ear: socket.socket) -> list[Use]:
    """All that was told and not read yet."""
    found = []
    with suppress(BlockingIOError):
        while use := use_of(ear.recv(4096)):
            found.append(use)
    return found


async def used(sites: EdgeSites) -> str:
    """A device asks for something from a new address, which is given."""
    async with await Stranger.open(sites) as stranger:
        draft = Draft("OPTIONS", f"sip:nobody@{OURS}", f"sip:bob@{OURS}")
        assert (await answered(stranger, draft, DESK, password(DESK))).code == 404
        return stranger.address.rpartition(":")[0]


async def test_a_control_service_that_does_not_read_keeps_no_phone_waiting_and_is_told_later(
    edge_sites: EdgeSites, ear: Callable[[], socket.socket]
) -> None:
    """What does not fit into its queue goes with the next that does."""
    deaf, queue = ear(), int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    begun = time.monotonic()
    addresses = {await used(edge_sites) for _ in range(queue + 70)}
    assert time.monotonic() - begun < 20
    found = {use.address for use in heard(deaf)}
    assert not addresses <= found
    await _told(edge_sites, deaf, addresses - found)


async def test_a_control_service_that_is_started_anew_is_told_what_happened_meanwhile(
    edge_sites: EdgeSites, ear: Callable[[], socket.socket]
) -> None:
    first = ear()
    await _told(edge_sites, first, {await used(edge_sites)})
    first.close()
    await _told(edge_sites, ear(), {await used(edge_sites) for _ in range(20)})


async def _told(sites: EdgeSites, listening: socket.socket, addresses: set[str]) -> None:
    """Wait until all of these were told, while devices go on: a worker looks for the socket once a second at most."""
    found: set[str] = set()
    until = time.monotonic() + 10
    while not addresses <= found:
        assert time.monotonic() < until, f"{len(addresses - found)} of {len(addresses)} were not told"
        await used(sites)
        found |= {use.address for use in heard(listening)}
        await asyncio.sleep(0.02)
