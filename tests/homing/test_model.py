"""The move against its invariants: generated moves, registrations, cuts, kills, crashes and calls, in virtual time.

What must hold is in tests/homing/invariants.py. It is looked at between any two things that a move does: at each such
point something may happen as well.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from isthmus.directory.model import PersonChanges
from isthmus.errors import IsthmusError
from isthmus.homing.model import BatchState, State
from tests.homing.invariants import Watch, ended
from tests.homing.world import NUMBERS, PREMISES, SITES, Crash, Phone, World

_PEOPLE = 3
_ACTS = ("again", "restarted", "gone")
_POINTS = (
    "before undo", "before import_", "after import_", "before commit", "inside commit", "after commit",
    "before publish", "after publish", "before export", "after export", "before verify", "after verify",
    "before clean_up", "after clean_up",
)  # fmt: skip
# What happens where, at which passing of that point (1: the first in this stretch of work), and a number to choose by.
Interruption = tuple[str, int, str, int]
_EVENTS = (
    *_ACTS, "restarted", "phone", "crash", "cut", "in flight", "in flight", "refuse", "refuse", "kill", "kill", "page",
    "old page", "pause", "cancel",
)  # fmt: skip
_INTERRUPTIONS = st.lists(
    st.tuples(st.sampled_from(_POINTS), st.integers(1, 2), st.sampled_from(_EVENTS), st.integers(0, 23)),
    max_size=4,
)


@pytest.fixture(autouse=True, scope="module")
def _small_chunks() -> object:
    """Three people are more than one chunk, so that pause and cancel find something between chunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isthmus.homing.service.CHUNK", 2)
        yield


