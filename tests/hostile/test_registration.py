"""What a phone may say of itself in REGISTER: where it really is, and nothing else."""

from __future__ import annotations

import itertools
import time

import pytest

from isthmus.useragent.message import response_to
from tests.agents.raw import User
from tests.hostile.sites import OURS, THEIRS, EdgeSites
from tests.hostile.stranger import SDP, Draft, Stranger, quiet
from tests.hostile.watcher import Watcher

pytestmark = pytest.mark.engine

_CALL = itertools.count(1)


def register(user: str, contact: str, *headers: str, to: str = "", domain: str = OURS) -> Draft:
    """A REGISTER of one of the people, with these Contact and other headers."""
    own = f"sip:{user}@{domain}"
    lines = [*([f"Contact: {contact}"] if contact else []), *headers]
    return Draft("REGISTER", f"sip:{domain}", own, to or own, call_id=f"register-{next(_CALL)}", headers=lines)


# Each leads to the watcher if it is believed. HOST: its address; OWN: the phone's.
CONTACTS = (
    "<sip:alice@HOST:5060>",
    "<sip:alice@HOST:5060;transport=tcp>",
    "<sip:alice@OWN;maddr=HOST>",
    "<sip:alice@OWN;received=sip:HOST:5060>",
    '<sip:alice@OWN>;received="sip:HOST:5060"',
    '<sip:alice@OWN>;received="sip:HOST:5060;transport=udp;edge=udp"',
    "<sip:alice@OWN;alias=HOST~5060~1>",
    "<sip:alice@OWN;alias=HOST~5060~2>",
    "<sip:alice@OWN?Route=%3Csip:HOST:5060%3Blr%3E>",
    '<sip:alice@OWN;transport=udp;edge=udp>;path="<sip:HOST:5060;lr>"',
    "<sips:alice@HOST:5061>",
    "<sip:alice@[::ffff:HOST]:5060>",
)


@pytest.mark.parametrize("contact", CONTACTS)
@pytest.mark.parametrize("user", ["alice", "carol"])
async def test_a_contact_is_no_destination(edge_sites: EdgeSites, user: str, contact: str) -> None:
    """Calls go back where the REGISTER came from, or the REGISTER is refused; also through the other site (Carol)."""
    async with (
        Watcher(edge_sites.loopback()) as victim,
        await Stranger.open(edge_sites) as hand,
        await edge_sites.phone("bob") as bob,
    ):
        given = contact.replace("HOST", victim.address).replace("OWN", hand.address).replace("alice", user)
        code = (await hand.signed(register(user, given), user)).code
        assert code in (200, 400, 403), code
        if code == 200:
            await _ring(bob, user, hand)
        await quiet(edge_sites)
        assert victim.seen == []


async def _ring(caller: User, user: str, hand: Stranger) -> None:
    """The registered phone itself gets the call, and is busy."""
    call = await caller.call(f"sip:{user}@{OURS}", body=SDP)
    await hand.until(lambda: [r for r in hand.requests() if r.method == "INVITE"], "the INVITE at the phone")
    invite = next(r for r in hand.requests() if r.method == "INVITE")
    hand.send_bytes(bytes(response_to(invite, 486, "Busy Here", to_tag="b")))
    await call.until(lambda: call.ended, "the end")


@pytest.mark.parametrize(
    "lines",
    [
        ("m: EVIL",),
        ("CONTACT : EVIL",),
        ("Contact: GOOD", "Contact: EVIL"),
        ("Contact: GOOD", "m : EVIL"),
        ("Contact: GOOD, EVIL",),
        ("Contact:", "Contact: EVIL"),
        ('Contact: <sip:alice@OWN>\r\n ;\r\n\treceived\r\n = "sip:HOST:5060;transport=udp;edge=udp"',),
        ("Contact: sip:alice@OWN;q=1;RECEIVED=sip:HOST:5060",),
    ],
)
async def test_received_is_not_for_phones_however_written(edge_sites: EdgeSites, lines: tuple[str, ...]) -> None:
    async with Watcher(edge_sites.loopback()) as victim, await Stranger.open(edge_sites) as hand:
        evil = '<sip:alice@OWN>;received="sip:HOST:5060;transport=udp;edge=udp"'
        given = [line.replace("EVIL", evil).replace("GOOD", "<sip:alice@OWN;n=1>") for line in lines]
        given = [line.replace("HOST", victim.address).replace("OWN", hand.address) for line in given]
        assert (await hand.signed(register("alice", "", *given), "alice")).code in (400, 403)
        assert not edge_sites.bindings("alice")


@pytest.mark.parametrize(
    "header",
    [
        "Path: <sip:HOST:5060;lr>",
        "path : <sip:HOST:5060;lr>",
        "PATH:\r\n <sip:HOST:5060;lr>",
        "Path: <sip:premises.contoso.example:5062;transport=tls;lr;received=sip:HOST:5060%3Btransport%3Dudp%3Bedge%3Dudp>",
    ],
)
@pytest.mark.parametrize("more", ["Supported: path", "Require: path", "Proxy-Require: path"])
@pytest.mark.parametrize("user", ["alice", "carol"])
async def test_a_path_is_not_for_phones(edge_sites: EdgeSites, header: str, more: str, user: str) -> None:
    async with Watcher(edge_sites.loopback()) as victim, await Stranger.open(edge_sites) as hand:
        draft = register(user, f"<sip:{user}@{hand.address}>", header.replace("HOST", victim.address), more)
        assert (await hand.signed(draft, user)).code in (403, 420)
        assert not edge_sites.bindings(user, "premises" if user == "alice" else "online")


