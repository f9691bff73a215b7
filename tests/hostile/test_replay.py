"""Credentials that were overheard are worth nothing, except to the retransmission of the very same message."""

from __future__ import annotations

import hashlib
import re
import time

import pytest

from isthmus.sip.digest import make_nonce
from isthmus.site import internal
from isthmus.useragent.message import Response
from tests.agents.raw import User
from tests.hostile.sites import OURS, EdgeSites, password
from tests.hostile.stranger import Draft, Stranger, credentials, quiet

pytestmark = pytest.mark.engine


async def overheard(hand: Stranger, method: str = "MESSAGE", target: str = "bob") -> tuple[Draft, str]:
    """A request of Alice's that was accepted, and the line with her credentials."""
    contact = [f"Contact: <sip:alice@{hand.address}>"]
    uri = f"sip:{OURS}" if method == "REGISTER" else f"sip:{target}@{OURS}"
    to = f"sip:alice@{OURS}" if method == "REGISTER" else uri
    draft = Draft(method, uri, f"sip:alice@{OURS}", to, headers=contact)
    challenge = await hand.ask(draft)
    draft.cseq = 2
    line = credentials(challenge, draft, "alice", password("alice"))
    assert (await hand.ask(draft, [line])).code == 200
    return draft, line


def is_refused(answer: Response) -> bool:
    """A new challenge, with or without stale, or a plain refusal."""
    return answer.code in (400, 401, 403, 407)


async def test_the_same_request_again_is_refused(edge_sites: EdgeSites) -> None:
    """With another CSeq, Call-ID, or method; from the same address."""
    async with await edge_sites.phone("bob") as bob, await Stranger.open(edge_sites) as hand:
        draft, line = await overheard(hand)
        assert len(bob.messages) == 1
        for changed in ({"cseq": 3}, {"call_id": "another"}, {"method": "INVITE"}, {"method": "OPTIONS"}):
            again = Draft(**{**draft.__dict__, **changed})
            assert is_refused(await hand.ask(again, [line])), changed
        assert len(bob.messages) == 1 and not bob.incoming


async def test_another_target_is_refused(edge_sites: EdgeSites) -> None:
    async with (
        await edge_sites.phone("erin") as erin,
        await edge_sites.phone("bob"),
        await Stranger.open(edge_sites) as hand,
    ):
        draft, line = await overheard(hand)
        for uri in (f"sip:erin@{OURS}", "sip:+442079460000@contoso.example", f"sip:erin@{OURS};x=bob@{OURS}"):
            again = Draft(**{**draft.__dict__, "uri": uri, "cseq": 3})
            assert is_refused(await hand.ask(again, [line])), uri
        # Even with a count that is new: the digest was for another target.
        challenge = await hand.ask(fresh := Draft("MESSAGE", f"sip:bob@{OURS}", f"sip:alice@{OURS}"))
        signed = credentials(challenge, fresh, "alice", password("alice"))
        fresh.uri, fresh.cseq = f"sip:erin@{OURS}", 2
        assert is_refused(await hand.ask(fresh, [signed]))
        assert not erin.messages


@pytest.mark.parametrize("used", [True, False], ids=["used", "never used"])
async def test_another_address_or_site_is_refused(edge_sites: EdgeSites, used: bool) -> None:
    """Also when the rightful owner never sent it: a nonce is for the address that asked for it."""
    async with await edge_sites.phone("bob") as bob, await Stranger.open(edge_sites) as hand:
        if used:
            draft, line = await overheard(hand)
        else:
            challenge = await hand.ask(draft := Draft("MESSAGE", f"sip:bob@{OURS}", f"sip:alice@{OURS}"))
            line = credentials(challenge, draft, "alice", password("alice"))
        heard = len(bob.messages)
        async with (
            await Stranger.open(edge_sites) as elsewhere,
            await Stranger.open(edge_sites, at="online") as other_site,
        ):
            for thief in (elsewhere, other_site):
                assert is_refused(await thief.ask(Draft(**draft.__dict__), [line]))
        if used:
            own = hand.address.partition(":")[0]
            async with await Stranger.open(edge_sites, at="online", address=own) as same_address:
                assert is_refused(await same_address.ask(Draft(**draft.__dict__), [line]))
        assert len(bob.messages) == heard


