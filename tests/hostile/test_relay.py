"""An open relay is what a proxy must never be: nothing that anybody makes up leads to an address of their choice."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from isthmus.sip.sealing import Flow, Pass, Side, seal_flow, seal_pass
from isthmus.site import internal
from isthmus.useragent.message import Request
from tests.agents.raw import NO_ANSWER, User
from tests.hostile.sites import OURS, THEIRS, EdgeSites
from tests.hostile.stranger import SDP, Draft, Stranger, others_served, quiet
from tests.hostile.watcher import Watcher

pytestmark = pytest.mark.engine

METHODS = ("BYE", "INVITE", "REFER", "NOTIFY", "MESSAGE", "INFO", "UPDATE", "PRACK", "SUBSCRIBE", "OPTIONS", "ACK")
FOREIGN_SECRET = bytes(32)


@asynccontextmanager
async def watched(sites: EdgeSites) -> AsyncIterator[Watcher]:
    """A victim to which nothing must have come in the end."""
    async with Watcher(sites.loopback()) as watcher:
        yield watcher
        for site in sites.files:
            await quiet(sites, site)
        assert watcher.seen == []


def seals(secret: bytes, call_id: str, victim: str) -> tuple[str, str]:
    """Pass and flow as a site with this secret writes them."""
    return seal_pass(secret, call_id, Pass(Side.EDGE, False)), seal_flow(secret, call_id, Flow("udp", victim, 5060))


def flow_token(victim: str, site: str) -> str:
    """Kamailio's own flow token, keyed as version 5.6.3 keys it by mistake (HMAC with SHA1 of nothing)."""
    port = (5060).to_bytes(2, "big")
    body = b"\1" + ipaddress.ip_address(site).packed + port + ipaddress.ip_address(victim).packed + port
    mac = hmac.digest(hashlib.sha1(b"").digest(), body, "sha1")[10:]
    return base64.b64encode(mac + body).decode()


def forged_ways(sites: EdgeSites, call_id: str, victim: Watcher) -> list[tuple[str, list[str]]]:
    """Request-URI and Route headers, none of which a site ever wrote."""
    own, target = f"sip:{sites.address()}:5060", victim.uri
    passed, flow = seals(FOREIGN_SECRET, call_id, victim.address)
    hop = f"{victim.address}:5060"
    alias = f"sip:bob@192.0.2.1;alias={victim.address}~5060~1"
    token = flow_token(victim.address, sites.address())
    return [
        (target, []),
        (target, [f"Route: <{own};lr>"]),
        (target, [f"Route: <sip:{hop};lr>"]),
        (f"sip:bob@{OURS}", [f"Route: <sip:{hop};lr>"]),
        (f"sip:bob@{OURS}", [f"Route: <{own};lr>", f"Route: <sip:{hop};lr>"]),
        (f"sip:bob@{OURS}", [f"Route: <{own};lr>, <sip:{hop};lr>"]),
        (target, [f"Route: <{own};lr;isd={passed}>"]),
        (target, [f"Route: <{own};lr;isd=>"]),
        (target, [f"Route: <{own};lr;isd=en>, <{own};lr;isd=en>"]),
        (target, [f"Route: <{own};lr;r2=on;isd={passed}>, <{own};lr;r2=on;isd={passed}>"]),
        (f"{target};isf={flow}", [f"Route: <{own};lr;isd={passed}>"]),
        (f"sip:bob@{OURS};isf={flow}", [f"Route: <{own};lr;isd={passed}>"]),
        (alias, []),
        (alias, [f"Route: <{own};lr>"]),
        (target, [f"Route: <sip:{token}@{sites.address()}:5060;lr;ob>"]),
        (target, [f"Route: <{own};lr;received=sip:{hop}>"]),
        (f"sip:bob@{OURS}", [f"Route: <{own};lr;received=sip:{hop}%3Btransport%3Dudp%3Bedge%3Dudp>"]),
        (f"sip:bob@{OURS};maddr={victim.address}", []),
        (f"sip:{sites.address()}", [f"Route: <{target}>"]),
        (f"sip:bob@{OURS};received=sip:{hop}", [f"Path: <sip:{hop};lr>"]),
        (f"sip:bob@{sites.files['premises'].site.fqdn};lr", [f"Route: <sip:bob@{hop}>", f"Route: <{target};lr>"]),
        (f"sip:bob@{hop};gr=urn:uuid:1", [f"Route: <{own};lr>"]),
    ]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("to_tag", ["", "made-up"])
