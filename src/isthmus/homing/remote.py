"""A peer in a move: the same as this site, over the link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isthmus.addressing import Aor
from isthmus.homing.participants import Handed, JsonValue, Review, Verdicts
from isthmus.homing.rules import SiteFacts
from isthmus.link.client import PeerClient
from isthmus.link.peer import PeerLink

_WORK_S = 30.0  # one participant's work for one chunk


class RemoteSite:
    """See homing.sites.MoveSite. Raises LinkDownError, or what the peer's participant raised."""

    def __init__(self, client: PeerClient, link: PeerLink) -> None:
        self._client, self._link = client, link

    @property
    def name(self) -> str:
        return self._link.peer

    def facts(self) -> SiteFacts:
        down = self._link.down()
        return SiteFacts(self.name, self._link.role, down)

    def check(self, part: str, people: Sequence[Aor], target: str) -> dict[Aor, list[str]]:
        found = self._call(part, "check", people=[str(aor) for aor in people], target=target)
        return {Aor.parse(aor): reasons for aor, reasons in found.items()}

    def describe(self, part: str, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        return from_wire(self._call(part, "describe", people=[str(aor) for aor in people]))

    def review(self, part: str, data: Handed, target: str) -> dict[Aor, Review]:
        found = self._call(part, "review", data=to_wire(data), target=target)
        return {aor: review_from_wire(value) for aor, value in from_wire(found).items()}

    def export(self, part: str, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        return from_wire(self._call(part, "export", people=[str(aor) for aor in people]))

    def import_(self, part: str, data: Handed, before: Handed | None) -> Verdicts:
        earlier = None if before is None else to_wire(before)
        return from_wire(self._call(part, "import", data=to_wire(data), before=earlier))

    def verify(self, part: str, data: Handed) -> Verdicts:
        return from_wire(self._call(part, "verify", data=to_wire(data)))

    def undo(self, part: str, people: Sequence[Aor]) -> None:
        self._call(part, "undo", people=[str(aor) for aor in people])

    def clean_up(self, part: str, data: Handed) -> Verdicts:
        return from_wire(self._call(part, "clean_up", data=to_wire(data)))

    def publish(self, seq: int) -> None:
        self._link.flush(seq)

    def _call(self, part: str, work: str, **body: Any) -> Any:
        return self._client.post(f"/link/moves/{part}/{work}", body, timeout_s=_WORK_S)


def to_wire(data: Handed) -> dict[str, JsonValue]:
    """Keyed by text, for JSON."""
    return {str(aor): value for aor, value in data.items()}


def from_wire(data: dict[str, JsonValue]) -> dict[Aor, JsonValue]:
    """Keyed by address again."""
    return {Aor.parse(aor): value for aor, value in data.items()}


def review_to_wire(review: Review) -> JsonValue:
    """For JSON."""
    return {"against": list(review.against), "notes": list(review.notes)}


def review_from_wire(value: JsonValue) -> Review:
    """What `review_to_wire` made `value` of."""
    return Review(tuple(map(str, value["against"])), tuple(map(str, value["notes"])))
