"""The migrations, and that the code's idea of the tables is theirs."""

from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from isthmus.api import tables as api
from isthmus.carriers import tables as carriers
from isthmus.connectors import tables as connectors
from isthmus.contacts import tables as contacts
from isthmus.database import migrate, open_database, reading, writing
from isthmus.devices import tables as devices
from isthmus.directory import tables as directory
from isthmus.emergency import tables as emergency
from isthmus.errors import UnavailableError
from isthmus.federation import tables as federation
from isthmus.fraud import tables as fraud
from isthmus.homing import tables as homing
from isthmus.identity import tables as identity
from isthmus.messaging import tables as messaging
from isthmus.numbers import tables as numbers
from isthmus.plans import tables as plans
from isthmus.policy import tables as policy
from isthmus.presence import tables as presence
from isthmus.provider import tables as provider
from isthmus.pstn import tables as pstn
from isthmus.records import tables as records
from isthmus.tenancy import tables as tenancy


@pytest.mark.parametrize(
    "tables",
    [
        api,
        carriers,
        connectors,
        contacts,
        devices,
        directory,
        emergency,
        federation,
        fraud,
        homing,
        identity,
        messaging,
        numbers,
        plans,
        policy,
        presence,
        provider,
        pstn,
        records,
        tenancy,
    ],
)
def test_the_tables_are_those_the_code_means(database_url: str, tables: ModuleType):
    metadata = tables.metadata
    migrate(database_url)
    engine = open_database(database_url)
    with reading(engine) as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in metadata.tables}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrating_again_changes_nothing_even_at_the_same_time(empty_database_url: str):
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(migrate, [empty_database_url] * 3))
    engine = open_database(empty_database_url)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM feed")).scalar() == 1
    engine.dispose()


def test_a_database_of_a_newer_version_is_left_alone(empty_database_url: str):
    migrate(empty_database_url)
    engine = open_database(empty_database_url)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(UnavailableError, match="not known to this version"):
        migrate(empty_database_url)
