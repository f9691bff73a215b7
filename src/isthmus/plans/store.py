"""The SQL of calling plans. Functions of a connection, nothing decided."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from isthmus.addressing import Aor
from isthmus.directory import store as directory_store
from isthmus.directory.batches import in_batches, upsert
from isthmus.directory.model import Person
from isthmus.directory.tables import person
from isthmus.plans.model import Account, Charge, Credit, Deposit, Given, Group, Holder, Plan, Spoken, WhenSpent
from isthmus.plans.tables import (
    calling_account,
    calling_charge,
    calling_deposit,
    calling_plan,
    calling_plan_group,
    calling_plan_holder,
    calling_plan_licence,
    calling_position,
)

_c = calling_charge.c
_GIVEN = ((calling_plan_group, calling_plan_group.c.group_name), (calling_plan_licence, calling_plan_licence.c.licence))
_CHARGED = ("counted_s", "plan_s", "credit_micro")


# Plans and who has them


def plans(connection: Connection, tenant: str) -> dict[str, Plan]:
    """A tenant's, by name."""
    query = select(calling_plan).where(calling_plan.c.tenant == tenant).order_by(calling_plan.c.name)
    return {row.name: plan_of(row.tenant, row.name, json.loads(row.settings)) for row in connection.execute(query)}


def put_plan(connection: Connection, plan: Plan) -> None:
    """Make the plan as given."""
    row = {"tenant": plan.tenant, "name": plan.name, "settings": json.dumps(settings_of(plan))}
    upsert(connection, calling_plan, [row], ("settings",))


def delete_plan(connection: Connection, plan: Plan) -> None:
    """Remove a plan."""
    connection.execute(
        delete(calling_plan).where(calling_plan.c.tenant == plan.tenant, calling_plan.c.name == plan.name)
    )


def settings_of(plan: Plan) -> dict[str, Any]:
    """All of a plan but tenant and name, as JSON."""
    found = asdict(plan)
    del found["tenant"], found["name"]
    return {
        **found,
        "home": list(plan.home),
        "groups": [{**asdict(each), "countries": list(each.countries)} for each in plan.groups],
    }


def plan_of(tenant: str, name: str, settings: dict[str, Any]) -> Plan:
    """What `settings_of` told of."""
    groups = tuple(Group(each["name"], tuple(each["countries"]), each["minutes"]) for each in settings["groups"])
    lists = {"home": tuple(settings["home"]), "groups": groups, "when_spent": WhenSpent(settings["when_spent"])}
    return Plan(tenant, name, **{**settings, **lists})


def tenants(connection: Connection) -> list[str]:
    """Those that have plans or said anything of their calls."""
    found = {row.tenant for row in connection.execute(select(calling_plan.c.tenant).distinct())}
    return sorted(found | {row.tenant for row in connection.execute(select(calling_account.c.tenant))})


def holders(connection: Connection, tenant: str | None = None, people: Iterable[str] | None = None) -> list[Holder]:
    """Who has a plan, as far as they are people still: of a tenant, or some by id."""
    query = select(calling_plan_holder)
    if tenant is not None:
        query = query.where(calling_plan_holder.c.tenant == tenant)
    rows: list[Row[Any]] = []
    if people is None:
        rows += connection.execute(query).all()
    else:
        for batch in in_batches(people):
            rows += connection.execute(query.where(calling_plan_holder.c.person.in_(batch))).all()
    named = directory_store.holders(connection, [row.person for row in rows])
    return [
        Holder(row.person, str(named[row.person]), row.tenant, row.plan, row.group_name, row.licence)
        for row in rows
        if row.person in named
    ]


def count_holders(connection: Connection, tenant: str) -> dict[str, int]:
    """How many have each of a tenant's plans, as far as they are people still."""
    c = calling_plan_holder.c
    query = select(c.plan, func.count()).where(c.tenant == tenant, c.person.in_(select(person.c.id))).group_by(c.plan)
    return {row[0]: row[1] for row in connection.execute(query)}


