"""The precedence of policies: a total order, one winner for each setting, the same for one person and for many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isthmus.addressing import Aor
from isthmus.directory import groups
from isthmus.directory.model import Credentials, Person
from isthmus.policy import rules
from isthmus.policy.kinds import KINDS
from isthmus.policy.model import Grant, Level, Policy

ALICE = Aor("alice", "contoso.example")
GROUPS = st.sampled_from(["a", "b", "c"])
TARGETS = st.one_of(
    st.tuples(st.just(Level.PERSON), st.sampled_from([str(ALICE), "bob@contoso.example"]), st.just(0)),
    st.tuples(st.just(Level.GROUP), GROUPS, st.integers(1, 3)),
    st.tuples(st.just(Level.SITE), st.sampled_from(["premises", "online"]), st.just(0)),
    st.tuples(st.just(Level.TENANT), st.just("main"), st.just(0)),
)
NAMES = st.sampled_from(["p", "q", "r"])
SETTINGS = st.fixed_dictionaries(
    {}, optional={"forwarding": st.booleans(), "transfer": st.booleans(), "most_calls": st.integers(1, 9)}
)
POLICIES = st.fixed_dictionaries(dict.fromkeys(("p", "q", "r"), SETTINGS))
GRANTS = st.lists(st.tuples(TARGETS, NAMES), max_size=8, unique_by=lambda pair: pair[0][:2])
NESTING = st.dictionaries(GROUPS, st.sets(GROUPS, max_size=2))


def person(direct: set[str], home: str = "premises") -> Person:
    return Person(ALICE, "main", "Alice", None, home, 1, Credentials(b"", b""), True, tuple(sorted(direct)))


def granted(grants, policies) -> list[tuple[Grant, Policy]]:
    made = {name: Policy("main", "calling", name, tuple(sorted(said.items()))) for name, said in policies.items()}
    return [(Grant("main", "calling", name, *target), made[name]) for target, name in grants]


@given(GRANTS, POLICIES)
def test_precedence_is_a_total_order(grants, policies):
    keys = [rules.precedence(grant) for grant, _ in granted(grants, policies)]
    assert len(set(keys)) == len(keys)


@given(GRANTS, POLICIES, st.sets(GROUPS), NESTING, st.sampled_from(["premises", "online"]), st.randoms())
def test_one_winner_for_each_setting_whatever_the_order(grants, policies, direct, nesting, home, random):
    given_ = granted(grants, policies)
    alice = person(direct, home)
    ways = groups.containing(alice.groups, groups.inverted(nesting))
    found = rules.effective("calling", alice, given_, ways)
    random.shuffle(given_)
    assert rules.effective("calling", alice, given_, ways) == found
    assert set(found.settings) == {each.name for each in KINDS["calling"].settings}
    by_grant = dict(given_)
    for name, settled in found.settings.items():
        said = [grant for grant, policy in by_grant.items() if name in dict(policy.settings)]
        said = [grant for grant in said if rules.concerns(grant, alice, ways)]
        assert [settled.by, *(grant for grant, _ in settled.lost)] == (sorted(said, key=rules.precedence) or [None])
        if settled.by is None:
            assert settled.value == KINDS["calling"].defaults()[name]
        else:
            assert settled.value == dict(by_grant[settled.by].settings)[name]


@given(GRANTS, POLICIES, st.sets(GROUPS), NESTING, st.sampled_from(["premises", "online"]))
def test_for_many_people_it_is_what_it_is_for_one(grants, policies, direct, nesting, home):
    given_ = granted(grants, policies)
    alice = person(direct, home)
    ways = groups.containing(alice.groups, groups.inverted(nesting))
    resolved = rules.Resolver(given_, nesting).resolve(alice)
    for kind in KINDS:
        one = rules.effective(kind, alice, given_, ways)
        values = {name: settled.value for name, settled in one.settings.items()}
        assert resolved[kind].values == values
        assert resolved[kind].id == rules.settings_id(kind, values)


def test_person_beats_group_beats_site_beats_tenant_and_rank_beats_name():
    policies = {name: {"most_calls": number} for name, number in zip("pqr", (1, 2, 3), strict=True)}
    both = [((Level.GROUP, "a", 2), "p"), ((Level.GROUP, "b", 1), "q"), ((Level.SITE, "premises", 0), "r")]
    alice = person({"a", "b"})
    ways = groups.containing(alice.groups, {})
    value = rules.effective("calling", alice, granted(both, policies), ways).settings["most_calls"].value
    assert value == 2
    own = [*both, ((Level.PERSON, str(ALICE), 0), "r")]
    assert rules.effective("calling", alice, granted(own, policies), ways).settings["most_calls"].value == 3


EMERGENCY = st.fixed_dictionaries({}, optional={"notify": st.booleans(), "elin_minutes": st.integers(10, 99)})


@given(
    GRANTS, st.fixed_dictionaries(dict.fromkeys(("p", "q", "r"), EMERGENCY)), st.sets(GROUPS),
    st.sampled_from(["premises", "online"]),
)  # fmt: skip
def test_of_the_kind_emergency_the_site_comes_before_the_person(grants, policies, direct, home):
    made = {name: Policy("main", "emergency", name, tuple(sorted(said.items()))) for name, said in policies.items()}
    given_ = [(Grant("main", "emergency", name, *target), made[name]) for target, name in grants]
    alice = person(direct, home)
    one = rules.effective("emergency", alice, given_, groups.containing(alice.groups, {}))
    at_site = [policy for grant, policy in given_ if grant.level is Level.SITE and grant.target == home]
    for name, settled in one.settings.items():
        if any(name in dict(policy.settings) for policy in at_site):
            assert settled.by is not None
            assert settled.by.level is Level.SITE
    resolved = rules.Resolver(given_, {}).resolve(alice)["emergency"]
    assert resolved.values == {name: settled.value for name, settled in one.settings.items()}
