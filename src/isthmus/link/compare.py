"""Proves that a peer's directory is the authority's, and repairs what is not.

Both sites go on being written to meanwhile. So whoever differs is looked at again once the peer has all that the feed
had until then, and only who still differs counts.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from isthmus.addressing import Aor
from isthmus.directory.comparing import RANGES, Held
from isthmus.errors import RefusedError
from isthmus.link.client import LinkDownError
from isthmus.link.peer import PeerLink

_LOOKS = 3
_FLUSH_S = 30.0


class Compared(Protocol):
    """The authority's directory."""

    @property
    def is_authority(self) -> bool: ...

    def count(self) -> int: ...

    def last_seq(self) -> int: ...

    def summary(self) -> list[str]: ...

    def held(self, ranges: Collection[int]) -> dict[Aor, Held]: ...

    def resend(self, differing: Mapping[Aor, int], *, actor: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of a comparison with one peer.

    people: how many the authority has. differing: whoever differs, with how; after a repair whoever did. domains:
    whether those agree. repaired: how many agree now who did not before. why: why there is no result; empty with one.
    """

    peer: str
    people: int
    differing: Mapping[Aor, str] = field(default_factory=dict)
    domains: bool = True
    repaired: int = 0
    took_s: float = 0.0
    why: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the peer has what the authority has, by now."""
        return not self.why and self.domains and len(self.differing) == self.repaired


def compare(directory: Compared, links: Sequence[PeerLink], *, repair: bool, actor: str) -> list[Comparison]:
    """Compare with every peer. Raises RefusedError where this site is not the authority."""
    if not directory.is_authority:
        raise RefusedError(
            "only the authority compares directories", do="Do it there: isthmus --site NAME directory ..."
        )
    return [_compare(directory, link, repair, actor) for link in links]


def _compare(directory: Compared, link: PeerLink, repair: bool, actor: str) -> Comparison:
    started = time.monotonic()
    people = directory.count()
    try:
        differing, domains = _differing(directory, link)
        repaired = 0
        if repair and (differing or not domains):
            directory.resend(
                {aor: there.home_epoch if there else -1 for aor, (_, there) in differing.items()}, actor=actor
            )
            left, domains = _differing(directory, link)
            repaired = len(set(differing) - set(left))
    except LinkDownError as error:
        return Comparison(link.peer, people, why=str(error))
    told = {aor: _told(*both) for aor, both in sorted(differing.items())}
    return Comparison(link.peer, people, told, domains, repaired, round(time.monotonic() - started, 3))


_Both = tuple[Held | None, Held | None]


def _differing(directory: Compared, link: PeerLink) -> tuple[dict[Aor, _Both], bool]:
    """Who is not the same here and there, and whether the domains are."""
    link.flush(directory.last_seq(), _FLUSH_S)
    here, there = directory.summary(), link.summary()
    ranges = [number for number in range(RANGES) if here[number] != there[number]]
    domains = here[RANGES] == there[RANGES]
    found: dict[Aor, _Both] = {}
    for look in range(_LOOKS if ranges else 0):
        link.flush(directory.last_seq(), _FLUSH_S)
        ours, theirs = directory.held(ranges), link.held(ranges)
        now = {a: (ours.get(a), theirs.get(a)) for a in {*ours, *theirs} if ours.get(a) != theirs.get(a)}
        found = now if look == 0 else {aor: both for aor, both in now.items() if aor in found}
        if not found:
            break
    return found, domains


def _told(here: Held | None, there: Held | None) -> str:
    if here is None:
        return "is at the peer alone"
    if there is None:
        return "is missing at the peer"
    if there.home_epoch > here.home_epoch:
        return "has an epoch at the peer that is ahead of ours"
    return "is different at the peer"
