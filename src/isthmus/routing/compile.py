"""From the directory to the snapshot: incrementally after each commit, whole where that is not possible."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from isthmus.addressing import Aor, HostPort
from isthmus.directory.model import Person
from isthmus.routing.model import (
    FORMAT,
    AtOnce,
    BlockRecord,
    Class,
    Config,
    ConnectorRecord,
    Direction,
    NetworkSite,
    RouteRecord,
    TrunkRecord,
)
from isthmus.routing.snapshot import OneClass, Placing, SnapshotWriter
from isthmus.site.file import SiteFile

_PAGE = 2000

Connector = tuple[str, Callable[[int], ConnectorRecord]]
"""A connector: its tenant's name, and what makes its record of the tenant's position."""

Route = tuple[str, Callable[[int], RouteRecord]]
"""A voice route: its tenant's name, and what makes its record of the tenant's position."""


class Guard(Protocol):
    """What keeps calls from being made and taken (see fraud/).

    blocks: tenant, direction, pattern, whether it is an exception. at_once: limits of calls at once.
    """

    def blocks(self) -> Sequence[tuple[str, Direction, str, bool]]: ...

    def at_once(self) -> Sequence[AtOnce]: ...


class NoGuard:
    """Nothing does."""

    def blocks(self) -> Sequence[tuple[str, Direction, str, bool]]:
        """None."""
        return ()

    def at_once(self) -> Sequence[AtOnce]:
        """None."""
        return ()


class ChangePage(Protocol):
    """A stretch of the directory's ordered change feed."""

    @property
    def to_seq(self) -> int: ...

    @property
    def people(self) -> Sequence[tuple[Aor, Person | None]]: ...


class Source(Protocol):
    """What the compiler needs of the directory."""

    def changes_since(self, seq: int, limit: int) -> ChangePage: ...

    def domains(self) -> dict[str, str]: ...

    def suspended(self) -> frozenset[str]: ...

    def everybody(self) -> tuple[int, Iterable[Person]]: ...


class Services(Protocol):
    """Who has which class of service. revision: another one once anybody's may be another."""

    def revision(self) -> int: ...

    def placing(self, before: tuple[Class, ...]) -> Placing: ...


class NoPolicies:
    """Everybody has the same."""

    def revision(self) -> int:
        """Never another."""
        return 0

    def placing(self, before: tuple[Class, ...]) -> Placing:
        """Everybody has the first."""
        return OneClass()


class Compiler:
    """Keeps one site's snapshot at the state of its directory and policies. Safe to call from several threads."""

    def __init__(
        self,
        directory: Source,
        writer: SnapshotWriter,
        site_file: SiteFile,
        services: Services | None = None,
        barred_networks: Callable[[], Sequence[str]] = tuple,
        routes: Callable[[], Sequence[Route]] = tuple,
        connectors: Callable[[], Sequence[Connector]] = tuple,
        guard: Guard | None = None,
    ) -> None:
        """barred_networks: gives those that the site is closed to. routes: gives its voice routes. connectors: gives
        those that may come to it.
        """
        self._guard = guard or NoGuard()
        self._barred_networks, self._routes, self._connectors = barred_networks, routes, connectors
        self._directory, self._writer, self._site_file = directory, writer, site_file
        self._services = services or NoPolicies()
        self._lock = threading.Lock()

    @property
    def seq(self) -> int:
        """The last directory change that calls already see."""
        return self._writer.seq

    def catch_up(self) -> int:
        """Apply every change since the last one applied. Returns the sequence number reached."""
        with self._lock:
            if not self.is_of_today():
                return self._rebuild()
            self._configure()
            for page in self._pages(self._writer.seq):
                # After the page was read: a tenant it names is in the configuration by now.
                self._configure()
                self._writer.apply(page.people, page.to_seq, self._placing())
            return self._writer.seq

    def is_of_today(self) -> bool:
        """Whether the snapshot is of this version, and people's classes are those that policies give them now."""
        config = self._writer.config
        return config is not None and config.format == FORMAT and self._writer.revision == self._services.revision()

    def _placing(self) -> Placing:
        config = self._writer.config
        return self._services.placing(config.classes if config else (Class(),))

    def _configure(self) -> None:
        before = self._writer.config
        config = self._present(before)
        if config != before:
            self._writer.set_config(config)

    def _present(self, before: Config | None) -> Config:
        suspended, barred = self._directory.suspended(), self._barred_networks()
        return configuration(
            self._site_file,
            self._directory.domains(),
            before,
            suspended,
            barred,
            self._routes(),
            self._connectors(),
            self._guard,
        )

    def rebuild(self) -> int:
        """Compile everything anew, in one step for readers. Returns the number of people."""
        with self._lock:
            self._rebuild()
            return self._people

    def _rebuild(self) -> int:
        config = self._present(self._writer.config)
        revision, placing = self._services.revision(), self._services.placing((Class(),))
        seq, people = self._directory.everybody()
        self._people = self._writer.rebuild(config, people, seq, placing, revision)
        return seq

    def _pages(self, seq: int) -> Iterator[ChangePage]:
        while True:
            page = self._directory.changes_since(seq, _PAGE)
            if page.to_seq <= seq:
                return
            yield page
            seq = page.to_seq


