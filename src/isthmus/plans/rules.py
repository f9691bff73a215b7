"""The rules of charging, pure.

1. A call is charged to the month in which it began (UTC), once a record, by the plan that its caller has when the
   record comes.
2. The calls of a month are charged in the order in which they began, whenever their records come: a late one moves
   those behind it. So the same records give the same balance, in whatever order and however often they come.
3. A call counts in whole increments. What the minutes don't cover costs its share of the call's price, from the
   credit, where the plan says so; else nothing: it was let begin.
4. Emergency calls, calls that nobody answered, and calls that no trunk for plans took cost nothing.
5. A person has one plan: that which is given to them by name; else that of a group they are in, at any depth, or of a
   licence they hold. Of several the one of the lowest rank counts, of one rank that of a group, of these the first by
   name. A plan that is for no more people is passed over, and people wait for it; nobody who has one loses it to
   somebody who came later.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence

from isthmus.addressing import is_e164
from isthmus.addressing.destination import destination_of
from isthmus.errors import UsageError
from isthmus.plans.model import (
    DOMESTIC,
    INTERNATIONAL,
    Account,
    Change,
    Charge,
    Given,
    Group,
    Holder,
    Plan,
    Spoken,
    WhenSpent,
)
from isthmus.records.model import Record, Route

WARN_PERCENT = (20.0, 5.0)
MOST_MINUTES = 10_000_000
_MOST_GROUPS, _LONGEST_NAME = 20, 32
SOS, SHORT = "sos.", "short."


def changes(before: Iterable[Holder], after: Iterable[Holder]) -> list[Change]:
    """Who has a plan otherwise than before, by address."""
    was, now = ({each.person: each for each in some} for some in (before, after))
    found = (
        Change((now.get(person) or was[person]).aor, was.get(person), now.get(person)) for person in {**was, **now}
    )
    return sorted((each for each in found if _by(each.before) != _by(each.after)), key=lambda each: each.aor)


def _by(holder: Holder | None) -> tuple[str, str, str] | None:
    return None if holder is None else holder.by


def month_of(at_ms: int) -> str:
    """YYYY-MM in UTC of milliseconds since 1970."""
    return datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).strftime("%Y-%m")


def end_of(month: str) -> int:
    """When a month (YYYY-MM) is over, Unix seconds."""
    year, number = (int(part) for part in month.split("-"))
    after = datetime.datetime(year + number // 12, number % 12 + 1, 1, tzinfo=datetime.UTC)
    return int(after.timestamp())


def region_of(number: str, plan: Plan) -> str:
    """The country a call goes to; of a short code the plan's own."""
    return destination_of(number).region if is_e164(number) else plan.home[0]


def bucket_of(region: str, plan: Plan) -> str:
    """Which minutes a call to a country takes: domestic, those of the first group that has it, or international."""
    if region in plan.home:
        return DOMESTIC
    return next((f"group:{each.name}" for each in plan.groups if region in each.countries), INTERNATIONAL)


def of_groups(given: Iterable[Given], within: Collection[str], holds: Collection[str] = ()) -> list[Given]:
    """What groups and licences give somebody, the first one first (rule 5).

    within: the groups they are in, at any depth. holds: the licences they hold.
    """
    own = (each for each in given if (each.licence in holds if each.licence else each.group in within))
    return sorted(own, key=lambda each: (each.rank, bool(each.licence), each.to))


def named(given: Given) -> str:
    """How the audit log names the group or the licence."""
    return f"{given.tenant}/licence:{given.licence}" if given.licence else f"{given.tenant}/{given.group}"


def shared_out(
    ranked: Mapping[str, Sequence[Given]], held: Mapping[str, Holder], rooms: Mapping[str, int]
) -> dict[str, Given]:
    """Who has which plan by which group or licence (rule 5). Who has one by name is left out.

    ranked: by person, what these give them. held: what they have now. rooms: for how many more people a plan
    is; without those that are for any number.
    """
    left, found = dict(rooms), dict[str, Given]()
    for person in sorted(ranked, key=lambda each: each not in held):  # who has one comes before who came later
        has = held.get(person)
        if has is not None and has.by_name:
            continue
        own = has.plan if has is not None else None
        chosen = next((each for each in ranked[person] if each.plan == own or left.get(each.plan, 1) > 0), None)
        if chosen is not None:
            found[person] = chosen
        if own != (chosen.plan if chosen is not None else None):
            if chosen is not None and chosen.plan in left:
                left[chosen.plan] -= 1
            if own in left:
                left[own] += 1
    return found


