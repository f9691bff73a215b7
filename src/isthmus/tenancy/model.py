"""The values of tenants: who they are, what they may have, and the domains they say are theirs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum, StrEnum


class Unchanged(Enum):
    """Stands for a field of `TenantChanges` that stays as it is; None takes a limit away."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True)
class Limits:
    """The most a tenant may have; None for no limit.

    people, numbers: in the directory. devices: with a credential of their own. requests_per_minute: to the API over
    the web port, by all its accounts together.
    """

    people: int | None = None
    numbers: int | None = None
    devices: int | None = None
    requests_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant.

    display_name: as people call it. contact: where its operator reaches it (an address for mail), empty for unknown.
    suspended: its people are let in nowhere, and its accounts and tokens neither. created: Unix seconds; None for one
    that came from the site file or the authority's feed.
    """

    name: str
    display_name: str = ""
    contact: str = ""
    suspended: bool = False
    limits: Limits = Limits()
    created: float | None = None


@dataclass(frozen=True, slots=True)
class TenantChanges:
    """What is to be different of a tenant."""

    display_name: str | Unchanged = UNCHANGED
    contact: str | Unchanged = UNCHANGED
    suspended: bool | Unchanged = UNCHANGED
    people: int | Unchanged | None = UNCHANGED
    numbers: int | Unchanged | None = UNCHANGED
    devices: int | Unchanged | None = UNCHANGED
    requests_per_minute: int | Unchanged | None = UNCHANGED

    @property
    def of_operator(self) -> bool:
        """Whether they are the operator's alone to make: no tenant sets its own limits."""
        return any(
            getattr(self, field.name) is not UNCHANGED
            for field in fields(self)
            if field.name not in ("display_name", "contact")
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tenant has now."""

    people: int
    numbers: int
    devices: int
    domains: int
    accounts: int


class VerifiedBy(StrEnum):
    """Who vouches that a domain is a tenant's."""

    DNS = "dns"
    OPERATOR = "operator"
    SITE_FILE = "site file"


@dataclass(frozen=True, slots=True)
class Claim:
    """A domain that a tenant says is its own.

    token: what the TXT record has to hold; empty for one of the site file. verified_by: None until it is proved;
    before that nobody can have an address in it. Times: Unix seconds. trouble: why the last look found nothing; of a
    proved one that its record is gone.
    """

    name: str
    tenant: str
    token: str = ""
    created: float | None = None
    verified: float | None = None
    verified_by: VerifiedBy | None = None
    checked: float | None = None
    trouble: str = ""
