"""HTTP routes of presence: of people, for people and programs; and between sites."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from isthmus.access.api import Acting, Reached
from isthmus.access.model import Principal
from isthmus.addressing import Aor
from isthmus.audit.web import LocalActor
from isthmus.directory.contact_api import colleagues
from isthmus.directory.model import Person
from isthmus.directory.service import Directory
from isthmus.link.api import PeerName, known_peer
from isthmus.presence import rules
from isthmus.presence.model import Chosen, Level
from isthmus.presence.owning import Owning
from isthmus.presence.service import Presence
from isthmus.presence.wire import encode

_MOST_WAIT_S = 10.0
_TOGETHER_S = 0.02  # what comes within it is told at once
_JSON = "application/json"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PresenceBody(_Body):
    """What is to be different of somebody's presence; what is left out stays. Times in milliseconds since 1970."""

    availability: StrictStr | None = Field(default=None, max_length=40)
    until_ms: StrictInt | None = Field(default=None, ge=0)
    note: StrictStr | None = Field(default=None, max_length=2000)
    out_of_office: StrictBool | None = None
    out_until_ms: StrictInt | None = Field(default=None, ge=0)
    location: StrictStr | None = Field(default=None, max_length=1000)
    time_zone: StrictStr | None = Field(default=None, max_length=100)
    exceptions: list[Annotated[StrictStr, Field(max_length=400)]] | None = Field(default=None, max_length=1000)
    # No enumeration: policies have a Level of another meaning, and the description has one of each name.
    shows: Literal["everything", "availability", "nothing"] | None = None
    trusted: list[Annotated[StrictStr, Field(max_length=400)]] | None = Field(default=None, max_length=1000)


class ChosenBody(_Body):
    """Whose presence, by stable id, and what is to be different of it."""

    person: StrictStr = Field(max_length=100)
    changes: dict[str, Any]


def router(presence: Presence, owning: Owning, people: Directory) -> APIRouter:
    """GET and PUT /v1/presence/{aor}."""
    routes = APIRouter()

    @routes.get("/v1/presence/{aor}")
    def show(aor: str, principal: Acting, reach: Reached) -> dict[str, Any]:
        person = people.get(Aor.parse(aor), colleagues(principal, reach))
        return told(person, principal)

    @routes.put("/v1/presence/{aor}")
    def put(aor: str, body: PresenceBody, principal: Acting, reach: Reached, actor: LocalActor) -> dict[str, Any]:
        person = people.get(Aor.parse(aor), reach)
        before = owning.chosen(person.id)
        wanted = owning.choose(person.id, body.model_dump(exclude_none=True))
        if principal.person != person.id:
            was, now = (msgspec.to_builtins(each) for each in (before, wanted))
            people.write_here(
                actor, lambda log: log.entry("presence.set", str(person.aor), was, now, tenant=person.tenant)
            )
        return {**told(person, principal), "chosen": chosen_json(wanted)}

    def told(person: Person, principal: Principal) -> dict[str, Any]:
        who = presence.people.by_aor([str(person.aor)])[str(person.aor)]
        known = presence.of(who)
        level, own = Level.EVERYTHING, principal.person == person.id
        if principal.tenant is not None and not own:
            asker = presence.people.by_id([principal.person]) if principal.person else {}
            level = rules.level_for(known, next((each.aor for each in asker.values()), ""))
        shown = {**rules.shown(known, level), "current": presence.sites().get(who.home, False)}
        return {**shown, "chosen": chosen_json(owning.chosen(who.id)) if own else None}

    return routes


def chosen_json(chosen: Chosen) -> dict[str, Any]:
    """What somebody set, for those who may set it."""
    return dict(msgspec.to_builtins(chosen))


def link_router(presence: Presence, owning: Owning, peers: Sequence[str]) -> APIRouter:
    """Routes for peers."""
    routes = APIRouter()
    waiting = _Waiting(presence)

    @routes.get("/link/presence")
    async def feed(
        peer: PeerName,
        run: int,
        after: Annotated[int, Query(ge=0)],
        wait_s: Annotated[float, Query(ge=0, le=_MOST_WAIT_S)] = 0.0,
    ) -> Response:
        known_peer(peer, peers)
        await waiting.until_news(run, after, wait_s)
        page = await run_in_threadpool(presence.page, peer, run, after)
        return Response(encode(page), media_type=_JSON)

    @routes.post("/link/presence/chosen")
    def chosen(peer: PeerName, body: ChosenBody) -> dict[str, Any]:
        known_peer(peer, peers)
        return dict(msgspec.to_builtins(owning.answer(body.person, body.changes)))

    return routes


class _Waiting:
    """Peers that wait for news, without a thread each."""

    def __init__(self, presence: Presence) -> None:
        self._presence = presence
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        presence.woken.append(self._wake)

    async def until_news(self, run: int, after: int, wait_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._news.clear()
        if not wait_s or self._presence.has_news(run, after):
            return
        try:
            async with asyncio.timeout(wait_s):
                while not self._presence.has_news(run, after):
                    await self._news.wait()
                    self._news.clear()
        except TimeoutError:
            return
        await asyncio.sleep(_TOGETHER_S)

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._news.set)
