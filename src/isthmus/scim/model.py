"""The values of SCIM: what an identity provider has pushed, as it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SOURCE = "scim"


def source_of(tenant: str) -> str:
    """The directory source that what is pushed to a tenant is. No name in a site file has a colon."""
    return f"{SOURCE}:{tenant}"


@dataclass(frozen=True, slots=True)
class Member:
    """What is directly in a group. id: of a user or a group. display: what the provider said of it."""

    id: str
    is_group: bool
    display: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A user or a group as it was pushed last.

    name: user name, or the name that a group has with us. external_id: the provider's own, in NFC. resource: all that
    RFC 7643 has of it but id, meta and memberships. version: counts up. Times: milliseconds since 1970.
    """

    id: str
    name: str
    external_id: str | None
    version: int
    created_ms: int
    modified_ms: int
    resource: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Status:
    """How the source of a tenant stands.

    users, groups: that were pushed. pushed: Unix seconds of the last change by the provider; None before the first.
    conflicts: users who are not as they were pushed. waiting: users to be disabled who are not, since it were too many.
    """

    tenant: str
    users: int
    groups: int
    pushed: float | None
    conflicts: int
    waiting: int
