"""Either database: empty, and with the newest schema."""

from tests.databases import database_url, empty_database_url, postgresql

__all__ = ["database_url", "empty_database_url", "postgresql"]
