"""Who may do what."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.access import rules
from isthmus.access.model import EVERYTHING, Grant, Object, Outcome, Principal, Proof, Reach, Role, Scope, Stage, Way
from isthmus.access.permissions import DANGEROUS, PERMISSIONS, ROLES, seen_by
from isthmus.errors import ForbiddenError, NotFoundError, UsageError

NOW = 1_000_000.0
ALICE = Object("person", "alice@contoso.example", "contoso", "premises", ("sales",), "id-alice")


def anna(*grants: tuple[str, Scope], **more: object) -> Principal:
    held = tuple(Grant(ROLES[name], scope) for name, scope in grants)
    made = Principal("account", "id-anna", "anna", "contoso", Proof(Way.SESSION, second_factor_at=NOW), held)
    return replace(made, **more)


def outcome(principal: Principal, action: str, what: Object = ALICE) -> Outcome:
    return rules.permit(principal, action, what, NOW).outcome


def test_the_operator_may_do_everything_and_who_holds_no_role_nothing():
    operator = Principal("operator", "operator", "cli:root", None, Proof(Way.LOCAL))
    for action in PERMISSIONS:
        assert outcome(operator, action) is Outcome.ALLOWED
        assert outcome(anna(), action) is Outcome.FORBIDDEN


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("global", set(PERMISSIONS), set()),
        ("user", {"person.delete", "person.move", "account.create"}, {"role.grant", "token.create", "audit.read"}),
        ("voice", {"number.assign", "policy.write"}, {"person.set", "person.move", "account.read"}),
        ("helpdesk", {"person.password", "account.reset-mfa"}, {"person.set", "account.set", "role.grant"}),
        ("auditor", {"audit.read", "person.read", "account.read"}, {"person.set", "person.password", "role.grant"}),
    ],
)
def test_the_roles_do_what_they_are_for(role: str, may: set[str], may_not: set[str]):
    holder = anna((role, Scope()))
    assert {action for action in may if outcome(holder, action) is not Outcome.ALLOWED} == set()
    assert {action for action in may_not if outcome(holder, action) is Outcome.ALLOWED} == set()


def test_an_auditor_changes_nothing():
    changing = {name for name in ROLES["auditor"].permissions if not name.endswith((".read", ".explain", ".export"))}
    assert changing == set()


def test_another_tenants_object_is_hidden_whatever_the_role_says():
    foreign = replace(ALICE, tenant="fabrikam")
    for scope in (Scope(), Scope(tenants=frozenset({"fabrikam"})), Scope(sites=frozenset({"premises"}))):
        verdict = rules.permit(anna(("global", scope)), "person.read", foreign, NOW)
        assert not verdict.allowed
        assert verdict.outcome in (Outcome.HIDDEN, Outcome.FORBIDDEN)
    assert outcome(anna(("global", Scope())), "person.read", foreign) is Outcome.HIDDEN


def test_a_role_reaches_as_far_as_its_scope():
    sales = anna(("helpdesk", Scope(groups=frozenset({"sales"}))))
    assert outcome(sales, "person.password") is Outcome.ALLOWED
    assert outcome(sales, "person.password", replace(ALICE, groups=("legal",))) is Outcome.HIDDEN
    both = anna(("helpdesk", Scope(groups=frozenset({"sales"}))), ("auditor", Scope()))
    assert outcome(both, "person.password", replace(ALICE, groups=("legal",))) is Outcome.FORBIDDEN
    there = anna(("voice", Scope(sites=frozenset({"online"}))))
    assert outcome(there, "number.assign") is Outcome.HIDDEN
    assert outcome(there, "number.assign", replace(ALICE, site="online")) is Outcome.ALLOWED


def test_oneself_is_the_person_of_that_id_and_nobody_else():
    myself = anna(grants=(rules.own_grant("id-alice", ROLES["self"]),))
    assert outcome(myself, "person.read") is Outcome.ALLOWED
    assert outcome(myself, "person.read", replace(ALICE, person="id-bob")) is Outcome.HIDDEN
    assert outcome(myself, "person.read", replace(ALICE, person="")) is Outcome.HIDDEN
    assert outcome(myself, "person.set") is Outcome.FORBIDDEN


def test_what_one_began_oneself_is_within_reach():
    limited = anna(("user", Scope(groups=frozenset({"sales"}))))
    batch = Object("move", "b1", "contoso", owner="account:anna")
    assert outcome(limited, "move.read", batch) is Outcome.ALLOWED
    assert outcome(limited, "move.read", replace(batch, owner="account:ben")) is Outcome.HIDDEN
    assert outcome(limited, "audit.read", batch) is Outcome.FORBIDDEN


def test_dangerous_acts_need_a_second_factor_of_these_minutes():
    late = anna(("global", Scope()), proof=Proof(Way.SESSION, second_factor_at=NOW - rules.STEP_UP_S - 1))
    never = anna(("global", Scope()), proof=Proof(Way.SESSION))
    token = anna(("global", Scope()), proof=Proof(Way.TOKEN), limit=frozenset(PERMISSIONS))
    for action in DANGEROUS:
        assert outcome(late, action) is outcome(never, action) is Outcome.STEP_UP
        assert outcome(token, action) is Outcome.ALLOWED
    assert outcome(late, "person.read") is Outcome.ALLOWED


def test_a_token_does_no_more_than_it_was_given():
    token = anna(("global", Scope()), limit=frozenset({"person.read"}))
    assert outcome(token, "person.read") is Outcome.ALLOWED
    assert outcome(token, "person.export") is Outcome.FORBIDDEN


@pytest.mark.parametrize("stage", [Stage.SECOND_FACTOR, Stage.ENROL])
def test_halfway_in_nothing_is_allowed(stage: Stage):
    halfway = anna(("global", Scope()), proof=Proof(Way.SESSION, stage))
    assert all(outcome(halfway, action) is Outcome.FORBIDDEN for action in PERMISSIONS)
    assert all(not rules.reach(halfway, action).scopes for action in PERMISSIONS)


def test_who_is_disabled_may_nothing():
    assert outcome(anna(("global", Scope()), enabled=False), "person.read") is Outcome.FORBIDDEN


def test_what_is_not_seen_is_answered_as_what_is_not_there():
    def missing() -> NotFoundError:
        return NotFoundError("nobody is called so")

    answers = []
    for found in (None, ALICE):
        with pytest.raises(NotFoundError) as caught:
            rules.seen(found, Reach(()), lambda each: each, missing)
        answers.append(str(caught.value))
    assert answers[0] == answers[1]
    with pytest.raises(ForbiddenError):
        rules.seen(ALICE, Reach((), (Scope(),)), lambda each: each, missing)
    assert rules.seen(ALICE, EVERYTHING, lambda each: each, missing) is ALICE


def test_a_whole_tenant_is_ones_own_or_none():
    def over(principal: Principal, wanted: str | None) -> str | None:
        return rules.over_tenant(principal, "policy.read", wanted)

    voice = anna(("voice", Scope()))
    assert over(voice, None) == over(voice, "contoso") == "contoso"
    answers = []
    for foreign in ("fabrikam", "no-such"):
        with pytest.raises(NotFoundError) as caught:
            over(voice, foreign)
        answers.append(str(caught.value).replace(foreign, ""))
    assert answers[0] == answers[1]
    with pytest.raises(ForbiddenError, match="the whole of tenant contoso"):
        over(anna(("voice", Scope(groups=frozenset({"sales"})))), None)
    everywhere = anna(("voice", Scope()), tenant=None)
    assert (over(everywhere, None), over(everywhere, "fabrikam")) == (None, "fabrikam")
    some = anna(("voice", Scope(tenants=frozenset({"contoso"}))), tenant=None)
    assert over(some, "contoso") == "contoso"
    with pytest.raises(ForbiddenError):
        over(some, None)
    assert rules.over_tenant(Principal("operator", "o", "o", None, Proof(Way.LOCAL)), "policy.read", None) is None


def test_nobody_gives_more_than_they_have():
    sales = Scope(frozenset({"contoso"}), groups=frozenset({"sales"}))
    whole = Scope(frozenset({"contoso"}))
    helper = anna(("helpdesk", Scope(groups=frozenset({"sales"}))))
    assert rules.beyond(helper, [Grant(ROLES["helpdesk"], sales)]) == []
    assert "person.password" in rules.beyond(helper, [Grant(ROLES["helpdesk"], whole)])
    assert "role.grant" in rules.beyond(helper, [Grant(ROLES["global"], sales)])
    assert rules.beyond(anna(("global", Scope())), [Grant(ROLES["global"], whole)]) == []
    assert rules.beyond(anna(("global", Scope())), [Grant(ROLES["auditor"], Scope())])


def test_an_unknown_action_is_no_permission():
    with pytest.raises(UsageError, match=r"no permission 'person\.eat'"):
        rules.permit(anna(), "person.eat", ALICE, NOW)


def test_every_permission_is_seen_by_one_that_exists():
    assert {seen_by(name) for name in PERMISSIONS} <= PERMISSIONS.keys()
    assert all(role.permissions <= PERMISSIONS.keys() for role in ROLES.values())
    assert PERMISSIONS.keys() >= DANGEROUS


names = st.sets(st.sampled_from("abc"), max_size=3).map(frozenset)
scopes = st.builds(
    Scope, st.none() | names, st.none() | names, st.none() | names, st.sampled_from(["", "", "p1"]), st.just("")
)
objects = st.builds(
    Object, st.just("person"), st.just("x"), st.sampled_from("abc"), st.sampled_from("abc"),
    st.sets(st.sampled_from("abc"), max_size=2).map(tuple), st.sampled_from(["p1", "p2", ""]),
)  # fmt: skip


@given(scopes, scopes, objects)
def test_a_scope_within_another_covers_nothing_that_the_other_does_not(narrow: Scope, wide: Scope, what: Object):
    if narrow.within(wide) and narrow.covers(what):
        assert wide.covers(what)


@given(st.lists(scopes, max_size=3), objects, st.sampled_from(["a", "b", None]))
def test_reach_and_verdict_never_disagree(held: list[Scope], what: Object, tenant: str | None):
    grants = tuple(Grant(Role("r", frozenset({"person.read"})), scope) for scope in held)
    principal = anna(tenant=tenant, grants=grants)
    allowed = rules.permit(principal, "person.read", what, NOW).allowed
    assert allowed == rules.reach(principal, "person.read").covers(what)
    own = {scope.own for scope in held} - {""}
    if allowed and tenant is not None and what.person not in own:
        assert what.tenant == tenant