def configuration(
    site_file: SiteFile,
    domains: dict[str, str],
    before: Config | None,
    suspended: Collection[str] = (),
    barred_networks: Sequence[str] = (),
    routes: Sequence[Route] = (),
    connectors: Sequence[Connector] = (),
    guard: Guard | None = None,
) -> Config:
    """The snapshot's configuration, from the site file and the directory's domains (domain -> tenant).

    Sites and tenants keep the positions they have in `before`, since people's records name them by position.
    """
    guard = guard or NoGuard()
    tenants = _appended(before.tenants if before else (), sorted(set(domains.values())))
    at = {name: place for place, name in enumerate(tenants)}
    come = tuple(record(at[tenant]) for tenant, record in connectors if tenant in at)
    others = (*(peer.name for peer in site_file.peer), *(each.name for each in come))
    sites = _appended(before.sites if before else (), (site_file.site.name, *others))
    return Config(
        site=site_file.site.name,
        role=site_file.site.role.value,
        sites=sites,
        tenants=tenants,
        domains={domain: tenants.index(tenant) for domain, tenant in sorted(domains.items())},
        trunks=tuple(
            TrunkRecord(
                trunk.name,
                str(HostPort(trunk.address, trunk.port)),
                trunk.transport,
                trunk.calling_plan,
                network_site=trunk.network_site,
                media=trunk.media,
                codecs=trunk.codecs,
                direct_networks=trunk.direct_networks,
            )
            for trunk in site_file.trunk
        ),
        pstn_sites=tuple(peer.name for peer in site_file.peer if peer.pstn),
        when_down=site_file.link.when_down,
        suspended=frozenset(tenants.index(name) for name in suspended if name in tenants),
        barred_networks=tuple(barred_networks),
        classes=before.classes if before else (Class(),),
        routes=tuple(by_connectors(record(at[tenant]), come) for tenant, record in routes if tenant in at),
        blocks=tuple(
            BlockRecord(at[tenant], direction, pattern, exception)
            for tenant, direction, pattern, exception in guard.blocks()
            if tenant in at
        ),
        at_once=tuple(guard.at_once()),
        network_sites=tuple(
            NetworkSite(each.name, each.subnets, each.location_based, each.usages) for each in site_file.network_site
        ),
        format=FORMAT,
        connectors=come,
        upstream=site_file.upstream,
        fallback=site_file.survival.fallback,
    )


def by_connectors(route: RouteRecord, connectors: Sequence[ConnectorRecord]) -> RouteRecord:
    """The route with each way through a connector site spread over its connectors, those that drain last.

    They are alike: a share of the site's is shared out among them, as evenly as whole numbers allow. Where no way of
    the route has one, all calls are for the first, and are shared out if that is such a site.
    """
    ways: list[tuple[str, int]] = []
    in_order = not any(share for _, share in route.ways)
    for way, share in route.ways:
        found = [each for each in connectors if f"@{each.site}" == way and each.tenant == route.tenant]
        ready = sorted((each for each in found if not each.drains), key=lambda each: each.name)
        draining = sorted((each for each in found if each.drains), key=lambda each: each.name)
        if not found:
            ways.append((way, share))
            continue
        if in_order and not ways and len(ready) > 1:
            share = 100
        parts = [share // len(ready) + (1 if i < share % len(ready) else 0) for i in range(len(ready))] if ready else []
        ways += [(f"@{each.name}", part) for each, part in zip(ready, parts, strict=True)]
        ways += [(f"@{each.name}", 0) for each in draining]
    return msgspec.structs.replace(route, ways=tuple(ways))


def _appended(before: tuple[str, ...], now: Iterable[str]) -> tuple[str, ...]:
    return before + tuple(name for name in now if name not in before)
