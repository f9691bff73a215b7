"""Brings a database's schema up to date, by Alembic; the migrations are part of the package."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import text

from isthmus.database.engine import open_database, writing
from isthmus.errors import UnavailableError

_ADVISORY_LOCK = 0x697374686D7573  # "isthmus"


def migrate(url: str) -> None:
    """Upgrade the database at `url` to the newest schema, in one transaction; does nothing when it is.

    Raises UnavailableError when it does not answer, or was written by a newer version of the program.
    """
    engine = open_database(url)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":  # SQLite's BEGIN IMMEDIATE keeps others out already
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise UnavailableError(
            f"the database's schema is not known to this version ({error})",
            where=engine.url.render_as_string(hide_password=True),
            do="Run the version of isthmus that wrote it, or a newer one.",
        ) from error
    finally:
        engine.dispose()
