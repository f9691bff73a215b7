"""What is pushed becomes people and groups of the directory, by the rules of every source."""

from __future__ import annotations

import pytest

from isthmus.directory.model import PersonChanges
from isthmus.errors import NotFoundError
from isthmus.policy.model import Grant, Level, Policy
from isthmus.scim import store
from isthmus.tenancy.model import TenantChanges
from tests.scim.world import ENTERPRISE, USER, World

DAY = 24 * 3600


def test_a_user_becomes_a_person_with_number_name_and_details(world: World):
    enterprise = {"department": "Sales", "manager": {"value": "b1"}}
    world.user("alice", displayName="Alice Jones", phoneNumbers=[world.phone], **{ENTERPRISE: enterprise})
    person = world.person("alice")
    assert person is not None
    assert (person.display_name, person.number, person.home, person.enabled) == (
        "Alice Jones", world.number, "premises", True,
    )  # fmt: skip
    details = dict(world.services.sync.details(person.aor).wanted.details)
    assert (details["department"], details["manager"]) == ("Sales", "b1")
    entry = world.services.directory.audit(world.address("alice"), 1)[0]
    assert (entry["actor"].partition("/")[0], entry["action"]) == (f"token:scim-{world.tenant}", "person.create")


def test_a_manager_is_a_person_once_they_were_pushed(world: World):
    boss = world.user("boss")
    world.user("alice", **{ENTERPRISE: {"manager": {"value": boss["id"]}}})
    world.user("bob", **{ENTERPRISE: {"manager": {"value": "nobody"}}})
    sync = world.services.sync
    assert sync.manager(sync.details(world.aor("alice"))) == world.aor("boss")
    assert sync.manager(sync.details(world.aor("bob"))) is None


def test_the_sip_address_goes_before_the_user_name(world: World):
    world.user("ajones@corp.example", ims=[{"type": "sip", "value": f"sip:{world.address('alice')}"}])
    assert world.person("alice") is not None


def test_what_changes_there_changes_here(world: World):
    made = world.user("alice", phoneNumbers=[world.phone])
    before = world.person("alice")
    assert before is not None
    path = f"/Users/{made['id']}"
    assert world.patch(path, {"op": "replace", "path": "displayName", "value": "Al"}).status_code == 204
    assert world.patch(path, {"op": "replace", "path": "userName", "value": world.address("al")}).status_code == 204
    after = world.person("al")
    assert after is not None
    assert (after.id, after.display_name, after.number) == (before.id, "Al", world.number)
    assert world.person("alice") is None


def test_inactive_is_disabled_and_active_is_let_in_again(world: World):
    made = world.user("alice")
    path = f"/Users/{made['id']}"
    world.patch(path, {"op": "replace", "path": "active", "value": False})
    assert not world.person("alice").enabled
    world.patch(path, {"op": "replace", "path": "active", "value": True})
    assert world.person("alice").enabled


def test_somebody_blocked_here_stays_blocked_whatever_else_changes_there(world: World):
    made = world.user("alice")
    world.services.directory.set(world.aor("alice"), PersonChanges(enabled=False), actor="test")
    world.patch(f"/Users/{made['id']}", {"op": "replace", "path": "title", "value": "Boss"})
    assert not world.person("alice").enabled


def test_who_is_deleted_is_kept_and_is_the_same_person_when_pushed_again(world: World):
    made = world.user("alice", externalId="e1", phoneNumbers=[world.phone])
    before = world.person("alice")
    assert world.client.delete(f"/Users/{made['id']}").status_code == 204
    assert world.client.get(f"/Users/{made['id']}").status_code == 404
    kept = world.person("alice")
    assert not kept.enabled and kept.id == before.id
    again = world.user("alice", externalId="e1", phoneNumbers=[world.phone])
    assert again["id"] == made["id"] and again["meta"]["version"] != made["meta"]["version"]
    assert world.person("alice") == before


def test_another_one_with_the_address_of_somebody_kept_is_a_conflict_until_an_administrator_decides(world: World):
    made = world.user("alice", externalId="e1")
    world.client.delete(f"/Users/{made['id']}")
    other = world.user("alice", externalId="e2")
    assert other["id"] != made["id"]
    assert "vanished from the source" in world.conflicts()["alice"]
    world.services.directory.delete(world.aor("alice"), actor="test")
    world.sync()
    assert world.person("alice").enabled and world.conflicts() == {}