async def test_a_stranger_finds_no_relay(edge_sites: EdgeSites, transport: str, to_tag: str) -> None:
    async with watched(edge_sites) as victim, await Stranger.open(edge_sites, transport) as stranger:
        for method in METHODS:
            for number in range(len(forged_ways(edge_sites, "", victim))):
                call_id = f"forged-{method}-{number}-{transport}-{to_tag}"
                uri, routes = forged_ways(edge_sites, call_id, victim)[number]
                headers = [*routes, f"Contact: <{victim.uri}>", "Content-Type: application/sdp"]
                draft = Draft(method, uri, to_tag=to_tag, call_id=call_id, headers=headers, body=SDP)
                if method == "ACK":
                    stranger.send(draft)
                    continue
                code = (await stranger.ask(draft)).code
                to_the_site_itself = method == "OPTIONS" and not to_tag and "@" not in uri
                assert code in (400, 401, 403, 404, 405, 407, 481) or to_the_site_itself, (
                    f"{method} {uri} {routes}: {code}"
                )


async def test_a_registered_phone_finds_no_relay(edge_sites: EdgeSites) -> None:
    async with watched(edge_sites) as victim, await Stranger.open(edge_sites) as phone:
        contact = f"Contact: <sip:alice@{phone.address}>"
        register = Draft("REGISTER", f"sip:{OURS}", f"sip:alice@{OURS}", f"sip:alice@{OURS}", headers=[contact])
        assert (await phone.signed(register, "alice")).code == 200
        for method in ("INVITE", "MESSAGE", "OPTIONS"):
            for uri, routes in forged_ways(edge_sites, "signed", victim):
                headers = [*routes, contact, "Content-Type: application/sdp"]
                draft = Draft(method, uri, f"sip:alice@{OURS}", headers=headers, body=SDP)
                code = (await phone.signed(draft, "alice")).code
                to_the_site_itself = method == "OPTIONS" and "@" not in uri
                assert code >= 400 or to_the_site_itself, f"{method} {uri} {routes}: {code}"
        register.cseq, register.call_id = 1, "away"
        register.headers = [f"{contact};expires=0"]
        assert (await phone.signed(register, "alice")).code == 200


@asynccontextmanager
async def call_up(sites: EdgeSites) -> AsyncIterator[tuple[User, User, Draft, list[str]]]:
    """Alice at premises in a call with Carol online: both phones, and Alice's next request with its routes."""
    alice, carol = await sites.phone("alice"), await sites.phone("carol", "online")
    async with alice, carol:
        call = await alice.dial(f"sip:carol@{OURS}")
        dialog = call.dialog
        assert dialog is not None
        uri, routes, _ = dialog.leads()
        draft = Draft("INFO", uri, to=f"sip:carol@{OURS}", to_tag=dialog.id.remote_tag, call_id=dialog.id.call_id)
        draft.sender, draft.cseq = f"sip:alice@{OURS}", dialog.local_cseq + 1
        yield alice, carol, draft, [f"Route: {route}" for route in routes]
        await call.hang_up()
        await alice.register(0)
        await carol.register(0)


def came_in(phone: User) -> set[str]:
    """The methods of all requests that reached a phone."""
    found = (record.message for record in phone.record if record.direction == "received")
    return {message.method for message in found if isinstance(message, Request)}


async def test_seals_of_one_dialog_open_nothing_in_another(edge_sites: EdgeSites) -> None:
    async with watched(edge_sites) as victim, call_up(edge_sites) as (_, carol, draft, routes):
        async with await Stranger.open(edge_sites) as stranger:
            for method in ("BYE", "INVITE", "REFER", "NOTIFY", "MESSAGE", "INFO"):
                for uri in (draft.uri, victim.uri):
                    forged = Draft(method, uri, draft.sender, draft.to, draft.to_tag, headers=routes)
                    assert (await stranger.ask(forged)).code == 481
        assert came_in(carol) == {"INVITE", "ACK"}


