"""Puts directory synchronisation together for one site: its sources, the runs, and the service."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from isthmus.database.durable import Durable
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError, RefusedError, UsageError
from isthmus.homing import store as moves
from isthmus.site.background import Background
from isthmus.site.file import SiteFile, Source
from isthmus.sync import mapping
from isthmus.sync.mapping import AttributeMapping
from isthmus.sync.service import SyncService
from isthmus.sync.source import Reading, Writer
from isthmus.sync.source import Source as SourceContract
from isthmus.sync.sources.csv import CsvSource
from isthmus.sync.work import Configured, Work
from isthmus.sync.workflow import Runs

_FILTERS = {"ad": "(&(objectCategory=person)(objectClass=user))", "ldap": "(objectClass=inetOrgPerson)"}


def build_sync(
    site_file: SiteFile,
    engine: Engine,
    directory: Directory,
    *,
    authority: str,
    homes: Collection[str],
    background: Background,
    durable: Durable,
) -> SyncService:
    """Connect everything and register what has to run. A source with a fault is told of when it is used."""
    work = Work(engine, directory, _Sources(site_file, homes), moves.open_moves)
    if not directory.is_authority:
        own = site_file.site.name
        why_not = RefusedError(
            f"{own} is not the authority of this directory",
            do=f"Do it at {authority}: isthmus --site {authority} directory ...",
        )
        return SyncService(engine, work, lambda run, attempt: None, intervals={}, why_not=why_not)
    runs = Runs(work, durable, due=lambda: service.begin_due())
    intervals = {each.name: float(each.interval_s) for each in site_file.source}
    service = SyncService(engine, work, runs.begin, intervals=intervals)
    background.add("directory sync", runs.start, runs.stop)
    return service


class _Sources(Mapping[str, Configured]):
    """The sources of a site file. Mapping and password files are read at each use: a change needs no restart."""

    def __init__(self, site_file: SiteFile, homes: Collection[str]) -> None:
        self._site_file, self._homes = site_file, homes
        self._sources = {each.name: each for each in site_file.source}

    def __getitem__(self, name: str) -> Configured:
        return _configured(self._site_file, self._sources[name], self._homes)

    def __contains__(self, name: object) -> bool:
        return name in self._sources  # the inherited one would read files

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


class _Faulty:
    """Stands for a source whose files are not as they must be: the site runs all the same."""

    def __init__(self, error: IsthmusError) -> None:
        self._error = error

    def check(self) -> str:
        raise self._error

    def full(self) -> Reading:
        raise self._error

    def changes(self, cursor: str, known: Mapping[str, str]) -> Reading:
        raise self._error


def _configured(site_file: SiteFile, source: Source, homes: Collection[str]) -> Configured:
    folder = site_file.path.parent
    made: SourceContract
    writer: Writer | None = None
    try:
        attributes = _mapping(folder, source, _usual_homes(site_file))
        made, writer = _source(folder, source, attributes)
    except IsthmusError as error:
        attributes, made = mapping.DEFAULTS[source.kind], _Faulty(error)
    return Configured(
        name=source.name,
        kind=source.kind,
        source=made,
        mapping=attributes,
        tenant=site_file.site.tenant,
        home=source.home or site_file.site.name,
        homes=homes,
        percent=source.most_disabled_percent,
        keep_days=source.keep_days,
        interval_s=source.interval_s,
        writer=writer,
        write_back=source.write_back,
    )


def _usual_homes(site_file: SiteFile) -> dict[str, str]:
    """What the incumbent's deployment locator means: `SRV:` is here; its cloud is our one peer, if it is one."""
    usual = {"SRV:": site_file.site.name}
    if len(site_file.peer) == 1:
        usual["sipfed.online.lync.com"] = site_file.peer[0].name
    return usual


def _mapping(folder: Path, source: Source, homes: Mapping[str, str]) -> AttributeMapping:
    data: Mapping[str, Any] = {}
    if source.mapping_file is None:
        return mapping.parse(source.kind, data, region=source.region, homes=homes)
    path = folder / source.mapping_file
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return mapping.parse(source.kind, data, region=source.region, homes=homes)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the mapping file can't be read ({error})", where=str(path)) from error
    except UsageError as error:
        raise UsageError(error.what, where=str(path), do="docs/sync.md explains the mapping file.") from error


def _source(folder: Path, source: Source, attributes: AttributeMapping) -> tuple[SourceContract, Writer | None]:
    if source.kind == "csv":
        return CsvSource((folder / (source.file or "")).resolve()), None
    try:
        # Debian's python3-ldap; a site without LDAP sources runs without it.
        from isthmus.sync.sources.ad import AdSource
        from isthmus.sync.sources.connection import Server
        from isthmus.sync.sources.ldap import LdapSource
        from isthmus.sync.sources.scope import Scope
        from isthmus.sync.sources.writing import LdapWriter
    except ImportError as error:
        raise UsageError(
            f"python-ldap is missing ({error})", do="Install Debian's python3-ldap: deploy/bootstrap does."
        ) from error
    server = Server(
        source.servers,
        source.user,
        secret_in(folder / source.password_file) if source.password_file else "",
        (folder / source.ca_file).resolve() if source.ca_file else None,
    )
    scope = Scope(
        bases=source.base,
        filter=source.filter or _FILTERS[source.kind],
        group=source.group,
        groups=tuple(attributes.groups),
        address=attributes.address,
        attributes=tuple(attributes.attributes()),
    )
    made = AdSource(server, scope) if source.kind == "ad" else LdapSource(server, scope)
    return made, LdapWriter(server, scope) if source.write_back else None


def secret_in(path: Path) -> str:
    """The password in a file that others can't read. Raises UsageError."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise UsageError(
                    f"others may read the password (mode {stat.S_IMODE(mode):04o})",
                    where=str(path),
                    do=f"chmod 0600 {path}",
                )
            text = file.read(4096).decode().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the password can't be read ({error})", where=str(path)) from error
    if not text:
        raise UsageError("the password file is empty", where=str(path))
    return text
