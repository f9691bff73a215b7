"""The commit of a move: who is at home where changes here, and nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from isthmus.addressing import Aor
from isthmus.directory import store
from isthmus.directory.journal import PERSON, Journal
from isthmus.directory.model import Person
from isthmus.errors import IsthmusError, NotFoundError, RefusedError

# Address, present home, present epoch, new home.
Move = tuple[Aor, str, int, str]


def commit(log: Journal, moves: Sequence[Move], homes: Collection[str] | None) -> dict[Aor, int | IsthmusError]:
    """Move everybody who is where and what the move expects; the epoch grows by one.

    Returns the new epoch of each person who is now at the new home through this move (made now or before), and for
    everybody else the reason. A second run with the same moves changes nothing and answers the same.
    """
    people = store.people_by_aor(log.connection, (move[0] for move in moves))
    results: dict[Aor, int | IsthmusError] = {}
    due: list[Move] = []
    for move in moves:
        aor, _, epoch, target = move
        fault = _fault(people.get(aor), move, homes)
        if fault is not None:
            results[aor] = fault
            continue
        results[aor] = epoch + 1
        if people[aor].home_epoch == epoch:
            due.append(move)
            people[aor] = people[aor].moved_to(target)
    if store.set_homes(log.connection, due) != len(due):
        # The rows were read under the write lock, so this can't be; better stop than be wrong about a home.
        raise RefusedError("somebody's home changed while it was being moved", do="Nothing was moved. Try again.")
    for aor, home, epoch, target in due:
        before, after = _place(home, epoch), _place(target, epoch + 1)
        log.note(PERSON, str(aor), "person.move", before, after, tenant=people[aor].tenant)
    return results


def _fault(person: Person | None, move: Move, homes: Collection[str] | None) -> IsthmusError | None:
    aor, home, epoch, target = move
    if person is None:
        return NotFoundError(f"nobody is called {aor}")
    if homes is not None and target not in homes:
        return RefusedError(f"there is no site {target!r} where people can live")
    if (person.home, person.home_epoch) in ((home, epoch), (target, epoch + 1)):
        return None
    return RefusedError(
        f"{aor} is at home at {person.home} with epoch {person.home_epoch}, not at {home} with epoch {epoch}",
        do="Another move came first. Look at the person and move them anew.",
    )


def _place(home: str, epoch: int) -> dict[str, str | int]:
    return {"home": home, "home_epoch": epoch}


def distinct(moves: Iterable[Move]) -> list[Move]:
    """The moves, if nobody is moved twice. Raises RefusedError."""
    listed = list(moves)
    if len({move[0] for move in listed}) != len(listed):
        raise RefusedError("somebody is named twice in one commit")
    return listed