def find_holders(
    connection: Connection, tenant: str, plan: str, *, match: str | None, after: Aor | None, limit: int
) -> list[tuple[Holder, Person]]:
    """Those of a plan who fit what is looked for, in the order of their addresses, from behind `after` on."""
    c = calling_plan_holder.c
    ids = select(c.person).where(c.tenant == tenant, c.plan == plan)
    found = directory_store.find_people(
        connection, home=None, group=None, match=match, after=after, limit=limit, among=ids
    )
    held = {each.person: each for each in holders(connection, tenant, [each.id for each in found])}
    return [(held[each.id], each) for each in found]


def put_holders(
    connection: Connection, tenant: str, plan: str, people: Sequence[str], group: str = "", licence: str = ""
) -> None:
    """Let these people have the plan, instead of any other. group, licence: by which; both empty: by name."""
    said = {"tenant": tenant, "plan": plan, "group_name": group, "licence": licence}
    upsert(connection, calling_plan_holder, [{"person": each, **said} for each in people], tuple(said))


def delete_holders(connection: Connection, people: Iterable[str]) -> None:
    """Let these people have no plan."""
    for batch in in_batches(people):
        connection.execute(delete(calling_plan_holder).where(calling_plan_holder.c.person.in_(batch)))


def given(connection: Connection, tenant: str | None = None) -> list[Given]:
    """Which groups and licences have which plan, of a tenant or of all."""
    found: list[Given] = []
    for table, column in _GIVEN:
        query = select(table).order_by(table.c.rank, column)
        if tenant is not None:
            query = query.where(table.c.tenant == tenant)
        for row in connection.execute(query).mappings():
            group, licence = row.get("group_name", ""), row.get("licence", "")
            found.append(Given(row["tenant"], group, row["plan"], row["rank"], licence))
    return found


def put_given(connection: Connection, wanted: Given) -> None:
    """Let this group, or this licence, have this plan, instead of any other."""
    table, column = _GIVEN[bool(wanted.licence)]
    row = {"tenant": wanted.tenant, column.name: wanted.licence or wanted.group}
    upsert(connection, table, [{**row, "plan": wanted.plan, "rank": wanted.rank}], ("plan", "rank"))


def delete_given(connection: Connection, gone: Given) -> None:
    """Let this group, or this licence, have no plan."""
    table, column = _GIVEN[bool(gone.licence)]
    connection.execute(delete(table).where(table.c.tenant == gone.tenant, column == (gone.licence or gone.group)))


# Credit


def account(connection: Connection, tenant: str) -> Account:
    """What the tenant said; nothing by default."""
    row = connection.execute(select(calling_account).where(calling_account.c.tenant == tenant)).one_or_none()
    said = json.loads(row.settings) if row else {}
    return Account(tenant, tuple(said.get("blocked", ())), bool(said.get("end_calls", False)))


def put_account(connection: Connection, wanted: Account) -> None:
    """Take down what the tenant said."""
    present = credit(connection, wanted.tenant)
    said = {"blocked": list(wanted.blocked), "end_calls": wanted.end_calls}
    row = {
        "tenant": wanted.tenant,
        "settings": json.dumps(said),
        "currency": present.currency,
        "full_micro": present.full_micro,
    }
    upsert(connection, calling_account, [row], ("settings",))


def credit(connection: Connection, tenant: str) -> Credit:
    """What there is: all that was added, without all that was charged."""
    row = connection.execute(select(calling_account).where(calling_account.c.tenant == tenant)).one_or_none()
    added = select(func.sum(calling_deposit.c.micro)).where(calling_deposit.c.tenant == tenant)
    spent = select(func.sum(_c.credit_micro)).where(_c.tenant == tenant)
    balance = int(connection.execute(added).scalar() or 0) - int(connection.execute(spent).scalar() or 0)
    return Credit(tenant, row.currency if row else "", balance, int(row.full_micro) if row else 0)


def add_deposit(connection: Connection, deposit: Deposit) -> None:
    """Add credit; what there is then is what warnings are reckoned from."""
    connection.execute(insert(calling_deposit), asdict(deposit))
    said = account(connection, deposit.tenant)
    row = {
        "tenant": deposit.tenant,
        "settings": json.dumps({"blocked": list(said.blocked), "end_calls": said.end_calls}),
        "currency": deposit.currency,
        "full_micro": credit(connection, deposit.tenant).balance_micro,
    }
    upsert(connection, calling_account, [row], ("currency", "full_micro"))


