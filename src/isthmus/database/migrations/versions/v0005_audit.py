"""The audit log becomes a chain of its own; the entries so far are taken over as its beginning."""

import hashlib
import json
import uuid
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PAGE = 5000
_PATHS = {"cli": "cli", "api": "api", "site": "link", "sync": "sync"}
_REFUSED = "the audit log can only be added to"

# Each refuses what would take something from the log. Retention first says, in audit_chain.cut, what it gives up.
_RULES = {
    "audit_no_update": ("BEFORE UPDATE ON audit", "1 = 1"),
    "audit_no_delete": ("BEFORE DELETE ON audit", "OLD.id > (SELECT cut FROM audit_chain WHERE id = 1)"),
    "audit_no_replace": ("BEFORE INSERT ON audit", "NEW.id <= (SELECT seq FROM audit_chain WHERE id = 1)"),
    "audit_chain_forward": (
        "BEFORE UPDATE ON audit_chain",
        "NEW.id <> OLD.id OR NEW.chain <> OLD.chain OR NEW.seq < OLD.seq OR NEW.cut < OLD.cut",
    ),
    "audit_chain_no_delete": ("BEFORE DELETE ON audit_chain", "1 = 1"),
    "audit_chain_no_insert": ("BEFORE INSERT ON audit_chain", "(SELECT count(*) FROM audit_chain) > 0"),
}


def upgrade() -> None:
    """Make the tables; the comments in audit/tables.py say what they are for."""
    op.rename_table("audit", "audit_before")
    op.drop_index("audit_object", "audit_before")
    op.create_table(
        "audit",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("object", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=True),
        sa.Column("after", sa.Text, nullable=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
    )
    op.create_index("audit_object", "audit", ["object", "id"])
    op.create_index("audit_actor", "audit", ["actor", "id"])
    op.create_index("audit_at", "audit", ["at_ms"])
    op.create_table(
        "audit_chain",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("cut", sa.BigInteger, nullable=False),
        sa.Column("cut_by", sa.BigInteger, nullable=False),
    )
    _take_over(op.get_bind())
    op.drop_table("audit_before")
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _take_over(connection: sa.Connection) -> None:
    """The former entries in their order, numbered and chained as audit/rules.py says (and will always have to)."""
    old = sa.table("audit_before", *map(sa.column, ("id", "at_ms", "actor", "action", "object", "before", "after")))
    columns = ["id", "at_ms", "actor", "action", "object", "tenant", "path", "address", "before", "after", "digest"]
    new = sa.table("audit", *map(sa.column, columns))
    chain = uuid.uuid4().hex
    digest = hashlib.sha256(f"isthmus audit chain {chain}".encode()).digest()
    seq = position = 0
    while page := connection.execute(sa.select(old).where(old.c.id > position).order_by(old.c.id).limit(_PAGE)).all():
        rows = []
        for row in page:
            seq += 1
            path = _PATHS.get(row.actor.partition(":")[0], "")
            texts = (row.actor, row.action, row.object, _tenant(row), path, "", row.before, row.after)
            fields = (seq, row.at_ms, *texts)
            canonical = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
            digest = hashlib.sha256(digest + canonical).digest()
            rows.append(dict(zip(columns, (*fields, digest), strict=True)))
        connection.execute(sa.insert(new), rows)
        position = page[-1].id
    head = sa.table("audit_chain", *map(sa.column, ("id", "chain", "seq", "digest", "cut", "cut_by")))
    connection.execute(sa.insert(head), {"id": 1, "chain": chain, "seq": seq, "digest": digest, "cut": 0, "cut_by": 0})


def _tenant(row: Any) -> str:
    if row.action == "tenant.create":
        return str(row.object)
    for text in (row.after, row.before):
        value = json.loads(text) if text else None
        if isinstance(value, dict) and isinstance(value.get("tenant"), str):
            return str(value["tenant"])
    return ""


def _guard_sqlite() -> None:
    for name, (when, condition) in _RULES.items():
        op.execute(f"CREATE TRIGGER {name} {when} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END")


def _guard_postgresql() -> None:
    for name, (when, condition) in _RULES.items():
        if name == "audit_no_replace":
            continue  # the primary key sees to it
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {condition} THEN "
            f"RAISE EXCEPTION '{_REFUSED}'; END IF; "
            f"IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
        )
        op.execute(f"CREATE TRIGGER {name} {when} FOR EACH ROW EXECUTE FUNCTION {name}()")
    op.execute(
        "CREATE FUNCTION audit_no_truncate() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
    )
    for table in ("audit", "audit_chain"):
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION audit_no_truncate()"
        )
