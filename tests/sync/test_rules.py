"""What a source's view means for ours, as the rule says it. Pure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isthmus.directory.model import Credentials, Person
from isthmus.sync import rules
from isthmus.sync.model import Change, Kind, Link, Wanted
from tests.sync.world import DOMAIN, HOMES, aor

CREDENTIALS = Credentials(b"m" * 16, b"s" * 32)


def wanted(user: str, number: str | None = None, **more) -> Wanted:
    return replace(Wanted(user, f"cn={user}", aor(user), user.capitalize(), number), **more)


def person(user: str, number: str | None = None, **more) -> Person:
    made = Person(aor(user), "main", user.capitalize(), number, "premises", 1, CREDENTIALS)
    return replace(made, **more)


def link(each: Wanted, user: str | None = None, **more) -> Link:
    return replace(Link("ldap", each.id, aor(user or each.id), each), **more)


def facts(*people: Person, links: tuple[Link, ...] = (), rivals: tuple[Link, ...] = (), **more) -> rules.Facts:
    made = rules.Facts(
        source="ldap",
        links={each.id: each for each in links if each.source == "ldap"},
        holders={each.aor: (each.source, each.id) for each in links if each.aor},
        rivals=rivals,
        present={each.aor: each for each in people},
        owners={each.number: each.aor for each in people if each.number},
        domains={DOMAIN},
        homes=HOMES,
        home="premises",
    )
    return replace(made, **more)


def told(changes: list[Change]) -> dict[str, str]:
    return {change.id: change.kind.value for change in changes}


def test_a_new_person_lives_where_the_source_says():
    plan = rules.plan([wanted("a", "+14255550101"), wanted("b", home="online")], (), facts())
    assert told(plan) == {"a": "create", "b": "create"}
    assert [change.values["home"] for change in plan] == ["premises", "online"]


def test_somebody_made_by_hand_is_adopted_and_keeps_their_own_groups():
    plan = rules.plan(
        [wanted("a", groups=("sales",))], (), facts(person("a", groups=("mine", "old")), groups={"old", "sales"})
    )
    assert told(plan) == {"a": "adopt"}
    assert plan[0].values == {"groups": ["mine", "sales"]}


def test_nothing_changes_where_nothing_did():
    each = wanted("a", "+14255550101")
    assert rules.plan([each], (), facts(person("a", "+14255550101"), links=(link(each),))) == []


def test_what_we_only_keep_is_recorded():
    each = wanted("a")
    plan = rules.plan([replace(each, details=(("department", "R&D"),))], (), facts(person("a"), links=(link(each),)))
    assert told(plan) == {"a": "record"}
    assert rules.counts(plan) == {}


def test_a_new_address_renames_and_keeps_what_the_person_has():
    before = wanted("a", "+14255550101")
    plan = rules.plan([replace(before, aor=aor("z"))], (), facts(person("a", "+14255550101"), links=(link(before),)))
    assert told(plan) == {"a": "rename"}
    assert (plan[0].aor, plan[0].rename_to, plan[0].values) == (aor("a"), aor("z"), {})


def test_who_is_being_moved_is_renamed_afterwards():
    before = wanted("a")
    now = facts(person("a"), links=(link(before),), moving={aor("a"): "batch-1"})
    plan = rules.plan([replace(before, aor=aor("z"))], (), now)
    assert told(plan) == {"a": "conflict"}
    assert "is being moved (batch-1)" in plan[0].conflicts[0]


def test_two_may_swap_their_addresses_and_numbers():
    a, b = wanted("a", "+14255550101"), wanted("b", "+14255550102")
    now = facts(person("a", a.number), person("b", b.number), links=(link(a), link(b)), rivals=(link(a), link(b)))
    swapped = [replace(a, aor=b.aor, number=b.number), replace(b, aor=a.aor, number=a.number)]
    plan = rules.plan(swapped, (), now)
    assert told(plan) == {"a": "rename", "b": "rename"}
    assert not any(change.conflicts for change in plan)


def test_of_two_new_ones_with_one_address_nobody_gets_it():
    plan = rules.plan([wanted("a"), wanted("x", aor=aor("a"))], (), facts())
    assert told(plan) == {"a": "conflict", "x": "conflict"}
    assert plan[0].conflicts == (f"a@{DOMAIN} is claimed by cn=x as well",)


def test_who_has_an_address_keeps_it():
    each = wanted("a")
    plan = rules.plan([each, wanted("x", aor=aor("a"))], (), facts(person("a"), links=(link(each),)))
    assert told(plan) == {"x": "conflict"}
    assert plan[0].conflicts == (f"a@{DOMAIN} belongs to cn=a",)


def test_an_address_of_another_source_is_not_taken():
    other = link(wanted("a"), source="csv")
    plan = rules.plan([wanted("a")], (), facts(person("a"), links=(other,)))
    assert plan[0].conflicts == (f"a@{DOMAIN} is kept by the source csv",)


def test_somebody_new_does_not_inherit_from_one_who_vanished():
    old = link(wanted("a"), vanished_ms=1)
    plan = rules.plan([wanted("x", aor=aor("a"))], (), facts(person("a", enabled=False), links=(old,)))
    assert told(plan) == {"x": "conflict"}
    assert f"isthmus directory restore a@{DOMAIN}" in plan[0].conflicts[0]


def test_of_two_with_one_number_nobody_gets_it_who_had_not_had_it():
    a, b = wanted("a", "+14255550101"), wanted("b", "+14255550101")
    plan = rules.plan([a, b], (), facts())
    assert [change.values["number"] for change in plan] == [None, None]
    assert [change.conflicts for change in plan] == [
        ("+14255550101 is claimed by cn=b as well",),
        ("+14255550101 is claimed by cn=a as well",),
    ]
    plan = rules.plan([b], (), facts(person("a", a.number), links=(link(a),), rivals=(link(a),)))
    assert plan[0].values["number"] is None


def test_a_number_of_somebody_who_is_not_of_the_source_is_not_taken():
    plan = rules.plan([wanted("a", "+14255550101")], (), facts(person("z", "+14255550101")))
    assert plan[0].conflicts == (f"+14255550101 belongs to z@{DOMAIN}",)


def test_a_main_number_with_extensions_is_nobodys_own():
    a, b = (wanted(user, "+14255550100", extension=ext) for user, ext in (("a", "1"), ("b", "2")))
    plan = rules.plan([a, b], (), facts())
    assert [(change.values["number"], change.conflicts) for change in plan] == [(None, ()), (None, ())]
    assert rules.plan([a], (), facts())[0].values["number"] == "+14255550100"


def test_what_can_t_be_understood_takes_nothing_away():
    before = wanted("a", "+14255550101")
    now = replace(before, number=None, faults=("telephoneNumber: 'x' is not a telephone number",))
    plan = rules.plan([now], (), facts(person("a", "+14255550101"), links=(link(before),)))
    assert told(plan) == {"a": "conflict"}
    assert plan[0].values == {}


@pytest.mark.parametrize(("domain", "home", "what"), [("elsewhere.example", None, "domains"), (DOMAIN, "moon", "moon")])
def test_what_is_not_ours_is_told(domain: str, home: str | None, what: str):
    plan = rules.plan([wanted("a", aor=replace(aor("a"), domain=domain), home=home)], (), facts())
    assert told(plan) == {"a": "conflict"}
    assert what in plan[0].conflicts[0]


def test_who_vanishes_is_disabled_and_comes_back_as_they_were():
    each = wanted("a", "+14255550101")
    gone = rules.plan([], {"a"}, facts(person("a", each.number), links=(link(each),)))
    assert told(gone) == {"a": "disable"}
    assert gone[0].vanished
    assert gone[0].values == {"enabled": False}
    back = facts(person("a", each.number, enabled=False), links=(link(each, vanished_ms=5),))
    restored = rules.plan([each], (), back)
    assert told(restored) == {"a": "restore"}
    assert restored[0].values == {"enabled": True}


def test_a_person_without_an_address_any_more_is_gone():
    each = wanted("a")
    plan = rules.plan([replace(each, aor=None)], (), facts(person("a"), links=(link(each),)))
    assert told(plan) == {"a": "disable"}


def test_somebody_blocked_here_stays_blocked_until_the_source_changes_its_mind():
    each = wanted("a")
    now = facts(person("a", enabled=False), links=(link(each),))
    assert rules.plan([each], (), now) == []
    off = replace(each, enabled=False)
    assert told(rules.plan([off], (), facts(person("a"), links=(link(each),)))) == {"a": "disable"}
    on_again = rules.plan([each], (), facts(person("a", enabled=False), links=(link(off),)))
    assert on_again[0].values == {"enabled": True}


def test_who_vanished_long_ago_is_deleted_unless_let_in_again_by_hand():
    late = [link(wanted("a"), vanished_ms=1), link(wanted("b"), vanished_ms=1)]
    plan = rules.expired(late, {aor("a"): person("a", enabled=False), aor("b"): person("b")})
    assert told(plan) == {"a": "delete", "b": "forget"}


@pytest.mark.parametrize(
    ("removed", "linked", "asks"),
    [
        (0, 0, False),
        (1, 1, True),
        (3, 3, True),
        (3, 4, False),
        (4, 5, True),
        (4, 40, False),
        (5, 40, True),
        (10, 100, False),
    ],
)
def test_many_removals_at_once_are_asked_about(removed: int, linked: int, asks: bool):
    changes = [Change(Kind.DISABLE, str(n), aor("a"), values={"enabled": False}) for n in range(removed)]
    assert bool(rules.too_many(changes, linked, 10, 3)) is asks
