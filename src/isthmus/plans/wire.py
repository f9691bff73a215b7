"""Calling plans as the API and the CLI show them. Pure. Money as decimal text, minutes whole or with a fraction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from isthmus.addressing import Aor
from isthmus.directory.model import Person
from isthmus.errors import UsageError
from isthmus.plans.model import Account, Change, Charge, Credit, Deposit, Given, Holder, Plan, Usage, Use
from isthmus.records.rating import amount

_AMOUNT = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,6})?")


def money(micro: int) -> str:
    """Millionths as a decimal number, with at least two digits behind the point."""
    return amount(micro) if micro >= 0 else f"-{amount(-micro)}"


def parse_money(text: str) -> int:
    """Millionths of an amount such as 12.50 or -3. Raises UsageError."""
    if _AMOUNT.fullmatch(text.strip()) is None:
        raise UsageError(f"{text[:40]!r} is no amount", do="Write it as 50 or 12.50.")
    whole, _, part = text.strip().removeprefix("-").partition(".")
    micro = int(whole) * 1_000_000 + int(f"{part:0<6}")
    return -micro if text.strip().startswith("-") else micro


def plan_public(plan: Plan, holders: int, given: Iterable[Given]) -> dict[str, Any]:
    """A plan, and which groups and licences have it. Minutes: null for without limit."""
    return {
        "tenant": plan.tenant,
        "name": plan.name,
        "home": list(plan.home),
        "domestic": plan.domestic,
        "international": plan.international,
        "groups": [{"name": g.name, "countries": list(g.countries), "minutes": g.minutes} for g in plan.groups],
        "pooled": plan.pooled,
        "when_spent": plan.when_spent.value,
        "increment_s": plan.increment_s,
        "most": plan.most,
        "holders": holders,
        "given": [_given(each) for each in given],
    }


def plan_details(plan: Plan, holders: list[Holder], given: list[Given], waiting: list[Aor]) -> dict[str, Any]:
    """A plan, who has it, by which group or licence some do, and who waits for it."""
    return {
        **plan_public(plan, len(holders), given),
        "people": [each.aor for each in holders],
        "by_group": {each.aor: each.group for each in holders if each.group},
        "by_licence": {each.aor: each.licence for each in holders if each.licence},
        "waiting": [str(each) for each in waiting],
    }


def holder_public(holder: Holder, person: Person, uses: Iterable[Use]) -> dict[str, Any]:
    """Somebody who has a plan, and what they used of it this month."""
    return {
        "aor": holder.aor,
        "display_name": person.display_name,
        "group": holder.group or None,
        "licence": holder.licence or None,
        "uses": [_use(each) for each in uses],
    }


def preview_public(changes: Sequence[Change], most: int) -> dict[str, Any]:
    """Who would have another plan, the first `most` of them, and how many there are in all."""
    return {
        "count": len(changes),
        "people": [
            {"aor": each.aor, "before": _holding(each.before), "after": _holding(each.after)} for each in changes[:most]
        ],
    }


def _holding(holder: Holder | None) -> dict[str, Any] | None:
    if holder is None:
        return None
    return {"plan": holder.plan, "group": holder.group or None, "licence": holder.licence or None}


def plan_of_person(aor: Aor, holder: Holder | None, given: list[Given], uses: Iterable[Use]) -> dict[str, Any]:
    """Somebody's plan. group, licence: by which they have it; both null: by name. given: what theirs give them."""
    return {
        "aor": str(aor),
        "plan": holder.plan if holder else None,
        "group": (holder.group or None) if holder else None,
        "licence": (holder.licence or None) if holder else None,
        "given": [{**_given(each), "plan": each.plan} for each in given],
        "uses": [_use(each) for each in uses],
    }


def _given(each: Given) -> dict[str, Any]:
    return {"group": each.group or None, "licence": each.licence or None, "rank": each.rank}


def usage_public(usage: Usage) -> dict[str, Any]:
    """A month."""
    return {
        "tenant": usage.tenant,
        "month": usage.month,
        "credit_used": money(usage.credit_micro),
        "uses": [_use(each) for each in usage.uses],
    }


def _use(use: Use) -> dict[str, Any]:
    return {
        "plan": use.plan,
        "bucket": use.bucket,
        "whose": use.whose,
        "used_minutes": round(use.used_s / 60, 1),
        "limit_minutes": None if use.limit_s is None else use.limit_s // 60,
    }


def account_public(account: Account) -> dict[str, Any]:
    """What a tenant said of its calls."""
    return {"tenant": account.tenant, "blocked": list(account.blocked), "end_calls": account.end_calls}


def credit_public(credit: Credit, deposits: list[Deposit]) -> dict[str, Any]:
    """What there is, and what was added."""
    return {
        "tenant": credit.tenant,
        "currency": credit.currency or None,
        "balance": money(credit.balance_micro),
        "left_percent": round(credit.percent, 1) if credit.full_micro else None,
        "deposits": [
            {
                "id": each.id,
                "amount": money(each.micro),
                "currency": each.currency,
                "what": each.what or None,
                "by": each.actor,
                "at": each.at_ms / 1000,
            }
            for each in deposits
        ],
    }


def charge_public(charge: Charge, caller: str) -> dict[str, Any]:
    """What one call was charged. caller: their address; empty for who is no more."""
    call = charge.call
    return {
        "began": call.began_ms / 1000,
        "caller": caller or None,
        "number": call.number,
        "plan": call.plan,
        "bucket": call.bucket,
        "seconds": call.seconds,
        "counted_s": charge.counted_s,
        "plan_s": charge.plan_s,
        "credit": money(charge.credit_micro),
        "price": None if call.cost_micro is None else money(call.cost_micro),
        "currency": call.currency or None,
        "record": f"{call.site}:{call.stream}:{call.seq}",
    }
