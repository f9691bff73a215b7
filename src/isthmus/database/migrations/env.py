"""Run by Alembic inside `migrate`, on the connection that it opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=False,
    # Both databases can roll a half-made schema back.
    transactional_ddl=True,
)
context.run_migrations()
