"""The site's database: SQLite by default, PostgreSQL by URL, one schema for both."""

from isthmus.database.engine import open_database, reading, writing
from isthmus.database.migrate import migrate

__all__ = ["migrate", "open_database", "reading", "writing"]
