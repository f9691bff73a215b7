"""What the move asks of a site, and this site's own answer. A peer gives the same over the link (link.remote)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from isthmus.addressing import Aor
from isthmus.errors import IsthmusError, NotFoundError
from isthmus.homing.participants import Handed, JsonValue, Registry, Review, Verdicts
from isthmus.homing.rules import SiteFacts


class MoveSite(Protocol):
    """One site in a move, here or far away. All methods can be repeated, and raise UnavailableError."""

    @property
    def name(self) -> str: ...

    def facts(self) -> SiteFacts:
        """Role, and whether the site can take part now. Raises nothing."""

    def check(self, part: str, people: Sequence[Aor], target: str) -> dict[Aor, list[str]]: ...

    def describe(self, part: str, people: Sequence[Aor]) -> dict[Aor, JsonValue]: ...

    def review(self, part: str, data: Handed, target: str) -> dict[Aor, Review]: ...

    def export(self, part: str, people: Sequence[Aor]) -> dict[Aor, JsonValue]: ...

    def import_(self, part: str, data: Handed, before: Handed | None) -> Verdicts: ...

    def verify(self, part: str, data: Handed) -> Verdicts: ...

    def undo(self, part: str, people: Sequence[Aor]) -> None: ...

    def clean_up(self, part: str, data: Handed) -> Verdicts: ...

    def publish(self, seq: int) -> None:
        """Return when calls at that site are routed by directory change `seq`."""


class LocalSite:
    """The site this process belongs to."""

    def __init__(self, name: str, role: str, registry: Registry, catch_up: Callable[[], int]) -> None:
        self._name, self._role, self._registry, self._catch_up = name, role, registry, catch_up

    @property
    def name(self) -> str:
        return self._name

    def facts(self) -> SiteFacts:
        return SiteFacts(self._name, self._role)

    def check(self, part: str, people: Sequence[Aor], target: str) -> dict[Aor, list[str]]:
        return self._registry.get(part).check(people, target)

    def describe(self, part: str, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        return self._registry.get(part).describe(people)

    def review(self, part: str, data: Handed, target: str) -> dict[Aor, Review]:
        return self._registry.get(part).review(data, target)

    def export(self, part: str, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        return self._registry.get(part).export(people)

    def import_(self, part: str, data: Handed, before: Handed | None) -> Verdicts:
        return self._registry.get(part).import_(data, before)

    def verify(self, part: str, data: Handed) -> Verdicts:
        return self._registry.get(part).verify(data)

    def undo(self, part: str, people: Sequence[Aor]) -> None:
        self._registry.get(part).undo(people)

    def clean_up(self, part: str, data: Handed) -> Verdicts:
        return self._registry.get(part).clean_up(data)

    def publish(self, seq: int) -> None:
        reached = self._catch_up()
        if reached < seq:
            raise IsthmusError(f"the snapshot of {self._name} is at change {reached}, not yet at {seq}")


class Sites:
    """All sites of the hybrid by name."""

    def __init__(self, sites: Sequence[MoveSite]) -> None:
        self._sites: Mapping[str, MoveSite] = {site.name: site for site in sites}

    def get(self, name: str) -> MoveSite:
        """The site of that name. Raises NotFoundError."""
        try:
            return self._sites[name]
        except KeyError:
            raise NotFoundError(f"there is no site {name!r}", do=f"Sites: {', '.join(sorted(self._sites))}.") from None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._sites)

    def facts(self) -> dict[str, SiteFacts]:
        """What is known of each."""
        return {name: site.facts() for name, site in self._sites.items()}
