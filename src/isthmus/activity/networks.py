"""Networks that a whole site is closed to: their phones' requests and their use of the API are refused.

Each site keeps its own, since it is the site that they come to. Calls that are up go on. Networks that the site itself
needs (its own, its peers', its trunks', the asker's) are not blocked by accident.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, insert, select

from isthmus.activity.service import People
from isthmus.activity.tables import blocked_network as table
from isthmus.addressing.networks import Network, Networks, parse_network
from isthmus.audit.model import Actor
from isthmus.database import reading
from isthmus.directory.journal import Journal
from isthmus.errors import NotFoundError, RefusedError, UsageError

_MOST = 1000
_LONGEST_REASON = 200
_WIDEST = {4: 8, 6: 16}  # bits; what is wider keeps out half of the world


@dataclass(frozen=True, slots=True)
class BlockedNetwork:
    """A network that is kept out. at: Unix seconds."""

    network: str
    reason: str
    by: str
    at: float


class NetworkBlocks:
    """The blocks of one site. own: what must not be blocked by accident, by name. changed: called after each change."""

    def __init__(
        self,
        engine: Engine,
        people: People,
        own: Mapping[str, str] = {},
        *,
        changed: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._people, self._clock = engine, people, clock
        self._own = {parse_network(network): name for network, name in own.items()}
        self.changed = changed
        self._present = Networks(self.networks())

    def holds(self, address: str) -> bool:
        """Whether an IP address is kept out."""
        return self._present.hold(address)

    def networks(self) -> tuple[str, ...]:
        """What is kept out, for the snapshot."""
        return tuple(each.network for each in self.listed())

    def listed(self) -> list[BlockedNetwork]:
        """All, in the order of their text."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(table).order_by(table.c.network)).all()
        return [BlockedNetwork(row.network, row.reason, row.made_by, row.at_ms / 1000) for row in rows]

    def block(self, network: str, reason: str = "", *, force: bool = False, actor: Actor | str) -> BlockedNetwork:
        """Keep a network out. force: also one that the site needs, or a very wide one.

        Raises UsageError, RefusedError (too many; without `force` those).
        """
        parsed = parse_network(network)
        if len(reason) > _LONGEST_REASON or not reason.isprintable():
            raise UsageError(f"the reason is longer than {_LONGEST_REASON} characters, or has one that can't be shown")
        if not force:
            self._refuse_own(parsed, actor)
        made = BlockedNetwork(str(parsed), reason, str(actor), self._clock())

        def work(log: Journal) -> None:
            present = {row.network for row in log.connection.execute(select(table.c.network))}
            if made.network in present:
                return
            if len(present) >= _MOST:
                raise RefusedError(f"{_MOST} networks are blocked already", do="See: isthmus activity networks")
            row = {"network": made.network, "reason": reason, "made_by": made.by, "at_ms": int(made.at * 1000)}
            log.connection.execute(insert(table).values(row))
            log.entry("activity.block-network", f"network:{made.network}", None, {"reason": reason, "force": force})

        self._people.write_here(str(actor), work)
        self._follow()
        return made

    def unblock(self, network: str, *, actor: Actor | str) -> None:
        """Let a network in again. Raises UsageError, NotFoundError."""
        name = str(parse_network(network))

        def work(log: Journal) -> None:
            gone = log.connection.execute(delete(table).where(table.c.network == name)).rowcount
            if not gone:
                raise NotFoundError(f"{name} is not blocked", do="To see which are: isthmus activity networks")
            log.entry("activity.unblock-network", f"network:{name}", {}, None)

        self._people.write_here(str(actor), work)
        self._follow()

    def _follow(self) -> None:
        self._present = Networks(self.networks())
        self.changed()

    def _refuse_own(self, network: Network, actor: Actor | str) -> None:
        again = "If that is meant: --force"
        if network.prefixlen < _WIDEST[network.version]:
            raise RefusedError(f"{network} is very wide", do=again)
        for own, name in self._own.items():
            if own.version == network.version and own.overlaps(network):
                raise RefusedError(f"{name} ({own}) is in {network}, and would be shut out", do=again)
        asker = actor.origin.address if isinstance(actor, Actor) else ""
        try:
            shut_out = bool(asker) and ipaddress.ip_address(asker) in network
        except ValueError:
            shut_out = False
        if shut_out:
            raise RefusedError(f"you are in {network} yourself ({asker})", do=again)


def network_json(each: BlockedNetwork) -> dict[str, Any]:
    """As the API shows it."""
    return {"network": each.network, "reason": each.reason, "by": each.by, "at": each.at}