def deposits(connection: Connection, tenant: str, limit: int) -> list[Deposit]:
    """The newest first."""
    query = select(calling_deposit).where(calling_deposit.c.tenant == tenant)
    rows = connection.execute(query.order_by(calling_deposit.c.at_ms.desc(), calling_deposit.c.id).limit(limit))
    return [Deposit(**row._mapping) for row in rows]


# Charges


def put_charges(connection: Connection, charges: Sequence[Charge]) -> None:
    """Write charges down; of a call that has one, what it is now."""
    rows = [
        {**asdict(each.call), "counted_s": each.counted_s, "plan_s": each.plan_s, "credit_micro": each.credit_micro}
        for each in charges
    ]
    upsert(connection, calling_charge, rows, _CHARGED)


def charges(connection: Connection, tenant: str, month: str, *, limit: int) -> list[Charge]:
    """A tenant's of a month, the newest first."""
    query = select(calling_charge).where(_c.tenant == tenant, _c.month == month)
    rows = connection.execute(query.order_by(_c.began_ms.desc(), _c.seq.desc()).limit(limit))
    return [_charge(row) for row in rows]


def calls(connection: Connection, tenant: str, month: str, plan: str, bucket: str, person: str) -> list[Charge]:
    """Those that share their minutes. person: `*` for all of a pool."""
    query = select(calling_charge).where(_c.tenant == tenant, _c.month == month, _c.plan == plan, _c.bucket == bucket)
    if person != "*":
        query = query.where(_c.person == person)
    return [_charge(row) for row in connection.execute(query.order_by(_c.began_ms, _c.site, _c.stream, _c.seq))]


def used(connection: Connection, tenant: str, month: str) -> dict[tuple[str, str, str], int]:
    """Seconds counted by plan, bucket and person, and of all people under `*`."""
    query = (
        select(_c.plan, _c.bucket, _c.person, func.sum(_c.counted_s))
        .where(_c.tenant == tenant, _c.month == month)
        .group_by(_c.plan, _c.bucket, _c.person)
    )
    found: dict[tuple[str, str, str], int] = {}
    for plan, bucket, whose, seconds in connection.execute(query):
        found[plan, bucket, whose] = int(seconds)
        found[plan, bucket, "*"] = found.get((plan, bucket, "*"), 0) + int(seconds)
    return found


def spent(connection: Connection, tenant: str, month: str) -> int:
    """Credit that a month's calls took."""
    query = select(func.sum(_c.credit_micro)).where(_c.tenant == tenant, _c.month == month)
    return int(connection.execute(query).scalar() or 0)


def position(connection: Connection, stream: str) -> int:
    """The last record that was looked at."""
    table = calling_position
    return int(connection.execute(select(table.c.seq).where(table.c.stream == stream)).scalar() or 0)


def set_position(connection: Connection, stream: str, seq: int) -> None:
    """Records up to this one were looked at."""
    upsert(connection, calling_position, [{"stream": stream, "seq": seq}], ("seq",))


def _charge(row: Row[Any]) -> Charge:
    known = {name: getattr(row, name) for name in Spoken.__dataclass_fields__}
    return Charge(Spoken(**known), row.counted_s, row.plan_s, row.credit_micro)


def reached(connection: Connection, tenant: str, month: str, plan: str, bucket: str, person: str) -> tuple[int, int]:
    """When the last of the calls that share their minutes began, and the seconds that all of them count."""
    query = select(func.max(_c.began_ms), func.sum(_c.counted_s)).where(
        _c.tenant == tenant, _c.month == month, _c.plan == plan, _c.bucket == bucket
    )
    if person != "*":
        query = query.where(_c.person == person)
    last, seconds = connection.execute(query).one()
    return int(last or 0), int(seconds or 0)


def known(connection: Connection, site: str, stream: str, seqs: Iterable[int]) -> set[int]:
    """Which of these records are charged already."""
    found: set[int] = set()
    for batch in in_batches(seqs):
        query = select(_c.seq).where(_c.site == site, _c.stream == stream, _c.seq.in_(batch))
        found |= {int(seq) for (seq,) in connection.execute(query)}
    return found
