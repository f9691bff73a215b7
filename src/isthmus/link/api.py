"""The link API, as far as it is the link's own: hello, the feed and its resume point; and `/v1/link` for people here.

haproxy has verified the peer's certificate and wrote its site name into X-Isthmus-Peer; nobody else reaches this.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Body, Header
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from isthmus.addressing import Aor
from isthmus.audit.web import LocalActor
from isthmus.directory.comparing import RANGES, Held
from isthmus.directory.model import FeedPage
from isthmus.directory.wire import decode_page
from isthmus.errors import RefusedError
from isthmus.link.compare import Comparison
from isthmus.link.peer import PeerLink


class FeedTarget(Protocol):
    """The directory of a site that is not the authority."""

    @property
    def authority(self) -> str: ...

    def apply_feed(self, page: FeedPage, source: str) -> int: ...

    def position(self, source: str) -> int: ...

    def summary(self) -> list[str]: ...

    def held(self, ranges: Collection[int]) -> dict[Aor, Held]: ...


class RangesBody(BaseModel):
    """Some of the ranges."""

    ranges: list[Annotated[int, Field(ge=0, lt=RANGES)]] = Field(max_length=RANGES)


class CompareBody(BaseModel):
    """Whether what differs is to be sent anew."""

    model_config = ConfigDict(extra="forbid")

    repair: bool = False


PeerName = Annotated[str, Header(alias="X-Isthmus-Peer")]


def known_peer(peer: str, peers: Sequence[str]) -> str:
    """The verified peer's name. Raises RefusedError for one the site file does not name."""
    if peer not in peers:
        raise RefusedError("this site has no such peer", where=peer, do="Name it as a [[peer]] in the site file.")
    return peer


def link_router(
    site: str, role: str, peers: Sequence[str], directory: FeedTarget, catch_up: Callable[[], int]
) -> APIRouter:
    """Routes for peers. catch_up: compiles the snapshot; what is acknowledged is what calls are routed by."""
    router = APIRouter()

    @router.get("/link/hello")
    def hello(peer: PeerName) -> dict[str, Any]:
        known_peer(peer, peers)
        return {"site": site, "role": role, "time": time.time()}

    @router.get("/link/position")
    def position(peer: PeerName) -> dict[str, int]:
        reached = directory.position(known_peer(peer, peers))
        catch_up()
        return {"position": reached}

    @router.post("/link/feed")
    async def feed(
        peer: PeerName, content: Annotated[bytes, Body(media_type="application/octet-stream")]
    ) -> dict[str, int]:
        def apply() -> int:
            reached = directory.apply_feed(decode_page(content), known_peer(peer, peers))
            catch_up()
            return reached

        return {"position": await run_in_threadpool(apply)}

    def only_the_authority(peer: str) -> None:
        # Digests cover secrets: whoever holds the directory may compare, other peers have no business with them.
        if known_peer(peer, peers) != directory.authority:
            raise RefusedError(f"only the authority, {directory.authority}, compares directories", where=peer)

    @router.get("/link/digests")
    def summary(peer: PeerName) -> dict[str, list[str]]:
        only_the_authority(peer)
        return {"digests": directory.summary()}

    @router.post("/link/digests")
    def held(peer: PeerName, body: RangesBody) -> dict[str, dict[str, tuple[str, int]]]:
        only_the_authority(peer)
        found = directory.held(frozenset(body.ranges))
        return {"people": {str(aor): (each.digest, each.home_epoch) for aor, each in found.items()}}

    return router


def local_router(links: Sequence[PeerLink], compare: Callable[[bool, str], list[Comparison]]) -> APIRouter:
    """Routes for people on this machine. compare: (repair, actor) -> one for each peer."""
    router = APIRouter()

    @router.get("/v1/link")
    def link() -> list[dict[str, Any]]:
        return [dataclasses.asdict(each.health()) for each in links]

    @router.post("/v1/directory/compare")
    def compare_directories(body: CompareBody, actor: LocalActor) -> list[dict[str, Any]]:
        return [comparison_json(each) for each in compare(body.repair, actor)]

    return router


def comparison_json(each: Comparison) -> dict[str, Any]:
    """A comparison as the API shows it."""
    differing = [{"aor": str(aor), "what": what} for aor, what in each.differing.items()]
    return {**dataclasses.asdict(each), "differing": differing}
