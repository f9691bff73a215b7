"""Nested groups, the pure part: who is in a group is who can be reached in it."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from isthmus.directory import groups

NAMES = [f"g{i}" for i in range(7)]
NESTINGS = st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES), max_size=4))
DIRECT = st.sets(st.sampled_from(NAMES), max_size=3)


def reachable(edges: dict[str, set[str]]) -> set[tuple[str, str]]:
    """The reflexive, transitive closure by the textbook (Warshall): every pair of container and contained."""
    pairs = {(name, name) for name in NAMES} | {(a, b) for a, inside in edges.items() for b in inside}
    for middle in NAMES:
        for start in NAMES:
            for end in NAMES:
                if (start, middle) in pairs and (middle, end) in pairs:
                    pairs.add((start, end))
    return pairs


@given(nesting=NESTINGS, direct=DIRECT)
def test_effective_membership_is_reachability_with_circles_as_well(nesting, direct):
    closure = reachable(nesting)
    ways = groups.containing(direct, groups.inverted(nesting))
    assert set(ways) == {outer for outer, inner in closure if inner in direct}
    for name in NAMES:
        assert groups.within(name, nesting) == {inner for outer, inner in closure if outer == name}
        # Both ways of asking agree: up from the person, and down from the group.
        assert (name in ways) == bool(groups.within(name, nesting) & direct)


@given(nesting=NESTINGS, direct=DIRECT)
def test_the_way_to_a_group_is_one_and_none_is_shorter(nesting, direct):
    ways = groups.containing(direct, groups.inverted(nesting))
    for name, way in ways.items():
        assert way[0] in direct
        assert way[-1] == name
        assert all(inner in nesting[outer] for inner, outer in itertools.pairwise(way))
        assert len(way) == len(set(way))
    for name, way in ways.items():
        for parent in groups.inverted(nesting).get(name, ()):
            assert len(ways[parent]) <= len(way) + 1


@given(nesting=NESTINGS, parent=st.sampled_from(NAMES), child=st.sampled_from(NAMES))
def test_a_circle_is_found_exactly_when_one_would_close_and_shown_as_it_is(nesting, parent, child):
    way = groups.circle(parent, child, nesting)
    assert (way is not None) == ((child, parent) in reachable(nesting))
    if way is not None:
        after = {**nesting, parent: {*nesting.get(parent, ()), child}}
        assert way[:2] == (parent, child)
        assert way[-1] == parent
        assert all(inner in after[outer] for outer, inner in itertools.pairwise(way))


def test_a_chain_of_any_length_needs_no_recursion():
    deep = {f"n{i}": [f"n{i + 1}"] for i in range(50_000)}
    assert len(groups.within("n0", deep)) == 50_001
    assert groups.circle("n50000", "n0", deep)[:3] == ("n50000", "n0", "n1")
