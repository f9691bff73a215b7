"""Accounts in SQL. Functions of a connection; what may be done is the services' business."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, false, func, insert, or_, select, update

from isthmus.access.model import Reach, Role, Scope, Stage
from isthmus.addressing import barring
from isthmus.directory.store import in_batches, upsert
from isthmus.directory.tables import membership, person
from isthmus.identity.model import Account, Held, Link, Passkey, Session, Token
from isthmus.identity.tables import (
    account,
    account_link,
    account_passkey,
    account_recovery,
    account_role,
    account_session,
    account_token,
    account_totp,
    custom_role,
)

# Whether a person is neither disabled nor blocked as a whole (addressing/barring.py).
_let_in = and_(person.c.enabled, person.c.barred.not_like(f"%{barring.ACCOUNT}%"))

# Accounts


def accounts(
    connection: Connection,
    *,
    ids: Iterable[str] | None = None,
    name: str | None = None,
    match: str | None = None,
    tenant: str | None = None,
    after: str | None = None,
    limit: int = 1000,
    reach: Reach | None = None,
) -> list[Account]:
    """Accounts in the order of their names, from behind `after` on, that fit all that is given."""
    query = _with_person()
    if ids is not None:
        query = query.where(account.c.id.in_(list(ids)))
    if name is not None:
        query = query.where(account.c.name == name)
    if match:
        query = query.where(account.c.name.contains(match.lower(), autoescape=True))
    if tenant is not None:
        query = query.where(account.c.tenant == tenant)
    if after is not None:
        query = query.where(account.c.name > after)
    if reach is not None and not reach.everything:
        query = query.where(or_(false(), *map(_in_scope, reach.scopes)))
    rows = connection.execute(query.order_by(account.c.name).limit(limit)).all()
    return _accounts(connection, rows)


def account_of_person(connection: Connection, person_id: str) -> Account | None:
    """The account of that person."""
    rows = connection.execute(_with_person().where(account.c.person == person_id)).all()
    return next(iter(_accounts(connection, rows)), None)


def tenants(connection: Connection, names: Iterable[str]) -> dict[str, str | None]:
    """The tenants of those of the accounts that exist; None for who is of none."""
    found: dict[str, str | None] = {}
    for batch in in_batches(names):
        rows = connection.execute(select(account.c.name, account.c.tenant).where(account.c.name.in_(batch)))
        found |= {row.name: row.tenant for row in rows}
    return found


def _with_person() -> Select[Any]:
    return select(account, person.c.aor, person.c.home, _let_in.label("person_enabled")).join_from(
        account, person, person.c.id == account.c.person, isouter=True
    )


def _in_scope(scope: Scope) -> ColumnElement[bool]:
    """`Scope.covers` of `Account.as_object`, as SQL."""
    if scope.own or scope.owner:
        return account.c.person == scope.own if scope.own else false()
    parts: list[ColumnElement[bool]] = []
    if scope.tenants is not None:
        parts.append(account.c.tenant.in_(scope.tenants))
    if scope.sites is not None:
        parts.append(person.c.home.in_(scope.sites))
    if scope.groups is not None:
        parts.append(person.c.aor.in_(select(membership.c.aor).where(membership.c.group_name.in_(scope.groups))))
    return and_(*parts) if parts else account.c.id.is_not(None)


def _accounts(connection: Connection, rows: Sequence[Row[Any]]) -> list[Account]:
    ids = [row.id for row in rows]
    totp: set[str] = set()
    passkeys: dict[str, int] = {}
    codes: dict[str, int] = {}
    groups: dict[str, list[str]] = defaultdict(list)
    linked: dict[str, list[str]] = defaultdict(list)
    for batch in in_batches(ids):
        confirmed = select(account_totp.c.account).where(account_totp.c.account.in_(batch), account_totp.c.confirmed)
        totp |= set(connection.execute(confirmed).scalars())
        for table, counts in ((account_passkey, passkeys), (account_recovery, codes)):
            query = select(table.c.account, func.count()).where(table.c.account.in_(batch)).group_by(table.c.account)
            if table is account_recovery:
                query = query.where(table.c.used_ms.is_(None))
            counts.update({each: int(count) for each, count in connection.execute(query)})
        for each, authority in connection.execute(
            select(account_link.c.account, account_link.c.authority).where(account_link.c.account.in_(batch))
        ):
            linked[each].append(authority)
    for names in in_batches([row.aor for row in rows if row.aor]):
        for aor, group in connection.execute(select(membership).where(membership.c.aor.in_(names))):
            groups[aor].append(group)
    return [
        Account(
            id=row.id,
            name=row.name,
            tenant=row.tenant,
            display_name=row.display_name,
            person=row.person or "",
            enabled=row.enabled,
            has_password=row.password is not None,
            created=row.created_ms / 1000,
            signed_in=_seconds(row.signed_in_ms),
            totp=row.id in totp,
            passkeys=passkeys.get(row.id, 0),
            recovery_codes=codes.get(row.id, 0),
            aor=row.aor or "",
            site=row.home or "",
            groups=tuple(sorted(groups.get(row.aor, ()))),
            person_enabled=row.person_enabled is not False,
            linked=tuple(sorted(linked.get(row.id, ()))),
        )
        for row in rows
    ]


def insert_account(connection: Connection, made: Account, password: str | None, now_ms: int) -> None:
    """Add an account. Raises IntegrityError where the name or the person has one."""
    connection.execute(
        insert(account).values(
            id=made.id,
            name=made.name,
            tenant=made.tenant,
            display_name=made.display_name,
            person=made.person or None,
            enabled=made.enabled,
            password=password,
            password_ms=now_ms if password else None,
            created_ms=now_ms,
        )
    )


def set_account(connection: Connection, account_id: str, **values: Any) -> None:
    """Change columns of an account."""
    connection.execute(update(account).where(account.c.id == account_id).values(**values))


def delete_account(connection: Connection, account_id: str) -> None:
    """Remove an account with all that is its own."""
    connection.execute(delete(account).where(account.c.id == account_id))


def password_of(connection: Connection, account_id: str) -> str | None:
    """The stored hash."""
    found: str | None = connection.scalar(select(account.c.password).where(account.c.id == account_id))
    return found


def person_by_aor(connection: Connection, aor: str) -> tuple[str, str] | None:
    """Stable id and tenant of a person."""
    row = connection.execute(select(person.c.id, person.c.tenant).where(person.c.aor == aor)).one_or_none()
    return None if row is None or row.id is None else (row.id, row.tenant)


# Roles


def custom_roles(connection: Connection, tenant: str | None = None) -> list[Role]:
    """The roles that tenants made; of one tenant, or of all."""
    query = select(custom_role).order_by(custom_role.c.tenant, custom_role.c.name)
    if tenant is not None:
        query = query.where(custom_role.c.tenant == tenant)
    return [
        Role(row.name, frozenset(json.loads(row.permissions)), row.description, row.tenant)
        for row in connection.execute(query)
    ]


def put_role(connection: Connection, role: Role) -> None:
    """Make or change a custom role."""
    row = {
        "tenant": role.tenant,
        "name": role.name,
        "description": role.description,
        "permissions": json.dumps(sorted(role.permissions)),
    }
    upsert(connection, custom_role, [row], ("description", "permissions"))


def delete_role(connection: Connection, role: Role) -> None:
    """Remove a custom role."""
    connection.execute(
        delete(custom_role).where(custom_role.c.tenant == role.tenant).where(custom_role.c.name == role.name)
    )


def held(connection: Connection, accounts_: Iterable[str] | None = None, role: str | None = None) -> list[Held]:
    """Who holds which role, and how far."""
    query = select(account_role).order_by(account_role.c.role, account_role.c.id)
    if accounts_ is not None:
        query = query.where(account_role.c.account.in_(list(accounts_)))
    if role is not None:
        query = query.where(account_role.c.role == role)
    return [
        Held(row.id, row.account, row.role, Scope(_names(row.tenants), _names(row.sites), _names(row.groups)))
        for row in connection.execute(query)
    ]


def insert_held(connection: Connection, given: Held) -> None:
    """Give a role."""
    scope = given.scope
    connection.execute(
        insert(account_role).values(
            id=given.id,
            account=given.account,
            role=given.role,
            tenants=_json(scope.tenants),
            sites=_json(scope.sites),
            groups=_json(scope.groups),
        )
    )


def set_groups(connection: Connection, grant_id: str, groups: frozenset[str]) -> None:
    """Let a role that was given reach these groups."""
    connection.execute(update(account_role).where(account_role.c.id == grant_id).values(groups=_json(groups)))


def delete_held(connection: Connection, grant_id: str) -> None:
    """Take a role."""
    connection.execute(delete(account_role).where(account_role.c.id == grant_id))


# Second factors


def totp(connection: Connection, account_id: str) -> tuple[bytes, bool, int] | None:
    """Sealed secret, whether it was confirmed, and the last step used."""
    row = connection.execute(select(account_totp).where(account_totp.c.account == account_id)).one_or_none()
    return None if row is None else (bytes(row.secret), row.confirmed, int(row.last_step))


def put_totp(connection: Connection, account_id: str, secret: bytes, confirmed: bool, last_step: int) -> None:
    """Register, confirm or count on."""
    row = {"account": account_id, "secret": secret, "confirmed": confirmed, "last_step": last_step}
    upsert(connection, account_totp, [row], ("secret", "confirmed", "last_step"))


def delete_totp(connection: Connection, account_id: str) -> None:
    """Forget it."""
    connection.execute(delete(account_totp).where(account_totp.c.account == account_id))


def put_recovery(connection: Connection, account_id: str, hashes: Iterable[str]) -> None:
    """Replace the recovery codes."""
    connection.execute(delete(account_recovery).where(account_recovery.c.account == account_id))
    if rows := [{"account": account_id, "hash": each} for each in hashes]:
        connection.execute(insert(account_recovery), rows)


def use_recovery(connection: Connection, account_id: str, digest: str, now_ms: int) -> bool:
    """Use a code up; whether there was one."""
    done = connection.execute(
        update(account_recovery)
        .where(account_recovery.c.account == account_id, account_recovery.c.hash == digest)
        .where(account_recovery.c.used_ms.is_(None))
        .values(used_ms=now_ms)
    )
    return done.rowcount == 1


def passkeys(connection: Connection, account_id: str | None = None, key_id: str | None = None) -> list[Passkey]:
    """Those of an account, or the one of that id."""
    query = select(account_passkey).order_by(account_passkey.c.created_ms, account_passkey.c.id)
    if account_id is not None:
        query = query.where(account_passkey.c.account == account_id)
    if key_id is not None:
        query = query.where(account_passkey.c.id == key_id)
    return [
        Passkey(
            id=row.id,
            account=row.account,
            public_key=bytes(row.public_key),
            sign_count=int(row.sign_count),
            name=row.name,
            aaguid=row.aaguid,
            attestation=row.attestation,
            backed_up=row.backed_up,
            created=row.created_ms / 1000,
            used=_seconds(row.used_ms),
        )
        for row in connection.execute(query)
    ]


def insert_passkey(connection: Connection, made: Passkey) -> None:
    """Register one. Raises IntegrityError where it is registered already."""
    connection.execute(
        insert(account_passkey).values(
            id=made.id,
            account=made.account,
            public_key=made.public_key,
            sign_count=made.sign_count,
            name=made.name,
            aaguid=made.aaguid,
            attestation=made.attestation,
            backed_up=made.backed_up,
            created_ms=int(made.created * 1000),
        )
    )


def passkey_used(connection: Connection, key_id: str, sign_count: int, now_ms: int) -> None:
    """Count on."""
    connection.execute(
        update(account_passkey).where(account_passkey.c.id == key_id).values(sign_count=sign_count, used_ms=now_ms)
    )


def delete_passkeys(connection: Connection, account_id: str, key_id: str | None = None) -> int:
    """Forget one or all of an account; how many."""
    query = delete(account_passkey).where(account_passkey.c.account == account_id)
    if key_id is not None:
        query = query.where(account_passkey.c.id == key_id)
    return connection.execute(query).rowcount


# Links to providers outside


def links(
    connection: Connection,
    *,
    account_id: str | None = None,
    authority: str | None = None,
    subject: str | None = None,
) -> list[Link]:
    """Links that fit all that is given."""
    query = select(account_link).order_by(account_link.c.authority)
    if account_id is not None:
        query = query.where(account_link.c.account == account_id)
    if authority is not None:
        query = query.where(account_link.c.authority == authority)
    if subject is not None:
        query = query.where(account_link.c.subject == subject)
    return [
        Link(row.id, row.account, row.authority, row.subject, row.created_ms / 1000, _seconds(row.used_ms))
        for row in connection.execute(query)
    ]


def insert_link(connection: Connection, made: Link) -> None:
    """Add one. Raises IntegrityError where the subject or the account has one already."""
    connection.execute(
        insert(account_link).values(
            id=made.id,
            account=made.account,
            authority=made.authority,
            subject=made.subject,
            created_ms=int(made.created * 1000),
        )
    )


def link_used(connection: Connection, link_id: str, now_ms: int) -> None:
    """Remember when somebody came in by it."""
    connection.execute(update(account_link).where(account_link.c.id == link_id).values(used_ms=now_ms))


def delete_link(connection: Connection, account_id: str, link_id: str) -> int:
    """Take one of an account's links away; how many there were."""
    return connection.execute(
        delete(account_link).where(account_link.c.account == account_id, account_link.c.id == link_id)
    ).rowcount


