"""What follows in roles from changes in the directory: a role that reaches a group reaches it under its new name."""

from __future__ import annotations

from dataclasses import replace

from isthmus.directory.journal import Journal
from isthmus.identity import store
from isthmus.identity.accounts import held_json
from isthmus.identity.ledger import note
from isthmus.identity.model import Account, Held


def follow(log: Journal) -> None:
    """Let roles given for a group go with it, in the transaction that renames it."""
    for tenant, name, new in log.renamed_groups:
        reaching = [each for each in store.held(log.connection) if name in (each.scope.groups or ())]
        for held in reaching:
            for account in store.accounts(log.connection, ids=[held.account]):
                _follow(log, account, held, tenant, name, new)


def _follow(log: Journal, account: Account, held: Held, tenant: str, name: str, new: str) -> None:
    """A role that reaches other tenants, too, keeps the former name as well: there it may be another group."""
    tenants = held.scope.tenants if account.tenant is None else {account.tenant}
    if tenants is not None and tenant not in tenants:
        return
    groups = (held.scope.groups or frozenset()) | {new}
    if tenants == {tenant}:
        groups -= {name}
    store.set_groups(log.connection, held.id, groups)
    after = replace(held, scope=replace(held.scope, groups=groups))
    note(log, account, "role.reach", held_json(held), held_json(after))
