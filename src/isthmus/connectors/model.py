"""Connectors as the site that they belong to keeps them. Frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """How a connector is, as the site that it belongs to sees it (rules.state_of)."""

    INVITED = "invited"  # a package was made for it, its code not used yet
    ENROLLED = "enrolled"  # has its certificate, has not told how it is
    HEALTHY = "healthy"
    FAULTY = "faulty"  # speaks, but something of it does not work; the report says what
    DRAINING = "draining"  # takes no new calls to the PSTN
    UPDATING = "updating"
    LOST = "lost"  # has not spoken for a while
    REMOVED = "removed"  # its certificate is not accepted any more


@dataclass(frozen=True, slots=True)
class ConnectorSite:
    """A place with gateways, and the connectors beside them, which are alike.

    settings: sections of the connectors' site files (rules.SECTIONS). window: when they may be updated, as
    routing/hours.py reads it, in the time of `zone`; empty: never by themselves. version: the one they are to have;
    empty: whichever they have.
    """

    tenant: str
    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    window: str = ""
    zone: str = "UTC"
    version: str = ""


@dataclass(frozen=True, slots=True)
class Connector:
    """One connector. Times are milliseconds since 1970; 0: not yet.

    number: counts those that a site ever had. slot: its listener, None before it is enrolled and after it is removed.
    code: SHA-256 of its one-time code, in hexadecimal. key: SHA-256 of its public key. certificate_until: end of the
    newest certificate. drains: it is to take no new calls to the PSTN. report: what it told last.
    """

    name: str
    site: str
    tenant: str
    number: int
    code: str = ""
    code_until: int = 0
    slot: int | None = None
    key: str = ""
    enrolled: int = 0
    certificate_until: int = 0
    drains: bool = False
    removed: int = 0
    seen: int = 0
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a connector gets for its code. certificate: with its chain, PEM."""

    name: str
    site: str
    tenant: str
    fqdn: str
    certificate: str