async def test_seals_of_the_other_site_open_nothing_here(edge_sites: EdgeSites) -> None:
    """The same Call-ID, but sealed by online: its flow tokens and passes are not for premises to believe."""
    online = bytes.fromhex(internal.flow_secret(edge_sites.files["online"]).read_text().strip())
    async with watched(edge_sites) as victim, await Stranger.open(edge_sites) as stranger:
        passed, flow = seals(online, "across", victim.address)
        route = f"Route: <sip:{edge_sites.address()}:5060;lr;isd={passed}>"
        draft = Draft("BYE", f"{victim.uri};isf={flow}", to_tag="x", call_id="across", headers=[route])
        assert (await stranger.ask(draft)).code == 481


async def test_a_call_of_ones_own_leads_nowhere_else(edge_sites: EdgeSites) -> None:
    """A valid pass, in the very dialog it was made for, with another next hop or another target."""
    site = f"sip:{edge_sites.address()}:5060"
    async with watched(edge_sites) as victim, call_up(edge_sites) as (alice, carol, draft, routes):
        hop = f"{victim.address}:5060"
        first = routes[0].removeprefix("Route: ")
        opened = first.partition(",")[0].rstrip(">")
        flow = seal_flow(FOREIGN_SECRET, draft.call_id, Flow("udp", victim.address, 5060))
        ways: list[tuple[str | bytes, list[str]]] = [
            (victim.uri, [routes[0]]),
            (victim.uri, [f"Route: {first}"]),
            (f"{victim.uri};isf={flow}", [f"Route: {first}"]),
            (draft.uri, [f"Route: {first}", f"Route: <sip:{hop};lr>"]),
            (draft.uri, [f"Route: {first}, <{site};lr>, <sip:{hop};lr>"]),
            (victim.uri, [f"Route: {opened};received=sip:{hop}>"]),
            (victim.uri, [f"Route: {opened};received=sip:{hop}%3Btransport%3Dudp%3Bedge%3Dudp>"]),
            (f"sip:x@{edge_sites.address()};alias={victim.address}~5060~1", [f"Route: {first}"]),
            (f"{victim.uri};gr=urn:uuid:1", [f"Route: {first}"]),
            (f"{victim.uri};alias={victim.address}~5060~1", [f"Route: {first}"]),
            (f"{site};lr", [f"Route: {opened}>", f"Route: <{victim.uri}>"]),
        ]
        async with await Stranger.open(edge_sites, address=alice.wire.local.host) as other_port:
            for uri, way in ways:
                for method in ("INFO", "INVITE", "REFER", "MESSAGE"):
                    draft.cseq += 1
                    headers = [*way, f"Contact: <sip:alice@{other_port.address}>"]
                    forged = Draft(
                        method, uri, draft.sender, draft.to, draft.to_tag, draft.call_id, draft.cseq, headers
                    )
                    answer = await other_port.ask(forged)
                    assert answer.code in (400, 403, 404, 481), f"{method} {uri} {way}: {answer.code}"
        assert came_in(carol) == {"INVITE", "ACK"}