class Hybrid(RuleBasedStateMachine):
    """Two sites, three people, up to six phones."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="isthmus-model-"))
        self.world = World(self.folder, _PEOPLE)
        self.watch = Watch(self.world)
        self.batches: list[str] = []
        self.passed: Counter[str] = Counter()
        self.interruptions: list[Interruption] = []
        # Where it lands, and what World.save is called with.
        self.in_flight: list[tuple[str, Phone, str, str, bool]] = []
        self.left_over: set[object] = set()
        self.world.on_point = self.point
        for person in range(_PEOPLE):
            self.new_phone(person, SITES[person % 2])

    # What may happen in the midst of a move

    def point(self, name: str) -> None:
        """Between any two things the move does everything must hold, and something may happen."""
        label = name.partition(" at ")[0]
        if label != "inside commit":  # nobody else sees what a transaction has not committed
            self.everything_holds()
        self.passed[label] += 1
        for arrival in [each for each in self.in_flight if each[0] == label]:
            self.lands(arrival)
        for interruption in [each for each in self.interruptions if each[:2] == (label, self.passed[label])]:
            self.interruptions.remove(interruption)
            self.happens(interruption[2], interruption[3], label)

    def happens(self, what: str, number: int, label: str) -> None:
        phone = self.world.phones[number % len(self.world.phones)]
        site = SITES[number % 2]
        if what == "crash":
            raise Crash(label)
        if what == "cut":
            self.world.link = False
        elif what == "in flight":
            self.set_off(phone, SITES[number // 6 % 2], _POINTS[number % len(_POINTS)])
        elif what == "phone":
            self.new_phone(number % _PEOPLE, SITES[number // _PEOPLE % 2])
        elif what == "refuse":
            self.world.sites[site].registrar.refuses_next = True
        elif what == "kill":
            self.kill_registrar(site)
        elif label == "inside commit":
            return  # the database is busy: nothing else gets in between
        elif what in ("pause", "cancel"):
            self.order(number, what)
        elif what == "page":
            self.feed(1 + number % 3)
        elif what == "old page":
            self.old_page(number)
        else:
            self.phone_acts(phone, SITES[number // 6 % 2], what)

    def set_off(self, phone: Phone, edge: str, lands_at: str) -> None:
        """A REGISTER that was routed now, and is saved a moment later, whatever has changed since."""
        home, passed = self.world.route("REGISTER", phone.aor, edge)
        if home in SITES and not any(each[1] is phone for each in self.in_flight):
            self.in_flight.append((lands_at, phone, edge, home, len(passed) > 1))

    def lands(self, arrival: tuple[str, Phone, str, str, bool]) -> None:
        _, phone, edge, home, relayed = arrival
        self.in_flight.remove(arrival)
        if phone.aor not in self.world.between() and home != self.world.home(phone.aor):
            return  # whoever is so late, later than the whole move, registers again
        self.world.save(phone, edge, home, relayed)

    def phone_acts(self, phone: Phone, edge: str, how: str) -> None:
        """A REGISTER again, with a new Call-ID after a restart, or a goodbye."""
        if any(each[1] is phone for each in self.in_flight):
            return  # a phone waits for its answer before it sends another one
        if how == "restarted":
            phone.call_id, phone.cseq = f"{phone.call_id}'", 0
        self.world.register(phone, edge, 0 if how == "gone" else 600)

    # What happens between moves

    @rule(person=st.integers(0, _PEOPLE - 1), edge=st.sampled_from(SITES))
    def new_phone(self, person: int, edge: str) -> None:
        if len(self.world.phones) < 6:
            number = len(self.world.phones) + 1
            phone = Phone(self.world.people[person], number, f"call-{number}")
            self.world.phones.append(phone)
            self.world.register(phone, edge)

    @rule(index=st.integers(0, 5), edge=st.sampled_from(SITES), how=st.sampled_from(_ACTS))
    def register(self, index: int, edge: str, how: str) -> None:
        self.phone_acts(self.world.phones[index % len(self.world.phones)], edge, how)

    @rule(
        people=st.sets(st.integers(0, _PEOPLE - 1), min_size=1),
        back=st.integers(0, 9),
        steps=st.sampled_from([3, 6, 40, 40]),
        interruptions=_INTERRUPTIONS,
    )
    def begin_move(self, people: set[int], back: int, steps: int, interruptions: list[Interruption]) -> None:
        """Mostly to where the first of them is not at home, and mostly to the end."""
        named = [self.world.people[number] for number in sorted(people)]
        home = self.world.home(named[0])
        to = home if back == 9 else next(site for site in SITES if site != home)
        self.guarded(lambda: self.batches.append(self.world.moves.start(named, to, actor="test").id))
        if self.batches:
            self.work(len(self.batches) - 1, steps, True, interruptions)

    @precondition(lambda self: self.batches)
    @rule(
        index=st.integers(0, 9),
        steps=st.sampled_from([3, 6, 40]),
        forgiving=st.booleans(),
        interruptions=_INTERRUPTIONS,
    )
    def work(self, index: int, steps: int, forgiving: bool, interruptions: list[Interruption]) -> None:
        batch = self.batches[index % len(self.batches)]
        self.passed, self.interruptions = Counter(), list(interruptions)
        run = self.world.moves.get(batch).run
        going = True
        for _ in range(steps):
            going = going and self.guarded(lambda: self.drive(batch, run, forgiving))
        self.interruptions = []
        for arrival in list(self.in_flight):
            self.lands(arrival)

    def drive(self, batch: str, run: int, forgiving: bool) -> bool:
        """One step of the workflow `run`. A new one, after resume or cancel, takes its place."""
        going = self.world.drive(batch, run, forgiving=forgiving)
        newer = self.world.moves.get(batch).run
        assert not going or newer == run or self.world.drive(batch, run) is False, "two runs at work on one batch"
        return going or self.world.drive(batch, newer, forgiving=forgiving)

    @precondition(lambda self: self.batches)
    @rule(index=st.integers(0, 9), what=st.sampled_from(["pause", "resume", "cancel"]))
    def order(self, index: int, what: str) -> None:
        """Pause and cancel act on people who are not begun; a paused batch begins with nobody."""
        batch = self.world.moves.get(self.batches[index % len(self.batches)])
        wanted = {"pause": BatchState.RUNNING, "resume": BatchState.PAUSED}.get(what)
        if batch.finished is None and batch.state is (wanted or batch.state) is not BatchState.CANCELLED:
            getattr(self.world.moves, what)(batch.id)

    @rule(site=st.sampled_from(SITES))
    def kill_registrar(self, site: str) -> None:
        registrar = self.world.sites[site].registrar
        registrar.kill()
        between = self.world.between()
        for phone in self.world.phones:
            # What it had not on disk is handed over anew: it rings a moment later, goodbye or not.
            phone.ghost = phone.ghost or phone.aor in between
            phone.during_move = phone.during_move or phone.aor in between
        # What it had removed, and not on disk either, is back.
        self.left_over |= {aor for aor in self.world.people if site != self.world.home(aor) and registrar.bindings(aor)}

    @rule(person=st.integers(0, _PEOPLE - 1), number=st.sampled_from([None, *NUMBERS]))
    def give_number(self, person: int, number: str | None) -> None:
        try:
            self.world.directory.set(self.world.people[person], PersonChanges(number=number), actor="test")
        except IsthmusError:
            assert number in {each.number for each in self.world.directory.get_many(self.world.people).values()}

    @precondition(lambda self: self.world.link)
    @rule(limit=st.integers(1, 3))
    def feed(self, limit: int) -> None:
        if self.world.link:
            self.world.next_page(limit)

    @rule(index=st.integers(0, 30))
    def old_page(self, index: int) -> None:
        """A page of the feed that was on its way for long, or comes twice."""
        if self.world.pages:
            before = self.world.far.get_many(self.world.people)
            self.world.far.apply_feed(self.world.pages[index % len(self.world.pages)], PREMISES)
            assert self.world.far.get_many(self.world.people) == before

    @rule(up=st.booleans())
    def link(self, up: bool) -> None:
        self.world.link = up

    @rule(seconds=st.sampled_from([1, 30, 400]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += seconds
        for site in self.world.sites.values():
            site.registrar.store()
        for phone in self.world.phones:
            # A phone registers again before its registration ends, as phones do.
            if phone.edge and phone.expires_at < self.world.now + 150:
                self.world.register(phone, phone.edge)

    def guarded(self, work: Callable[[], object]) -> bool:
        """Whether there is more to do. A crash ends the control service, not the test."""
        try:
            return work() is not False
        except Crash:
            self.world.restart()
            return True

    @invariant()
    def everything_holds(self) -> None:
        if hasattr(self, "watch"):
            self.watch.everything(self.batches)

    def teardown(self) -> None:
        if not hasattr(self, "watch"):
            return
        self.interruptions, self.world.link = [], True
        for site in self.world.sites.values():
            site.registrar.refuses_next = False
        for batch in self.batches:
            if self.world.moves.get(batch).state is BatchState.PAUSED:
                self.world.moves.resume(batch)
        self.world.finish(self.batches)
        # Where the target could not be reached to undo it, what was prepared there is left.
        self.left_over |= self.world.given_up
        self.left_over |= {
            move.aor
            for batch in self.batches
            for move in self.world.moves.people(batch)
            if move.state is State.MOVED and move.reasons  # left behind
        }
        ended(self.world, self.batches, self.left_over)
        self.world.close()
        shutil.rmtree(self.folder)


TestHybrid = Hybrid.TestCase
TestHybrid.settings = settings(
    max_examples=50,
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
