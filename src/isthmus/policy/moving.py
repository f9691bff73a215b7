"""What a move has to say of policies and licences: what would be different at the target, and what stands against it.

Nothing is handed over: each site has its own policies and licences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from isthmus.addressing import Aor
from isthmus.directory.model import Person
from isthmus.directory.service import Directory
from isthmus.homing.participants import Handed, JsonValue, Review, Verdicts
from isthmus.policy import licences, rules
from isthmus.policy.licensing import Licences
from isthmus.policy.service import Policies

_MEETINGS = "meetings"


class PolicyParticipant:
    """Policies and licences in a move (see homing.participants.Participant). site: this site's name."""

    name = "policy"

    def __init__(self, directory: Directory, policies: Policies, held: Licences, site: str) -> None:
        self._directory, self._policies, self._licences, self._site = directory, policies, held, site

    def check(self, people: Sequence[Aor], target: str) -> dict[Aor, list[str]]:
        """Nothing: what there is to say needs both sites (see `review`)."""
        return {}

    def describe(self, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        """What is in force here for these people, and which features they have and use."""
        described: dict[Aor, JsonValue] = {}
        for tenant, group in _by_tenant(self._directory.get_many(people)).items():
            resolver = self._policies.resolver(tenant)
            held = self._licences.features(tenant, group)
            for aor, person in group.items():
                resolved = resolver.resolve(person)
                described[aor] = {
                    "site": self._site,
                    "settings": {kind: dict(each.values) for kind, each in resolved.items()},
                    "policies": {kind: list(each.policies) for kind, each in resolved.items()},
                    "needs": licences.needs(person.number, resolved[_MEETINGS].values),
                    "features": None if held is None else sorted(held.get(aor, {})),
                }
        return described

    def review(self, data: Handed, target: str) -> dict[Aor, Review]:
        """Features they use and would have no licence for stand against it; what else is different is a note."""
        reviewed: dict[Aor, Review] = {}
        people = self._directory.get_many(data)
        for tenant, group in _by_tenant(people).items():
            resolver = self._policies.resolver(tenant)
            names = self._policies.names(tenant)
            held = self._licences.features(tenant, group)
            for aor, person in group.items():
                resolved = resolver.resolve(replace(person, home=target))
                there = data[aor]
                has = None if held is None else held.get(aor, {})
                reviewed[aor] = Review(
                    tuple(_lacking(aor, there, has, target)),
                    (*_lost(there, has, target), *_changed(there, resolved, target), *_missing(there, names, target)),
                )
        return reviewed

    def export(self, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        """Nothing."""
        return {}

    def import_(self, data: Handed, before: Handed | None) -> Verdicts:
        """Nothing."""
        return dict.fromkeys(data)

    def changed(self, before: JsonValue, now: JsonValue) -> bool:
        """Never."""
        return False

    def verify(self, data: Handed) -> Verdicts:
        """All is well."""
        return dict.fromkeys(data)

    def undo(self, people: Sequence[Aor]) -> None:
        """Nothing."""

    def clean_up(self, data: Handed) -> Verdicts:
        """Nothing."""
        return dict.fromkeys(data)


def _by_tenant(people: Mapping[Aor, Person]) -> dict[str, dict[Aor, Person]]:
    found: dict[str, dict[Aor, Person]] = {}
    for aor, person in people.items():
        found.setdefault(person.tenant, {})[aor] = person
    return found


def _lacking(aor: Aor, there: Mapping[str, Any], has: Mapping[str, Any] | None, target: str) -> list[str]:
    if has is None:
        return []
    return [
        f"{target} has no {feature} licence for them, which they need: {why} "
        f"(isthmus --site {target} licence assign PLAN {aor})"
        for feature, why in sorted(there.get("needs", {}).items())
        if feature not in has
    ]


def _lost(there: Mapping[str, Any], has: Mapping[str, Any] | None, target: str) -> list[str]:
    had = there.get("features")
    if had is None or has is None:
        return []
    return [
        f"loses {feature}: they have a licence at {there['site']}, and none at {target}"
        for feature in had
        if feature not in has and feature not in there.get("needs", {})
    ]


def _changed(there: Mapping[str, Any], resolved: Mapping[str, rules.Resolved], target: str) -> list[str]:
    return [
        f"{kind} {name}: {shown(now)} at {target}, {shown(before)} at {there['site']}"
        for kind, each in sorted(resolved.items())
        for name, before, now in rules.differences(there.get("settings", {}).get(kind, {}), each.values)
    ]


def _missing(there: Mapping[str, Any], names: set[tuple[str, str]], target: str) -> list[str]:
    return [
        f"the {kind} policy {name}, in force at {there['site']}, does not exist at {target}"
        for kind, used in sorted(there.get("policies", {}).items())
        for name in used
        if (kind, name) not in names
    ]


def shown(value: object) -> str:
    """A setting's value for people to read."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value in (None, "") else str(value)
