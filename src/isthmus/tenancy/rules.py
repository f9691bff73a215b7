"""What may be said of tenants and domains, and what their limits mean: pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from isthmus.access.model import Object
from isthmus.directory.rules import checked_description, checked_domain
from isthmus.errors import RefusedError, UsageError
from isthmus.tenancy.model import UNCHANGED, Claim, Limits, Tenant, TenantChanges

RECORD = "_isthmus"  # the label below which the TXT record stands (RFC 8552: a name of its own, beside the host's)
PREFIX = "isthmus-domain-verification="
_MOST = 10_000_000
_LONGEST_NAME = 128
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MAIL = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,190}")
# Names that are nobody's to claim (RFC 6761, RFC 6762, RFC 8375), but for `example`, which the demo uses.
_NOBODYS = ("localhost", "invalid", "local", "onion", "home.arpa", "in-addr.arpa", "ip6.arpa")


def claimable(text: str) -> str:
    """The domain in lower case, if a tenant can claim it. Raises UsageError."""
    name = checked_domain(text)
    labels = name.split(".")
    if len(labels) < 2 or len(name) > 240 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UsageError(
            f"{text[:80]!r} is not a full domain name",
            do="Letters, digits and '-' in at least two parts; others in their form for the DNS (xn--...).",
        )
    if labels[-1].isdigit() or any(name == each or name.endswith(f".{each}") for each in _NOBODYS):
        raise UsageError(f"{name} can belong to nobody")
    return name


def record_of(claim: Claim) -> dict[str, str]:
    """The TXT record that proves the claim."""
    return {"name": f"{RECORD}.{claim.name}", "type": "TXT", "value": PREFIX + claim.token}


def proves(claim: Claim, texts: Iterable[str]) -> bool:
    """Whether one of the TXT records is the claim's."""
    return any(text.strip() == PREFIX + claim.token for text in texts)


def changed(tenant: Tenant, changes: TenantChanges) -> Tenant:
    """The tenant as it is afterwards. Raises UsageError with what is wrong."""
    given = {field.name: getattr(changes, field.name) for field in fields(changes)}
    wanted = {name: value for name, value in given.items() if value is not UNCHANGED}
    limits = {field.name: wanted.pop(field.name) for field in fields(Limits) if field.name in wanted}
    for name, value in limits.items():
        if value is not None and not (0 if name != "requests_per_minute" else 1) <= value <= _MOST:
            raise UsageError(f"a limit of {value} is not between 0 and {_MOST}", where=name)
    if "display_name" in wanted:
        wanted["display_name"] = checked_description(wanted["display_name"])
        if len(wanted["display_name"]) > _LONGEST_NAME:
            raise UsageError(f"the name is longer than {_LONGEST_NAME} characters")
    if wanted.get("contact") and not _MAIL.fullmatch(checked_description(wanted["contact"])):
        raise UsageError(f"{wanted['contact'][:80]!r} is not an address for mail", where="contact")
    return replace(tenant, **wanted, limits=replace(tenant.limits, **limits))


def over(what: str, limit: int | None, present: int, more: int) -> None:
    """Raises RefusedError when `more` of what there are `present` (those included) are beyond the tenant's limit.

    What was there when the limit was lowered stays, and may be changed.
    """
    if limit is not None and more > 0 and present > limit:
        raise RefusedError(
            f"the tenant may have {limit} {what}, and would have {present}",
            do="The operator can raise the limit: isthmus tenant set",
        )


def as_object(tenant: Tenant) -> Object:
    """The tenant, as far as rights go by it."""
    return Object("tenant", tenant.name, tenant.name)


def public(tenant: Tenant) -> dict[str, Any]:
    """A tenant as the API, the CLI and the audit log show it."""
    return {
        "name": tenant.name,
        "display_name": tenant.display_name,
        "contact": tenant.contact,
        "suspended": tenant.suspended,
        "limits": {field.name: getattr(tenant.limits, field.name) for field in fields(Limits)},
        "created": tenant.created,
    }


def public_claim(claim: Claim) -> dict[str, Any]:
    """A domain as the API, the CLI and the audit log show it. record: what to put into the DNS, until it is proved."""
    return {
        "name": claim.name,
        "tenant": claim.tenant,
        "verified": claim.verified_by is not None,
        "verified_by": claim.verified_by.value if claim.verified_by else None,
        "verified_at": claim.verified,
        "created": claim.created,
        "checked": claim.checked,
        "trouble": claim.trouble,
        "record": record_of(claim) if claim.token and (claim.verified_by is None or claim.trouble) else None,
    }


def growth(changes: Iterable[tuple[str, Any, Any]]) -> Counter[tuple[str, str]]:
    """By tenant and kind: how many more people, numbers and devices there are after changes.

    changes: action, and the public values before and after; None for what is not there.
    """
    found: Counter[tuple[str, str]] = Counter()
    for action, before, after in changes:
        for value, sign in ((before, -1), (after, 1)):
            if value is None or "tenant" not in value:
                continue
            if action.startswith("device."):
                found[value["tenant"], "devices"] += sign
            else:
                found[value["tenant"], "people"] += sign
                found[value["tenant"], "numbers"] += sign * bool(value.get("number"))
    return found