def test_who_was_deleted_long_ago_is_removed_by_a_run(world: World, monkeypatch: pytest.MonkeyPatch):
    made = world.user("alice")
    world.client.delete(f"/Users/{made['id']}")
    work = world.services.sync._work
    now = work._clock()
    monkeypatch.setattr(work, "_clock", lambda: now + 29 * DAY)
    world.sync()
    assert world.person("alice") is not None
    monkeypatch.setattr(work, "_clock", lambda: now + 31 * DAY)
    world.sync()
    assert world.person("alice") is None


def test_conflicts_are_told_and_nothing_is_guessed(world: World):
    world.user("alice", phoneNumbers=[world.phone])
    world.user("bob", phoneNumbers=[world.phone])
    world.user("carol@elsewhere.example")
    world.user("dave@")
    world.user("erin", phoneNumbers=[{"type": "work", "value": "twelve"}])
    told = world.conflicts()
    assert f"claimed by {world.address('alice')} as well" in told["bob"]
    assert "not one of our domains" in told["carol@elsewhere.example"]
    assert "not a telephone number" in told["erin"]
    assert "dave" not in told  # has no address: nobody of ours, which is no fault
    assert world.person("alice").number == world.number and world.person("bob").number is None
    assert world.person("erin") is not None and world.person("erin").number is None


def test_a_number_that_is_given_up_goes_to_who_asked_for_it_with_the_next_run(world: World):
    alice = world.user("alice", phoneNumbers=[world.phone])
    world.user("bob", phoneNumbers=[world.phone])
    world.patch(f"/Users/{alice['id']}", {"op": "remove", "path": "phoneNumbers"})
    world.sync()
    assert world.person("alice").number is None and world.person("bob").number == world.number
    assert world.conflicts() == {}


def test_more_than_a_share_within_a_day_waits_for_somebody_to_say_yes(world: World):
    made = [world.user(f"u{n}") for n in range(20)]
    for each in made[:5]:
        answer = world.patch(f"/Users/{each['id']}", {"op": "replace", "path": "active", "value": False})
        assert answer.status_code == 204  # the provider is told what it said, not to say it again and again
    off = [n for n in range(20) if not world.person(f"u{n}").enabled]
    assert off == [0, 1, 2]
    assert world.services.scim.status(world.tenant).waiting == 2
    asking = world.sync()
    assert asking.state == "asking" and "would be disabled" in asking.note
    assert world.person("u3").enabled
    assert world.sync(approved=True).state == "done"
    assert not world.person("u3").enabled and not world.person("u4").enabled
    assert world.services.scim.status(world.tenant).waiting == 0


def test_who_was_to_wait_and_is_active_again_has_never_been_away(world: World):
    made = [world.user(f"u{n}") for n in range(8)]
    for each in made[:4]:
        world.client.delete(f"/Users/{each['id']}") if each is made[0] else world.patch(
            f"/Users/{each['id']}", {"op": "replace", "path": "active", "value": False}
        )
    assert world.person("u3").enabled
    world.patch(f"/Users/{made[3]['id']}", {"op": "replace", "path": "active", "value": True})
    assert world.person("u3").enabled and world.services.scim.status(world.tenant).waiting == 0


# Groups


def test_groups_become_groups_with_their_people_and_the_groups_in_them(world: World):
    alice, bob = world.user("alice"), world.user("bob")
    inner = world.group("berlin", alice)
    outer = world.group("germany", inner, bob)
    groups = world.services.groups
    assert groups.get(world.tenant, "germany").group.groups == ("berlin",)
    assert groups.get(world.tenant, "germany").effective == 2
    assert groups.get(world.tenant, "germany").group.source == world.source
    assert world.person("alice").groups == ("berlin",) and world.person("bob").groups == ("germany",)
    members = {each["value"]: each["type"] for each in outer["members"]}
    assert members == {inner["id"]: "Group", bob["id"]: "User"}
    world.client.delete(f"/Groups/{inner['id']}")
    assert world.person("alice").groups == () and groups.get(world.tenant, "germany").group.groups == ()
    assert [m["value"] for m in world.client.get(f"/Groups/{outer['id']}").json()["members"]] == [bob["id"]]


def test_members_come_and_go(world: World):
    alice, bob = world.user("alice"), world.user("bob")
    group = world.group("sales", alice)
    path = f"/Groups/{group['id']}"
    world.patch(path, {"op": "add", "path": "members", "value": [{"value": bob["id"]}]})
    assert world.person("bob").groups == ("sales",)
    world.patch(path, {"op": "remove", "path": f'members[value eq "{alice["id"]}"]'})
    assert world.person("alice").groups == ()
    world.client.delete(f"/Users/{bob['id']}")
    assert "members" not in world.client.get(path).json()


