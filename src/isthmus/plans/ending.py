"""Which calls that are up end because what pays for them is used up. Pure.

Only where the tenant said so, only calls by a trunk for plans, never emergency calls. A call that is up counts by what
it has taken so far, though its record is not there yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from isthmus.plans import rules
from isthmus.plans.model import Credit, Holder, Plan, Spoken, WhenSpent
from isthmus.records.model import Leg, Rate, Route
from isthmus.records.rules import cost_of, ends_of


def spoken_so_far(
    leg: Leg,
    trunks: Iterable[str],
    holders: Mapping[str, Holder],
    plans: Mapping[str, Plan],
    rates: Callable[[str], Iterable[Rate]],
    now_s: float,
) -> Spoken | None:
    """The call of a leg as if it ended now; None where it is not up, or costs nothing by a plan.

    holders: by address. plans: of the tenant, by name. rates: gives those that may be for a number.
    """
    begins, way = leg.begins, leg.rerouted or leg.begins
    if begins is None or way is None or leg.answered is None or leg.ends is not None:
        return None
    holder = holders.get(ends_of(leg)[0])
    plan = plans.get(holder.plan) if holder else None
    if holder is None or plan is None or way.route != Route.DIAL or way.way not in set(trunks):
        return None
    if begins.callee.startswith(rules.SOS):
        return None
    number = begins.callee.removeprefix(rules.SHORT)
    seconds = max(0, int(now_s - leg.answered.at))
    cost = cost_of(number, seconds, rates(number))
    began_ms = round(begins.at * 1000)
    return Spoken(
        site="",
        stream="",
        seq=0,
        tenant=holder.tenant,
        person=holder.person,
        plan=plan.name,
        bucket=rules.bucket_of(rules.region_of(number, plan), plan),
        month=rules.month_of(began_ms),
        began_ms=began_ms,
        number=number,
        seconds=seconds,
        cost_micro=cost.micro if cost else None,
        currency=cost.currency if cost else "",
    )


def to_end(
    calls: Iterable[tuple[str, Spoken]],
    plans: Mapping[str, Plan],
    holders: Mapping[str, int],
    used_s: Callable[[str, str, str], int],
    credit: Credit,
) -> list[str]:
    """The Call-IDs of those to end, of a tenant's calls that are up, each with its Call-ID.

    holders: how many have each plan. used_s: seconds by plan, bucket and person (`*`: all), without these calls.
    """
    taken: dict[tuple[str, str, str], int] = {}
    balance, found = credit.balance_micro, []
    for call_id, call in sorted(calls, key=lambda each: each[1].place):
        plan = plans[call.plan]
        key = (plan.name, call.bucket, "*" if plan.pooled else call.person)
        limit = rules.limit_s(plan, call.bucket, holders.get(plan.name, 0))
        if limit is None:
            continue
        left = limit - used_s(*key) - taken.get(key, 0)
        taken[key] = taken.get(key, 0) + call.seconds
        over = call.seconds - max(0, left)
        if over < 0:
            continue
        if plan.when_spent is WhenSpent.CREDIT:
            balance -= (call.cost_micro or 0) * over // max(1, call.seconds)
            if balance > 0:
                continue
        found.append(call_id)
    return found
