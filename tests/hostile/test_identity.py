"""Who calls is what the site proved, never what anybody wrote: no spoofed name reaches a phone or another site."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from isthmus.useragent.message import Request, Response, StreamReader, parse, response_to
from tests.agents.raw import User
from tests.hostile.sites import OURS, THEIRS, WATCHED, EdgeSites, password
from tests.hostile.stranger import Draft, Stranger, credentials, quiet
from tests.hostile.test_relay import call_up

pytestmark = pytest.mark.engine

EVIL = "sip:ceo@contoso.example"
# Every way to write what is not the writer's to say: case, folding, blanks before the colon, twice, in a list.
FORGED: tuple[str | bytes, ...] = (
    f"P-Asserted-Identity: <{EVIL}>",
    f"p-asserted-identity : <{EVIL}>",
    f"P-ASSERTED-IDENTITY\t:\r\n <{EVIL}>",
    f'P-Asserted-Identity: "The CEO" <{EVIL}>, <tel:+14255559999>',
    f"P-Preferred-Identity: <{EVIL}>",
    f"p-preferred-identity :\r\n\t<{EVIL}>",
    f"Remote-Party-ID: <{EVIL}>;party=calling;screen=yes",
    f"REMOTE-PARTY-ID : <{EVIL}>;screen=yes",
    "X-Isthmus-Epoch: 99",
    "x-isthmus-epoch : 99",
    "X-ISTHMUS-EPOCH\t:\r\n 99",
    "X-Isthmus-Direct: 1",
    "x-IsThMuS-dIrEcT : 1",
    "X-Isthmus-Control: 0000",
    "X-Isthmus-Seal: 1",
)
_LEAK = re.compile(
    rb"ceo@|14255559999|p-preferred-identity|remote-party-id|x-isthmus-(?:control|direct|seal)|authorization", re.I
)


def assert_clean(data: bytes, *, epoch: bytes = b"") -> None:
    """Nothing of FORGED stands in a message, and no epoch but the site's own."""
    assert not _LEAK.search(data), data.decode(errors="replace")
    assert re.findall(rb"(?im)^x-isthmus-epoch[ \t]*:\s*(\S*)", data) == ([epoch] if epoch else [])


class OtherSite:
    """The peer `watched`, played by the test: with a certificate of its own it takes what premises hands over."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep every message and answer it 480."""
        cutter = StreamReader()
        while data := await reader.read(65536):
            for whole in cutter.feed(data):
                self.received.append(whole)
                request = parse(whole)
                if isinstance(request, Request) and request.method != "ACK":
                    writer.write(bytes(response_to(request, 480, "Temporarily Unavailable", to_tag="w")))
        writer.close()


@asynccontextmanager
async def other_site(sites: EdgeSites) -> AsyncIterator[OtherSite]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sites.certificate(f"{WATCHED}.contoso.example", sites.watched))
    other = OtherSite()
    server = await asyncio.start_server(other.take, sites.watched, 5062, ssl=context)
    try:
        yield other
    finally:
        server.close()


@asynccontextmanager
async def callee(sites: EdgeSites, user: str, at: str) -> AsyncIterator[User]:
    async with await sites.phone(user, at) as phone:
        yield phone
        await phone.register(0)


@pytest.mark.parametrize("user", ["bob", "carol"])
@pytest.mark.parametrize("transport", ["udp", "ws"])
async def test_a_phone_cannot_say_who_it_is(edge_sites: EdgeSites, user: str, transport: str) -> None:
    home = "premises" if user == "bob" else "online"
    async with callee(edge_sites, user, home) as bob, await Stranger.open(edge_sites, transport) as alice:
        for forged in FORGED:
            for method in ("MESSAGE", "INVITE"):
                headers = [forged, f"Contact: <sip:alice@{alice.address}>"]
                draft = Draft(method, f"sip:{user}@{OURS}", f"sip:alice@{OURS}", headers=headers)
                assert (await alice.signed(draft, "alice")).code == 200, f"{method} with {forged!r}"
        requests = [*bob.received_requests("MESSAGE"), *bob.received_requests("INVITE")]
        assert len(requests) >= 2 * len(FORGED)
        for request in requests:
            assert_clean(bytes(request))
            assert [value for name, value in request.headers if name.lower() == "p-asserted-identity"] == [
                '"Alice" <sip:alice@contoso.example>',
                "<tel:+14255550101>",
            ]


