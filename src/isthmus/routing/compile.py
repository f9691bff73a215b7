"""From the directory to the snapshot: incrementally after each commit, whole where that is not possible."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Protocol

from isthmus.addressing import Aor, HostPort
from isthmus.dialling.plan import Dialling
from isthmus.directory.model import Person
from isthmus.routing.model import Config, TrunkRecord
from isthmus.routing.snapshot import OnePlan, Placing, SnapshotWriter
from isthmus.site.file import SiteFile

_PAGE = 2000


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


class Plans(Protocol):
    """Who dials by which plan. revision: another one once anybody's may be another."""

    def revision(self) -> int: ...

    def placing(self, before: tuple[Dialling, ...]) -> Placing: ...


class NoPlans:
    """Nobody has one."""

    def revision(self) -> int:
        """Never another."""
        return 0

    def placing(self, before: tuple[Dialling, ...]) -> Placing:
        """Everybody has the first."""
        return OnePlan()


class Compiler:
    """Keeps one site's snapshot at the state of its directory and policies. Safe to call from several threads."""

    def __init__(
        self,
        directory: Source,
        writer: SnapshotWriter,
        site_file: SiteFile,
        plans: Plans | None = None,
        barred_networks: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """barred_networks: gives those that the site is closed to."""
        self._barred_networks = barred_networks
        self._directory, self._writer, self._site_file, self._plans = directory, writer, site_file, plans or NoPlans()
        self._lock = threading.Lock()

    @property
    def seq(self) -> int:
        """The last directory change that calls already see."""
        return self._writer.seq

    def catch_up(self) -> int:
        """Apply every change since the last one applied. Returns the sequence number reached."""
        with self._lock:
            if self._writer.config is None or not self.has_todays_plans():
                return self._rebuild()
            self._configure()
            for page in self._pages(self._writer.seq):
                # After the page was read: a tenant it names is in the configuration by now.
                self._configure()
                self._writer.apply(page.people, page.to_seq, self._placing())
            return self._writer.seq

    def has_todays_plans(self) -> bool:
        """Whether people's dial plans are those that their policies give them now."""
        return self._writer.revision == self._plans.revision()

    def _placing(self) -> Placing:
        config = self._writer.config
        return self._plans.placing(config.dial_plans if config else (Dialling(),))

    def _configure(self) -> None:
        before = self._writer.config
        config = self._present(before)
        if config != before:
            self._writer.set_config(config)

    def _present(self, before: Config | None) -> Config:
        suspended, barred = self._directory.suspended(), self._barred_networks()
        return configuration(self._site_file, self._directory.domains(), before, suspended, barred)

    def rebuild(self) -> int:
        """Compile everything anew, in one step for readers. Returns the number of people."""
        with self._lock:
            self._rebuild()
            return self._people

    def _rebuild(self) -> int:
        config = self._present(self._writer.config)
        revision, placing = self._plans.revision(), self._plans.placing((Dialling(),))
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
) -> Config:
    """The snapshot's configuration, from the site file and the directory's domains (domain -> tenant).

    Sites and tenants keep the positions they have in `before`, since people's records name them by position.
    """
    sites = _appended(before.sites if before else (), (site_file.site.name, *(p.name for p in site_file.peer)))
    tenants = _appended(before.tenants if before else (), sorted(set(domains.values())))
    return Config(
        site=site_file.site.name,
        role=site_file.site.role.value,
        sites=sites,
        tenants=tenants,
        domains={domain: tenants.index(tenant) for domain, tenant in sorted(domains.items())},
        trunks=tuple(
            TrunkRecord(trunk.name, str(HostPort(trunk.address, trunk.port)), trunk.transport)
            for trunk in site_file.trunk
        ),
        pstn_sites=tuple(peer.name for peer in site_file.peer if peer.pstn),
        when_down=site_file.link.when_down,
        suspended=frozenset(tenants.index(name) for name in suspended if name in tenants),
        barred_networks=tuple(barred_networks),
        dial_plans=before.dial_plans if before else (Dialling(),),
    )


def _appended(before: tuple[str, ...], now: Iterable[str]) -> tuple[str, ...]:
    return before + tuple(name for name in now if name not in before)
