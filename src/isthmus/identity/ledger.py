"""What the services of accounts share: the transaction with its audit entries, and who an account is as a principal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from isthmus.access import rules as access
from isthmus.access.model import Grant, Principal, Proof
from isthmus.access.permissions import ROLES
from isthmus.database import reading, writing
from isthmus.directory import journal
from isthmus.directory.journal import Journal
from isthmus.errors import NotFoundError, RefusedError
from isthmus.identity import rules, store
from isthmus.identity.model import Account

_T = TypeVar("_T")

NO_ACCOUNT = "To see which there are: isthmus account list"


class Ledger:
    """The accounts' part of a site's database. clock: Unix seconds."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self.clock = engine, clock

    def read(self, work: Callable[[Connection], _T]) -> _T:
        """`work` in a transaction that sees one state."""
        with reading(self._engine) as connection:
            return work(connection)

    def write(self, actor: str, work: Callable[[Journal], _T]) -> _T:
        """`work` in a transaction, alone, with its audit entries. Raises RefusedError where tables contradict."""
        try:
            with writing(self._engine) as connection:
                journal.lock(connection)
                log = Journal(connection, actor, self.now_ms())
                result = work(log)
                log.flush()
        except IntegrityError as error:
            raise RefusedError(f"it exists already ({error.orig})") from error
        return result

    def quietly(self, work: Callable[[Connection], _T]) -> _T:
        """`work` in a transaction of one statement that needs no lock and no audit."""
        with writing(self._engine) as connection:
            return work(connection)

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self.clock() * 1000)


def note(log: Journal, account: Account, action: str, before: Any, after: Any) -> None:
    """An audit entry of an account; it says whose the account is, for those who may read their tenant's alone."""
    whose = {"tenant": account.tenant}
    told = [value and {**value, **whose} for value in (before, after)]
    log.entry(action, f"account:{account.name}", *told)


def missing_account(name: str) -> NotFoundError:
    """There is no such account, or it is no business of who asks."""
    return NotFoundError(f"there is no account {name[:80]!r}", do=NO_ACCOUNT)


def grants_of(connection: Connection, account: Account) -> tuple[Grant, ...]:
    """What the account may do. A role that is gone gives nothing."""
    custom = {role.name: role for role in store.custom_roles(connection, account.tenant or "")}
    held = store.held(connection, [account.id])
    grants = [Grant(role, each.scope) for each in held if (role := rules.role_of(each.role, custom)) is not None]
    if account.person:
        grants.append(access.own_grant(account.person, ROLES["self"]))
    return tuple(grants)


def principal_of(
    connection: Connection,
    account: Account,
    proof: Proof,
    *,
    kind: str = "account",
    limit: frozenset[str] | None = None,
    session: str = "",
) -> Principal:
    """Who acts, when `account` does."""
    return Principal(
        kind=kind,
        id=account.id,
        name=account.name,
        tenant=account.tenant,
        proof=proof,
        grants=grants_of(connection, account),
        person=account.person,
        limit=limit,
        session=session,
        enabled=account.active,
    )


def full_administrators(connection: Connection, tenant: str | None) -> set[str]:
    """The accounts that could put everything right again, of one tenant or (None) of the whole installation."""
    held = [each for each in store.held(connection, role="global") if each.scope.everything]
    found = store.accounts(connection, ids={each.account for each in held}, limit=10_000)
    return {each.id for each in found if each.tenant == tenant and each.active and (each.has_password or each.passkeys)}


def keeping_an_administrator(connection: Connection, tenant: str | None, change: Callable[[], _T]) -> _T:
    """Make the change, unless it takes the tenant's last administrator. Raises RefusedError; roll back then."""
    before = full_administrators(connection, tenant)
    result = change()
    if before and not full_administrators(connection, tenant):
        whose = f"of tenant {tenant}" if tenant is not None else "of the whole installation"
        raise RefusedError(
            f"this would take the last administrator {whose}",
            do="Give another account the role first: isthmus role grant global NAME",
        )
    return result
