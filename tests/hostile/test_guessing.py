"""Guessing a password from one address is stopped; the owner of the account, elsewhere, notices nothing."""

from __future__ import annotations

import pytest

from tests.hostile.sites import OURS, EdgeSites
from tests.hostile.stranger import Draft, Stranger, others_served

pytestmark = pytest.mark.engine

_LIMIT = 20  # protection.failed_logins_per_minute, by default


def register(user: str, address: str, number: int) -> Draft:
    own = f"sip:{user}@{OURS}"
    headers = [f"Contact: <sip:{user}@{address}>"]
    return Draft("REGISTER", f"sip:{OURS}", own, own, call_id=f"{address}-{user}-{number}", headers=headers)


async def test_guessing_is_stopped_for_one_address_alone(edge_sites: EdgeSites) -> None:
    async with await Stranger.open(edge_sites) as guesser, await Stranger.open(edge_sites) as owner:
        codes = []
        for number in range(_LIMIT + 5):
            guess = register("erin", guesser.address, number)
            codes.append((await guesser.signed(guess, "erin", secret=f"guess-{number}")).code)
        assert codes == [401] * _LIMIT + [403] * 5
        assert (await guesser.signed(register("erin", guesser.address, 99), "erin")).code == 403, "right, but too late"
        assert (await guesser.signed(register("ERIN", guesser.address, 98), "ERIN", secret="x")).code == 403
        assert (await owner.signed(register("erin", owner.address, 1), "erin")).code == 200
        other = register("gina", guesser.address, 1)
        assert (await guesser.signed(other, "gina")).code == 200, "another account at the same address is not shut out"


@pytest.mark.parametrize("method", ["MESSAGE", "INVITE"])
async def test_guessing_by_other_methods_counts_too(edge_sites: EdgeSites, method: str) -> None:
    async with await Stranger.open(edge_sites, "tcp") as guesser:
        codes = []
        for number in range(_LIMIT + 2):
            draft = Draft(
                method, f"sip:bob@{OURS}", f"sip:gina@{OURS}", headers=[f"Contact: <sip:g@{guesser.address}>"]
            )
            codes.append((await guesser.signed(draft, "gina", secret=f"guess-{number}")).code)
        assert codes == [407] * _LIMIT + [403] * 2


async def test_a_nobody_is_stopped_like_anybody(edge_sites: EdgeSites) -> None:
    async with await Stranger.open(edge_sites) as guesser:
        codes = []
        for number in range(_LIMIT + 2):
            draft = register("nobody", guesser.address, number)
            codes.append((await guesser.signed(draft, "nobody", secret=f"guess-{number}")).code)
        assert codes == [401] * _LIMIT + [403] * 2


async def test_guesses_under_many_names_fill_nothing(edge_sites: EdgeSites) -> None:
    """Each name is remembered for a minute: long ones, by the thousand, must leave room for everybody."""
    async with others_served(edge_sites), await Stranger.open(edge_sites) as guesser:
        for number in range(400):
            draft = register("x", guesser.address, number)
            user = f"{number}" + "u" * 1500
            line = (
                f'Authorization: Digest username="{user}", realm="{OURS}", nonce="n", uri="sip:{OURS}", '
                f'response="{"0" * 64}", algorithm=SHA-256'
            )
            assert (await guesser.ask(draft, [line])).code == 401