async def test_nothing_forged_reaches_another_site(edge_sites: EdgeSites) -> None:
    async with other_site(edge_sites) as other, await Stranger.open(edge_sites) as phone:
        for forged in FORGED:
            for method, user, target in (
                ("MESSAGE", "alice", f"sip:frank@{OURS}"),
                ("INVITE", "alice", f"sip:frank@{OURS}"),
                ("REGISTER", "frank", f"sip:{OURS}"),
            ):
                headers = [forged, f"Contact: <sip:{user}@{phone.address}>"]
                to = target if user == "alice" else f"sip:frank@{OURS}"
                draft = Draft(method, target, f"sip:{user}@{OURS}", to, headers=headers)
                assert (await phone.signed(draft, user)).code == 480, f"{method} with {forged!r}"
        requests = [data for data in other.received if not data.startswith(b"ACK")]
        assert len(requests) >= 3 * len(FORGED)
        for data in requests:
            assert_clean(data, epoch=b"1")


@pytest.mark.parametrize("method", ["MESSAGE", "INVITE", "REGISTER"])
async def test_a_stranger_gets_a_challenge_whatever_it_asserts(edge_sites: EdgeSites, method: str) -> None:
    async with callee(edge_sites, "bob", "premises") as bob, await Stranger.open(edge_sites) as stranger:
        for forged in FORGED:
            draft = Draft(method, f"sip:bob@{OURS}", EVIL, headers=[forged, f"Contact: <sip:x@{stranger.address}>"])
            assert (await stranger.ask(draft)).code in (401, 407)
        assert not bob.received_requests(method)


@pytest.mark.parametrize(
    "sender",
    [
        f"sip:bob@{OURS}",
        f"sip:nobody@{OURS}",
        f"sip:alice@{THEIRS}",
        "sip:alice@elsewhere.example",
        "tel:+14255550102",
        f"sip:bob@{OURS}@{OURS}",
        f"sip:%62ob@{OURS}",
        f"sip:alice@{OURS}.evil.example",
        "sip:bob@anonymous.invalid.evil.example",
    ],
)
async def test_a_phone_cannot_call_as_somebody_else(edge_sites: EdgeSites, sender: str) -> None:
    async with callee(edge_sites, "bob", "premises") as bob, await Stranger.open(edge_sites) as alice:
        for method in ("MESSAGE", "INVITE"):
            draft = Draft(method, f"sip:bob@{OURS}", sender, headers=[f"Contact: <sip:alice@{alice.address}>"])
            assert (await alice.signed(draft, "alice")).code in (400, 403, 407)
        await quiet(edge_sites)
        assert not bob.received_requests("MESSAGE")
        assert not bob.received_requests("INVITE")


@pytest.mark.parametrize("second", ["From", "f", "FROM ", "from\t"])
@pytest.mark.parametrize("first", [False, True])
async def test_of_two_froms_none_is_delivered(edge_sites: EdgeSites, second: str, first: bool) -> None:
    """One would be checked, and the phone at the other end might show the other."""
    async with callee(edge_sites, "bob", "premises") as bob, await Stranger.open(edge_sites) as alice:
        own, forged = f"<sip:alice@{OURS}>;tag=1", f"<{EVIL}>;tag=1"
        draft = Draft("MESSAGE", f"sip:bob@{OURS}", f"sip:alice@{OURS}")
        challenge = await alice.ask(draft)
        draft.cseq, draft.replaced = 2, {"From": forged if first else own}
        draft.headers = [f"{second}: {own if first else forged}"]
        alice.send(draft, [credentials(challenge, draft, "alice", password("alice"))])
        await quiet(edge_sites)
        assert not bob.received_requests("MESSAGE")
        assert not [message for message in alice.received if isinstance(message, Response) and message.code < 300]


async def test_a_request_within_a_call_asserts_nothing(edge_sites: EdgeSites) -> None:
    """Through both sites, by the call's own routes: it arrives, and is clean."""
    async with call_up(edge_sites) as (alice, carol, draft, routes):
        async with await Stranger.open(edge_sites, address=alice.wire.local.host) as hand:
            for number, forged in enumerate(FORGED):
                draft.cseq += 1
                draft.headers = [*routes, forged, f"Contact: <sip:alice@{hand.address}>"]
                hand.send(draft)
                await carol.changes.until(lambda n=number: len(carol.received_requests("INFO")) > n, "the INFO", 15)
        for request in carol.received_requests("INFO"):
            assert_clean(bytes(request))
            assert not request.get("P-Asserted-Identity")


