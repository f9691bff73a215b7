"""Header rules: what a trunk is told besides, and what is kept from it. Pure.

Only names of a list can be touched. What routes a request (Via, Route, Record-Route, Contact, From, To, Call-ID, CSeq),
describes its body or proves who sent it is the proxy's own; identity and forwarding have settings of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from isthmus.errors import UsageError
from isthmus.trunking.model import HeaderRule

ALLOWED = frozenset(
    name.lower()
    for name in (
        "Accept-Language", "Alert-Info", "Answer-Mode", "Call-Info", "Error-Info", "Geolocation", "Geolocation-Routing",
        "Organization", "P-Access-Network-Info", "P-Asserted-Service", "P-Called-Party-ID", "P-Charging-Vector",
        "P-Charging-Function-Addresses", "P-Early-Media", "P-Preferred-Service", "P-Visited-Network-ID", "Priority",
        "Priv-Answer-Mode", "Privacy", "Reason", "Resource-Priority", "Server", "Subject", "Timestamp", "User-Agent",
        "User-to-User", "Warning",
    )
)  # fmt: skip
MOST_RULES = 50
LONGEST = 256
FIELDS = ("called", "calling", "diverting", "trunk", "site")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_FIELD = re.compile(r"\{([a-z]*)\}")
_VALUE = re.compile(r"[\x20-\x7e]*")


def is_allowed(name: str) -> bool:
    """Whether rules may touch a header: one of the list, or a private one that is not ours."""
    low = name.lower()
    own = low.startswith("x-") and len(low) > 2 and not low.startswith("x-isthmus")
    return _NAME.fullmatch(name) is not None and (own or low in ALLOWED)


def is_value(text: str) -> bool:
    """Whether it can be a header's value: printable ASCII, so that no line can begin in it (RFC 3261 section 25.1)."""
    return len(text) <= LONGEST and _VALUE.fullmatch(text) is not None


def check(rule: HeaderRule) -> None:
    """Raises UsageError for a rule that can't be one."""
    if not is_allowed(rule.name):
        raise UsageError(
            f"{rule.name[:60]!r} is no header that rules may touch", do="X-... and those of docs/trunks.md."
        )
    if (bool(rule.set) + bool(rule.copy) + rule.remove) != 1:
        raise UsageError(f"the rule for {rule.name} has one of `set`, `copy` and `remove`")
    if rule.copy and not is_allowed(rule.copy):
        raise UsageError(f"{rule.copy[:60]!r} is no header that rules may copy")
    if not is_value(rule.set):
        raise UsageError(f"the value of {rule.name} has to be printable ASCII of at most {LONGEST} characters")
    for field in _FIELD.findall(rule.set):
        if field not in FIELDS:
            raise UsageError(f"{{{field}}} in the value of {rule.name} is none of {', '.join(FIELDS)}")


def apply(
    rules: Sequence[HeaderRule], on: str, fields: Mapping[str, str], received: Mapping[str, str]
) -> tuple[list[str], list[tuple[str, str]], list[str]]:
    """Names to remove, headers to add, and what was done in words.

    fields: values of FIELDS; a rule with one that is empty is passed over. received: name in lower case -> value.
    """
    remove: list[str] = []
    add: list[tuple[str, str]] = []
    steps: list[str] = []
    for rule in rules:
        if rule.on != on:
            continue
        if rule.remove:
            remove.append(rule.name)
            steps.append(f"header {rule.name}: removed")
            continue
        value = received.get(rule.copy.lower(), "") if rule.copy else _filled(rule.set, fields)
        if not value or not is_value(value):
            steps.append(f"header {rule.name}: left out, there is {'nothing' if not value else 'no fit value'} for it")
            continue
        remove.append(rule.name)
        add.append((rule.name, value))
        steps.append(f"header {rule.name}: {f'copied from {rule.copy}' if rule.copy else 'set'}")
    return remove, add, steps


def _filled(text: str, fields: Mapping[str, str]) -> str:
    """Empty where a field that stands in it is."""
    if any(not fields.get(field) for field in _FIELD.findall(text)):
        return ""
    return _FIELD.sub(lambda match: fields[match[1]], text)
