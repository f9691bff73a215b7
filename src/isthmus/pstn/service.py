"""The write path of voice routes. Each site keeps its own: it is the site that has the trunks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from isthmus.database import reading
from isthmus.directory import store as directory_store
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError
from isthmus.pstn import rules, store
from isthmus.pstn.model import VoiceRoute
from isthmus.routing.compile import Route

_MOST = 2000  # routes of a tenant
CHANGEABLE = frozenset(field.name for field in fields(VoiceRoute)) - {"tenant", "name"}


class VoiceRoutes:
    """The routes of one site. trunks: names of its own. sites: of others that have some. connector_sites: names of a
    tenant's, whose connectors have some too.

    changed: called after each change, to let calls know of it.
    """

    def __init__(
        self,
        directory: Directory,
        trunks: Sequence[str],
        sites: Sequence[str],
        *,
        connector_sites: Callable[[str], Sequence[str]] = lambda tenant: (),
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        self._directory, self._trunks, self._sites = directory, tuple(trunks), tuple(sites)
        self._connector_sites, self.changed = connector_sites, changed

    def listed(self, tenant: str) -> list[VoiceRoute]:
        """The tenant's routes, by name."""
        with reading(self._directory.engine) as connection:
            return store.routes(connection, tenant)

    def get(self, tenant: str, name: str) -> VoiceRoute:
        """One. Raises NotFoundError."""
        with reading(self._directory.engine) as connection:
            return _existing(store.route(connection, tenant, name), name)

    def compiled(self) -> list[Route]:
        """All, for the snapshot."""
        with reading(self._directory.engine) as connection:
            return [(each.tenant, functools.partial(rules.record, each)) for each in store.routes(connection)]

    def create(self, wanted: VoiceRoute, *, actor: str, key: str | None = None) -> VoiceRoute:
        """Add a route. Raises UsageError (every fault), RefusedError (exists, no such trunk), NotFoundError."""
        made = self._checked(wanted)

        def work(log: Journal) -> VoiceRoute:
            if made.tenant not in directory_store.tenants(log.connection):
                raise NotFoundError(f"there is no tenant {made.tenant!r}")
            if store.route(log.connection, made.tenant, made.name) is not None:
                raise RefusedError(f"the route {made.name} exists already", do=f"isthmus route set {made.name}")
            if len(store.routes(log.connection, made.tenant)) >= _MOST:
                raise RefusedError(f"a tenant has at most {_MOST} routes")
            store.put(log.connection, made)
            log.entry("route.create", _key(made), None, public(made))
            return made

        return self._write(actor, key, ("route.create", made), work)

    def set(
        self, tenant: str, name: str, changes: Mapping[str, Any], *, actor: str, key: str | None = None
    ) -> VoiceRoute:
        """Change some of a route (fields of VoiceRoute, see CHANGEABLE). Raises NotFoundError, UsageError."""

        def work(log: Journal) -> VoiceRoute:
            before = _existing(store.route(log.connection, tenant, name), name)
            after = self._checked(replace(before, **changes))
            if before != after:
                store.put(log.connection, after)
                log.entry("route.set", _key(after), public(before), public(after))
            return after

        return self._write(actor, key, ("route.set", tenant, name, sorted(changes.items())), work)

    def delete(self, tenant: str, name: str, *, actor: str, key: str | None = None) -> None:
        """Remove a route. Raises NotFoundError."""

        def work(log: Journal) -> None:
            gone = _existing(store.route(log.connection, tenant, name), name)
            store.remove(log.connection, tenant, name)
            log.entry("route.delete", _key(gone), public(gone), None)

        self._directory.write_here(actor, work, key=key, request=("route.delete", tenant, name))
        self.changed()

    def _write(self, actor: str, key: str | None, request: object, work: Callable[[Journal], VoiceRoute]) -> VoiceRoute:
        done = self._directory.write_here(
            actor, work, key=key, request=request, encode=public, decode=lambda _, stored: from_public(stored)
        )
        self.changed()
        return done

    def _checked(self, wanted: VoiceRoute) -> VoiceRoute:
        made = rules.checked(wanted)
        sites = (*self._sites, *self._connector_sites(made.tenant))
        if unknown := rules.unknown(made, self._trunks, sites):
            trunks = ", ".join((*self._trunks, *(f"@{site}" for site in sites))) or "none"
            raise RefusedError(f"{', '.join(unknown)} is no trunk of this site", do=f"There are: {trunks}.")
        return made


def public(route: VoiceRoute) -> dict[str, Any]:
    """A route as the API, the CLI and the audit log show it."""
    shown = asdict(route)
    return {
        **shown,
        "patterns": list(route.patterns),
        "usages": list(route.usages),
        "ways": [rules.way_text(way) for way in route.ways],
    }


def from_public(data: Mapping[str, Any]) -> VoiceRoute:
    """The route that `public` made `data` of."""
    return VoiceRoute(
        **{
            **data,
            "patterns": tuple(data["patterns"]),
            "usages": tuple(data["usages"]),
            "ways": tuple(map(rules.way_of, data["ways"])),
        }
    )


def _key(route: VoiceRoute) -> str:
    return f"{route.tenant}/{route.name}"


def _existing(found: VoiceRoute | None, name: str) -> VoiceRoute:
    if found is None:
        raise NotFoundError(f"there is no route {name!r}", do="See: isthmus route list")
    return found
