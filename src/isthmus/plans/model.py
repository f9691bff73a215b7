"""The values of calling plans. Frozen. Money is millionths of the currency's unit; times are as their names say."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class WhenSpent(StrEnum):
    """What becomes of calls whose minutes are used up."""

    REFUSE = "refuse"
    CREDIT = "credit"  # they go on, and cost what the rate table says


@dataclass(frozen=True, slots=True)
class Group:
    """Countries (ISO 3166) with minutes of their own. minutes: a month; None: without limit."""

    name: str
    countries: tuple[str, ...]
    minutes: int | None = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What its holders may call a month. home: the countries that are domestic.

    domestic, international: minutes; None: without limit. pooled: whether the tenant's holders share the minutes of all
    of them. increment_s: calls count in whole ones of so many seconds. most: holders at most; None: any number.
    """

    tenant: str
    name: str
    home: tuple[str, ...]
    domestic: int | None = 0
    international: int | None = 0
    groups: tuple[Group, ...] = ()
    pooled: bool = False
    when_spent: WhenSpent = WhenSpent.REFUSE
    increment_s: int = 60
    most: int | None = None

    @property
    def buckets(self) -> dict[str, int | None]:
        """What is counted apart from the rest, and its minutes."""
        groups = {f"group:{each.name}": each.minutes for each in self.groups}
        return {DOMESTIC: self.domestic, **groups, INTERNATIONAL: self.international}


DOMESTIC, INTERNATIONAL = "domestic", "international"


@dataclass(frozen=True, slots=True)
class Account:
    """What a tenant has said of its calls by the service's carriers.

    blocked: countries that nobody of it calls. end_calls: whether calls that are up end when what pays for them ends.
    """

    tenant: str
    blocked: tuple[str, ...] = ()
    end_calls: bool = False


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody with a plan. person: the stable id. aor: their address now.

    group, licence: by which they have it; both empty: by name.
    """

    person: str
    aor: str
    tenant: str
    plan: str
    group: str = ""
    licence: str = ""

    @property
    def by(self) -> tuple[str, str, str]:
        """Which plan, and by which group or licence."""
        return self.plan, self.group, self.licence

    @property
    def by_name(self) -> bool:
        """Whether it was given to them alone."""
        return not self.group and not self.licence


@dataclass(frozen=True, slots=True)
class Change:
    """Somebody who has another plan than before, or by something else. None: no plan."""

    aor: str
    before: Holder | None
    after: Holder | None


@dataclass(frozen=True, slots=True)
class Given:
    """A plan that a group has, or whoever holds a licence. rank: of several that somebody has the lowest wins.

    group, licence: one of them; the other is empty.
    """

    tenant: str
    group: str
    plan: str
    rank: int = 0
    licence: str = ""

    @property
    def by(self) -> tuple[str, str, str]:
        """As `Holder.by` of who has it so."""
        return self.plan, self.group, self.licence

    @property
    def to(self) -> tuple[str, str]:
        """The group, or the licence."""
        return self.group, self.licence


@dataclass(frozen=True, slots=True)
class Spoken:
    """A call of a holder that is over. site, stream, seq: its record's name. month: YYYY-MM in which it began (UTC).

    seconds: answered. cost_micro: of the whole call by the rate table; None where no rate fits.
    """

    site: str
    stream: str
    seq: int
    tenant: str
    person: str
    plan: str
    bucket: str
    month: str
    began_ms: int
    number: str
    seconds: int
    cost_micro: int | None = None
    currency: str = ""

    @property
    def place(self) -> tuple[int, str, str, int]:
        """By which the calls of a month are put in order, whenever they were heard of."""
        return self.began_ms, self.site, self.stream, self.seq


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call was charged. counted_s: seconds that count. plan_s: of these by the plan's minutes.

    credit_micro: from the tenant's credit.
    """

    call: Spoken
    counted_s: int
    plan_s: int
    credit_micro: int = 0


@dataclass(frozen=True, slots=True)
class Credit:
    """A tenant's prepaid credit. full_micro: what there was when some was added last."""

    tenant: str
    currency: str = ""
    balance_micro: int = 0
    full_micro: int = 0

    @property
    def percent(self) -> float:
        """What is left of it."""
        return 100.0 * max(0, self.balance_micro) / self.full_micro if self.full_micro > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Deposit:
    """Credit that was added, or taken back. what: in words."""

    id: str
    tenant: str
    micro: int
    currency: str
    what: str
    actor: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Use:
    """What is used of one bucket in a month. limit_s: None: without limit. whose: an address, or `*` for a pool."""

    plan: str
    bucket: str
    whose: str
    used_s: int
    limit_s: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """A tenant's month."""

    tenant: str
    month: str
    uses: tuple[Use, ...] = field(default_factory=tuple)
    credit_micro: int = 0
