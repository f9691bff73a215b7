"""What Microsoft Entra and Okta send that RFC 7644 does not say so, as their documentation shows it."""

from __future__ import annotations

import pytest

from tests.scim.world import ENTERPRISE, PATCH, USER, World

# Entra


def test_entra_probes_with_a_name_that_is_nobodys(world: World):
    answer = world.client.get("/Users", params={"filter": 'userName eq "non-existent user"'})
    assert answer.status_code == 200 and answer.json()["totalResults"] == 0


@pytest.mark.parametrize("value", ["False", "false", False])
def test_entra_disables_with_a_boolean_written_as_text_and_op_in_capitals(world: World, value: object):
    made = world.user("alice")
    answer = world.patch(f"/Users/{made['id']}", {"op": "Replace", "path": "active", "value": value})
    assert answer.status_code == 204, answer.text
    assert not world.person("alice").enabled


def test_entra_writes_into_a_value_that_is_not_there_yet(world: World):
    made = world.user("alice")
    answer = world.patch(
        f"/Users/{made['id']}",
        {"op": "Add", "path": 'phoneNumbers[type eq "work"].value', "value": world.number},
        {"op": "Add", "path": 'emails[type eq "work"].value', "value": "alice@mail.example"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": made["id"]},
    )
    assert answer.status_code == 204, answer.text
    assert world.person("alice").number == world.number
    got = world.client.get(f"/Users/{made['id']}").json()
    assert got[ENTERPRISE] == {"department": "Sales", "manager": {"value": made["id"]}}


def test_entra_names_attributes_of_an_extension_in_the_value(world: World):
    made = world.user("alice")
    value = {"displayName": "Al", f"{ENTERPRISE}:department": "Sales", "name.givenName": "Alice"}
    assert world.patch(f"/Users/{made['id']}", {"op": "Replace", "value": value}).status_code == 204
    got = world.client.get(f"/Users/{made['id']}").json()
    assert (got["displayName"], got["name"]["givenName"], got[ENTERPRISE]["department"]) == ("Al", "Alice", "Sales")


def test_entra_removes_members_by_value_and_adds_some_that_are_there(world: World):
    alice, bob = world.user("alice"), world.user("bob")
    group = world.group("sales", alice, bob)
    path = f"/Groups/{group['id']}"
    again = {"op": "Add", "path": "members", "value": [{"value": alice["id"]}]}
    assert world.patch(path, again).status_code == 204
    removed = {"op": "Remove", "path": "members", "value": [{"value": alice["id"]}]}
    assert world.patch(path, removed).status_code == 204
    assert world.person("alice").groups == () and world.person("bob").groups == ("sales",)
    assert world.patch(path, removed).status_code == 204  # gone already: no fault
    one = {"op": "Remove", "path": f'members[value eq "{bob["id"]}"]'}
    assert world.patch(path, one).status_code == 204
    assert world.person("bob").groups == ()


def test_entra_sends_schemas_and_attributes_that_nobody_declared(world: World):
    custom = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User"
    body = {"schemas": [USER, custom], "userName": world.address("alice"), custom: {"tag": "x"}, "meta": {"x": 1}}
    answer = world.client.post("/Users", json=body)
    assert answer.status_code == 201, answer.text


def test_entra_asks_for_a_group_without_its_members_and_whether_one_is_in_it(world: World):
    alice = world.user("alice")
    group = world.group("sales", alice)
    ask = {"excludedAttributes": "members", "filter": 'displayName eq "SALES"'}
    found = world.client.get("/Groups", params=ask).json()["Resources"][0]
    assert found["id"] == group["id"] and "members" not in found
    both = f'id eq "{group["id"]}" and members eq "{alice["id"]}"'
    assert world.client.get("/Groups", params={"filter": both}).json()["totalResults"] == 1
    other = f'id eq "{group["id"]}" and members eq "x"'
    assert world.client.get("/Groups", params={"filter": other}).json()["totalResults"] == 0


def test_entra_filters_behind_a_value_path(world: World):
    made = world.user("alice", emails=[{"type": "work", "value": "alice@mail.example"}])
    found = world.client.get("/Users", params={"filter": 'emails[type eq "work"].value eq "alice@mail.example"'})
    assert [each["id"] for each in found.json()["Resources"]] == [made["id"]]


# Okta


def test_okta_replaces_without_the_id_in_the_body(world: World):
    made = world.user("alice")
    body = {"schemas": [USER], "userName": world.address("alice"), "displayName": "Al", "active": True}
    answer = world.client.put(f"/Users/{made['id']}", json=body)
    assert answer.status_code == 200 and world.person("alice").display_name == "Al"


def test_okta_replaces_with_what_it_was_shown_and_inactive(world: World):
    made = world.user("alice")
    world.group("sales", made)
    shown = world.client.get(f"/Users/{made['id']}").json()
    answer = world.client.put(f"/Users/{made['id']}", json={**shown, "active": False, "password": "x", "groups": []})
    assert answer.status_code == 200
    person = world.person("alice")
    assert not person.enabled and person.groups == ("sales",)  # groups are read-only there


def test_okta_disables_with_a_value_without_a_path(world: World):
    made = world.user("alice")
    assert world.patch(f"/Users/{made['id']}", {"op": "replace", "value": {"active": False}}).status_code == 204
    assert not world.person("alice").enabled


def test_okta_renames_a_group_with_its_id_in_the_value_and_replaces_all_members(world: World):
    alice, bob = world.user("alice"), world.user("bob")
    group = world.group("sales", alice)
    path = f"/Groups/{group['id']}"
    named = {"op": "replace", "value": {"id": group["id"], "displayName": "selling"}}
    members = {"op": "replace", "path": "members", "value": [{"value": bob["id"], "display": bob["userName"]}]}
    assert world.patch(path, named, members).status_code == 204
    assert world.person("bob").groups == ("selling",) and world.person("alice").groups == ()


def test_okta_sends_its_own_media_type_and_empty_lists(world: World):
    body = {"schemas": [USER], "userName": world.address("alice"), "emails": [], "phoneNumbers": [], "groups": [],
            "name": {"givenName": "Alice", "familyName": "Jones"}, "externalId": "00u1", "locale": "en-US"}  # fmt: skip
    answer = world.client.post("/Users", json=body, headers={"Content-Type": "application/scim+json; charset=utf-8"})
    assert answer.status_code == 201 and world.person("alice").display_name == "Alice Jones"


def test_a_patch_without_any_operation_is_refused(world: World):
    made = world.user("alice")
    for operations in ([], None):
        answer = world.client.patch(f"/Users/{made['id']}", json={"schemas": [PATCH], "Operations": operations})
        assert answer.status_code == 400
