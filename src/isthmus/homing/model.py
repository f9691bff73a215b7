"""The values of a move: a batch of people on their way to a site, and each person's own move."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from isthmus.access.model import Object
from isthmus.addressing import Aor


class State(StrEnum):
    """Where one person's move stands. The rules are in homing.rules."""

    QUEUED = "queued"
    PREFLIGHT = "preflight"
    PREPARING = "preparing"
    COMMITTING = "committing"
    UNDOING = "undoing"
    PUBLISHING = "publishing"
    HANDING_OVER = "handing_over"
    VERIFYING = "verifying"
    CLEANING_UP = "cleaning_up"
    MOVED = "moved"
    NOT_MOVED = "not_moved"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What happens to one person's move."""

    TAKEN = "taken"
    CLEAR = "clear"
    REFUSED = "refused"
    PREPARED = "prepared"
    FAILED = "failed"
    COMMITTED = "committed"
    UNDONE = "undone"
    PUBLISHED = "published"
    HANDED_OVER = "handed_over"
    VERIFIED = "verified"
    LEFT_BEHIND = "left_behind"
    AGAIN = "again"
    CLEANED = "cleaned"
    CANCELLED = "cancelled"


class BatchState(StrEnum):
    """What the administrator wants of a batch, and whether it is over."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Move:
    """One person in one batch.

    chunk: people of one chunk are worked together. source, epoch: home and home epoch when the move began, empty
    and -1 while unknown. new_epoch: after commit. reasons: why not moved, all of them.
    handed: participant -> what the target took over; empty before and after. tries: refusals at the target.
    """

    batch: str
    position: int
    chunk: int
    aor: Aor
    state: State
    source: str = ""
    epoch: int = -1
    new_epoch: int = -1
    reasons: tuple[str, ...] = ()
    note: str = ""
    handed: dict[str, Any] = field(default_factory=dict)
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """People who are moved to `target` together.

    created, finished: Unix seconds. note: what it waits for, in words; while it is scheduled, the moment at which it
    begins (RFC 3339). run: which workflow works on it.
    counts: people by state. tenant: whose people they are; empty when they are several tenants'.
    """

    id: str
    target: str
    actor: str
    state: BatchState
    created: float
    finished: float | None
    run: int
    note: str
    counts: dict[State, int]
    tenant: str = ""

    def as_object(self) -> Object:
        """What rights to it go by: the tenant, and who began it."""
        return Object("move", self.id, self.tenant, owner=self.actor)

    @property
    def begins(self) -> float | None:
        """Unix seconds at which it begins, while it is scheduled."""
        return datetime.fromisoformat(self.note).timestamp() if self.state is BatchState.SCHEDULED else None

    @property
    def total(self) -> int:
        """Everybody in it."""
        return sum(self.counts.values())
