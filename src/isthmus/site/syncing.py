"""Puts directory synchronisation together for one site: its sources, the runs, and the service."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from isthmus.database import reading
from isthmus.database.durable import Durable
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError, RefusedError, UsageError
from isthmus.homing import store as moves
from isthmus.identity.build import Identity
from isthmus.scim import store as scim_store
from isthmus.scim.model import SOURCE, source_of
from isthmus.scim.service import Scim
from isthmus.scim.source import ScimSource
from isthmus.site.background import Background
from isthmus.site.file import SiteFile, Source
from isthmus.site.private import read_secret
from isthmus.sync import mapping
from isthmus.sync.mapping import AttributeMapping
from isthmus.sync.photos import Photos, Taking
from isthmus.sync.service import SyncService
from isthmus.sync.source import Reading, Writer
from isthmus.sync.source import Source as SourceContract
from isthmus.sync.sources.csv import CsvSource
from isthmus.sync.work import Configured, Work
from isthmus.sync.workflow import Runs

_PUSHED_EVERY_S = 3600.0  # what was pushed is done at once; this is for what could not be, and for those kept too long
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
    identity: Identity,
) -> tuple[SyncService, Scim]:
    """Connect everything and register what has to run. A source with a fault is told of when it is used."""
    sources = _Sources(site_file, homes, engine)
    work = Work(engine, directory, sources, moves.open_moves)
    if not directory.is_authority:
        own = site_file.site.name
        why_not = RefusedError(
            f"{own} is not the authority of this directory",
            do=f"Do it at {authority}: isthmus --site {authority} directory ...",
        )
        return SyncService(engine, work, lambda run, attempt: None, intervals={}, why_not=why_not), Scim(
            engine, directory, work, identity, why_not=why_not
        )
    runs = Runs(work, durable, due=lambda: service.begin_due())
    service = SyncService(engine, work, runs.begin, intervals=_Intervals(sources))
    background.add("directory sync", runs.start, runs.stop)
    return service, Scim(engine, directory, work, identity)


class _Sources(Mapping[str, Configured]):
    """The sources of a site file. Mapping and password files are read at each use: a change needs no restart."""

    def __init__(self, site_file: SiteFile, homes: Collection[str], engine: Engine) -> None:
        self._site_file, self._homes, self._engine = site_file, homes, engine
        self.named = {each.name: each for each in site_file.source}

    def __getitem__(self, name: str) -> Configured:
        kind, _, tenant = name.partition(":")
        if kind == SOURCE and tenant:
            return _pushed(self._site_file, self._homes, self._engine, tenant)
        return _configured(self._site_file, self.named[name], self._homes)

    def __contains__(self, name: object) -> bool:
        # The inherited one would read files.
        return name in self.named or (isinstance(name, str) and name.startswith(f"{SOURCE}:"))

    def __iter__(self) -> Iterator[str]:
        with reading(self._engine) as connection:
            pushed = scim_store.tenants(connection)
        return iter([*self.named, *map(source_of, pushed)])

    def __len__(self) -> int:
        return len(list(iter(self)))


class _Intervals(Mapping[str, float]):
    """Seconds between the runs of each source by themselves."""

    def __init__(self, sources: _Sources) -> None:
        self._sources = sources

    def __getitem__(self, name: str) -> float:
        named = self._sources.named.get(name)
        return _PUSHED_EVERY_S if named is None else float(named.interval_s)

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
        made, writer = _source(folder, source, attributes, photos_of(site_file))
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
        # Those that are set; the password is in a file of its own, of which only the name stands here.
        settings=source.model_dump(mode="json", exclude_defaults=True, exclude={"name", "kind"}),
        file=str(site_file.path),
    )


def photos_of(site_file: SiteFile) -> Photos:
    """The photos that this site keeps."""
    return Photos(site_file.state_dir / "photos")


def _pushed(site_file: SiteFile, homes: Collection[str], engine: Engine, tenant: str) -> Configured:
    """What an identity provider pushes to a tenant. Its runs do what a push could not, and end what is kept too long.

    With a mapping file that can't be read nothing is made of people; the provider is told to come again later.
    """
    scim, fault = site_file.scim, ""
    pushed = ScimSource(engine, tenant)
    source: SourceContract = pushed
    try:
        attributes = _mapping_of(site_file.path.parent, SOURCE, scim.mapping_file, scim.region, None)
    except IsthmusError as error:
        attributes, source, fault = mapping.DEFAULTS[SOURCE], _Faulty(error), str(error)
    return Configured(
        name=source_of(tenant),
        kind=SOURCE,
        source=source,
        mapping=attributes,
        tenant=tenant,
        home=scim.home or site_file.site.name,
        homes=homes,
        percent=scim.most_disabled_percent,
        keep_days=scim.keep_days,
        interval_s=_PUSHED_EVERY_S,
        lately=pushed.lately,
        fault=fault,
    )


def _usual_homes(site_file: SiteFile) -> dict[str, str]:
    """What the incumbent's deployment locator means: `SRV:` is here; its cloud is our one peer, if it is one."""
    usual = {"SRV:": site_file.site.name}
    if len(site_file.peer) == 1:
        usual["sipfed.online.lync.com"] = site_file.peer[0].name
    return usual


def _mapping(folder: Path, source: Source, homes: Mapping[str, str]) -> AttributeMapping:
    return _mapping_of(folder, source.kind, source.mapping_file, source.region, homes)


def _mapping_of(
    folder: Path, kind: str, file: Path | None, region: str, homes: Mapping[str, str] | None
) -> AttributeMapping:
    data: Mapping[str, Any] = {}
    if file is None:
        return mapping.parse(kind, data, region=region, homes=homes)
    path = folder / file
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return mapping.parse(kind, data, region=region, homes=homes)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the mapping file can't be read ({error})", where=str(path)) from error
    except UsageError as error:
        raise UsageError(error.what, where=str(path), do="docs/sync.md explains the mapping file.") from error


def _source(
    folder: Path, source: Source, attributes: AttributeMapping, photos: Photos
) -> tuple[SourceContract, Writer | None]:
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
        read_secret(folder / source.password_file) if source.password_file else "",
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
    taking = Taking(frozenset(each.lower() for each in attributes.photo), photos.keep)
    made = AdSource(server, scope, taking) if source.kind == "ad" else LdapSource(server, scope, taking)
    return made, LdapWriter(server, scope) if source.write_back else None
