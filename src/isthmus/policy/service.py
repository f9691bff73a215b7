"""The write path of policies, and what is in force for whom. Each site keeps its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from isthmus.addressing import Aor
from isthmus.database import reading
from isthmus.directory import group_store, groups
from isthmus.directory import rules as directory_rules
from isthmus.directory import store as directory_store
from isthmus.directory.journal import Journal
from isthmus.directory.model import Person
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError, UsageError
from isthmus.policy import rules, store
from isthmus.policy.kinds import KINDS, Value, kind_of
from isthmus.policy.model import Grant, Level, Policy

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LAST_RANK = 10_000
DEFAULT_RANK = 100


@dataclass(frozen=True, slots=True)
class Explained:
    """What is in force for a person. ways: the groups they are in, each with the way there."""

    person: Person
    kinds: tuple[rules.Effective, ...]
    ways: rules.Ways


class Policies:
    """The policies of one site. sites: names of those where people can live."""

    def __init__(self, directory: Directory, sites: Collection[str]) -> None:
        self._directory, self.engine, self._sites = directory, directory.engine, frozenset(sites)

    # Reading

    def listed(self, tenant: str, kind: str | None = None) -> list[tuple[Policy, list[Grant]]]:
        """The tenant's policies with their grants, the strongest first. Raises NotFoundError for an unknown kind."""
        if kind is not None:
            kind_of(kind)
        with reading(self.engine) as connection:
            found = store.policies(connection, tenant, kind)
            grants = store.grants(connection, tenant, kind)
        return [(each, _of(each, grants)) for each in found]

    def get(self, tenant: str, kind: str, name: str) -> tuple[Policy, list[Grant]]:
        """One policy with its grants. Raises NotFoundError."""
        with reading(self.engine) as connection:
            policy = _existing(connection, tenant, kind, name)
            return policy, _of(policy, store.grants(connection, tenant, kind, name))

    def explain(self, aor: Aor, kind: str | None = None) -> Explained:
        """What is in force for the person, each setting with its reason. Raises NotFoundError."""
        kinds = [kind_of(kind).name] if kind is not None else list(KINDS)
        person = self._directory.get(aor)
        with reading(self.engine) as connection:
            granted = store.granted(connection, person.tenant)
            ways = groups.containing(person.groups, groups.inverted(_nesting(connection, person.tenant)))
        return Explained(person, tuple(rules.effective(each, person, granted, ways) for each in kinds), ways)

    def resolver(self, tenant: str) -> rules.Resolver:
        """What is in force for many people of a tenant, as of now."""
        with reading(self.engine) as connection:
            return rules.Resolver(store.granted(connection, tenant), _nesting(connection, tenant))

    def names(self, tenant: str) -> set[tuple[str, str]]:
        """Kind and name of every policy of the tenant."""
        with reading(self.engine) as connection:
            return {(each.kind, each.name) for each in store.policies(connection, tenant)}

    # Writing

    def create(self, wanted: Policy, *, actor: str, key: str | None = None) -> Policy:
        """Add a policy. Raises UsageError (every fault), RefusedError (exists), NotFoundError (kind, tenant)."""
        policy = _checked(wanted)

        def work(log: Journal) -> Policy:
            if policy.tenant not in directory_store.tenants(log.connection):
                raise NotFoundError(f"there is no tenant {policy.tenant!r}")
            if store.policies(log.connection, policy.tenant, policy.kind, policy.name):
                raise RefusedError(
                    f"the {policy.kind} policy {policy.name} exists already",
                    do=f"To change it: isthmus policy set {policy.kind} {policy.name}",
                )
            store.put_policy(log.connection, policy)
            log.entry("policy.create", key_text(policy), None, public(policy))
            return policy

        return self._write(actor, key, ("policy.create", policy), work)

    def set(
        self,
        tenant: str,
        kind: str,
        name: str,
        *,
        settings: Mapping[str, Value] | None = None,
        unset: Collection[str] = (),
        description: str | None = None,
        actor: str,
        key: str | None = None,
    ) -> Policy:
        """Change a policy. unset: settings that it shall name no more. Raises NotFoundError, UsageError."""
        for setting in unset:
            kind_of(kind).setting(setting)

        def work(log: Journal) -> Policy:
            before = _existing(log.connection, tenant, kind, name)
            present = {key: value for key, value in before.settings if key not in unset}
            after = _checked(
                replace(
                    before,
                    settings=tuple({**present, **(settings or {})}.items()),
                    description=before.description if description is None else description,
                )
            )
            if before != after:
                store.put_policy(log.connection, after)
                log.entry("policy.set", key_text(after), public(before), public(after))
            return after

        request = ("policy.set", tenant, kind, name, sorted((settings or {}).items()), sorted(unset), description)
        return self._write(actor, key, request, work)

    def delete(self, tenant: str, kind: str, name: str, *, actor: str, key: str | None = None) -> None:
        """Remove a policy that is granted to nobody. Raises NotFoundError, RefusedError (says to whom)."""

        def work(log: Journal) -> None:
            policy = _existing(log.connection, tenant, kind, name)
            if held := _of(policy, store.grants(log.connection, tenant, kind, name)):
                more = f" and {len(held) - 5} more" if len(held) > 5 else ""
                raise RefusedError(
                    f"the {kind} policy {name} is granted to {', '.join(map(str, held[:5]))}{more}",
                    do="Revoke it there first: isthmus policy revoke",
                )
            store.delete_policy(log.connection, policy)
            log.entry("policy.delete", key_text(policy), public(policy), None)

        self._directory.write_here(actor, work, key=key, request=("policy.delete", tenant, kind, name))

    def grant(self, wanted: Grant, *, actor: str, key: str | None = None) -> Grant | None:
        """Give a policy to a target; returns the grant of its kind that it takes the place of.

        Raises NotFoundError (policy, person, group, site), UsageError (rank).
        """
        if wanted.level is Level.GROUP and not 1 <= wanted.rank <= _LAST_RANK:
            raise UsageError(f"a rank of {wanted.rank} is not between 1 and {_LAST_RANK}")
        if wanted.level is not Level.GROUP and wanted.rank:
            raise UsageError("only groups have a rank")

        def work(log: Journal) -> Grant | None:
            _existing(log.connection, wanted.tenant, wanted.kind, wanted.policy)
            self._known_target(log.connection, wanted)
            before = _at(log.connection, wanted)
            if before != wanted:
                store.put_grant(log.connection, wanted)
                log.entry("policy.grant", _grant_key(wanted), before and grant_public(before), grant_public(wanted))
            return before if before != wanted else None

        return self._directory.write_here(
            actor,
            work,
            key=key,
            request=("policy.grant", wanted),
            encode=lambda grant: None if grant is None else grant_public(grant),
            decode=lambda _, stored: None if stored is None else grant_from_public(stored),
        )

    def revoke(self, tenant: str, kind: str, level: Level, target: str, *, actor: str, key: str | None = None) -> None:
        """Take away what of this kind is granted to exactly this target. Raises NotFoundError."""
        kind_of(kind)

        def work(log: Journal) -> None:
            before = _at(log.connection, Grant(tenant, kind, "", level, target))
            if before is None:
                raise NotFoundError(
                    f"no {kind} policy is granted to {level} {target}", do=f"See: isthmus policy list {kind}"
                )
            store.delete_grants(log.connection, [before])
            log.entry("policy.revoke", _grant_key(before), grant_public(before), None)

        self._directory.write_here(actor, work, key=key, request=("policy.revoke", tenant, kind, level, target))

    def _write(self, actor: str, key: str | None, request: object, work: Callable[[Journal], Policy]) -> Policy:
        return self._directory.write_here(
            actor, work, key=key, request=request, encode=public, decode=lambda _, stored: from_public(stored)
        )

    def _known_target(self, connection: Connection, grant: Grant) -> None:
        if grant.level is Level.PERSON:
            found = group_store.memberships(connection, [Aor.parse(grant.target)])
            if [tenant for tenant, _ in found.values()] != [grant.tenant]:
                raise NotFoundError(f"nobody is called {grant.target}", do="To see who is there: isthmus user list")
        elif grant.level is Level.GROUP:
            group_store.require(connection, grant.tenant, grant.target)
        elif grant.level is Level.SITE and grant.target not in self._sites:
            raise NotFoundError(
                f"there is no site {grant.target!r} where people can live",
                do=f"Sites: {', '.join(sorted(self._sites))}.",
            )
        elif grant.level is Level.TENANT and grant.target != grant.tenant:
            raise NotFoundError(f"there is no tenant {grant.target!r}")