# Sessions and tokens


def insert_session(connection: Connection, made: Session, digest: str, agent: str) -> None:
    """Begin one."""
    connection.execute(
        insert(account_session).values(
            id=made.id,
            hash=digest,
            account=made.account,
            stage=made.stage.value,
            created_ms=int(made.created * 1000),
            seen_ms=int(made.seen * 1000),
            expires_ms=int(made.expires * 1000),
            factor_ms=None if made.second_factor_at is None else int(made.second_factor_at * 1000),
            agent=agent,
            browser=made.browser,
            address=made.address,
        )
    )


def session_by_hash(connection: Connection, digest: str) -> tuple[Session, str] | None:
    """The session of a cookie, and the digest of its browser."""
    row = connection.execute(select(account_session).where(account_session.c.hash == digest)).one_or_none()
    return None if row is None else (_session(row), row.agent)


def session(connection: Connection, session_id: str) -> Session | None:
    """The session of this id."""
    row = connection.execute(select(account_session).where(account_session.c.id == session_id)).one_or_none()
    return None if row is None else _session(row)


def sessions(connection: Connection, accounts_: Iterable[str] | None = None, now_ms: int = 0) -> list[Session]:
    """The sessions that go on, the latest used first."""
    query = select(account_session).where(account_session.c.expires_ms > now_ms)
    if accounts_ is not None:
        query = query.where(account_session.c.account.in_(list(accounts_)))
    return [_session(row) for row in connection.execute(query.order_by(account_session.c.seen_ms.desc()).limit(10_000))]


