"""Grants and keys in SQL. Functions of a connection, nothing decided."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from isthmus.identity.sealing import token_hash
from isthmus.provider.model import Grant
from isthmus.provider.tables import provider_former, provider_grant, provider_key


def insert_grant(connection: Connection, made: Grant, code: str) -> None:
    """A grant with the code that it begins with."""
    connection.execute(
        insert(provider_grant).values(
            id=made.id,
            client=made.client,
            account=made.account,
            session=made.session,
            redirect_uri=made.redirect_uri,
            challenge=made.challenge,
            nonce=made.nonce,
            scopes=" ".join(made.scopes),
            proved_ms=int(made.proved_at * 1000),
            code=token_hash(code),
            code_expires_ms=int(made.code_expires * 1000),
            code_used=False,
            access_expires_ms=0,
        )
    )


def grant_by(connection: Connection, column: str, token: str) -> Grant | None:
    """The grant whose `code`, `refresh` or `access` token this is."""
    query = select(provider_grant).where(provider_grant.c[column] == token_hash(token))
    row = connection.execute(query).one_or_none()
    return None if row is None else _grant(row)


def grant_before(connection: Connection, token: str) -> Grant | None:
    """The grant that had this refresh token once, and has another one now."""
    query = select(provider_grant).join(provider_former).where(provider_former.c.token == token_hash(token))
    row = connection.execute(query).one_or_none()
    return None if row is None else _grant(row)


def use_code(connection: Connection, grant_id: str) -> bool:
    """Use the code up; whether it was there to be used."""
    mine = (provider_grant.c.id == grant_id) & provider_grant.c.code_used.is_(False)
    return connection.execute(update(provider_grant).where(mine).values(code_used=True)).rowcount == 1


def put_tokens(
    connection: Connection, grant_id: str, access: str, refresh: str, former: str | None, expires: float
) -> None:
    """The tokens that the grant has now. former: the refresh token that they take the place of."""
    if former is not None:
        connection.execute(insert(provider_former).values(token=token_hash(former), grant_id=grant_id))
    connection.execute(
        update(provider_grant)
        .where(provider_grant.c.id == grant_id)
        .values(
            access=token_hash(access),
            refresh=token_hash(refresh),
            access_expires_ms=int(expires * 1000),
        )
    )


def delete_grant(connection: Connection, grant_id: str) -> None:
    """All of its tokens are good for nothing any more."""
    connection.execute(delete(provider_grant).where(provider_grant.c.id == grant_id))


def forget_unused(connection: Connection, now_ms: int) -> None:
    """Drop codes that nobody came for."""
    late = provider_grant.c.code_used.is_(False) & (provider_grant.c.code_expires_ms <= now_ms)
    connection.execute(delete(provider_grant).where(late))


def keys(connection: Connection) -> list[tuple[str, str, bytes, int]]:
    """Id, algorithm, sealed key and milliseconds of making, the newest first."""
    query = select(provider_key).order_by(provider_key.c.created_ms.desc(), provider_key.c.id)
    return [(row.id, row.algorithm, bytes(row.sealed), int(row.created_ms)) for row in connection.execute(query)]


def insert_key(connection: Connection, key_id: str, algorithm: str, sealed: bytes, now_ms: int) -> None:
    """A new key."""
    row = {"id": key_id, "algorithm": algorithm, "sealed": sealed, "created_ms": now_ms}
    connection.execute(insert(provider_key).values(row))


def delete_keys(connection: Connection, before_ms: int) -> None:
    """Drop the keys made before then."""
    connection.execute(delete(provider_key).where(provider_key.c.created_ms < before_ms))


def _grant(row: Row[Any]) -> Grant:
    return Grant(
        id=row.id,
        client=row.client,
        account=row.account,
        session=row.session,
        redirect_uri=row.redirect_uri,
        challenge=row.challenge,
        nonce=row.nonce,
        scopes=tuple(row.scopes.split()),
        proved_at=row.proved_ms / 1000,
        code_expires=row.code_expires_ms / 1000,
        code_used=row.code_used,
        access_expires=row.access_expires_ms / 1000,
    )
