"""The moves' tests run on both databases."""

from tests.databases import database_url, postgresql

__all__ = ["database_url", "postgresql"]
