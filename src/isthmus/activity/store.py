"""The SQL of activity. Functions of a connection, nothing decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from isthmus.activity.model import Alert, State
from isthmus.activity.profile import Organisation, Profile
from isthmus.activity.tables import alert, delivery, profile
from isthmus.directory.store import in_batches, upsert
from isthmus.directory.tables import person

_PERSON = "person:"  # subject of a person's profile, with their stable id
_TENANT = "tenant:"  # subject of what a tenant's people do together

_encode = msgspec.msgpack.Encoder().encode
_profile_from = msgspec.msgpack.Decoder(Profile)
_organisation_from = msgspec.msgpack.Decoder(Organisation)
_alert_from = msgspec.json.Decoder(Alert)


def encode_profile(each: Profile) -> bytes:
    """A profile as it is kept."""
    return _encode(each)


def decode_profile(raw: bytes) -> Profile | None:
    """What `encode_profile` made; None for anything else."""
    try:
        return _profile_from.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def profiles(connection: Connection, accounts: Iterable[str]) -> dict[str, Profile]:
    """What is known of those of the accounts of which anything is."""
    subjects = {subject: name for name, subject in _subjects(connection, accounts).items()}
    return {subjects[subject]: _profile_from.decode(raw) for subject, raw in _raw(connection, subjects)}


def organisations(connection: Connection, tenants: Iterable[str]) -> dict[str, Organisation]:
    """What is known of those of the tenants of which anything is."""
    found = _raw(connection, [_TENANT + name for name in tenants])
    return {name.removeprefix(_TENANT): _organisation_from.decode(raw) for name, raw in found}


def put_profiles(
    connection: Connection,
    profiles: Mapping[str, tuple[str, Profile]],
    organisations: Mapping[str, Organisation],
    at_ms: int,
) -> None:
    """Keep these as they are. profiles: account to tenant and profile."""
    subjects = _subjects(connection, profiles)
    rows = [
        {"subject": subjects[name], "tenant": tenant, "profile": _encode(each), "updated_ms": at_ms}
        for name, (tenant, each) in sorted(profiles.items())
    ]
    rows += [
        {"subject": _TENANT + name, "tenant": name, "profile": _encode(each), "updated_ms": at_ms}
        for name, each in sorted(organisations.items())
    ]
    if rows:
        upsert(connection, profile, rows, ("tenant", "profile", "updated_ms"))


def forget(connection: Connection, before_ms: int, alerts_before_ms: int) -> tuple[int, int]:
    """Drop profiles not used, and alerts not grown, since then. Returns how many of each."""
    old = connection.execute(delete(profile).where(profile.c.updated_ms < before_ms)).rowcount
    connection.execute(delete(delivery).where(delivery.c.made_ms < alerts_before_ms))
    return old, connection.execute(delete(alert).where(alert.c.last_ms < alerts_before_ms)).rowcount


def alerts(
    connection: Connection,
    *,
    state: State | None = None,
    subjects: Iterable[str] | None = None,
    since_ms: int = 0,
    before_ms: int | None = None,
    limit: int = 100,
) -> list[tuple[str, Alert]]:
    """Alerts that fit, each with its tenant, those that went on last first."""
    query = select(alert.c.tenant, alert.c.body).where(alert.c.last_ms >= since_ms)
    if state is not None:
        query = query.where(alert.c.state == state.value)
    if before_ms is not None:
        query = query.where(alert.c.last_ms < before_ms)
    query = query.order_by(alert.c.last_ms.desc(), alert.c.id).limit(limit)
    if subjects is None:
        return [(row.tenant, _alert_from.decode(row.body)) for row in connection.execute(query)]
    found: list[tuple[str, Alert]] = []
    for batch in in_batches(subjects):
        rows = connection.execute(query.where(alert.c.subject.in_(batch)))
        found += [(row.tenant, _alert_from.decode(row.body)) for row in rows]
    return found


def get_alert(connection: Connection, id_: str) -> tuple[str, Alert] | None:
    """An alert and its tenant."""
    row = connection.execute(select(alert.c.tenant, alert.c.body).where(alert.c.id == id_)).one_or_none()
    return None if row is None else (row.tenant, _alert_from.decode(row.body))


def put_alerts(connection: Connection, wanted: Iterable[tuple[str, Alert]]) -> None:
    """Keep these alerts, each with its tenant, as they are."""
    rows = [
        {
            "id": each.id,
            "tenant": tenant,
            "subject": each.subject,
            "state": each.state.value,
            "severity": int(each.severity),
            "last_ms": int(each.last * 1000),
            "body": msgspec.json.encode(each).decode(),
        }
        for tenant, each in wanted
    ]
    if rows:
        upsert(connection, alert, rows, ("tenant", "subject", "state", "severity", "last_ms", "body"))


def open_counts(connection: Connection) -> dict[int, int]:
    """How many alerts nobody has judged, by severity."""
    query = select(alert.c.severity, func.count()).where(alert.c.state == State.OPEN.value).group_by(alert.c.severity)
    return {int(severity): int(count) for severity, count in connection.execute(query)}


# Deliveries


def add_deliveries(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Things to tell: id, channel, body, made_ms. One that is known already stays as it is."""
    known = {
        row.id for row in connection.execute(select(delivery.c.id).where(delivery.c.id.in_([r["id"] for r in rows])))
    }
    fresh = [
        {**row, "done": False, "delivered": False, "attempt": 0, "note": ""} for row in rows if row["id"] not in known
    ]
    if fresh:
        connection.execute(insert(delivery), fresh)


def open_deliveries(connection: Connection, channel: str, limit: int) -> list[RowMapping]:
    """What was neither delivered by that channel nor given up, the oldest first."""
    query = (
        select(delivery)
        .where(~delivery.c.done)
        .where(delivery.c.channel == channel)
        .order_by(delivery.c.made_ms, delivery.c.id)
        .limit(limit)
    )
    return list(connection.execute(query).mappings())


def get_delivery(connection: Connection, id_: str) -> RowMapping | None:
    """One delivery."""
    return connection.execute(select(delivery).where(delivery.c.id == id_)).mappings().one_or_none()


def made_since(connection: Connection, channel: str, since_ms: int) -> int:
    """How many deliveries of a channel were made since then."""
    query = select(func.count()).where(delivery.c.channel == channel).where(delivery.c.made_ms >= since_ms)
    return int(connection.execute(query).scalar_one())


def set_delivery(connection: Connection, id_: str, **values: Any) -> None:
    """Change a delivery."""
    connection.execute(update(delivery).where(delivery.c.id == id_).values(**values))


def _subjects(connection: Connection, accounts: Iterable[str]) -> dict[str, str]:
    """What the profile of each account is kept by: of a person the stable id, which no change of address touches."""
    names = list(accounts)
    found = {name: name for name in names}
    for batch in in_batches(name for name in names if "@" in name):
        query = select(person.c.aor, person.c.id).where(person.c.aor.in_(batch)).where(person.c.id.is_not(None))
        found |= {row.aor: _PERSON + row.id for row in connection.execute(query)}
    return found


def _raw(connection: Connection, subjects: Iterable[str]) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for batch in in_batches(subjects):
        query = select(profile.c.subject, profile.c.profile).where(profile.c.subject.in_(batch))
        found += [(row.subject, bytes(row.profile)) for row in connection.execute(query)]
    return found