def key_text(policy: Policy) -> str:
    """How the audit log names a policy."""
    return f"{policy.tenant}/{policy.kind}/{policy.name}"


def public(policy: Policy) -> dict[str, Any]:
    """A policy as the API, the CLI and the audit log show it."""
    return {
        "kind": policy.kind,
        "name": policy.name,
        "tenant": policy.tenant,
        "description": policy.description,
        "settings": dict(policy.settings),
    }


def from_public(data: Mapping[str, Any]) -> Policy:
    """The policy that `public` made `data` of."""
    return Policy(
        data["tenant"], data["kind"], data["name"], tuple(sorted(data["settings"].items())), data["description"]
    )


def grant_public(grant: Grant) -> dict[str, Any]:
    """A grant as the API, the CLI and the audit log show it. rank: None for what has none."""
    return {
        "tenant": grant.tenant,
        "kind": grant.kind,
        "policy": grant.policy,
        "level": grant.level.value,
        "target": grant.target,
        "rank": grant.rank if grant.level is Level.GROUP else None,
    }


def grant_from_public(data: Mapping[str, Any]) -> Grant:
    """The grant that `grant_public` made `data` of."""
    return Grant(data["tenant"], data["kind"], data["policy"], Level(data["level"]), data["target"], data["rank"] or 0)


