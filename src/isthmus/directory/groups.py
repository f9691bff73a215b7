"""Who is in which group when groups contain groups: pure functions of who contains whom.

A person is in a group when the group stands at the person (directly), or contains a group in which they are, at any
depth. A nesting that goes round in a circle is refused when it is written; a feed may show one for a moment, so
every function here ends on those as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping

# A group, and the groups directly in it.
Nesting = Mapping[str, Collection[str]]


def inverted(nesting: Nesting) -> dict[str, list[str]]:
    """A group, and the groups that it is directly in, sorted."""
    parents: dict[str, list[str]] = {}
    for parent in sorted(nesting):
        for child in nesting[parent]:
            parents.setdefault(child, []).append(parent)
    return parents


def containing(direct: Iterable[str], parents: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
    """Every group that somebody who is directly in `direct` is in, and the way there.

    parents: see `inverted`. The way begins with the direct group and ends with the group itself; of several the
    shortest, of those the first by name.
    """
    ways: dict[str, tuple[str, ...]] = {name: (name,) for name in sorted(direct)}
    due = deque(ways)
    while due:
        name = due.popleft()
        for parent in parents.get(name, ()):
            if parent not in ways:
                ways[parent] = (*ways[name], parent)
                due.append(parent)
    return ways


def within(name: str, nesting: Nesting) -> set[str]:
    """The group and every group in it, at any depth."""
    found, due = {name}, [name]
    while due:
        for child in nesting.get(due.pop(), ()):
            if child not in found:
                found.add(child)
                due.append(child)
    return found


def circle(parent: str, child: str, nesting: Nesting) -> tuple[str, ...] | None:
    """The circle that would close if `child` were put into `parent`: parent, child, ..., parent; None if none would."""
    if parent == child:
        return (parent, parent)
    came_from: dict[str, str] = {child: parent}
    due = deque([child])
    while due and parent not in came_from:
        name = due.popleft()
        for inner in sorted(nesting.get(name, ())):
            if inner not in came_from:
                came_from[inner] = name
                due.append(inner)
    if parent not in came_from:
        return None
    way = [parent]
    while len(way) == 1 or way[-1] != parent:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))
