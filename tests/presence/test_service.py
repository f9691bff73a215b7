"""Two homes that tell each other of presence: under cuts, restarts, moves and in virtual time."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.addressing import Aor
from isthmus.errors import RefusedError
from isthmus.presence.calling import Calling, Heard, Step, Up
from isthmus.presence.model import Availability, Chosen, Published
from isthmus.presence.moving import PresenceParticipant
from tests.presence.world import DOMAIN, Site, World, aor

PAST_ALL_GRACE_S = 15


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.create("alice", "premises")
    made.create("bob", "online")
    made.exchange()
    return made


def test_what_somebody_sets_is_seen_at_the_other_home(world: World):
    bob = world.online.id("bob")
    world.online.presence.choose(bob, {"availability": "busy", "note": "in a review"})
    assert world.premises.state("bob") == "offline"
    world.exchange()
    known = world.premises.known("bob")
    assert (known.state.availability, known.state.note, known.home) == ("busy", "in a review", "online")
    assert world.premises.told[-1] == known == world.online.told[-1]


def test_a_tab_at_either_site_makes_its_person_available(world: World):
    bob = world.premises.id("bob")
    world.premises.here.tab(bob, "tab", active=True)
    world.exchange()  # premises tells what it sees, online what follows from it
    world.exchange()
    assert (world.online.state("bob"), world.premises.state("bob")) == ("available", "available")
    world.online.here.tab(bob, "other", active=True)
    world.premises.here.tab(bob, "tab", active=False)
    world.exchange()
    assert world.online.state("bob") == "available"
    world.online.here.tab(bob, "other", active=False)
    assert world.online.state("bob") == "away"


def test_a_tab_that_is_loaded_anew_is_not_gone_and_one_that_crashed_is(world: World):
    alice = world.premises.id("alice")
    here = world.premises.here
    here.tab(alice, "first", active=True)
    here.tab_gone(alice, "first")
    world.wait(2)
    assert world.premises.state("alice") == "available"
    here.tab(alice, "second", active=True)
    world.wait(10)
    assert world.premises.state("alice") == "available"
    here.tab_gone(alice, "second")
    world.wait(3.5)
    assert world.premises.state("alice") == "offline"
    assert [known.state.availability.value for known in world.premises.told] == ["available", "offline"]


def test_what_is_set_until_a_time_ends_by_itself_and_is_told(world: World):
    until = int((world.clock.now + 60) * 1000)
    bob = world.online.id("bob")
    world.online.presence.choose(bob, {"availability": "do-not-disturb", "until_ms": until})
    assert world.online.quiet[aor("bob")].until_s == until // 1000
    world.wait(59)
    assert world.online.state("bob") == "do-not-disturb"
    world.wait(1.5)
    world.exchange()
    assert (world.online.state("bob"), world.premises.state("bob"), world.online.quiet) == ("offline", "offline", {})


def test_a_kill_and_a_restart_lose_nothing_that_was_set(world: World):
    bob = world.online.id("bob")
    world.online.presence.choose(bob, {"availability": "do-not-disturb", "exceptions": [aor("alice")]})
    world.exchange()
    world.online.restart()
    assert world.online.quiet[aor("bob")].exceptions == (aor("alice"),)
    assert world.online.state("bob") == "do-not-disturb"
    world.exchange()
    world.wait(PAST_ALL_GRACE_S)
    assert world.premises.state("bob") == "do-not-disturb"
    assert world.premises.known("bob").version > world.premises.told[0].version


def test_who_is_not_back_after_a_restart_is_dropped_and_nobody_flickers_before(world: World):
    bob = world.online.id("bob")
    world.online.here.tab(bob, "tab", active=True)
    world.exchange()
    world.online.restart()
    world.exchange()
    assert world.premises.state("bob") == "available"  # tabs come back meanwhile
    world.wait(PAST_ALL_GRACE_S)
    assert world.premises.state("bob") == "offline"


def test_the_clock_set_back_over_a_restart_makes_nothing_older(world: World):
    bob = world.online.id("bob")
    world.online.presence.choose(bob, {"availability": "busy"})
    world.exchange()
    world.clock.now -= 86_400
    world.online.restart()
    world.online.presence.choose(bob, {"availability": "away"})
    world.exchange()
    assert world.premises.state("bob") == "away"


def test_a_cut_is_told_at_once_the_last_is_kept_and_all_is_right_afterwards(world: World):
    bob = world.online.id("bob")
    world.online.presence.choose(bob, {"availability": "busy"})
    world.exchange()
    world.cut()
    world.exchange()
    assert world.premises.presence.sites() == {"premises": True, "online": False}
    assert world.premises.reached == [("online", True), ("online", False)]
    world.online.presence.choose(bob, {"availability": "away"})
    world.wait(30)
    assert world.premises.state("bob") == "busy"
    world.cut(False)
    world.exchange()
    assert world.premises.state("bob") == "away"
    assert world.premises.presence.sites()["online"]


def test_what_a_lost_site_saw_counts_for_a_minute_and_is_told_anew(world: World):
    bob = world.premises.id("bob")
    world.premises.here.tab(bob, "tab", active=True)
    world.exchange()
    world.cut()
    world.exchange()
    world.wait(50)
    assert world.online.state("bob") == "available"
    world.wait(15)
    assert world.online.state("bob") == "offline"
    world.cut(False)
    world.exchange()
    world.exchange()
    assert (world.online.state("bob"), world.premises.state("bob")) == ("available", "available")


def test_nothing_is_known_of_a_home_that_was_never_heard(tmp_path: Path):
    world = World(tmp_path)
    world.create("bob", "online")
    assert world.premises.state("bob") == "unknown"
    assert world.online.state("bob") == "offline"


def test_pages_that_come_late_or_twice_change_nothing(world: World):
    bob = world.online.id("bob")
    world.online.presence.choose(bob, {"availability": "busy"})
    old = world.online.presence.page("premises", world.online.presence.run, 0)
    world.online.presence.choose(bob, {"availability": "away"})
    new = world.online.presence.page("premises", world.online.presence.run, 0)
    for page in (new, msgspec.structs.replace(old, whole=False), new):
        world.premises.presence.apply("online", page)
    assert world.premises.state("bob") == "away"


def test_a_site_tells_of_nobody_who_is_at_home_elsewhere(world: World):
    world.premises.presence.choose(world.premises.id("alice"), {"availability": "busy"})
    forged = msgspec.structs.replace(world.premises.known("alice"), state=world.online.known("bob").state)
    page = world.online.presence.page("premises", 0, 0)
    world.premises.presence.apply("online", msgspec.structs.replace(page, states=(forged,)))
    assert world.premises.state("alice") == "busy"


def move(world: World, user: str, to: str) -> None:
    """As homing does it: the participants, then the commit."""
    source, target = (world.premises, world.online) if to == "online" else (world.online, world.premises)
    at_source, at_target = (
        PresenceParticipant(site.engine, lambda site=site: site.people) for site in (source, target)
    )
    one = Aor(user, DOMAIN)
    data = at_source.export([one])
    at_target.import_({one: data.get(one)}, None)
    person = world.premises.directory.get(one)
    world.premises.directory.commit_homes([(one, person.home, person.home_epoch, to)], actor="test")
    world.follow()
    at_source.clean_up({one: data.get(one)})


def test_what_was_set_and_seen_goes_along_in_a_move(world: World):
    alice = world.premises.id("alice")
    world.premises.presence.choose(alice, {"availability": "do-not-disturb", "note": "writing"})
    world.premises.here.tab(alice, "tab", active=True)
    world.exchange()
    move(world, "alice", "online")
    world.exchange()
    world.exchange()
    assert (world.premises.quiet, list(world.online.quiet)) == ({}, [aor("alice")])
    for site in (world.premises, world.online):
        assert (site.known("alice").home, site.state("alice")) == ("online", "do-not-disturb")
        assert site.known("alice").state.note == "writing"
    with pytest.raises(RefusedError):
        world.premises.presence.choose(alice, {"note": "x"})
    world.online.presence.choose(alice, {"availability": ""})
    world.exchange()
    # The tab is still where it was, and seen from the new home.
    assert (world.premises.state("alice"), world.online.state("alice")) == ("available", "available")
    move(world, "alice", "premises")
    world.exchange()
    world.exchange()
    assert (world.premises.state("alice"), world.online.state("alice")) == ("available", "available")
    assert world.online.known("alice").home == "premises"


def test_who_is_deleted_is_gone_everywhere(world: World):
    bob = world.online.id("bob")
    world.online.presence.choose(bob, {"availability": "do-not-disturb"})
    world.exchange()
    world.premises.directory.delete(Aor("bob", DOMAIN), actor="test")
    world.follow()
    world.exchange()
    assert world.online.quiet == {}
    assert world.premises.told[-1].state.availability == "offline"
    assert world.online.presence.health()["known"] == 0


def test_clients_that_say_nothing_more_are_forgotten_in_time(world: World):
    bob = world.online.id("bob")
    world.online.here.publish(bob, "t1", Published(Availability.BUSY, "lab"), 10)
    assert (world.online.state("bob"), world.online.known("bob").state.note) == ("busy", "lab")
    world.wait(11)
    assert world.online.state("bob") == "offline"


class Talks:
    """What the SIP engine of a site tells."""

    def __init__(self, site: Site) -> None:
        self.up: list[Up] | None = []
        self.calling = Calling(site.here, site.people, lambda: self.up)

    def tell(self, step: Step, call_id: str = "c1", side: str = "edge", caller: str = "", callee: str = "") -> None:
        self.calling.heard(Heard(step, call_id, side, caller, callee))
        self.calling.work()


def test_who_talks_is_busy_at_both_homes_until_the_call_is_over(world: World):
    talks = Talks(world.premises)
    talks.tell(Step.BEGINS, caller=aor("alice"), callee=aor("bob"))
    assert world.premises.state("alice") == "offline"
    talks.tell(Step.ANSWERED)
    world.exchange()
    assert (world.premises.state("alice"), world.online.state("bob")) == ("busy", "busy")
    assert world.online.known("bob").state.in_call
    talks.tell(Step.BEGINS, "c2", caller=aor("alice"), callee="+14255550100")
    talks.tell(Step.ANSWERED, "c2")
    talks.tell(Step.ENDS)
    world.exchange()
    assert (world.premises.state("alice"), world.online.state("bob")) == ("busy", "offline")
    talks.tell(Step.ENDS, "c2")
    assert world.premises.state("alice") == "offline"


def test_a_call_whose_end_was_not_told_is_looked_for_twice(world: World):
    talks = Talks(world.premises)
    talks.tell(Step.BEGINS, caller=aor("alice"), callee=aor("bob"))
    talks.tell(Step.ANSWERED)
    talks.up = None
    talks.calling.look()
    talks.calling.look()
    assert world.premises.state("alice") == "busy"  # the engine could not be asked
    talks.up = []
    talks.calling.look()
    assert world.premises.state("alice") == "busy"
    talks.calling.look()
    assert world.premises.state("alice") == "offline"


def test_calls_that_are_up_when_the_service_starts_are_found(world: World):
    talks = Talks(world.premises)
    talks.up = [Up("c9", aor("alice"), aor("bob"))]
    talks.calling.look()
    assert world.premises.state("alice") == "busy"
    talks.tell(Step.ENDS, "c9")
    assert world.premises.state("alice") == "offline"


def test_who_called_for_help_rings_although_they_do_not_want_to_be_disturbed(world: World):
    alice = world.premises.id("alice")
    world.premises.presence.choose(alice, {"availability": "do-not-disturb"})
    Talks(world.premises).tell(Step.BEGINS, caller=aor("alice"), callee="sos.112")
    assert (world.premises.quiet, world.premises.state("alice")) == ({}, "do-not-disturb")
    world.wait(3601)
    assert list(world.premises.quiet) == [aor("alice")]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("choose"), st.sampled_from(["alice", "bob"]), st.sampled_from(["", "busy", "away"])),
        st.tuples(st.just("tab"), st.sampled_from(["alice", "bob"]), st.sampled_from(["premises", "online"])),
        st.tuples(st.just("close"), st.sampled_from(["alice", "bob"]), st.sampled_from(["premises", "online"])),
        st.tuples(st.just("cut")),
        st.tuples(st.just("join")),
        st.tuples(st.just("restart"), st.sampled_from(["premises", "online"])),
        st.tuples(st.just("exchange"), st.sampled_from([0, 1])),
        st.tuples(st.just("wait"), st.sampled_from([1.0, 8.0, 70.0])),
    ),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happened_both_homes_agree_once_they_hear_each_other(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[object, ...]]
):
    world = World(tmp_path_factory.mktemp("w"))
    world.create("alice", "premises")
    world.create("bob", "online")
    open_tabs: dict[str, set[str]] = {"alice": set(), "bob": set()}
    set_: dict[str, str] = {"alice": "", "bob": ""}
    for name, *what in steps:
        if name == "choose":
            user, wanted = map(str, what)
            home = world.premises if user == "alice" else world.online
            home.presence.choose(home.id(user), {"availability": wanted})
            set_[user] = wanted
        elif name in ("tab", "close"):
            user, where = map(str, what)
            site: Site = getattr(world, where)
            if name == "tab":
                site.here.tab(site.id(user), where, active=True)
                open_tabs[user].add(where)
            else:
                site.here.tab_gone(site.id(user), where)
                open_tabs[user].discard(where)
        elif name in ("cut", "join"):
            world.cut(name == "cut")
        elif name == "restart":
            site = getattr(world, str(what[0]))
            site.restart()
            for user, tabs in open_tabs.items():  # tabs come back by themselves
                if site.name in tabs:
                    site.here.tab(site.id(user), site.name, active=True)
        elif name == "exchange":
            world.links[int(str(what[0]))].following.ask()
        else:
            world.wait(float(str(what[0])))
    world.cut(False)
    for _ in range(2):
        world.exchange()
        world.wait(PAST_ALL_GRACE_S)
    world.exchange()
    for user in ("alice", "bob"):
        expected = set_[user] or ("available" if open_tabs[user] else "offline")
        assert (world.premises.state(user), world.online.state(user)) == (expected, expected)


def test_defaults_are_told_to_nobody(world: World):
    world.online.presence.choose(world.online.id("bob"), {"location": ""})
    assert Chosen(changed_ms=world.online.presence.chosen(world.online.id("bob")).changed_ms) == (
        world.online.presence.chosen(world.online.id("bob"))
    )
    assert world.online.told == []
