"""Which setting applies to whom. Pure.

1. A policy granted to the person beats one granted to a group they are in, that beats one granted to the site where
   they are at home, that beats the tenant's, and what none of them says has the default of its kind. Of the kind
   `emergency` the site's comes first, before the person's: who looks after a building says what happens there.
2. Among groups the lowest rank wins; among groups of one rank the first by name. How deep a group is nested does not
   count.
3. This is decided for each setting by itself: a policy that does not name a setting leaves it to the next.
4. Each site has policies of its own: what applies to a person is what the site says where they are at home.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from isthmus.directory import groups
from isthmus.directory.model import Person
from isthmus.policy.kinds import KINDS, Value, kind_of
from isthmus.policy.model import Grant, Level, Policy

_ORDER = {level: place for place, level in enumerate(Level)}
Ways = Mapping[str, tuple[str, ...]]  # see directory.groups.containing


@dataclass(frozen=True, slots=True)
class Settled:
    """What a setting is for a person. by: the grant that decides, None for the default. lost: those it beats, in
    order, with what they would have said."""

    value: Value
    by: Grant | None
    lost: tuple[tuple[Grant, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Effective:
    """All settings of one kind for a person. applied: every grant that concerns them, the strongest first."""

    kind: str
    settings: Mapping[str, Settled]
    applied: tuple[Grant, ...]


def precedence(grant: Grant) -> tuple[int, int, str]:
    """Sorts grants of one kind, the strongest first. No two are equal, since a target has one of each kind."""
    first = grant.level is Level.SITE and _is_site_first(grant.kind)
    return -1 if first else _ORDER[grant.level], grant.rank if grant.level is Level.GROUP else 0, grant.target


def _is_site_first(kind: str) -> bool:
    return kind in KINDS and KINDS[kind].site_first


def concerns(grant: Grant, person: Person, ways: Ways) -> bool:
    """Whether the grant is about this person. ways: the groups they are in."""
    if grant.tenant != person.tenant:
        return False
    if grant.level is Level.PERSON:
        return grant.target == str(person.aor)
    if grant.level is Level.GROUP:
        return grant.target in ways
    return grant.target == (person.home if grant.level is Level.SITE else person.tenant)


def effective(kind: str, person: Person, granted: Iterable[tuple[Grant, Policy]], ways: Ways) -> Effective:
    """Each setting with the reason for it. granted: grants with their policies, of any kind. Raises NotFoundError."""
    applied = sorted(
        ((grant, policy) for grant, policy in granted if grant.kind == kind and concerns(grant, person, ways)),
        key=lambda pair: precedence(pair[0]),
    )
    settings: dict[str, Settled] = {}
    for setting in kind_of(kind).settings:
        said = [(grant, value) for grant, policy in applied for name, value in policy.settings if name == setting.name]
        if said:
            settings[setting.name] = Settled(said[0][1], said[0][0], tuple(said[1:]))
        else:
            settings[setting.name] = Settled(setting.default, None)
    return Effective(kind, settings, tuple(grant for grant, _ in applied))


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings of one kind as a whole, shared by everybody for whom they are the same.

    id: stands for these values, at every site and after every restart. policies: names of those that took part.
    """

    id: str
    kind: str
    values: Mapping[str, Value]
    policies: tuple[str, ...]


class Resolver:
    """`effective` for many people of one tenant: the same answers without the reasons, at a fraction of the cost.

    What is the same for people who are in the same groups and at home at the same site is worked out once.
    """

    def __init__(self, granted: Iterable[tuple[Grant, Policy]], nesting: groups.Nesting) -> None:
        self._parents = groups.inverted(nesting)
        self._policies: dict[tuple[str, str], Policy] = {}
        self._by_target: dict[tuple[Level, str], list[Grant]] = {}
        for grant, policy in granted:
            self._policies[policy.kind, policy.name] = policy
            self._by_target.setdefault((grant.level, grant.target), []).append(grant)
        self._shared: dict[tuple[tuple[str, ...], str, str], dict[str, Resolved]] = {}
        self._made: dict[tuple[str, tuple[str, ...]], Resolved] = {}

    def resolve(self, person: Person) -> dict[str, Resolved]:
        """Kind to settings, for every kind. The result is shared: not to be changed."""
        key = (person.groups, person.home, person.tenant)
        shared = self._shared.get(key)
        if shared is None:
            shared = self._shared[key] = self._resolve(self._common(*key))
        own = self._by_target.get((Level.PERSON, str(person.aor)))
        if own is None:
            return shared
        return {**shared, **{grant.kind: self._with_own(grant, key, shared[grant.kind]) for grant in own}}

    def _with_own(self, own: Grant, key: tuple[tuple[str, ...], str, str], shared: Resolved) -> Resolved:
        """What it is for a person who is granted a policy of the kind. key: what others share with them."""
        if not _is_site_first(own.kind):
            return self._make(own.kind, (own.policy, *_without(shared.policies, own.policy)))
        grants = [*(each for each in self._common(*key) if each.kind == own.kind), own]
        return self._make(own.kind, tuple(dict.fromkeys(each.policy for each in sorted(grants, key=precedence))))

    def _common(self, direct: tuple[str, ...], home: str, tenant: str) -> list[Grant]:
        ways = groups.containing(direct, self._parents)
        targets = [(Level.GROUP, name) for name in ways] + [(Level.SITE, home), (Level.TENANT, tenant)]
        found = [grant for target in targets for grant in self._by_target.get(target, ())]
        return sorted(found, key=precedence)

    def _resolve(self, grants: Collection[Grant]) -> dict[str, Resolved]:
        chains: dict[str, dict[str, None]] = {kind: {} for kind in KINDS}
        for grant in grants:
            chains[grant.kind].setdefault(grant.policy)
        return {kind: self._make(kind, tuple(names)) for kind, names in chains.items()}

    def _make(self, kind: str, names: tuple[str, ...]) -> Resolved:
        made = self._made.get((kind, names))
        if made is None:
            values = KINDS[kind].defaults()
            for name in reversed(names):
                values |= dict(self._policies[kind, name].settings)
            made = self._made[kind, names] = Resolved(settings_id(kind, values), kind, values, names)
        return made


def settings_id(kind: str, values: Mapping[str, Value]) -> str:
    """Twelve hexadecimal digits that stand for these settings of this kind."""
    text = json.dumps([kind, values], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:12]


def differences(before: Mapping[str, Value], now: Mapping[str, Value]) -> list[tuple[str, Value, Value]]:
    """Settings that have another value now, with both, by name. Those that one side does not know are left out."""
    return [(name, before[name], now[name]) for name in sorted(now) if name in before and before[name] != now[name]]


def _without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(each for each in names if each != name)