def signed_line(draft: Draft, nonce: str, count: str, *, qop: bool = True) -> str:
    """Alice's digest with a nonce and count of the test's choice."""

    def h(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    ha1, ha2 = h(f"alice:{OURS}:{password('alice')}"), h(f"{draft.method}:{draft.uri!s}")
    middle = f"{nonce}:{count}:c0ffee:auth" if qop else nonce
    tail = f', qop=auth, nc={count}, cnonce="c0ffee"' if qop else ""
    return (
        f'Proxy-Authorization: Digest username="alice", realm="{OURS}", nonce="{nonce}", uri="{draft.uri!s}", '
        f'response="{h(f"{ha1}:{middle}:{ha2}")}", algorithm=SHA-256{tail}'
    )


async def _nonce(hand: Stranger, draft: Draft) -> str:
    answer = await hand.ask(draft)
    found = re.search(r'nonce="([^"]+)"', answer.get("Proxy-Authenticate"))
    assert found
    draft.cseq += 1
    return found[1]


async def test_the_count_goes_up_only(edge_sites: EdgeSites) -> None:
    async with await edge_sites.phone("bob") as bob, await Stranger.open(edge_sites) as hand:
        draft = Draft("MESSAGE", f"sip:bob@{OURS}", f"sip:alice@{OURS}")
        nonce = await _nonce(hand, draft)
        for count, right in (
            ("00000002", True),
            ("00000001", False),
            ("00000002", False),
            ("00000003", True),
            ("0000000a", True),
            ("00000009", False),
            ("0000000A", False),
            ("00000000", False),
            ("ffffffff", True),
            ("00000010", False),
        ):
            draft.cseq += 1
            answer = await hand.ask(draft, [signed_line(draft, nonce, count)])
            assert (answer.code == 200) is right, count
            assert right or "stale=true" in answer.get("Proxy-Authenticate")
        assert len(bob.messages) == 4


async def test_without_a_count_a_nonce_serves_once(edge_sites: EdgeSites) -> None:
    async with await edge_sites.phone("bob") as bob, await Stranger.open(edge_sites) as hand:
        draft = Draft("MESSAGE", f"sip:bob@{OURS}", f"sip:alice@{OURS}")
        nonce = await _nonce(hand, draft)
        assert (await hand.ask(draft, [signed_line(draft, nonce, "", qop=False)])).code == 200
        draft.cseq += 1
        assert (await hand.ask(draft, [signed_line(draft, nonce, "", qop=False)])).code == 407
        assert len(bob.messages) == 1


@pytest.mark.parametrize("age_s", [301, 3600, -60])
async def test_an_old_nonce_is_stale(edge_sites: EdgeSites, age_s: int) -> None:
    """Made with the site's own secret, at another time: expired, or from before the clock was set back."""
    secret = bytes.fromhex(internal.flow_secret(edge_sites.files["premises"]).read_text().strip())
    async with await edge_sites.phone("bob") as bob, await Stranger.open(edge_sites) as hand:
        draft = Draft("MESSAGE", f"sip:bob@{OURS}", f"sip:alice@{OURS}")
        nonce = make_nonce(secret, time.time() - age_s, OURS, hand.address.partition(":")[0])
        answer = await hand.ask(draft, [signed_line(draft, nonce, "00000001")])
        assert answer.code == 407 and "stale=true" in answer.get("Proxy-Authenticate")
        assert not bob.messages


async def test_a_made_up_nonce_is_refused(edge_sites: EdgeSites) -> None:
    async with await Stranger.open(edge_sites) as hand:
        address = hand.address.partition(":")[0]
        forged = make_nonce(bytes(32), time.time(), OURS, address)
        for nonce in ("", "x", "A" * 30, forged, forged[:-1], forged + "A", "é", "=" * 40, "A" * 1500):
            draft = Draft("MESSAGE", f"sip:bob@{OURS}", f"sip:alice@{OURS}")
            assert (await hand.ask(draft, [signed_line(draft, nonce, "00000001")])).code == 407


@pytest.mark.parametrize("method", ["REGISTER", "MESSAGE", "INVITE"])
async def test_a_retransmission_is_the_same_request(edge_sites: EdgeSites, method: str) -> None:
    """UDP: the very same bytes, three times: accepted each time, acted upon once."""
    async with await edge_sites.phone("bob") as bob, await Stranger.open(edge_sites) as hand:
        uri = f"sip:{OURS}" if method == "REGISTER" else f"sip:bob@{OURS}"
        to = f"sip:alice@{OURS}" if method == "REGISTER" else uri
        draft = Draft(method, uri, f"sip:alice@{OURS}", to, headers=[f"Contact: <sip:alice@{hand.address}>"])
        challenge = await hand.ask(draft)
        draft.cseq = 2
        line, via = credentials(challenge, draft, "alice", password("alice")), hand.via()
        for _ in range(3):
            assert (await hand.ask(draft, [line], via=via)).code == 200
        await quiet(edge_sites)
        assert _delivered(bob, method) == (0 if method == "REGISTER" else 1)
        assert len(edge_sites.bindings("alice")) == (1 if method == "REGISTER" else 0)


def _delivered(phone: User, method: str) -> int:
    return len({request.branch for request in phone.received_requests(method)})


async def test_a_retransmission_from_another_port_is_no_retransmission(edge_sites: EdgeSites) -> None:
    async with await edge_sites.phone("bob") as bob, await Stranger.open(edge_sites) as hand:
        draft, line = await overheard(hand)
        async with await Stranger.open(edge_sites, address=hand.address.partition(":")[0]) as neighbour:
            assert is_refused(await neighbour.ask(Draft(**draft.__dict__), [line]))
        assert len(bob.messages) == 1
