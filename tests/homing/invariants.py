"""What must be true of the two sites at every instant: the design's invariants, one function each.

`Watch` is asked between any two things that happen; `ended` once all moves are over and the link is up.
"""

from __future__ import annotations

from isthmus.addressing import Aor
from isthmus.directory.model import Person
from isthmus.homing.model import Move, State
from isthmus.homing.rules import COMMITTED, FINAL
from tests.homing.world import ONLINE, PREMISES, SITES, World

_NOT_BEGUN = (State.QUEUED, State.CANCELLED)


class Watch:
    """Looks at a world, and remembers what it saw last."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._seen: dict[str, dict[Aor, tuple[int, str]]] = {name: {} for name in SITES}
        self._states: dict[tuple[str, int], State] = {}

    def everything(self, batches: list[str]) -> None:
        """All of them."""
        between = self.world.between()
        for phone in self.world.phones:
            phone.during_move = phone.during_move and phone.aor in between
        people = {PREMISES: self.world.directory.get_many(self.world.people)}
        people[ONLINE] = self.world.far.get_many(self.world.people)
        self.one_home_and_an_epoch_that_only_grows(people)
        self.a_number_has_one_owner()
        self.requests_end_at_the_newest_home_known_on_the_way()
        self.calls_ring_whoever_is_registered_once(between)
        for batch in batches:
            self.a_move_goes_forward_or_back(self.world.moves.people(batch), people[PREMISES])

    def one_home_and_an_epoch_that_only_grows(self, people: dict[str, dict[Aor, Person]]) -> None:
        """Invariant 1. Who moved has a higher epoch; the other site says the same, or what was true before."""
        for site, known in people.items():
            for aor, person in known.items():
                epoch, home = self._seen[site].get(aor, (0, ""))
                assert person.home in SITES
                assert person.home_epoch >= epoch, f"{site}: the epoch of {aor} went back"
                assert person.home_epoch > epoch or person.home == home, f"{site}: {aor} moved without a new epoch"
                self._seen[site][aor] = (person.home_epoch, person.home)
        for aor, (epoch, home) in self._seen[ONLINE].items():
            there = self._seen[PREMISES][aor]
            assert epoch < there[0] or (epoch, home) == there, f"{aor}: the sites contradict each other"

    def a_number_has_one_owner(self) -> None:
        """Invariant 2, as calls see it at each site."""
        for site in self.world.sites.values():
            numbers = [person.number for person in site.snapshot.people.values() if person.number]
            assert len(numbers) == len(set(numbers))

    def requests_end_at_the_newest_home_known_on_the_way(self) -> None:
        """Invariants 3 and 7. With the link down: at the home if that is here, else with a clear answer."""
        for aor in self.world.people:
            for method, refusal in (("INVITE", "480"), ("REGISTER", "503")):
                for entry in SITES:
                    end, passed = self.world.route(method, aor, entry)
                    known = [self.world.sites[name].snapshot.people[str(aor)] for name in passed]
                    newest = SITES[max(known, key=lambda person: person.epoch).home]
                    if self.world.link or newest == entry:
                        assert end == newest, f"{method} {aor} from {entry} by {passed}"
                    else:
                        assert end.startswith(refusal), f"{method} {aor} from {entry} by {passed}"

    def calls_ring_whoever_is_registered_once(self, between: set[Aor]) -> None:
        """Invariant 4. From either side; cut off, from the home's side. Who said goodbye is left in peace.

        What registers while its person is between homes may ring a moment later, when it has been handed over.
        """
        for aor in self.world.people:
            due = {phone.instance for phone in self.world.live(aor) if not phone.during_move}
            gone = {phone.instance for phone in self.world.phones if not phone.edge and not phone.ghost}
            for entry in SITES:
                here = self.world.sites[entry].snapshot.people[str(aor)].home == SITES.index(entry)
                if not self.world.link and not here:
                    continue
                rung = self.world.ringing(aor, entry)
                assert len(rung) == len(set(rung)), f"{aor} rings twice"
                assert due <= set(rung), f"a call to {aor} from {entry} rings {rung}"
                assert aor in between or not gone & set(rung), f"{aor}: a phone that said goodbye rings"

    def a_move_goes_forward_or_back(self, moves: list[Move], people: dict[Aor, Person]) -> None:
        """Invariant 5. Committed or not, in this table and in the directory at once; who has begun comes to an end."""
        for move in moves:
            before = self._states.get((move.batch, move.position), State.QUEUED)
            if before in COMMITTED:
                assert move.state in COMMITTED, f"{move.aor} was {before} and is {move.state}"
            if before in FINAL:
                assert move.state is before
            assert before in _NOT_BEGUN or move.state not in _NOT_BEGUN, f"{move.aor} was {before}"
            self._states[move.batch, move.position] = move.state
            if move.state not in FINAL and move.source and move.epoch >= 0:
                now = (people[move.aor].home, people[move.aor].home_epoch)
                target = next(site for site in SITES if site != move.source)
                expected = (target, move.epoch + 1) if move.state in COMMITTED else (move.source, move.epoch)
                assert now == expected, f"{move.aor} is {move.state} and at home at {now}"


def ended(world: World, batches: list[str], left_over: set[Aor]) -> None:
    """All is over: every move says what became of it, and every binding is where its person is at home.

    left_over: people of whom something may be left at the other site, until it expires there or they move again.
    """
    world.catch_up()
    moves = [move for batch in batches for move in world.moves.people(batch)]
    assert {move.state for move in moves} <= FINAL
    assert all(world.moves.get(batch).finished is not None for batch in batches)
    known = world.directory.get_many(world.people)
    assert world.far.get_many(world.people) == known
    for aor, person in known.items():
        moved = [move for move in moves if move.aor == aor and move.state is State.MOVED]
        assert sorted(move.new_epoch for move in moved) == list(range(2, 2 + len(moved)))
        assert person.home_epoch == 1 + len(moved)
        if moved:
            assert person.home != max(moved, key=lambda move: move.new_epoch).source
        due = {(phone.instance, phone.registered) for phone in world.live(aor)}
        for target in (aor, person.number or aor):
            for entry in SITES:
                assert due <= {(binding.instance, binding.call_id) for binding in world.called(target, entry)}
        other = next(site for site in SITES if site != person.home)
        assert aor in left_over or not world.sites[other].registrar.bindings(aor), f"{aor}: left over at {other}"
    assert all(move.reasons for move in moves if move.state is State.NOT_MOVED), "why?"
