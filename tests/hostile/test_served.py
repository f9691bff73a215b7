"""The set-up itself: without an attack, everybody is served, and what strangers are told is a challenge."""

from __future__ import annotations

import pytest

from tests.agents.raw import TRANSPORTS
from tests.hostile.sites import OURS, EdgeSites
from tests.hostile.stranger import Draft, Stranger, others_served

pytestmark = pytest.mark.engine


async def test_people_of_both_sites_reach_each_other(edge_sites: EdgeSites) -> None:
    async with others_served(edge_sites):
        pass


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_stranger_is_challenged(edge_sites: EdgeSites, transport: str) -> None:
    async with await Stranger.open(edge_sites, transport) as stranger:
        for method, code in (("REGISTER", 401), ("INVITE", 407), ("MESSAGE", 407), ("OPTIONS", 407)):
            draft = Draft(method, f"sip:bob@{OURS}", sender=f"sip:alice@{OURS}")
            assert (await stranger.ask(draft)).code == code