def _grant_key(grant: Grant) -> str:
    return f"{grant.tenant}/{grant.kind}/{grant.level}/{grant.target}"


def _existing(connection: Connection, tenant: str, kind: str, name: str) -> Policy:
    kind_of(kind)
    found = store.policies(connection, tenant, kind, name)
    if not found:
        raise NotFoundError(f"there is no {kind} policy {name!r}", do=f"See: isthmus policy list {kind}")
    return found[0]


def _at(connection: Connection, grant: Grant) -> Grant | None:
    for each in store.grants_to(connection, grant.level, [grant.target]):
        if (each.tenant, each.kind) == (grant.tenant, grant.kind):
            return each
    return None


def _of(policy: Policy, grants: Sequence[Grant]) -> list[Grant]:
    mine = [each for each in grants if (each.kind, each.policy) == (policy.kind, policy.name)]
    return sorted(mine, key=rules.precedence)


def _nesting(connection: Connection, tenant: str) -> groups.Nesting:
    return directory_store.nestings(connection).get(tenant, {})


def _checked(policy: Policy) -> Policy:
    """The policy in its one form. Raises UsageError with every fault, NotFoundError for its kind."""
    kind = kind_of(policy.kind)
    faults: list[str] = []
    if _NAME.fullmatch(policy.name) is None:
        faults.append(
            f"{policy.name!r} is not a name for a policy: small letters, digits, '.', '_' and '-', at most 63"
        )
    settings: dict[str, Value] = {}
    for name, value in policy.settings:
        try:
            settings[name] = kind.setting(name).checked(value)
        except UsageError as error:
            faults.append(str(error).rstrip("."))
    if faults:
        raise UsageError("; ".join(faults))
    description = directory_rules.checked_description(policy.description)
    return replace(policy, settings=tuple(sorted(settings.items())), description=description)
