"""The SQL of voice routes. Functions of a connection, nothing decided."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, delete, select

from isthmus.directory.store import upsert
from isthmus.pstn.model import VoiceRoute
from isthmus.pstn.tables import voice_route


def routes(connection: Connection, tenant: str | None = None) -> list[VoiceRoute]:
    """All of a tenant, or of every one, by tenant and name."""
    query = select(voice_route).order_by(voice_route.c.tenant, voice_route.c.name)
    if tenant is not None:
        query = query.where(voice_route.c.tenant == tenant)
    return [_route(row.tenant, row.name, row.settings) for row in connection.execute(query)]


def route(connection: Connection, tenant: str, name: str) -> VoiceRoute | None:
    """One, or None."""
    query = select(voice_route).where(voice_route.c.tenant == tenant, voice_route.c.name == name)
    row = connection.execute(query).one_or_none()
    return None if row is None else _route(row.tenant, row.name, row.settings)


def put(connection: Connection, wanted: VoiceRoute) -> None:
    """Make the route as given."""
    settings = {
        "patterns": wanted.patterns,
        "ways": wanted.ways,
        "usages": wanted.usages,
        "priority": wanted.priority,
        "cost": wanted.cost,
        "hours": wanted.hours,
        "zone": wanted.zone,
        "description": wanted.description,
    }
    row = {"tenant": wanted.tenant, "name": wanted.name, "settings": json.dumps(settings, ensure_ascii=False)}
    upsert(connection, voice_route, [row], ("settings",))


def remove(connection: Connection, tenant: str, name: str) -> None:
    """Remove a route."""
    connection.execute(delete(voice_route).where(voice_route.c.tenant == tenant, voice_route.c.name == name))


def _route(tenant: str, name: str, settings: str) -> VoiceRoute:
    kept: dict[str, Any] = json.loads(settings)
    lists = {key: tuple(kept[key]) for key in ("patterns", "usages")}
    ways = tuple((str(way), int(share)) for way, share in kept["ways"])
    return VoiceRoute(tenant, name, **{**kept, **lists, "ways": ways})
