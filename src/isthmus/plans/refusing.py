"""Which calls are refused because of plans: the refusals for the snapshot (routing/refusals.py). Pure.

1. Countries that a tenant blocks: for all of its people.
2. Minutes that are used up, where the plan does not go on by credit, or no credit is left.
3. Calls that a plan has no minutes for at all, likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from isthmus.plans import rules
from isthmus.plans.model import DOMESTIC, INTERNATIONAL, Account, Credit, Holder, Plan, Use, WhenSpent
from isthmus.routing.refusals import Refusal, of_country, of_person

BY = "plan"


def uses(
    plans: Mapping[str, Plan],
    holders: Iterable[Holder],
    used_s: Callable[[str, str, str], int],
) -> list[Use]:
    """What a tenant's holders have used of each bucket. used_s: seconds by plan, bucket and person (`*`: all)."""
    everybody = sorted(holders, key=lambda each: each.aor)
    found: list[Use] = []
    for name, plan in sorted(plans.items()):
        own = [each for each in everybody if each.plan == name]
        for bucket in plan.buckets:
            limit = rules.limit_s(plan, bucket, len(own))
            if plan.pooled:
                found.append(Use(name, bucket, "*", used_s(name, bucket, "*"), limit))
            else:
                found += [Use(name, bucket, each.aor, used_s(name, bucket, each.person), limit) for each in own]
    return found


def together(
    plans: Mapping[str, Plan], holders: Mapping[str, int], used_s: Callable[[str, str, str], int]
) -> list[Use]:
    """What all who have a plan have used of each bucket, of what all of them have. holders: how many have each plan."""
    found: list[Use] = []
    for name, plan in sorted(plans.items()):
        count = holders.get(name, 0)
        for bucket, minutes in plan.buckets.items():
            limit = None if minutes is None else minutes * 60 * count
            found.append(Use(name, bucket, "*", used_s(name, bucket, "*"), limit))
    return found


def own_uses(plan: Plan, holder: Holder, holders: int, used_s: Callable[[str, str, str], int]) -> list[Use]:
    """What one person has used of each bucket: of theirs, or of the pool, which `holders` share."""
    return [
        Use(
            plan.name,
            bucket,
            holder.aor,
            used_s(plan.name, bucket, holder.person),
            rules.limit_s(plan, bucket, holders),
        )
        for bucket in plan.buckets
    ]


def refusals(
    account: Account,
    plans: Mapping[str, Plan],
    holders: Iterable[Holder],
    used: Iterable[Use],
    credit: Credit,
    until_s: int,
) -> dict[str, list[Refusal]]:
    """All of a tenant's, by their key. used: from `uses`. until_s: the end of the month, Unix seconds."""
    found: dict[str, list[Refusal]] = {}
    for country in account.blocked:
        text = f"{account.tenant} calls nobody in {country}"
        blocked = Refusal(BY, "country-blocked", text, "Calls To This Country Are Blocked")
        found.setdefault(of_country(country, account.tenant), []).append(blocked)
    by_plan: dict[str, list[Holder]] = {}
    for holder in holders:
        by_plan.setdefault(holder.plan, []).append(holder)
    for use in used:
        plan = plans[use.plan]
        refusal = _of_use(plan, use, credit, until_s)
        if refusal is None:
            continue
        whose = [each.aor for each in by_plan.get(use.plan, ())] if use.whose == "*" else [use.whose]
        for aor in whose:
            found.setdefault(of_person(aor), []).append(refusal)
    return found


def _of_use(plan: Plan, use: Use, credit: Credit, until_s: int) -> Refusal | None:
    if use.limit_s is None or use.used_s < use.limit_s:
        return None
    if plan.when_spent is WhenSpent.CREDIT and credit.balance_micro > 0:
        return None
    what = use.bucket.removeprefix("group:")
    where, but = _where(plan, use.bucket)
    if plan.when_spent is WhenSpent.CREDIT:
        text = f"plan {plan.name}: the {what} minutes and the credit of {plan.tenant} are used up"
        # A plan that is all credit is as empty in the next month.
        end_s = until_s if use.limit_s else 0
        return Refusal(BY, "credit-used-up", text, "Calling Credit Used Up", where, but, until_s=end_s)
    if not use.limit_s:
        text = f"plan {plan.name} has no {what} minutes"
        return Refusal(BY, "not-in-plan", text, "Not In The Calling Plan", where, but)
    shared = " that all share" if plan.pooled else ""
    text = f"plan {plan.name}: the {use.limit_s // 60} {what} minutes of this month{shared} are used up"
    return Refusal(BY, "minutes-used-up", text, "Calling Plan Minutes Used Up", where, but, until_s=until_s)


def _where(plan: Plan, bucket: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Countries that a bucket is for, and those that it is not for."""
    if bucket == DOMESTIC:
        return plan.home, ()
    if bucket == INTERNATIONAL:
        return (), (*plan.home, *(each for group in plan.groups for each in group.countries))
    seen = set(plan.home)
    for group in plan.groups:
        own = tuple(each for each in group.countries if each not in seen)
        if f"group:{group.name}" == bucket:
            return own or ("--",), ()  # none: all of its countries are another's
        seen |= set(group.countries)
    return ("--",), ()
