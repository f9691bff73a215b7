"""What was in the log before it was a chain is its beginning."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

import isthmus.database
from isthmus.audit import store, verifying
from isthmus.audit.tables import metadata
from isthmus.database import migrate, open_database, reading, writing


def before_the_chain(url: str) -> Engine:
    """The database as the migration in front of that of the chain left it."""
    engine = open_database(url)
    config = Config()
    config.set_main_option("script_location", str(Path(isthmus.database.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    chain = next(script for script in scripts if script.path.endswith("_audit.py"))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, str(chain.down_revision))
    return engine


def test_former_entries_are_taken_over_in_their_order(empty_database_url: str):
    engine = before_the_chain(empty_database_url)
    rows = [
        (3, 1000, "site:premises", "tenant.create", "main", None, '{"name":"main"}'),
        (5, 2000, "cli:root", "person.create", "alice", None, '{"aor":"alice","tenant":"main","n":"é"}'),
        (9, 2000, "mover", "person.move", "alice", '{"home":"premises"}', '{"home":"online"}'),
        (10, 3000, "cli:root", "person.delete", "alice", '{"tenant":"main"}', None),
    ]
    statement = (
        "INSERT INTO audit (id, at_ms, actor, action, object, before, after) VALUES (:a, :b, :c, :d, :e, :f, :g)"
    )
    with writing(engine) as connection:
        for row in rows:
            connection.execute(text(statement), dict(zip("abcdefg", row, strict=True)))
    engine.dispose()
    migrate(empty_database_url)
    engine = open_database(empty_database_url)
    with reading(engine) as connection:
        taken = store.find(connection, after=0)
        assert [each.id for each in taken] == [1, 2, 3, 4]
        kept = [(e.at_ms, e.actor, e.action, e.object, e.before, e.after) for e in (each.entry for each in taken)]
        assert kept == [row[1:] for row in rows]
        assert [each.entry.tenant for each in taken] == ["main", "main", "", "main"]
        assert [each.entry.path for each in taken] == ["link", "cli", "", "cli"]
        verdict = verifying.verify(connection, ())
        assert (verdict.faults, verdict.checked) == ((), 4)
    engine.dispose()


def test_many_former_entries(empty_database_url: str):
    engine = before_the_chain(empty_database_url)
    with writing(engine) as connection:
        for first in range(0, 12_000, 4000):
            values = ", ".join(f"({n + 1}, {n}, 'cli:root', 'person.set', 'p{n}')" for n in range(first, first + 4000))
            connection.execute(text(f"INSERT INTO audit (id, at_ms, actor, action, object) VALUES {values}"))
    engine.dispose()
    migrate(empty_database_url)
    engine = open_database(empty_database_url)
    with reading(engine) as connection:
        verdict = verifying.verify(connection, ())
        assert (verdict.faults, verdict.checked) == ((), 12_000)
    engine.dispose()


def test_the_tables_are_those_the_code_means(engine: Engine):
    with reading(engine) as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in metadata.tables}
        )
        assert compare_metadata(context, metadata) == []
