"""Licences: which features a plan gives, and who has it when there are not enough. Pure.

1. Whoever a plan is assigned to, by name or by a group they are in at any depth, has a place in its line. The place
   is that of the moment they came; people who came by one change stand in the order of their addresses.
2. The first in the line hold the licence, as many as the plan counts; the others wait. So nobody loses a licence
   because somebody else came.
3. A place lasts until the last reason for it is gone. Whoever comes again goes to the end.
4. An assignment that would need more than the plan counts is refused. A group that grows lets people wait, and that
   is an alarm.
5. A tenant without any plan at a site is not asked for licences there: everybody has every feature.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from isthmus.addressing import Aor
from isthmus.directory import groups
from isthmus.errors import UsageError
from isthmus.policy.kinds import Value
from isthmus.policy.model import Assignment, Level

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
PHONE_SYSTEM, AUDIO_CONFERENCING = "phone-system", "audio-conferencing"

# What a plan can give.
FEATURES: dict[str, str] = {
    PHONE_SYSTEM: "A number of their own, calls to and from outside, forwarding, transfer.",
    "voicemail": "A mailbox for calls that are not answered.",
    "attendant": "Attendants and call queues, for the accounts of those.",
    "calling-plan": "Calls outside by the provider's lines instead of the organisation's own.",
    "meetings": "Holding meetings.",
    AUDIO_CONFERENCING: "A number to call for the meetings they hold.",
    "broadcast": "Holding meetings for very many listeners.",
    "messaging": "Messages, presence and contacts.",
}

# Plans that every tenant can give a count; others are made with `isthmus licence set`.
SHIPPED: dict[str, tuple[str, tuple[str, ...]]] = {
    "messaging": ("Messages and presence", ("messaging",)),
    "meetings": ("Messages and meetings", ("meetings", "messaging")),
    "audio-conferencing": ("Numbers for meetings", (AUDIO_CONFERENCING,)),
    "phone-system": ("Telephony with the organisation's own lines", (PHONE_SYSTEM, "voicemail")),
    "calling-plan": ("The provider's lines", ("calling-plan",)),
    "resource": ("Attendants and queues", ("attendant", PHONE_SYSTEM)),
    "broadcast": ("Meetings for very many", ("broadcast",)),
    "complete": ("Everything for a person", tuple(sorted(set(FEATURES) - {"attendant"}))),
}


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to people. gains, loses: features by person. waits: who is in the line without a licence."""

    gains: Mapping[Aor, tuple[str, ...]]
    loses: Mapping[Aor, tuple[str, ...]]
    waits: tuple[Aor, ...]


def checked_plan(name: str) -> str:
    """The name, if a plan may be called so. Raises UsageError."""
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            f"{name!r} is not a name for a plan", do="Use small letters, digits, '.', '_' and '-', at most 63."
        )
    return name


def checked_features(names: Collection[str]) -> tuple[str, ...]:
    """The features, sorted, each once. Raises UsageError for one there is not, and for none at all."""
    if unknown := sorted(set(names) - set(FEATURES)):
        raise UsageError(f"there is no feature {', '.join(unknown)}", do=f"Features: {', '.join(FEATURES)}.")
    if not names:
        raise UsageError("a plan without features", do=f"Features: {', '.join(FEATURES)}.")
    return tuple(sorted(set(names)))


def reasons(
    aor: Aor, assignments: Iterable[Assignment], ways: Mapping[str, tuple[str, ...]]
) -> dict[str, list[tuple[str, ...]]]:
    """Plan to the reasons why it is this person's: `()` for an assignment by name, else the way to the group.

    assignments: of the person's tenant. ways: see `directory.groups.containing`.
    """
    found: dict[str, list[tuple[str, ...]]] = {}
    for each in assignments:
        if each.level is Level.PERSON and each.target == str(aor):
            found.setdefault(each.plan, []).insert(0, ())
        elif each.level is Level.GROUP and each.target in ways:
            found.setdefault(each.plan, []).append(ways[each.target])
    return found


def entitled(
    people: Mapping[Aor, tuple[str, ...]], assignments: Sequence[Assignment], nesting: groups.Nesting
) -> dict[str, set[Aor]]:
    """Plan to everybody it is assigned to. people: of one tenant, with the groups they are in directly."""
    parents = groups.inverted(nesting)
    by_name: dict[str, set[str]] = {}
    by_group: dict[str, set[str]] = {}
    for each in assignments:
        (by_name if each.level is Level.PERSON else by_group).setdefault(each.target, set()).add(each.plan)
    of_groups: dict[tuple[str, ...], set[str]] = {}
    found: dict[str, set[Aor]] = {each.plan: set() for each in assignments}
    for aor, direct in people.items():
        plans = of_groups.get(direct)
        if plans is None:
            ways = groups.containing(direct, parents)
            plans = of_groups[direct] = {plan for name in ways for plan in by_group.get(name, ())}
        for plan in plans | by_name.get(str(aor), set()):
            found[plan].add(aor)
    return found


def effect(before: Mapping[Aor, Collection[str]], after: Mapping[Aor, Collection[str]], waits: Iterable[Aor]) -> Effect:
    """From the features that people have before and after."""
    everybody = sorted({*before, *after})
    gains = {aor: tuple(sorted(set(after.get(aor, ())) - set(before.get(aor, ())))) for aor in everybody}
    loses = {aor: tuple(sorted(set(before.get(aor, ())) - set(after.get(aor, ())))) for aor in everybody}
    return Effect(
        {aor: names for aor, names in gains.items() if names},
        {aor: names for aor, names in loses.items() if names},
        tuple(waits),
    )


def needs(number: str | None, meetings: Mapping[str, Value]) -> dict[str, str]:
    """Features without which something would not work that a person has, each with the reason in words.

    meetings: their settings of that kind.
    """
    found: dict[str, str] = {}
    if number is not None:
        found[PHONE_SYSTEM] = f"they have the number {number}"
    if meetings.get("dial_in"):
        found[AUDIO_CONFERENCING] = "their meetings have a number to call"
    return found
