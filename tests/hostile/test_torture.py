"""The messages of RFC 4475 and RFC 5118, as strangers send them and as a phone in good standing would.

They are read from `../shared/data/sip-torture` beside the project (or SIP_TORTURE), which says what may be answered to
each; where that is not there these tests are skipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from isthmus.useragent.message import Response
from tests.hostile.sites import EdgeSites
from tests.hostile.stranger import Stranger, others_served, quiet

pytestmark = pytest.mark.engine

# Data that are not part of the project: beside it, or wherever SIP_TORTURE says; without them these tests are skipped.
_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data" / "sip-torture"
FOLDER = Path(os.environ.get("SIP_TORTURE", _BESIDE))
# Refused on purpose. Octets behind Content-Length, sent on over the link, would be a request of the other site's; and
# whoever is called could never hang up where the caller names no Contact (RFC 3261 section 8.1.1.8).
REFUSED = frozenset({"dblreq", "inv2543"})


def messages() -> Iterator[Any]:
    """One parameter a message: its entry in the manifest, with its bytes' path."""
    for manifest in sorted(FOLDER.glob("rfc*/manifest.json")):
        for entry in json.loads(manifest.read_text()):
            entry["path"] = manifest.parent / entry["file"]
            yield pytest.param(entry, id=entry["name"])


MESSAGES = list(messages()) or [pytest.param(None, marks=pytest.mark.skip(reason=f"no messages in {FOLDER}"))]


def judge(entry: dict[str, Any], answers: list[Response]) -> None:
    """Whether the final answers are among those that the RFC leaves."""
    codes = [answer.code for answer in answers if answer.code >= 200]
    expect, silent = entry["expect"], "kamailio" in entry  # where the engine's core drops it unseen
    assert 500 not in codes, "the brain stumbled"
    if expect == "discard":
        assert not codes
    elif expect == "refuse":
        assert not [code for code in codes if code < 300], codes
    elif expect == "well":
        assert codes or silent, "no answer"
        assert 400 not in codes or 400 in entry["best"] or entry["name"] in REFUSED, codes


@asynccontextmanager
async def played(sites: EdgeSites, entry: dict[str, Any], transport: str, address: str = "") -> AsyncIterator[Stranger]:
    """Send the message. Answers to those without rport go to the port in their Via, mostly 5060 (RFC 3261 18.2.2)."""
    port = 5060 if transport == "udp" else 0
    async with await Stranger.open(sites, transport, address=address, port=port) as stranger:
        stranger.send_bytes(entry["path"].read_bytes())
        if entry["expect"] == "well" and "kamailio" not in entry:
            await stranger.until(lambda: answers(stranger), "an answer")
        await quiet(sites)
        yield stranger


def answers(stranger: Stranger) -> list[Response]:
    """All answers that came."""
    return [message for message in stranger.received if isinstance(message, Response)]


@pytest.mark.parametrize("entry", MESSAGES)
@pytest.mark.parametrize("transport", ["udp", "tcp", "ws"])
async def test_from_a_stranger(edge_sites: EdgeSites, entry: dict[str, Any], transport: str) -> None:
    async with played(edge_sites, entry, transport) as stranger:
        if transport != "ws":  # a frame's end is the message's end there (RFC 7118 section 5): other faults than theirs
            judge(entry, answers(stranger))
        assert not [answer for answer in answers(stranger) if 200 < answer.code < 300]
        assert not stranger.requests()


@pytest.mark.parametrize("entry", MESSAGES)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_from_a_gateway(edge_sites: EdgeSites, entry: dict[str, Any], transport: str) -> None:
    """Which needs no password, so that the message gets as far as routing."""
    async with played(edge_sites, entry, transport, edge_sites.carrier) as gateway:
        # On a connection, octets after the message are another message (RFC 4475 section 3.1.1.8).
        judge(entry, answers(gateway)[: 1 if transport == "tcp" else None])
        assert not gateway.requests()


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no messages in {FOLDER}")
async def test_others_are_served_meanwhile(edge_sites: EdgeSites) -> None:
    async with others_served(edge_sites):
        for parameter in MESSAGES:
            for transport in ("udp", "tcp"):
                async with await Stranger.open(edge_sites, transport) as stranger:
                    stranger.send_bytes(parameter.values[0]["path"].read_bytes())  # type: ignore[index]
