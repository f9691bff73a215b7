"""The SQL of purchases. Functions of a connection, nothing decided."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Connection, Row, cast, exists, func, select

from isthmus.carriers.model import Price
from isthmus.carriers.rules import LIVE, Purchase, State
from isthmus.carriers.tables import number_purchase
from isthmus.directory.batches import upsert
from isthmus.numbers.model import NumberUse
from isthmus.numbers.tables import number_block

_c = number_purchase.c
_CHANGING = (
    "owner", "confirmed", "state", "currency", "once_micro", "monthly_micro", "reservation", "until_ms", "reason",
    "attempts", "next_ms", "changed_ms",
)  # fmt: skip


def put(connection: Connection, purchase: Purchase) -> None:
    """Write a purchase down as it is now."""
    price = purchase.price
    row = {
        "id": purchase.id,
        "tenant": purchase.tenant,
        "carrier": purchase.carrier,
        "number": purchase.number,
        "purpose": purchase.use.value,
        "owner": purchase.owner,
        "confirmed": purchase.confirmed,
        "most_monthly_micro": purchase.most_monthly_micro,
        "actor": purchase.actor,
        "state": purchase.state.value,
        "currency": price.currency if price else None,
        "once_micro": price.once_micro if price else None,
        "monthly_micro": price.monthly_micro if price else None,
        "reservation": purchase.reservation,
        "until_ms": purchase.until_ms,
        "reason": purchase.reason,
        "attempts": purchase.attempts,
        "next_ms": purchase.next_ms,
        "created_ms": purchase.created_ms,
        "changed_ms": purchase.changed_ms,
    }
    upsert(connection, number_purchase, [row], _CHANGING)


def get(connection: Connection, id_: str) -> Purchase | None:
    """One, whosever."""
    row = connection.execute(select(number_purchase).where(_c.id == id_)).one_or_none()
    return None if row is None else _purchase(row)


def of_tenant(connection: Connection, tenant: str, limit: int) -> list[Purchase]:
    """A tenant's, the newest first."""
    query = select(number_purchase).where(_c.tenant == tenant).order_by(_c.created_ms.desc(), _c.id).limit(limit)
    return [_purchase(row) for row in connection.execute(query)]


def live(connection: Connection) -> list[Purchase]:
    """All that something can still happen to, the oldest first."""
    query = select(number_purchase).where(_c.state.in_(LIVE)).order_by(_c.created_ms, _c.id)
    return [_purchase(row) for row in connection.execute(query)]


def unlisted(connection: Connection) -> list[Purchase]:
    """Those that are paid for though their number is not in the tenant's inventory any more."""
    query = select(number_purchase).where(
        _c.state == State.DONE,
        ~exists().where(
            number_block.c.tenant == _c.tenant,
            number_block.c.first <= cast(func.substr(_c.number, 2), BigInteger),
            number_block.c.last >= cast(func.substr(_c.number, 2), BigInteger),
        ),
    )
    return [_purchase(row) for row in connection.execute(query)]


def live_about(connection: Connection, number: str) -> Purchase | None:
    """The purchase that is about a number now, whosever."""
    query = select(number_purchase).where(_c.number == number, _c.state.in_(LIVE))
    row = connection.execute(query).first()
    return None if row is None else _purchase(row)


def _purchase(row: Row[Any]) -> Purchase:
    price = Price(row.currency, int(row.once_micro), int(row.monthly_micro)) if row.currency else None
    return Purchase(
        id=row.id,
        tenant=row.tenant,
        carrier=row.carrier,
        number=row.number,
        use=NumberUse(row.purpose),
        owner=row.owner,
        confirmed=bool(row.confirmed),
        most_monthly_micro=row.most_monthly_micro,
        actor=row.actor,
        state=State(row.state),
        price=price,
        reservation=row.reservation,
        until_ms=int(row.until_ms),
        reason=row.reason,
        attempts=int(row.attempts),
        next_ms=int(row.next_ms),
        created_ms=int(row.created_ms),
        changed_ms=int(row.changed_ms),
    )
