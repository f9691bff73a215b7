"""The move: its rules in words, then as one table. Pure. The diagram in docs/move.md is drawn from the table.

1. A person is at home at exactly one site at every instant: the authority's directory says which, and changes it in
   one transaction (commit), which lets the home epoch grow by one.
2. Before commit nothing is visible: any failure is undone at the target, and the person is not moved.
3. After commit there is only forward: what fails is tried again until it is done, however long the link is away.
4. Commit comes after the target holds everything (prepare), clean-up after it holds everything that came in since
   (hand over) safely (verify). So a call finds the person's phones at either site at every instant.
5. Hand-over starts when both sites route by the new home (publish), and ends when the source has nothing new.
6. Each person's fate is their own: one who can't be moved drops out with every reason, the others go on.
7. What the target refuses for good after commit is left behind, with the reason: the phone's next REGISTER mends it.
8. Pause and cancel act on people who are not begun yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from isthmus.addressing import Aor
from isthmus.directory.model import Person
from isthmus.homing.model import Event, State

TABLE: dict[State, dict[Event, State]] = {
    State.QUEUED: {
        Event.TAKEN: State.PREFLIGHT,
        Event.REFUSED: State.NOT_MOVED,
        Event.CANCELLED: State.CANCELLED,
    },
    State.PREFLIGHT: {
        Event.CLEAR: State.PREPARING,
        Event.REFUSED: State.NOT_MOVED,
    },
    State.PREPARING: {
        Event.PREPARED: State.COMMITTING,
        Event.FAILED: State.UNDOING,
    },
    State.COMMITTING: {
        Event.COMMITTED: State.PUBLISHING,
        Event.FAILED: State.UNDOING,
    },
    State.UNDOING: {
        Event.UNDONE: State.NOT_MOVED,
    },
    State.PUBLISHING: {
        Event.PUBLISHED: State.HANDING_OVER,
    },
    State.HANDING_OVER: {
        Event.HANDED_OVER: State.VERIFYING,
        Event.LEFT_BEHIND: State.MOVED,
    },
    State.VERIFYING: {
        Event.VERIFIED: State.CLEANING_UP,
        Event.LEFT_BEHIND: State.MOVED,
        Event.AGAIN: State.HANDING_OVER,
    },
    State.CLEANING_UP: {
        Event.CLEANED: State.MOVED,
        Event.AGAIN: State.HANDING_OVER,
    },
    State.MOVED: {},
    State.NOT_MOVED: {},
    State.CANCELLED: {},
}

FINAL = frozenset(state for state, ways in TABLE.items() if not ways)
# The stages in which there is work, in the order in which a chunk is taken through them.
STAGES = tuple(state for state in TABLE if state not in FINAL)
COMMITTED = frozenset({State.PUBLISHING, State.HANDING_OVER, State.VERIFYING, State.CLEANING_UP, State.MOVED})


def after(state: State, event: Event) -> State:
    """The state that follows. Raises ValueError for an event that has no place there."""
    try:
        return TABLE[state][event]
    except KeyError:
        raise ValueError(f"a move that is {state} can't be {event}") from None


def next_stage(states: Sequence[State]) -> State | None:
    """The stage to work on next in a chunk with people in these states: the earliest. None when all are through."""
    return min((state for state in states if state not in FINAL), key=STAGES.index, default=None)


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What is known of a site. down: why it can't take part now, empty when it can."""

    name: str
    role: str
    down: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What preflight judges by. sites: all sites of the hybrid. against: what participants object, by person.

    notes: what they say would be different at the target.
    """

    target: str
    sites: Mapping[str, SiteFacts]
    people: Mapping[Aor, Person]
    running: Mapping[Aor, str]
    against: Mapping[Aor, Sequence[str]]
    notes: Mapping[Aor, Sequence[str]] = field(default_factory=dict)


def reasons_against(aor: Aor, facts: Facts) -> tuple[str, ...]:
    """Every reason why this person can't be moved now, in words; empty when nothing stands against it."""
    found: list[str] = []
    person = facts.people.get(aor)
    if person is None:
        found.append("nobody with this address is in the directory")
    elif not person.enabled:
        found.append("the person is disabled")
    if person is not None and person.home == facts.target:
        found.append(f"already at home at {facts.target}")
    if batch := facts.running.get(aor):
        found.append(f"a move is under way already ({batch})")
    found += _against_target(facts)
    if person is not None and person.home != facts.target:
        source = facts.sites.get(person.home)
        if source is None:
            found.append(f"the present home {person.home} is no site of this hybrid")
        elif source.down:
            found.append(source.down)
    found += facts.against.get(aor, ())
    return tuple(dict.fromkeys(found))


def _against_target(facts: Facts) -> list[str]:
    target = facts.sites.get(facts.target)
    if target is None:
        return [f"there is no site {facts.target!r} (sites: {', '.join(sorted(facts.sites))})"]
    if target.role == "connector":
        return [f"{facts.target} is a connector: nobody lives there"]
    return [target.down] if target.down else []


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> queued"]
    for state, ways in TABLE.items():
        lines += [f"    {state} --> {there}: {event}" for event, there in ways.items()]
        if not ways:
            lines.append(f"    {state} --> [*]")
    return "\n".join(lines)