def test_groups_given_by_hand_stay_beside(world: World):
    alice = world.user("alice")
    world.services.directory.set(world.aor("alice"), PersonChanges(groups=("pilot",)), actor="test")
    group = world.group("sales", alice)
    assert world.person("alice").groups == ("pilot", "sales")
    world.client.delete(f"/Groups/{group['id']}")
    assert world.person("alice").groups == ("pilot",)


def test_a_renamed_group_keeps_its_people_its_place_and_its_policies(world: World):
    alice = world.user("alice")
    inner = world.group("sales", alice)
    world.group("everybody", inner)
    policies = world.services.policies
    policies.create(Policy(world.tenant, "calling", "wide"), actor="test")
    policies.grant(Grant(world.tenant, "calling", "wide", Level.GROUP, "sales", 1), actor="test")
    answer = world.patch(
        f"/Groups/{inner['id']}", {"op": "replace", "value": {"id": inner["id"], "displayName": "selling"}}
    )
    assert answer.status_code == 204, answer.text
    assert world.person("alice").groups == ("selling",)
    groups = world.services.groups
    assert groups.get(world.tenant, "everybody").group.groups == ("selling",)
    with pytest.raises(NotFoundError):
        groups.get(world.tenant, "sales")
    assert [grant.target for grant in policies.get(world.tenant, "calling", "wide")[1]] == ["selling"]


def test_a_circle_of_groups_is_refused_and_leaves_everything_as_it_was(world: World):
    inner = world.group("inner")
    outer = world.group("outer", inner)
    answer = world.patch(f"/Groups/{inner['id']}", {"op": "add", "path": "members", "value": [{"value": outer["id"]}]})
    assert answer.status_code == 409 and "would contain itself" in answer.json()["detail"]
    assert "members" not in world.client.get(f"/Groups/{inner['id']}").json()


def test_a_group_of_that_name_kept_by_hand_is_left_alone(world: World):
    world.services.groups.create(world.tenant, "sales", actor="test")
    answer = world.client.post("/Groups", json={"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                                                "displayName": "sales"})  # fmt: skip
    assert answer.status_code == 409 and "kept by hand" in answer.json()["detail"]
    assert world.client.get("/Groups").json()["totalResults"] == 0


# Tenants


def test_one_tenant_sees_nothing_of_another(world: World):
    alice = world.user("alice", externalId="e1")
    group = world.group("sales", alice)
    world.add_tenant("fabrikam", "fabrikam.example")
    other = world.provider("fabrikam")
    for kind, each in (("Users", alice), ("Groups", group)):
        path = f"/{kind}/{each['id']}"
        assert other.get(path).status_code == 404
        assert other.put(path, json={**each, "displayName": "x"}).status_code == 404
        assert other.patch(path, json={"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                                       "Operations": [{"op": "replace", "path": "displayName", "value": "x"}]}
                           ).status_code == 404  # fmt: skip
        assert other.delete(path).status_code == 404
        assert other.get(f"/{kind}").json()["totalResults"] == 0
    for asked in (f'userName eq "{alice["userName"]}"', 'externalId eq "e1"', "userName pr"):
        assert other.get("/Users", params={"filter": asked}).json()["totalResults"] == 0
    mine = world.user("alice", other)  # the name is free there, the address is not theirs
    assert world.person("alice").tenant == world.tenant
    taken = other.post("/Groups", json={"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                                        "displayName": "sales", "members": [{"value": alice["id"]}]})  # fmt: skip
    assert taken.status_code == 400
    assert mine["id"] != alice["id"]
    with world.services.engine.connect() as connection:
        assert {"fabrikam", world.tenant} <= set(store.tenants(connection))


def test_one_person_too_many_is_refused_and_nothing_of_them_stays(world: World):
    world.services.tenants.set(world.tenant, TenantChanges(people=1), actor="test")
    alice = world.user("alice")
    body = {"schemas": [USER], "userName": world.address("bob"), "active": True}
    refused = world.client.post("/Users", json=body)
    assert 400 <= refused.status_code < 500, refused.text
    assert "may have 1 people" in refused.json()["detail"]
    assert world.person("bob") is None
    assert [each["id"] for each in world.client.get("/Users").json()["Resources"]] == [alice["id"]]
    assert world.services.sync.conflicts(world.source) == []
    world.services.tenants.set(world.tenant, TenantChanges(people=2), actor="test")
    assert world.client.post("/Users", json=body).status_code == 201
