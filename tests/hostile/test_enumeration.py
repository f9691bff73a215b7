"""Who exists is not told: not by an answer, not by the time it takes."""

from __future__ import annotations

import asyncio
import re
import secrets
import statistics
import time

import pytest

from isthmus.useragent.message import Response
from tests.hostile.sites import DEVICES, NO_DEVICE, OURS, THEIRS, EdgeSites
from tests.hostile.stranger import Draft, Stranger, credentials

pytestmark = pytest.mark.engine

# here and enabled, disabled, at the other site, another tenant's, nobody, with a number, a number of nobody's
TARGETS = ("bob", "nora", "carol", "mallory", "nobody", "+14255550102", "+14255559999", "x" * 400)
_ROUNDS = 120
_VARIES = re.compile(r'(nonce=|tag=|branch=|rport=|Call-ID: )("?)[^";,\r\n]*', re.IGNORECASE)


def masked(response: Response, *names: str) -> str:
    """An answer without what differs from any request to the next, nor the names asked for."""
    text = _VARIES.sub(r"\1", bytes(response).decode())
    for name in names:
        text = text.replace(name, "NAME")
    return text


def ask_for(target: str, method: str, *, domain: str = OURS) -> Draft:
    """The same question for anybody."""
    own = f"sip:{target}@{domain}"
    if method == "REGISTER":
        return Draft(method, f"sip:{domain}", own, own, headers=["Contact: <sip:x@192.0.2.1>"])
    return Draft(method, own, f"sip:alice@{OURS}", own)


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "MESSAGE", "OPTIONS"])
async def test_a_stranger_is_told_the_same_of_everybody(edge_sites: EdgeSites, method: str) -> None:
    async with await Stranger.open(edge_sites) as stranger:
        answers = {masked(await stranger.ask(ask_for(target, method)), target) for target in TARGETS}
        assert len(answers) == 1, answers


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_a_wrong_password_says_nothing_of_the_account(edge_sites: EdgeSites, method: str, algorithm: str) -> None:
    """A right one of a disabled account neither."""
    answers = set()
    async with await Stranger.open(edge_sites) as stranger:
        for target in ("bob", "nora", "carol", "nobody", "+14255550102", "x" * 400, "ü", *DEVICES, NO_DEVICE):
            own = f"sip:{target}@{OURS}"
            draft = Draft(
                method, f"sip:{OURS}" if method == "REGISTER" else f"sip:bob@{OURS}", f"sip:alice@{OURS}", own
            )
            draft.headers = [f"Contact: <sip:x@{stranger.address}>"]
            challenge = await stranger.ask(draft)
            kept = [(k, v) for k, v in challenge.headers if "uthenticate" not in k or f"algorithm={algorithm}," in v]
            challenge = Response(tuple(kept), b"", challenge.code, "")
            draft.cseq = 2
            secret = f"secret-of-{target}" if target in ("nora", "dev4444444444") else "wrong"
            answer = await stranger.ask(draft, [credentials(challenge, draft, target, secret)])
            answers.add(masked(answer, target))
    assert len(answers) == 1, answers


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "OPTIONS"])
@pytest.mark.parametrize("caller", [("mallory", THEIRS), ("alice", OURS)])
async def test_people_of_another_tenant_are_nobody(edge_sites: EdgeSites, method: str, caller: tuple[str, str]) -> None:
    user, domain = caller
    other = OURS if domain == THEIRS else THEIRS
    theirs = ("bob", "nora", "carol", "nobody") if other == OURS else ("mallory", "trent", "nobody")
    answers = set()
    async with await Stranger.open(edge_sites) as hand:
        for target in theirs:
            own = f"sip:{target}@{other}"
            draft = Draft(method, own, f"sip:{user}@{domain}", own, headers=[f"Contact: <sip:x@{hand.address}>"])
            answer = await hand.signed(draft, user, domain)
            assert answer.code == 404
            answers.add(masked(answer, target))
    assert len(answers) == 1, answers


async def test_a_number_of_another_tenant_is_like_a_number_of_nobody(edge_sites: EdgeSites) -> None:
    """A foreign tenant's number must not tell that it is one of this installation's."""
    async with await Stranger.open(edge_sites) as hand:
        answers = set()
        for number in ("+14255550101", "+14255559999"):
            draft = Draft("MESSAGE", f"sip:{number}@{THEIRS}", f"sip:mallory@{THEIRS}")
            answers.add(masked(await hand.signed(draft, "mallory", THEIRS), number))
        assert len(answers) == 1, answers


def _knock(method: str, target: str, signed: bool) -> Draft:
    draft = ask_for(target, method)
    if signed:
        fields = f'username="{target}", realm="{OURS}", nonce="{secrets.token_urlsafe(22)}", uri="{draft.uri!s}"'
        name = "Authorization" if method == "REGISTER" else "Proxy-Authorization"
        response = secrets.token_hex(32)
        draft.headers = [*draft.headers, f'{name}: Digest {fields}, response="{response}", algorithm=SHA-256']
    return draft


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "MESSAGE", "OPTIONS"])
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "guessing"])
async def test_the_time_is_the_same_for_everybody(edge_sites: EdgeSites, method: str, signed: bool) -> None:
    """The quicker ones of each, taken in turns: whatever else the machine does hits all alike, and the slow ones most.

    Guesses come from many addresses, since an account is closed to one after some.
    """
    targets = ("bob", "nora", "carol", "nobody", *DEVICES, NO_DEVICE)
    took: dict[str, list[float]] = {target: [] for target in targets}
    for _ in range(_ROUNDS // 12):
        async with await Stranger.open(edge_sites) as stranger:
            for _ in range(12):
                for target in targets:
                    draft = _knock(method, target, signed)
                    start = time.perf_counter()
                    assert (await stranger.ask(draft)).code in (401, 407)
                    took[target].append(time.perf_counter() - start)
    quick = {target: statistics.quantiles(times, n=5)[0] for target, times in took.items()}
    assert max(quick.values()) / min(quick.values()) < 2, quick
    await asyncio.sleep(0)