def spoken(
    record: Record, trunks: Iterable[str], holders: Mapping[str, Holder], plans: Mapping[str, Plan]
) -> Spoken | None:
    """The call a record tells of; None where there is nothing to charge (rule 4), or its caller has no plan.

    trunks: those for plans. holders: by person. plans: of the caller's tenant, by name.
    """
    holder = holders.get(record.caller_person)
    if record.route != Route.DIAL or record.way not in set(trunks) or holder is None or record.answered_ms is None:
        return None
    number = record.callee
    if number.startswith(SOS) or not record.caller_person:
        return None
    plan = plans.get(holder.plan)
    if plan is None:
        return None
    number = number.removeprefix(SHORT)
    seconds = -(-(record.ended_ms - record.answered_ms) // 1000)
    return Spoken(
        site=record.site,
        stream=record.stream,
        seq=record.seq,
        tenant=holder.tenant,
        person=holder.person,
        plan=plan.name,
        bucket=bucket_of(region_of(number, plan), plan),
        month=month_of(record.began_ms),
        began_ms=record.began_ms,
        number=number,
        seconds=max(0, seconds),
        cost_micro=record.cost_micro,
        currency=record.currency,
    )


def counted_s(call: Spoken, plan: Plan) -> int:
    """Seconds that count: whole increments, one at least."""
    return max(1, -(-call.seconds // plan.increment_s)) * plan.increment_s


def limit_s(plan: Plan, bucket: str, holders: int) -> int | None:
    """Seconds a month that a person, or all `holders` of a pooled plan, may have; None: without limit."""
    minutes = plan.buckets.get(bucket, 0)
    return None if minutes is None else minutes * 60 * (holders if plan.pooled else 1)


def charged(call: Spoken, plan: Plan, left_s: int | None) -> Charge:
    """One call, of which `left_s` seconds of minutes are left before it (None: any number)."""
    counts = counted_s(call, plan)
    by_plan = counts if left_s is None else min(counts, max(0, left_s))
    over = counts - by_plan
    if not over or plan.when_spent is not WhenSpent.CREDIT or not call.cost_micro:
        return Charge(call, counts, by_plan)
    return Charge(call, counts, by_plan, -(-call.cost_micro * over // counts))


def settled(calls: Iterable[Spoken], plan: Plan, limit: int | None) -> list[Charge]:
    """All calls of one month that share their minutes, in the order in which they began, each once."""
    once = {(each.site, each.stream, each.seq): each for each in calls}
    found: list[Charge] = []
    used = 0
    for call in sorted(once.values(), key=lambda each: each.place):
        charge = charged(call, plan, None if limit is None else limit - used)
        used += charge.counted_s
        found.append(charge)
    return found


def warned(before: float, after: float) -> float | None:
    """The lowest mark (percent of the credit) that was passed downwards, if any."""
    passed = [mark for mark in WARN_PERCENT if after <= mark < before]
    return min(passed) if passed else None


def checked(plan: Plan) -> Plan:
    """The plan in its one form. Raises UsageError for the first fault."""
    for name in (plan.name, *(each.name for each in plan.groups)):
        if not name or len(name) > _LONGEST_NAME or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in name):
            raise UsageError(f"{name[:40]!r} is no name", do="Use letters, digits, - _ and . (32 at most).")
    if len({each.name for each in plan.groups}) != len(plan.groups) or len(plan.groups) > _MOST_GROUPS:
        raise UsageError(f"a plan has at most {_MOST_GROUPS} groups of countries, each with its own name")
    for minutes in plan.buckets.values():
        if minutes is not None and not 0 <= minutes <= MOST_MINUTES:
            raise UsageError(f"{minutes} minutes are not between 0 and {MOST_MINUTES}")
    if not 1 <= plan.increment_s <= 3600:
        raise UsageError(f"an increment of {plan.increment_s} s is not between 1 and 3600")
    if plan.most is not None and plan.most < 0:
        raise UsageError(f"{plan.most} holders are too few")
    home = countries(plan.home)
    if not home:
        raise UsageError("a plan needs the country that is domestic", where="home", do="Write it as US, or US CA.")
    groups = tuple(Group(each.name, countries(each.countries), each.minutes) for each in plan.groups)
    made = (plan.tenant, plan.name, home, plan.domestic, plan.international, groups)
    return Plan(*made, plan.pooled, WhenSpent(plan.when_spent), plan.increment_s, plan.most)


def checked_account(account: Account) -> Account:
    """The same, countries in capitals. Raises UsageError."""
    return Account(account.tenant, countries(account.blocked), account.end_calls)


def countries(names: Iterable[str]) -> tuple[str, ...]:
    """ISO 3166 codes in capitals, each once, as they stand. Raises UsageError."""
    found = tuple(dict.fromkeys(each.strip().upper() for each in names))
    for each in found:
        if len(each) != 2 or not each.isascii() or not each.isalpha():
            raise UsageError(f"{each[:20]!r} is no country", do="Use two letters (ISO 3166), as in US.")
    return found