async def test_privacy_hides_the_caller_from_the_phone_called(edge_sites: EdgeSites) -> None:
    async with callee(edge_sites, "carol", "online") as carol, await Stranger.open(edge_sites) as alice:
        headers = ["Privacy: id", f"Contact: <sip:anonymous@{alice.address}>"]
        draft = Draft("INVITE", f"sip:carol@{OURS}", "sip:anonymous@anonymous.invalid", headers=headers)
        draft.replaced = {"From": '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a'}
        assert (await alice.signed(draft, "alice")).code == 200
        assert b"alice" not in bytes(carol.received_requests("INVITE")[0]).lower()


async def test_a_gateway_is_a_number_or_nobody(edge_sites: EdgeSites) -> None:
    async with (
        callee(edge_sites, "bob", "premises") as bob,
        await Stranger.open(edge_sites, address=edge_sites.carrier) as carrier,
    ):
        for forged in FORGED:
            headers = [forged, f"Contact: <sip:gw@{carrier.address}>"]
            draft = Draft("INVITE", f"sip:+14255550102@{OURS}", f"sip:+12065550123@{carrier.address}", headers=headers)
            assert (await carrier.ask(draft)).code == 200
        for request in bob.received_requests("INVITE"):
            assert_clean(bytes(request))
            assert request.all("P-Asserted-Identity") == ["<tel:+12065550123>"]


@pytest.mark.parametrize("sender", [f"sip:alice@{OURS}", f"sip:mallory@{THEIRS}", "sip:+14255550101@contoso.example"])
async def test_a_gateway_cannot_call_as_one_of_our_people(edge_sites: EdgeSites, sender: str) -> None:
    """Neither by name nor by a number that is one of theirs (which only the site itself may vouch for)."""
    async with (
        callee(edge_sites, "bob", "premises") as bob,
        await Stranger.open(edge_sites, address=edge_sites.carrier) as carrier,
    ):
        draft = Draft("INVITE", f"sip:+14255550102@{OURS}", sender, headers=[f"Contact: <sip:gw@{carrier.address}>"])
        answer = await carrier.ask(draft)
        for request in bob.received_requests("INVITE"):
            assert f"{OURS}>" not in request.get("From")
            assert f"{THEIRS}>" not in request.get("From")
            assert "0101" not in request.get("P-Asserted-Identity")
        assert answer.code in (200, 403)


async def test_a_gateway_does_not_register_nor_come_back_to_the_pstn(edge_sites: EdgeSites) -> None:
    async with await Stranger.open(edge_sites, address=edge_sites.carrier) as carrier:
        contact = [f"Contact: <sip:gw@{carrier.address}>"]
        register = Draft("REGISTER", f"sip:{OURS}", f"sip:alice@{OURS}", f"sip:alice@{OURS}", headers=contact)
        assert (await carrier.ask(register)).code == 403
        outward = Draft("INVITE", f"sip:+442079460000@{OURS}", f"sip:+12065550123@{carrier.address}", headers=contact)
        assert (await carrier.ask(outward)).code == 404
        assert not carrier.requests()


async def test_an_answer_cannot_assert_an_identity(edge_sites: EdgeSites) -> None:
    """The called phone writes the forged headers into its 200."""
    async with await Stranger.open(edge_sites) as bob, await Stranger.open(edge_sites) as alice:
        own = f"sip:bob@{OURS}"
        register = Draft("REGISTER", f"sip:{OURS}", own, own, headers=[f"Contact: <sip:bob@{bob.address}>"])
        assert (await bob.signed(register, "bob")).code == 200
        challenge = await alice.ask(invite := Draft("INVITE", own, f"sip:alice@{OURS}"))
        invite.cseq, invite.headers = 2, [f"Contact: <sip:alice@{alice.address}>"]
        alice.send(invite, [credentials(challenge, invite, "alice", "secret-of-alice")])
        await bob.until(bob.requests, "the INVITE")
        answer = bytes(response_to(bob.requests()[0], 200, "OK", to_tag="b"))
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = [
            head,
            b"Contact: <%s>" % own.encode(),
            *(line.encode() for line in FORGED[:8] if isinstance(line, str)),
        ]
        bob.send_bytes(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        final = await alice.final(invite.call_id, 2)
        assert final.code == 200
        assert_clean(bytes(final))
        register.cseq, register.call_id, register.headers = 1, "gone", ["Contact: *", "Expires: 0"]
        assert (await bob.signed(register, "bob")).code == 200
