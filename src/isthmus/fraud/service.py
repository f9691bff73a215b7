"""The write path of caps and blocks. Each site keeps its own, as it has its own trunks; the authority's blocks hold at
all sites.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from isthmus.database import reading
from isthmus.directory import store as directory_store
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError
from isthmus.fraud import rules, store
from isthmus.fraud.model import Block, Cap, Kind
from isthmus.routing.model import AtOnce, Direction

_MOST = 10_000  # blocks of a tenant


class Guard:
    """The caps and blocks at one site. trunks: names of its own. own_tenant: who may cap trunks. site: its name.

    changed: called after each change, to let calls know of it. Implements routing.compile.Guard.
    """

    def __init__(
        self,
        directory: Directory,
        trunks: Sequence[str],
        own_tenant: str,
        site: str,
        *,
        changed: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory, self._trunks, self._own_tenant, self._clock = directory, tuple(trunks), own_tenant, clock
        self._site = site
        self.changed = changed

    # What calls are routed by

    def blocks(self) -> list[tuple[str, Direction, str, bool]]:
        """The patterns, for the snapshot."""
        return [(b.tenant, b.direction, b.what, b.exception) for b in self.every_block() if ":" not in b.what]

    def at_once(self) -> list[AtOnce]:
        """The limits of calls at once, for the snapshot."""
        return rules.at_once(self.every_cap())

    def every_block(self) -> list[Block]:
        """Of all tenants."""
        with reading(self._directory.engine) as connection:
            return store.blocks(connection)

    def every_cap(self) -> list[Cap]:
        """Of all tenants."""
        with reading(self._directory.engine) as connection:
            return store.caps(connection)

    # What people look at and change

    def listed_blocks(self, tenant: str) -> list[Block]:
        """The tenant's."""
        with reading(self._directory.engine) as connection:
            return store.blocks(connection, tenant)

    def block(self, wanted: Block, *, actor: str) -> Block:
        """Block, or except from blocks; what was blocked stays so, with the new reason. Raises UsageError,
        NotFoundError, RefusedError.
        """
        made = replace(rules.checked_block(wanted), by=str(actor), at=round(self._clock(), 3), site=self._site)

        def work(log: Journal) -> Block:
            self._check_tenant(log, made.tenant)
            kind, _, name = made.what.partition(":")
            if kind == "trunk":
                self._check_trunk(name)
            if kind == "person":
                self._check_person(log, made.tenant, name)
            if len(store.blocks(log.connection, made.tenant)) >= _MOST:
                raise RefusedError(f"a tenant has at most {_MOST} blocks", do="See: isthmus call block list")
            store.put_block(log.connection, made)
            log.entry("block.add", _object(made), None, block_json(made), tenant=made.tenant)
            return made

        done = self._directory.write_here(actor, work)
        self.changed()
        return done

    def unblock(self, tenant: str, direction: Direction, what: str, *, actor: str) -> None:
        """Take a block or an exception back. Raises UsageError, NotFoundError."""
        what = rules.checked_block(Block(tenant, direction, what)).what

        def work(log: Journal) -> None:
            if not store.remove_block(log.connection, self._site, tenant, direction, what):
                raise NotFoundError(
                    f"{what!r} is not blocked ({direction.value})",
                    where=f"site {self._site}",
                    do="isthmus call block list says at which site: isthmus --site SITE call block remove",
                )
            log.entry("block.remove", f"{tenant}/{direction.value}/{what}", {"what": what}, None, tenant=tenant)

        self._directory.write_here(actor, work)
        self.changed()

    # What sites tell each other

    def told(self) -> list[Block]:
        """The blocks of this site that may hold at others: all but those of trunks."""
        return [each for each in self.every_block() if each.site == self._site and not each.what.startswith("trunk:")]

    def follow(self, site: str, told: Sequence[Block]) -> bool:
        """Let these be all the blocks of another site that hold here. Whether they were others before."""

        def work(log: Journal) -> bool:
            tenants = set(directory_store.tenants(log.connection))
            wanted = {replace(each, site=site) for each in told if each.tenant in tenants}
            if wanted == {each for each in store.blocks(log.connection) if each.site == site}:
                return False
            store.remove_blocks_of(log.connection, site)
            for each in wanted:
                store.put_block(log.connection, each)
            return True

        done = self._directory.write_here(f"site:{site}", work)
        if done:
            self.changed()
        return done

    def listed_caps(self, tenant: str) -> list[Cap]:
        """The tenant's."""
        with reading(self._directory.engine) as connection:
            return store.caps(connection, tenant)

    def set_cap(self, tenant: str, kind: Kind, key: str, changes: Mapping[str, Any], *, actor: str) -> Cap:
        """Make a cap, or change it: fields of Cap. Raises UsageError, NotFoundError, RefusedError."""
        bare = rules.checked(Cap(tenant, kind, tenant if kind is Kind.TENANT else key))

        def work(log: Journal) -> Cap:
            self._check_tenant(log, tenant)
            if kind is Kind.TRUNK:
                if tenant != self._own_tenant:
                    raise RefusedError("a trunk is the site's, and so is its cap", where=tenant)
                self._check_trunk(key)
            present = {(cap.kind, cap.key): cap for cap in store.caps(log.connection, tenant)}
            before = present.get((kind, bare.key))
            after = rules.checked(replace(before or bare, **changes))
            store.put_cap(log.connection, after)
            shown = None if before is None else asdict(before)
            log.entry("cap.set", f"{tenant}/{kind.value}/{after.key}", shown, asdict(after), tenant=tenant)
            return after

        done = self._directory.write_here(actor, work)
        self.changed()
        return done

    def remove_cap(self, tenant: str, kind: Kind, key: str, *, actor: str) -> None:
        """Take a cap away. Raises UsageError, NotFoundError."""
        name = rules.checked(Cap(tenant, kind, tenant if kind is Kind.TENANT else key)).key

        def work(log: Journal) -> None:
            if not store.remove_cap(log.connection, tenant, kind, name):
                raise NotFoundError(f"there is no cap of {kind.value} {name!r}", do="See: isthmus cap list")
            log.entry("cap.remove", f"{tenant}/{kind.value}/{name}", {"cap": name}, None, tenant=tenant)

        self._directory.write_here(actor, work)
        self.changed()

    def _check_tenant(self, log: Journal, tenant: str) -> None:
        if tenant not in directory_store.tenants(log.connection):
            raise NotFoundError(f"there is no tenant {tenant!r}")

    def _check_trunk(self, name: str) -> None:
        if name not in self._trunks:
            raise NotFoundError(
                f"there is no trunk {name!r} here", do=f"There are: {', '.join(self._trunks) or 'none'}."
            )

    def _check_person(self, log: Journal, tenant: str, name: str) -> None:
        found = store.tenant_of(log.connection, name)
        if found != tenant:
            raise NotFoundError(f"nobody is called {name!r}", do="See: isthmus user list")


def block_json(block: Block) -> dict[str, Any]:
    """As the API, the CLI and the audit log show it."""
    return {**asdict(block), "direction": block.direction.value}


def block_of(told: Mapping[str, Any]) -> Block:
    """What `block_json` made it of. Raises TypeError, KeyError, ValueError for what is none."""
    return Block(**{**told, "direction": Direction(told["direction"])})


def _object(block: Block) -> str:
    return f"{block.tenant}/{block.direction.value}/{block.what}"
