"""What Kamailio's workers tell of real phones and calls, and that nobody waits where nobody listens."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.activity.feed import Feed
from isthmus.activity.model import Event, Kind
from isthmus.site import internal
from tests.agents.raw import BUSY, User
from tests.hostile.sites import OURS, EdgeSites, launch
from tests.hostile.stranger import Draft, Stranger
from tests.support import Loopback, Processes, wait_for

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def edge_sites(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[EdgeSites]:
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    try:
        yield launch(folder, loopback, processes)
    finally:
        processes.close()


@pytest.fixture
def told(edge_sites: EdgeSites) -> Iterator[list[Event]]:
    """What the workers of premises tell, as it comes in."""
    events: list[Event] = []
    feed = Feed(internal.activity_socket(edge_sites.files["premises"]), events.append)
    feed.start()
    yield events
    feed.stop()


def _of(events: list[Event], account: str) -> list[Event]:
    calls = {event.call_id for event in events if event.account == account and event.call_id}
    told = [event for event in events if event.kind not in (Kind.BOUND, Kind.UNBOUND)]
    return [event for event in told if event.account == account or event.call_id in calls]


async def _carrier(edge_sites: EdgeSites) -> User:
    return await User.open(f"sip:carrier@{edge_sites.carrier}", edge_sites.carrier, port=5060, media=False)


async def test_a_registration_and_a_call_to_the_pstn(edge_sites: EdgeSites, told: list[Event]):
    async with await _carrier(edge_sites), await edge_sites.phone("alice") as alice:
        call = await alice.dial(f"sip:+12065550123@{OURS}")
        assert (await call.hang_up()).code == 200
        wait_for(lambda: [event for event in told if event.kind is Kind.ENDED], 60, "the end of the call")

    registered, began, answered, ended = _of(told, f"alice@{OURS}")[:4]
    here = alice.wire.local.host
    assert (registered.kind, registered.address) == (Kind.REGISTER, here)
    assert registered.client == "Isthmus test agent"
    assert (began.kind, began.number, began.own_number) == (Kind.CALL, "+12065550123", "+14255550101")
    assert (began.address, began.client) == (here, "Isthmus test agent")
    assert (answered.kind, ended.kind) == (Kind.ANSWERED, Kind.ENDED)
    assert began.at <= answered.at <= ended.at
    assert abs(began.at - time.time()) < 30


async def test_a_phone_that_refreshes_is_told_of_once_an_hour(edge_sites: EdgeSites, told: list[Event]):
    async with await edge_sites.phone("bob", transport="tcp") as bob:
        for _ in range(5):
            await bob.registered(60)
        wait_for(lambda: _of(told, f"bob@{OURS}"), 60, "the registration")

    # Each worker remembers for itself; a TCP connection stays with one.
    assert len(_of(told, f"bob@{OURS}")) == 1


async def test_each_change_of_a_binding_is_told_once_it_is_there(edge_sites: EdgeSites, told: list[Event]):
    """A refresh as well: the phone may have been away, and be back."""

    def changes() -> list[tuple[Kind, str]]:
        kinds = (Kind.BOUND, Kind.UNBOUND)
        return [(each.kind, each.edge) for each in told if each.kind in kinds and each.account == f"erin@{OURS}"]

    async with await edge_sites.phone("erin", transport="tcp") as erin:
        await erin.registered(60)
        await erin.registered(0)
        wait_for(lambda: len(changes()) >= 3, 60, "made, refreshed, removed")
        assert changes() == [(Kind.BOUND, "tcp"), (Kind.BOUND, "tcp"), (Kind.UNBOUND, "")]


async def test_a_binding_whose_connection_is_gone_is_told_of(edge_sites: EdgeSites, told: list[Event]):
    def is_told(kind: Kind) -> bool:
        return any(each.kind is kind and each.account == f"erin@{OURS}" for each in told)

    async with await edge_sites.phone("erin", transport="tcp"):
        wait_for(lambda: is_told(Kind.BOUND), 60, "it is made")
    wait_for(lambda: is_told(Kind.UNBOUND), 60, "it is gone")


async def test_calls_that_come_to_nothing_end_and_calls_inside_are_not_told(edge_sites: EdgeSites, told: list[Event]):
    async with await _carrier(edge_sites) as carrier, await edge_sites.phone("alice") as alice:
        carrier.rule = BUSY
        assert await alice.refused(f"sip:+12065550124@{OURS}") == 486
        assert await alice.refused(f"sip:erin@{OURS}") == 480
        wait_for(lambda: [event for event in told if event.kind is Kind.ENDED], 60, "the end of the call")

    kinds = [event.kind for event in _of(told, f"alice@{OURS}") if event.kind is not Kind.REGISTER]
    assert kinds == [Kind.CALL, Kind.ENDED]


async def test_wrong_passwords_are_told_with_the_address_only_where_that_is_proved(
    edge_sites: EdgeSites, told: list[Event]
):
    own = f"sip:gina@{OURS}"
    async with await Stranger.open(edge_sites) as stranger:
        contact = [f"Contact: <sip:gina@{stranger.address}>"]
        await stranger.signed(Draft("REGISTER", f"sip:{OURS}", own, own, headers=contact), "gina", secret="guess")
        nobody = f"sip:nobody@{OURS}"
        await stranger.signed(Draft("REGISTER", f"sip:{OURS}", nobody, nobody, headers=contact), "nobody", secret="x")
        forged = (
            f'Authorization: Digest username="gina", realm="{OURS}", nonce="made-up", uri="sip:{OURS}", '
            f'response="{"0" * 64}", algorithm=SHA-256'
        )
        await stranger.ask(Draft("REGISTER", f"sip:{OURS}", own, own, headers=contact), [forged])
        wait_for(lambda: len([event for event in told if event.kind is Kind.REFUSED]) >= 3, 60, "the refusals")

    here = stranger.address.rpartition(":")[0]
    refused = [(event.account, event.known, event.address) for event in told if event.kind is Kind.REFUSED]
    assert refused == [
        (f"gina@{OURS}", True, here),
        (f"nobody@{OURS}", False, here),
        (f"gina@{OURS}", True, ""),
    ]


async def test_nobody_waits_where_nobody_listens_and_what_was_lost_is_counted(edge_sites: EdgeSites):
    path = internal.activity_socket(edge_sites.files["premises"])
    assert not path.exists()
    async with await _carrier(edge_sites), await edge_sites.phone("alice", transport="tcp") as alice:
        call = await alice.dial(f"sip:+12065550125@{OURS}")
        assert (await call.hang_up()).code == 200

        events: list[Event] = []
        feed = Feed(path, events.append)
        feed.start()
        try:
            until = time.monotonic() + 10
            while not any(event.kind is Kind.CALL for event in events) and time.monotonic() < until:
                call = await alice.dial(f"sip:+12065550126@{OURS}")  # a worker looks for the socket once a second
                assert (await call.hang_up()).code == 200
        finally:
            feed.stop()
    assert feed.dropped >= 2


async def test_a_reader_that_stands_still_holds_up_no_call(edge_sites: EdgeSites):
    """The queue of a worker fills up; calls go on as quickly as ever."""
    path: Path = internal.activity_socket(edge_sites.files["premises"])
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(path))
        listener.listen(64)
        async with await Stranger.open(edge_sites) as stranger:
            own = f"sip:x@{OURS}"
            for number in range(600):  # each name is another account: none is refused before it is looked at
                draft = Draft("REGISTER", f"sip:{OURS}", own, own, headers=[f"Contact: <sip:x@{stranger.address}>"])
                line = (
                    f'Authorization: Digest username="u{number}", realm="{OURS}", nonce="n", uri="sip:{OURS}", '
                    f'response="{"0" * 64}", algorithm=SHA-256'
                )
                assert (await stranger.ask(draft, [line])).code == 401
        async with await _carrier(edge_sites), await edge_sites.phone("alice") as alice:
            began = time.monotonic()
            call = await alice.dial(f"sip:+12065550127@{OURS}")
            assert (await call.hang_up()).code == 200
            assert time.monotonic() - began < 15
    path.unlink()
