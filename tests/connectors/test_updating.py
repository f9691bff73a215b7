"""An update of a connector in virtual time: what it does when, and that a kill at any step ends whole."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.connectors.updating import Limits, Phase, Seen, Step, Update, step

LIMITS = Limits(calls=300, trial=120)


@dataclass
class Machine:
    """A connector's machine as far as updates go. on_disk: what outlives a kill. good: versions that work."""

    good: tuple[str, ...] = ("1", "2")
    current: str = "1"
    running: str = "1"
    ordered: str = "2"
    calls: int = 0
    now: float = 1000.0
    on_disk: Update = field(default_factory=Update)
    installed: set[str] = field(default_factory=lambda: {"1"})
    fault: str = ""
    well_after: float = 5.0
    started: float = 0.0
    trial: str = ""
    done: list[Step] = field(default_factory=list)

    def seen(self) -> Seen:
        well = self.running in self.good and self.now - self.started >= self.well_after
        version = self.on_disk.version
        installed = version in self.installed
        return Seen(self.ordered, self.running, self.calls, installed, well, self.fault, f"hash of {self.ordered}")

    def tick(self, seconds: float = 1.0, *, killed: str = "") -> None:
        """Time passes, one step is made. killed: `before` or `after` the step was done, its state on disk."""
        self.now += seconds
        do, after = step(self.on_disk, self.seen(), self.now, LIMITS)
        self.on_disk = after if killed != "earlier" else self.on_disk
        self.done.append(do)
        if killed in ("earlier", "before"):
            self.start()
            return
        self.act(do, after)
        if killed == "after":
            self.start()

    def act(self, do: Step, after: Update) -> None:
        if do is Step.INSTALL and not self.fault:
            self.installed.add(after.version)
        elif do is Step.SWITCH:
            self.trial, self.current = self.current, after.version
            self.start()
        elif do is Step.KEEP:
            self.trial = ""
        elif do is Step.RETURN:
            self.current, self.trial = self.trial or self.current, ""
            if self.running != self.current:
                self.start()

    def start(self) -> None:
        """As the launcher does: what does not even start is given up."""
        if self.trial and self.current not in self.good and self.current != "slow":
            self.current, self.trial = self.trial, ""
        self.running, self.started = self.current, self.now

    def until_idle(self, most: int = 1000) -> Machine:
        for _ in range(most):
            self.tick()
            if self.on_disk.phase is Phase.IDLE and self.done[-1] is Step.NOTHING:
                return self
        raise AssertionError(self)


def test_without_calls_it_is_at_once_at_the_version_that_is_ordered():
    machine = Machine().until_idle()
    assert machine.running == "2"
    assert machine.done[:4] == [Step.WAIT, Step.INSTALL, Step.SWITCH, Step.WAIT]
    assert machine.on_disk == Update()


def test_what_is_installed_has_the_hash_that_was_ordered_with_it():
    machine = Machine(calls=1)
    machine.tick()
    machine.ordered, machine.calls = "2", 0
    while machine.on_disk.phase is not Phase.TRIAL:
        machine.tick()
        assert machine.on_disk.sha256 == "hash of 2"


def test_calls_that_are_up_are_waited_for():
    machine = Machine(calls=3)
    for _ in range(100):
        machine.tick()
    assert machine.on_disk.phase is Phase.DRAINING
    machine.calls = 0
    assert machine.until_idle().running == "2"


def test_but_not_for_ever():
    machine = Machine(calls=3)
    while machine.on_disk.phase in (Phase.IDLE, Phase.DRAINING):
        machine.tick()
    assert 300 <= machine.now - 1000 <= 303


def test_an_order_that_is_taken_back_while_it_drains_changes_nothing():
    machine = Machine(calls=3)
    machine.tick()
    machine.ordered = ""
    assert machine.until_idle().running == "1"
    assert machine.installed == {"1"}


def test_what_can_t_be_installed_leaves_all_as_it_was():
    machine = Machine(fault="no answer from the network").until_idle()
    assert (machine.running, machine.on_disk.returned_from) == ("1", "2")
    assert machine.on_disk.why == "no answer from the network"


def test_a_version_that_does_not_start_is_left_for_the_former_one():
    machine = Machine(good=("1",)).until_idle()
    assert (machine.running, machine.current, machine.trial) == ("1", "1", "")
    assert machine.on_disk.returned_from == "2"


def test_a_version_that_starts_and_is_not_well_is_left_in_time():
    machine = Machine(good=("1",), ordered="slow")
    while machine.on_disk.phase is not Phase.TRIAL:
        machine.tick()
    began = machine.now
    machine.until_idle()
    assert (machine.running, machine.on_disk.why) == ("1", "it was not well in time")
    assert machine.now - began <= LIMITS.trial + 3


def test_what_it_returned_from_is_not_tried_again_but_another_version_is():
    machine = Machine(good=("1", "3")).until_idle()
    machine.done.clear()
    for _ in range(10):
        machine.tick()
    assert set(machine.done) == {Step.NOTHING}
    machine.ordered = "3"
    assert machine.until_idle().running == "3"


@pytest.mark.parametrize("killed", ["earlier", "before", "after"])
@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("good", [("1", "2"), ("1",)])
def test_killed_at_any_step_it_ends_whole(at: int, killed: str, good: tuple[str, ...]):
    machine = Machine(good=good)
    for _ in range(at):
        machine.tick()
    machine.tick(killed=killed)
    machine.until_idle()
    assert machine.running == machine.current
    assert machine.running in good
    assert machine.trial == ""


@given(
    kills=st.lists(st.sampled_from(["", "", "earlier", "before", "after"]), max_size=30),
    calls=st.integers(0, 2),
    good=st.sampled_from([("1", "2"), ("1",)]),
    fault=st.sampled_from(["", "disk full"]),
)
def test_however_often_it_is_killed(kills: list[str], calls: int, good: tuple[str, ...], fault: str):
    machine = Machine(good=good, calls=calls, fault=fault)
    for killed in kills:
        machine.tick(killed=killed)
    machine.calls = 0
    machine.until_idle()
    assert machine.running == machine.current
    assert machine.running in good
