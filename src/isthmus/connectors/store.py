"""The SQL of connectors. Functions of a connection, nothing decided."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, select, update

from isthmus.connectors.model import Connector, ConnectorSite
from isthmus.connectors.tables import connector, connector_site
from isthmus.directory.store import upsert

_KEPT = tuple(column.name for column in connector.columns if column.name != "name")


def sites(connection: Connection, tenant: str | None = None) -> list[ConnectorSite]:
    """All of a tenant, or of every one, by name."""
    query = select(connector_site).order_by(connector_site.c.name)
    if tenant is not None:
        query = query.where(connector_site.c.tenant == tenant)
    return [_site(row._asdict()) for row in connection.execute(query)]


def site(connection: Connection, name: str) -> ConnectorSite | None:
    """One, or None."""
    row = connection.execute(select(connector_site).where(connector_site.c.name == name)).one_or_none()
    return None if row is None else _site(row._asdict())


def put_site(connection: Connection, wanted: ConnectorSite) -> None:
    """Make the site as given."""
    row = {**asdict(wanted), "settings": json.dumps(wanted.settings, ensure_ascii=False)}
    upsert(connection, connector_site, [row], ("tenant", "settings", "window", "zone", "version"))


def remove_site(connection: Connection, name: str) -> None:
    """Remove a site with the rows of all that were ever there."""
    connection.execute(delete(connector).where(connector.c.site == name))
    connection.execute(delete(connector_site).where(connector_site.c.name == name))


def connectors(connection: Connection, tenant: str | None = None, site: str | None = None) -> list[Connector]:
    """Of a tenant, of a site, or all, removed ones too; by site and number."""
    query = select(connector, connector_site.c.tenant).join(connector_site)
    if tenant is not None:
        query = query.where(connector_site.c.tenant == tenant)
    if site is not None:
        query = query.where(connector.c.site == site)
    rows = connection.execute(query.order_by(connector.c.site, connector.c.number))
    return [_connector(row._asdict()) for row in rows]


def by_name(connection: Connection, name: str) -> Connector | None:
    """One, removed or not, or None."""
    query = select(connector, connector_site.c.tenant).join(connector_site).where(connector.c.name == name)
    row = connection.execute(query).one_or_none()
    return None if row is None else _connector(row._asdict())


def by_code(connection: Connection, code: str) -> Connector | None:
    """The one whose code has this SHA-256, used or not, or None."""
    query = select(connector, connector_site.c.tenant).join(connector_site).where(connector.c.code == code)
    row = connection.execute(query).one_or_none()
    return None if row is None else _connector(row._asdict())


def put(connection: Connection, wanted: Connector) -> None:
    """Make the connector as given."""
    row = {**asdict(wanted), "report": json.dumps(wanted.report, ensure_ascii=False)}
    del row["tenant"]
    upsert(connection, connector, [row], _KEPT)


def saw(connection: Connection, name: str, at_ms: int, report: dict[str, Any]) -> None:
    """Note when a connector spoke last, and what it said."""
    told = json.dumps(report, ensure_ascii=False)
    connection.execute(update(connector).where(connector.c.name == name).values(seen=at_ms, report=told))


def _site(row: dict[str, Any]) -> ConnectorSite:
    return ConnectorSite(**{**row, "settings": json.loads(row["settings"])})


def _connector(row: dict[str, Any]) -> Connector:
    return Connector(**{**row, "report": json.loads(row["report"])})
