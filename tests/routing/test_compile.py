"""From the directory to the snapshot: the real directory on SQLite, the real LMDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.addressing import Aor
from isthmus.database import open_database
from isthmus.directory.model import Credentials, NewPerson, PersonChanges
from isthmus.directory.service import Directory
from isthmus.routing.compile import Compiler, configuration
from isthmus.routing.model import Config
from isthmus.routing.snapshot import SnapshotWriter
from isthmus.site.file import SiteFile
from tests.databases import migrated_sqlite

ALICE = Aor("alice", "contoso.example")


def site_file() -> SiteFile:
    """Premises, with one peer and one trunk."""
    return SiteFile.model_validate(
        {
            "site": {
                "name": "premises",
                "role": "premises",
                "fqdn": "premises.contoso.example",
                "domains": ["contoso.example"],
                "address": "127.0.1.1",
                "authority": True,
            },
            "peer": [{"name": "online", "fqdn": "online.contoso.example", "address": "127.0.2.1", "pstn": True}],
            "trunk": [{"name": "carrier", "address": "2001:db8::9"}],
        }
    )


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[tuple[Directory, SnapshotWriter, Compiler]]:
    url = migrated_sqlite(tmp_path / "isthmus.db")
    directory = Directory(open_database(url), site="premises", homes=("premises", "online"))
    directory.create_tenant("main", actor="test")
    directory.add_domain("contoso.example", "main", actor="test")
    writer = SnapshotWriter(tmp_path / "snapshot")
    yield directory, writer, Compiler(directory, writer, site_file())
    writer.close()


def people(writer: SnapshotWriter) -> dict[str, tuple[int, str | None]]:
    """Home and number of everybody, read through the writer's own map."""
    with writer._env.begin() as txn, txn.cursor(db=writer._aor) as cursor:
        from isthmus.routing.snapshot import _person_from

        found = [_person_from.decode(raw) for raw in cursor.iternext(keys=False, values=True)]
    return {record.aor: (record.home, record.number) for record in found}


def new(aor: Aor, number: str | None = None) -> NewPerson:
    return NewPerson(aor, "", "premises", Credentials.of(aor, "secret"), number)


def test_the_first_run_compiles_everything(parts: tuple[Directory, SnapshotWriter, Compiler]) -> None:
    directory, writer, compiler = parts
    directory.create(new(ALICE, "+14255550101"), actor="test")
    assert compiler.catch_up() == directory.last_seq() == writer.seq
    assert people(writer) == {"alice@contoso.example": (0, "+14255550101")}


def test_later_runs_follow_each_change(parts: tuple[Directory, SnapshotWriter, Compiler]) -> None:
    directory, writer, compiler = parts
    compiler.catch_up()
    directory.create(new(ALICE, "+14255550101"), actor="test")
    compiler.catch_up()
    directory.set(ALICE, PersonChanges(number="+14255550109"), actor="test")
    compiler.catch_up()
    assert people(writer) == {"alice@contoso.example": (0, "+14255550109")}
    directory.commit_homes([(ALICE, "premises", directory.get(ALICE).home_epoch, "online")], actor="test")
    compiler.catch_up()
    assert people(writer) == {"alice@contoso.example": (1, "+14255550109")}
    directory.delete(ALICE, actor="test")
    assert compiler.catch_up() == directory.last_seq()
    assert people(writer) == {}


def test_a_tenant_and_its_first_person_made_together_are_compiled(
    parts: tuple[Directory, SnapshotWriter, Compiler],
) -> None:
    directory, writer, compiler = parts
    compiler.catch_up()
    directory.create_tenant("fabrikam", actor="test")
    directory.add_domain("fabrikam.example", "fabrikam", actor="test")
    directory.create(new(Aor("zoe", "fabrikam.example")), actor="test")
    compiler.catch_up()
    assert "zoe@fabrikam.example" in people(writer)
    assert writer.config is not None
    assert writer.config.tenants == ("main", "fabrikam")


def test_positions_of_sites_and_tenants_never_change() -> None:
    before = Config("premises", "premises", ("gone", "premises"), ("old", "main"), {})
    after = configuration(site_file(), {"contoso.example": "main", "a.example": "aaa"}, before)
    assert after.sites == ("gone", "premises", "online")
    assert after.tenants == ("old", "main", "aaa")
    assert after.domains == {"a.example": 2, "contoso.example": 1}


def test_addresses_are_written_as_sip_writes_them() -> None:
    config = configuration(site_file(), {}, None)
    assert config.trunks[0].address == "[2001:db8::9]:5060"
    assert config.pstn_sites == ("online",)


def test_credentials_never_show() -> None:
    assert "***" in repr(Credentials.of(ALICE, "secret"))
