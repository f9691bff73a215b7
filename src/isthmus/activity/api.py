"""HTTP routes of activity: alerts, what is usual, blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.api import Acting, Reached, next_page
from isthmus.activity.model import Event, State
from isthmus.activity.networks import NetworkBlocks, network_json
from isthmus.activity.profile import Habits, Profile
from isthmus.activity.service import Activity
from isthmus.activity.telling import ACCOUNT, ACCOUNT_BLOCKED, alert_json
from isthmus.addressing import Aor, barring
from isthmus.audit.web import LocalActor
from isthmus.directory.api import KeyHeader
from isthmus.directory.model import Person
from isthmus.errors import UsageError
from isthmus.identity.accounts import Accounts
from isthmus.identity.model import Account
from isthmus.link.api import PeerName, known_peer

_LONGEST = 4 << 20  # bytes of events at once
_events_from = msgspec.msgpack.Decoder(list[Event])

_VOLUMES = {
    "failures": "wrong passwords in ten minutes",
    "outside_calls": "calls to the PSTN an hour",
    "abroad_calls": "calls abroad an hour",
    "abroad_minutes": "minutes abroad a day",
    "abroad_at_once": "calls abroad at once",
    "places_peak": "networks within an hour",
    "exports": "records exported a day",
}


class BlockBody(BaseModel):
    """What to keep whom from: see addressing/barring.py. aor: an address, or `account:NAME` for an account here."""

    model_config = ConfigDict(extra="forbid")

    aor: str = Field(max_length=400)
    block: str = Field(max_length=100)


class UnblockBody(BaseModel):
    """What is to be allowed again; without `block` everything."""

    model_config = ConfigDict(extra="forbid")

    aor: str = Field(max_length=400)
    block: str | None = Field(default=None, max_length=100)


class FreeNetworkBody(BaseModel):
    """A network that is let in again."""

    model_config = ConfigDict(extra="forbid")

    network: str = Field(max_length=100)


class NetworkBody(FreeNetworkBody):
    """A network that this site is closed to. force: also one that the site needs, or a very wide one."""

    reason: str = Field(default="", max_length=200)
    force: bool = False


def router(activity: Activity, accounts: Accounts, networks: NetworkBlocks) -> APIRouter:
    """/v1/activity."""
    routes = APIRouter(prefix="/v1/activity")
    _add_reading(routes, activity)
    _add_writing(routes, activity, accounts)
    _add_networks(routes, networks)
    return routes


def link_router(activity: Activity, peers: Sequence[str]) -> APIRouter:
    """POST /link/activity: what people who are at home here did at the peer."""
    routes = APIRouter()

    @routes.post("/link/activity", status_code=204)
    async def take(
        peer: PeerName, content: Annotated[bytes, Body(media_type="application/octet-stream", max_length=_LONGEST)]
    ) -> None:
        known_peer(peer, peers)
        try:
            events = _events_from.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"these are no events: {error}") from error
        for event in events:
            activity.take(event, from_peer=True)

    return routes


def encoded(events: list[Event]) -> bytes:
    """What `link_router` takes."""
    return msgspec.msgpack.encode(events)


def _add_reading(routes: APIRouter, activity: Activity) -> None:
    @routes.get("/alerts")
    def listed(
        reach: Reached,
        request: Request,
        response: Response,
        state: State | None = None,
        subject: Annotated[str | None, Query(max_length=400)] = None,
        before: Annotated[float | None, Query(ge=0, le=1e11)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[dict[str, Any]]:
        before_ms = None if before is None else int(before * 1000)
        wanted = None if subject is None or "\0" in subject else subject
        if wanted is None and subject is not None:
            return []
        found = activity.listed(state=state, subject=wanted, before_ms=before_ms, limit=limit, reach=reach)
        if len(found) == limit:
            response.headers["Link"] = next_page(request, before=str(found[-1].last))
        return [alert_json(alert) for alert in found]

    @routes.get("/alerts/{alert}")
    def one(alert: str, reach: Reached) -> dict[str, Any]:
        return alert_json(activity.get(_id(alert), reach))

    @routes.get("/profiles/{account}")
    def profile(account: str, reach: Reached) -> dict[str, Any]:
        name = account if account.startswith(("account:", "cli:")) else str(Aor.parse(account))
        return profile_json(name, activity.profile(name.replace("\0", ""), reach))


def _add_writing(routes: APIRouter, activity: Activity, accounts: Accounts) -> None:
    @routes.post("/alerts/{alert}/confirm")
    def confirm(alert: str, actor: LocalActor, reach: Reached) -> dict[str, Any]:
        return alert_json(activity.judge(_id(alert), State.CONFIRMED, actor=actor, reach=reach))

    @routes.post("/alerts/{alert}/false-alarm")
    def false_alarm(alert: str, actor: LocalActor, reach: Reached) -> dict[str, Any]:
        return alert_json(activity.judge(_id(alert), State.FALSE_ALARM, actor=actor, reach=reach))

    @routes.post("/block")
    def block(
        body: BlockBody, actor: LocalActor, reach: Reached, acting: Acting, key: KeyHeader = None
    ) -> dict[str, Any]:
        if name := _account(body.aor):
            if body.block != barring.ACCOUNT:
                raise UsageError(f"{body.aor} has no phones: it can be blocked whole", where="block", do="Use: account")
            return _account_json(accounts.block(acting, name))
        return blocked_json(activity.block(Aor.parse(body.aor), body.block, actor=actor, key=key, reach=reach))

    @routes.post("/unblock")
    def unblock(
        body: UnblockBody, actor: LocalActor, reach: Reached, acting: Acting, key: KeyHeader = None
    ) -> dict[str, Any]:
        if name := _account(body.aor):
            return _account_json(accounts.set(acting, name, enabled=True)[0])
        return blocked_json(activity.unblock(Aor.parse(body.aor), body.block, actor=actor, key=key, reach=reach))


def _add_networks(routes: APIRouter, networks: NetworkBlocks) -> None:
    @routes.get("/networks")
    def blocked() -> list[dict[str, Any]]:
        return [network_json(each) for each in networks.listed()]

    @routes.post("/networks/block")
    def block(body: NetworkBody, actor: LocalActor) -> dict[str, Any]:
        return network_json(networks.block(body.network, body.reason, force=body.force, actor=actor))

    @routes.post("/networks/unblock", status_code=204)
    def unblock(body: FreeNetworkBody, actor: LocalActor) -> None:
        networks.unblock(body.network, actor=actor)


def _account(subject: str) -> str:
    """The name of an account of this site; empty where a person is meant."""
    return subject.removeprefix(ACCOUNT) if subject.startswith(ACCOUNT) else ""


def _account_json(account: Account) -> dict[str, Any]:
    barred = [] if account.enabled else [{"block": barring.ACCOUNT, "means": ACCOUNT_BLOCKED}]
    return {"aor": f"{ACCOUNT}{account.name}", "barred": barred}


def blocked_json(person: Person) -> dict[str, Any]:
    """What somebody is kept from now."""
    return {
        "aor": str(person.aor),
        "barred": [{"block": word, "means": barring.meaning(word)} for word in person.barred],
    }


def profile_json(account: str, profile: Profile) -> dict[str, Any]:
    """What is usual for an account. days: on how many each was seen, older ones counting less. Hours: share of days."""
    acted = max(profile.acted_days, 1.0)
    hours = [round((profile.hours[hour] + profile.hours[hour + 24]) / acted, 3) for hour in range(24)]
    return {
        "account": account,
        "days": round(profile.days, 1),
        "learnt": profile.days > 5.0,
        "networks": _habits(profile.networks, profile.last_day),
        "countries": _habits(profile.countries, profile.last_day),
        "clients": _habits(profile.clients, profile.last_day),
        "destinations": _habits(profile.destinations, profile.last_day),
        "hours": hours,
        "most": {about: round(getattr(profile, name).peak, 1) for name, about in _VOLUMES.items()},
    }


def _habits(habits: Habits, day: int) -> list[dict[str, Any]]:
    found = sorted(habits.held.items(), key=lambda item: (-item[1].faded(day), item[0]))
    return [
        {"name": name, "days": round(habit.faded(day), 1), "since": habit.first * 86_400, "last": habit.last * 86_400}
        for name, habit in found
    ]


def _id(text: str) -> str:
    return text if text.isascii() and text.isalnum() else "-"
