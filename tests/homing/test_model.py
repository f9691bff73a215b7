"""The move against its invariants: generated moves, registrations, cuts, crashes and calls, in virtual time.

What must hold at every instant (see homing.rules): one home a person, told by the authority; the epoch only grows;
whatever is routed ends at one site without a loop; while the link is up a call rings every phone that is registered,
once. In the end every move has ended as moved or not moved, and every phone is where its person is at home.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from isthmus.database import migrate
from isthmus.homing.model import BatchState, State
from isthmus.homing.rules import FINAL
from tests.homing.world import SITES, Crash, Phone, World

_PEOPLE = 3
_ACTS = ("again", "restarted", "gone")
# At which of the points that the move passes, what happens, and to which phone at which edge.
Interruption = tuple[int, str, int]
_INTERRUPTIONS = st.lists(
    st.tuples(
        st.integers(1, 24),
        st.sampled_from([*_ACTS, "restarted", "phone", "crash", "cut", "in flight"]),
        st.integers(0, 11),
    ),
    min_size=1,
    max_size=5,
)
_TEMPLATE = Path(tempfile.mkdtemp(prefix="isthmus-model-")) / "isthmus.db"


def setup_module() -> None:
    """One migrated database that every example copies."""
    migrate(f"sqlite:///{_TEMPLATE}")


def teardown_module() -> None:
    shutil.rmtree(_TEMPLATE.parent)


class Hybrid(RuleBasedStateMachine):
    """Two sites, three people, up to six phones."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="isthmus-model-"))
        self.world = World(self.folder, _PEOPLE, _TEMPLATE)
        self.epochs = dict.fromkeys(self.world.people, 1)
        self.batches: list[str] = []
        self.passed = 0
        self.interruptions: list[Interruption] = []
        self.in_flight: list[tuple[int, Phone, str, str, bool]] = []
        self.world.on_point = self.point
        for person in range(_PEOPLE):
            self.new_phone(person, SITES[person % 2])

    def point(self, name: str) -> None:
        """Between any two things the move does everything must hold, and something may happen."""
        self.check_routing()
        self.passed += 1
        for arrival in [each for each in self.in_flight if each[0] <= self.passed]:
            self.in_flight.remove(arrival)
            self.world.save(*arrival[1:])
        for interruption in [each for each in self.interruptions if each[0] == self.passed]:
            self.interruptions.remove(interruption)
            _, what, number = interruption
            phone = self.world.phones[number % len(self.world.phones)]
            if what == "crash":
                raise Crash(name)
            if what == "cut":
                self.world.link = False
            elif what == "in flight":
                self.set_off(phone, SITES[number // 6 % 2], number % 4 + 1)
            elif what == "phone":
                self.new_phone(number % _PEOPLE, SITES[number // _PEOPLE % 2])
            else:
                self.phone_acts(phone, SITES[number // 6 % 2], what)

    def set_off(self, phone: Phone, edge: str, points: int) -> None:
        """A REGISTER that was routed now, and is saved a moment later, whatever has changed since."""
        home, passed = self.world.route("REGISTER", phone.aor, edge)
        if home in SITES and not any(each[1] is phone for each in self.in_flight):
            self.in_flight.append((self.passed + points, phone, edge, home, len(passed) > 1))

    def phone_acts(self, phone: Phone, edge: str, how: str) -> None:
        """A REGISTER again, with a new Call-ID after a restart, or a goodbye."""
        if how == "restarted":
            phone.call_id, phone.cseq = f"{phone.call_id}'", 0
        self.world.register(phone, edge, 0 if how == "gone" else 600)

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
        steps=st.integers(0, 25),
        interruptions=_INTERRUPTIONS,
    )
    def begin_move(self, people: set[int], back: int, steps: int, interruptions: list[Interruption]) -> None:
        """Mostly to where the first of them is not at home."""
        named = [self.world.people[number] for number in sorted(people)]
        home = self.world.home(named[0])
        to = home if back == 9 else next(site for site in SITES if site != home)
        self.guarded(lambda: self.batches.append(self.world.moves.start(named, to, actor="test").id))
        if self.batches:
            self.work(len(self.batches) - 1, steps, True, interruptions)

    @precondition(lambda self: self.batches)
    @rule(
        index=st.integers(0, 9),
        steps=st.integers(1, 20),
        forgiving=st.booleans(),
        interruptions=_INTERRUPTIONS,
    )
    def work(self, index: int, steps: int, forgiving: bool, interruptions: list[Interruption]) -> None:
        batch = self.batches[index % len(self.batches)]
        self.passed, self.interruptions = 0, list(interruptions)
        for _ in range(steps):
            self.guarded(lambda: self.world.drive(batch, forgiving=forgiving))
        self.interruptions = []
        for arrival in self.in_flight:
            self.world.save(*arrival[1:])
        self.in_flight = []

    @precondition(lambda self: self.batches)
    @rule(index=st.integers(0, 9), what=st.sampled_from(["pause", "resume", "cancel"]))
    def order(self, index: int, what: str) -> None:
        batch = self.world.moves.get(self.batches[index % len(self.batches)])
        wanted = {"pause": BatchState.RUNNING, "resume": BatchState.PAUSED}.get(what)
        if batch.finished is None and batch.state is (wanted or batch.state) is not BatchState.CANCELLED:
            getattr(self.world.moves, what)(batch.id)

    @rule(site=st.sampled_from(SITES))
    def kill_registrar(self, site: str) -> None:
        self.world.sites[site].registrar.kill()
        between = self.world.between()
        for phone in self.world.phones:
            # What it had not on disk is handed over anew: it rings a moment later, goodbye or not.
            phone.ghost = phone.ghost or phone.aor in between
            phone.during_move = phone.during_move or phone.aor in between

    @rule(up=st.booleans())
    def link(self, up: bool) -> None:
        self.world.link = up
        if up:
            for site in SITES:
                self.world.compile(site)  # the feed catches up by itself

    @rule(seconds=st.sampled_from([1, 30, 400]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += seconds
        for site in self.world.sites.values():
            site.registrar.store()
        for phone in self.world.phones:
            # A phone registers again before its registration ends, as phones do.
            if phone.edge and phone.expires_at < self.world.now + 150:
                self.world.register(phone, phone.edge)

    def guarded(self, work: object) -> None:
        """A crash ends the control service, not the test."""
        assert callable(work)
        try:
            work()
        except Crash:
            self.world.restart()

    @invariant()
    def epochs_grow_with_homes(self) -> None:
        if not hasattr(self, "world"):
            return
        for aor, person in self.world.directory.get_many(self.world.people).items():
            assert person.home in SITES
            assert person.home_epoch >= self.epochs[aor]
            self.epochs[aor] = person.home_epoch

    @invariant()
    def check_routing(self) -> None:
        """A call from either side is led to one site or answered no, and rings whoever is registered, once."""
        if not hasattr(self, "world"):
            return
        between = self.world.between()
        for phone in self.world.phones:
            phone.during_move = phone.during_move and phone.aor in between
        for aor in self.world.people:
            for entry in SITES:
                rung = self.world.ringing(aor, entry)
                assert len(rung) == len(set(rung))
                if self.world.link:
                    due = {phone.instance for phone in self.world.live(aor) if not phone.during_move}
                    assert due <= set(rung), (aor, entry, rung)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.interruptions, self.world.link = [], True
        for site in SITES:
            self.world.compile(site)
        for batch in self.batches:
            if self.world.moves.get(batch).state is BatchState.PAUSED:
                self.world.moves.resume(batch)
        self.world.finish(self.batches)
        for batch in self.batches:
            assert {entry.state for entry in self.world.moves.people(batch)} <= FINAL
            assert self.world.moves.get(batch).finished is not None
        for aor in self.world.people:
            for entry in SITES:
                rung = {(binding.instance, binding.call_id) for binding in self.world.called(aor, entry)}
                due = {(phone.instance, phone.registered) for phone in self.world.live(aor)}
                assert due <= rung
                assert not {instance for instance, _ in rung} & {
                    phone.instance for phone in self.world.phones if not phone.edge and not phone.ghost
                }, "a phone that said goodbye rings"
            moved = sum(
                entry.state is State.MOVED and entry.aor == aor
                for batch in self.batches
                for entry in self.world.moves.people(batch)
            )
            assert self.world.directory.get(aor).home_epoch == 1 + moved
        self.world.close()
        shutil.rmtree(self.folder)


TestHybrid = Hybrid.TestCase
TestHybrid.settings = settings(
    max_examples=60,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