@pytest.mark.parametrize(
    "uri",
    [
        f"sip:bob@{OURS}",
        f"sip:bob@{OURS};gr",
        f"sip:bob@{OURS};gr=",
        f"sip:bob@{OURS}?subject=;gr=1",
        f"sip:bob@{OURS};x=;gr=1",
        f"sip:bob;gr=1@{OURS}",
        f"sip:bob@{OURS};gr=INSTANCE",
    ],
)
@pytest.mark.parametrize("attacker", [("mallory", THEIRS), ("alice", OURS)])
async def test_a_call_of_ones_own_reaches_nobody_outside_of_it(
    edge_sites: EdgeSites, uri: str, attacker: tuple[str, str]
) -> None:
    """A phone rings itself, so that the site seals the call, and then writes to somebody else within that call."""
    user, domain = attacker
    async with (
        await edge_sites.phone("bob") as bob,
        await edge_sites.phone(user, domain=domain) as phone,
        await Stranger.open(edge_sites, address=phone.wire.local.host) as hand,
    ):
        call = await phone.dial(f"sip:{user}@{domain}")
        assert call.dialog is not None
        routes, known = call.dialog.routes, call.dialog.id
        for method in ("MESSAGE", "NOTIFY", "INVITE", "REFER"):
            uri = uri.replace("INSTANCE", bob.instance.strip("<>"))  # his public GRUU: known to all he ever called
            draft = Draft(method, uri, f"sip:carol@{OURS}", f"sip:bob@{OURS}", known.remote_tag, known.call_id)
            draft.cseq, draft.body = 500 + len(method), SDP
            draft.headers = [f"Route: {routes[0]}", f"Contact: <sip:carol@{hand.address}>"]
            assert (await hand.ask(draft)).code in (400, 403, 404, 480, 481), f"{method} {uri}"
        assert came_in(bob) == set()
        await call.hang_up()
        await phone.register(0)
        await bob.register(0)


@pytest.mark.parametrize("target", ["carol", "bob", "+14255550103", "+14255550102"])
async def test_a_transfer_token_does_not_cross_tenants(edge_sites: EdgeSites, target: str) -> None:
    """An INVITE with Replaces and a flow seal that nobody here can open, from a person of another tenant."""
    async with (
        await edge_sites.phone("carol", "online") as carol,
        await edge_sites.phone("bob") as bob,
        await Stranger.open(edge_sites) as hand,
    ):
        headers = ["Replaces: nothing;to-tag=1;from-tag=2", f"Contact: <sip:mallory@{hand.address}>"]
        draft = Draft("INVITE", f"sip:{target}@{OURS};isf=AAAA", f"sip:mallory@{THEIRS}", headers=headers)
        assert (await hand.signed(draft, "mallory", THEIRS)).code == 404
        await quiet(edge_sites, "online")
        assert not carol.received_requests("INVITE")
        assert not bob.received_requests("INVITE")
        await carol.register(0)
        await bob.register(0)


async def test_a_transfer_token_buys_no_call_to_the_pstn(edge_sites: EdgeSites) -> None:
    """A foreign seal must not make the other site dial for somebody whose request was decided otherwise here."""
    async with Watcher(edge_sites.carrier) as carrier, await Stranger.open(edge_sites) as hand:
        headers = ["Replaces: nothing;to-tag=1;from-tag=2", f"Contact: <sip:mallory@{hand.address}>"]
        for uri in (f"sip:nobody@{OURS};isf=AAAA", f"sip:x@{carrier.address};isf=AAAA"):
            draft = Draft("INVITE", uri, f"sip:mallory@{THEIRS}", headers=headers)
            assert (await hand.signed(draft, "mallory", THEIRS)).code == 404
        await quiet(edge_sites, "online")
        assert carrier.seen == []


async def test_cancel_of_somebody_elses_call_is_ignored(edge_sites: EdgeSites) -> None:
    async with (
        await edge_sites.phone("alice") as alice,
        await edge_sites.phone("bob") as bob,
        await Stranger.open(edge_sites) as stranger,
    ):
        bob.rule = NO_ANSWER
        call = await alice.ring(f"sip:bob@{OURS}")
        invite = bob.received_requests("INVITE")[0]
        stranger.send(Draft("CANCEL", f"sip:bob@{OURS}", f"sip:alice@{OURS}", call_id=invite.call_id))
        await quiet(edge_sites)
        assert not bob.received_requests("CANCEL")
        assert not call.ended
        call.cancel()
        await call.over()
        await alice.register(0)
        await bob.register(0)


async def test_others_are_served_during_a_storm_of_forged_routes(edge_sites: EdgeSites) -> None:
    async with watched(edge_sites) as victim, others_served(edge_sites), await Stranger.open(edge_sites) as stranger:
        for number in range(300):
            for uri, routes in forged_ways(edge_sites, f"storm-{number}", victim)[7:12]:
                draft = Draft("BYE", uri, to_tag="x", call_id=f"storm-{number}", headers=routes)
                stranger.send(draft)
            await quiet(edge_sites) if number % 100 == 0 else None