@pytest.mark.parametrize(
    ("user", "to"),
    [
        ("alice", f"sip:bob@{OURS}"),
        ("alice", f"sip:carol@{OURS}"),
        ("alice", f"sip:alice@{THEIRS}"),
        ("alice", f"sip:mallory@{THEIRS}"),
        ("alice", f"sip:nobody@{OURS}"),
        ("alice", "sip:+14255550102@contoso.example"),
        ("alice", f"sip:bob@{OURS};user=alice"),
        ("alice", "tel:+14255550102"),
    ],
)
async def test_nobody_registers_for_somebody_else(edge_sites: EdgeSites, user: str, to: str) -> None:
    async with await Stranger.open(edge_sites) as hand:
        for headers in ((), ("X-Isthmus-Epoch: 99",), (f"P-Asserted-Identity: <{to}>",)):
            draft = register(user, f"<sip:alice@{hand.address}>", *headers, to=to)
            assert (await hand.signed(draft, user)).code in (400, 403)
        assert not edge_sites.bindings("bob")
        assert not edge_sites.bindings("carol", "online")


@pytest.mark.parametrize(
    ("contact", "headers"),
    [
        ("*", ("Expires: 60",)),
        ("*", ()),
        ("*, <sip:alice@OWN>", ("Expires: 0",)),
        ("<sip:alice@OWN>, *", ("Expires: 0",)),
        ("*", ("Expires: 0", "Contact: <sip:alice@OWN>")),
    ],
)
async def test_a_star_stands_alone_with_expires_0(
    edge_sites: EdgeSites, contact: str, headers: tuple[str, ...]
) -> None:
    async with await Stranger.open(edge_sites) as hand:
        assert (await hand.signed(register("alice", f"<sip:alice@{hand.address}>"), "alice")).code == 200
        lines = [header.replace("OWN", hand.address) for header in headers]
        draft = register("alice", contact.replace("OWN", hand.address), *lines)
        assert (await hand.signed(draft, "alice")).code == 400
        assert len(edge_sites.bindings("alice")) == 1


@pytest.mark.parametrize("how", ["one by one", "at once"])
async def test_a_person_has_sixteen_phones_at_most(edge_sites: EdgeSites, how: str) -> None:
    async with await Stranger.open(edge_sites) as hand:
        contacts = [f"<sip:alice@{hand.address};n={number}>" for number in range(20)]
        codes = set()
        for contact in [", ".join(contacts)] if how == "at once" else contacts:
            codes.add((await hand.signed(register("alice", contact), "alice")).code)
        assert codes <= {200, 403, 503} and codes != {200}
        assert len(edge_sites.bindings("alice")) <= 16


async def test_one_call_makes_no_more_than_sixteen(edge_sites: EdgeSites) -> None:
    """Sixteen bindings are sixteen requests to the phone that asked for them: no address of another's gets any."""
    async with (
        Watcher(edge_sites.loopback()) as victim,
        await Stranger.open(edge_sites) as hand,
        await edge_sites.phone("bob") as bob,
    ):
        for number in range(16):
            contact = f"<sip:alice{number}@{victim.address}:{5060 + number}>"
            assert (await hand.signed(register("alice", contact), "alice")).code == 200
        call = await bob.call(f"sip:alice@{OURS}", body=SDP)
        await hand.until(lambda: len({r.branch for r in hand.requests()}) >= 16, "sixteen INVITEs")
        assert len({r.branch for r in hand.requests() if r.method == "INVITE"}) == 16
        call.cancel()
        await quiet(edge_sites)
        assert victim.seen == []


async def test_a_gruu_of_another_tenant_is_nobody(edge_sites: EdgeSites) -> None:
    async with await edge_sites.phone("bob") as bob, await Stranger.open(edge_sites) as mallory:
        gruu = f"sip:bob@{OURS};gr={bob.instance.strip('<>')}"
        for method in ("MESSAGE", "INVITE", "OPTIONS"):
            headers = [f"Contact: <sip:m@{mallory.address}>"]
            draft = Draft(method, gruu, f"sip:mallory@{THEIRS}", headers=headers)
            assert (await mallory.signed(draft, "mallory", THEIRS)).code == 404
        assert not bob.incoming and not bob.messages


async def test_the_instance_of_another_does_not_take_their_binding(edge_sites: EdgeSites) -> None:
    async with await edge_sites.phone("bob") as bob, await Stranger.open(edge_sites) as alice:
        contact = f'<sip:alice@{alice.address}>;+sip.instance="{bob.instance}";reg-id=1'
        assert (await alice.signed(register("alice", contact, "Supported: outbound, gruu"), "alice")).code in (200, 439)
        assert len(edge_sites.bindings("bob")) == 1
        caller = await edge_sites.phone("erin")
        async with caller:
            assert (await caller.message(f"sip:bob@{OURS};gr={bob.instance.strip('<>')}", "hi")).code == 200
        assert len(bob.messages) == 1 and not alice.requests()


@pytest.mark.parametrize(
    "contact", ["<sip:alice@OWN>;expires=99999999999", "<sip:alice@OWN>;q=-1", "<sip:alice@OWN>;expires=-5"]
)
async def test_odd_parameters_are_bounded(edge_sites: EdgeSites, contact: str) -> None:
    async with await Stranger.open(edge_sites) as hand:
        code = (await hand.signed(register("alice", contact.replace("OWN", hand.address)), "alice")).code
        assert code in (200, 400)
        for binding in edge_sites.bindings("alice"):
            assert binding.q is None or 0 <= binding.q <= 1
            assert binding.expires_at - time.time() <= 7200 + 5
