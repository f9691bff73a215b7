"""The SQL of policies. Functions of a connection, nothing decided."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, update

from isthmus.directory.store import in_batches, upsert
from isthmus.policy.model import Grant, Level, Policy
from isthmus.policy.tables import policy, policy_grant, policy_revision


def policies(connection: Connection, tenant: str, kind: str | None = None, name: str | None = None) -> list[Policy]:
    """The tenant's policies, by kind and name."""
    query = select(policy).where(policy.c.tenant == tenant)
    if kind is not None:
        query = query.where(policy.c.kind == kind)
    if name is not None:
        query = query.where(policy.c.name == name)
    found = [_policy(row) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda each: (each.kind, each.name))


def put_policy(connection: Connection, wanted: Policy) -> None:
    """Make the policy as given."""
    row = {
        "tenant": wanted.tenant,
        "kind": wanted.kind,
        "name": wanted.name,
        "description": wanted.description,
        "settings": json.dumps(dict(wanted.settings), ensure_ascii=False),
    }
    upsert(connection, policy, [row], ("description", "settings"))


def delete_policy(connection: Connection, gone: Policy) -> None:
    """Remove a policy that is granted to nobody."""
    connection.execute(
        delete(policy).where(policy.c.tenant == gone.tenant, policy.c.kind == gone.kind, policy.c.name == gone.name)
    )


def grants(connection: Connection, tenant: str, kind: str | None = None, name: str | None = None) -> list[Grant]:
    """The tenant's grants, of one kind or one policy, in no order."""
    query = select(policy_grant).where(policy_grant.c.tenant == tenant)
    if kind is not None:
        query = query.where(policy_grant.c.kind == kind)
    if name is not None:
        query = query.where(policy_grant.c.policy == name)
    return [_grant(row) for row in connection.execute(query).mappings()]


def granted(connection: Connection, tenant: str) -> list[tuple[Grant, Policy]]:
    """Every grant of the tenant with its policy."""
    known = {(each.kind, each.name): each for each in policies(connection, tenant)}
    return [(grant, known[grant.kind, grant.policy]) for grant in grants(connection, tenant)]


def put_grant(connection: Connection, wanted: Grant) -> None:
    """Make the grant; it takes the place of the one of its kind that the target had."""
    row = {
        "tenant": wanted.tenant,
        "kind": wanted.kind,
        "level": wanted.level.value,
        "target": wanted.target,
        "policy": wanted.policy,
        "rank": wanted.rank,
    }
    upsert(connection, policy_grant, [row], ("policy", "rank"))


def delete_grants(connection: Connection, gone: Iterable[Grant]) -> None:
    """Remove these grants."""
    for each in gone:
        connection.execute(
            delete(policy_grant).where(
                policy_grant.c.tenant == each.tenant,
                policy_grant.c.kind == each.kind,
                policy_grant.c.level == each.level.value,
                policy_grant.c.target == each.target,
            )
        )


def grants_to(connection: Connection, level: Level, targets: Iterable[str]) -> list[Grant]:
    """Grants of any tenant to these people or groups."""
    found: list[Grant] = []
    for batch in in_batches(targets):
        query = select(policy_grant).where(policy_grant.c.level == level.value, policy_grant.c.target.in_(batch))
        found += [_grant(row) for row in connection.execute(query).mappings()]
    return found


def revision(connection: Connection) -> int:
    """Grows with every change of policies, grants or groups."""
    return int(connection.execute(select(policy_revision.c.number)).scalar_one())


def count_revision(connection: Connection) -> None:
    """Let the revision grow."""
    connection.execute(update(policy_revision).values(number=policy_revision.c.number + 1))


def _policy(row: RowMapping) -> Policy:
    settings: dict[str, Any] = json.loads(row["settings"])
    return Policy(row["tenant"], row["kind"], row["name"], tuple(sorted(settings.items())), row["description"])


def _grant(row: RowMapping) -> Grant:
    return Grant(row["tenant"], row["kind"], row["policy"], Level(row["level"]), row["target"], int(row["rank"]))