def set_session(connection: Connection, session_id: str, **values: Any) -> None:
    """Change columns of a session."""
    connection.execute(update(account_session).where(account_session.c.id == session_id).values(**values))


def delete_sessions(
    connection: Connection, *, account_id: str | None = None, session_id: str | None = None, but: str = ""
) -> int:
    """End one, or all of an account but one; how many."""
    query = delete(account_session).where(account_session.c.id != but)
    if account_id is not None:
        query = query.where(account_session.c.account == account_id)
    if session_id is not None:
        query = query.where(account_session.c.id == session_id)
    return connection.execute(query).rowcount


def forget_sessions(connection: Connection, now_ms: int) -> None:
    """Drop what is over."""
    connection.execute(delete(account_session).where(account_session.c.expires_ms <= now_ms))


def insert_token(connection: Connection, made: Token, digest: str) -> None:
    """Add one."""
    connection.execute(
        insert(account_token).values(
            id=made.id,
            hash=digest,
            account=made.account,
            name=made.name,
            permissions=json.dumps(sorted(made.permissions)),
            created_ms=int(made.created * 1000),
            expires_ms=int(made.expires * 1000),
        )
    )


def tokens(
    connection: Connection,
    *,
    accounts_: Iterable[str] | None = None,
    token_id: str | None = None,
    digest: str | None = None,
) -> list[Token]:
    """Tokens that fit all that is given, the newest first."""
    query = select(account_token).order_by(account_token.c.created_ms.desc(), account_token.c.id)
    if accounts_ is not None:
        query = query.where(account_token.c.account.in_(list(accounts_)))
    if token_id is not None:
        query = query.where(account_token.c.id == token_id)
    if digest is not None:
        query = query.where(account_token.c.hash == digest)
    return [
        Token(
            id=row.id,
            account=row.account,
            name=row.name,
            permissions=frozenset(json.loads(row.permissions)),
            created=row.created_ms / 1000,
            expires=row.expires_ms / 1000,
            used=_seconds(row.used_ms),
        )
        for row in connection.execute(query.limit(10_000))
    ]


def token_used(connection: Connection, token_id: str, now_ms: int) -> None:
    """Remember when it was used."""
    connection.execute(update(account_token).where(account_token.c.id == token_id).values(used_ms=now_ms))


def delete_tokens(connection: Connection, *, token_id: str | None = None, account_id: str | None = None) -> int:
    """Revoke one, or all of an account; how many."""
    query = delete(account_token)
    if token_id is None and account_id is None:
        return 0
    if token_id is not None:
        query = query.where(account_token.c.id == token_id)
    if account_id is not None:
        query = query.where(account_token.c.account == account_id)
    return connection.execute(query).rowcount


def _session(row: Row[Any]) -> Session:
    return Session(
        id=row.id,
        account=row.account,
        stage=Stage(row.stage),
        created=row.created_ms / 1000,
        seen=row.seen_ms / 1000,
        expires=row.expires_ms / 1000,
        second_factor_at=_seconds(row.factor_ms),
        browser=row.browser,
        address=row.address,
    )


def _seconds(value_ms: int | None) -> float | None:
    return None if value_ms is None else value_ms / 1000


def _names(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(json.loads(text))


def _json(names: frozenset[str] | None) -> str | None:
    return None if names is None else json.dumps(sorted(names))
