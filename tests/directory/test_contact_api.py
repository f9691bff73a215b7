"""Looking up whom one can call."""

from __future__ import annotations

from tests.api.callers import Site, site

__all__ = ["site"]


def test_a_person_finds_their_tenants_people_and_no_more_of_them_than_how_to_call(site: Site):
    site.person("alice@contoso.example", "+14255550101")
    site.person("bob@contoso.example", groups=("sales",))
    site.person("erin@fabrikam.example")
    alice = site.by_token(site.account("alice", person="alice@contoso.example"), ["person.read"])
    assert alice.get("/v1/contacts").json() == [
        {"aor": "alice@contoso.example", "display_name": "alice", "number": "+14255550101"},
        {"aor": "bob@contoso.example", "display_name": "bob", "number": None},
    ]
    assert [each["aor"] for each in alice.get("/v1/contacts?match=BO").json()] == ["bob@contoso.example"]
    # What else is known of others stays closed.
    assert [each["aor"] for each in alice.get("/v1/people").json()] == ["alice@contoso.example"]


def test_who_is_let_in_no_more_is_not_found(site: Site):
    site.person("alice@contoso.example")
    site.person("bob@contoso.example")
    anna = site.by_token(site.account("anna", "global"))
    assert anna.patch("/v1/people/bob@contoso.example", json={"enabled": False}).status_code == 200
    assert [each["aor"] for each in anna.get("/v1/contacts").json()] == ["alice@contoso.example"]


def test_a_page_of_contacts_leads_to_the_next(site: Site):
    for user in ("alice", "bob", "carol"):
        site.person(f"{user}@contoso.example")
    alice = site.by_token(site.account("alice", person="alice@contoso.example"), ["person.read"])
    first = alice.get("/v1/contacts?limit=2")
    assert len(first.json()) == 2
    following = first.headers["link"].partition(">")[0].lstrip("<")
    assert [each["aor"] for each in alice.get(following).json()] == ["carol@contoso.example"]


def test_an_account_that_sees_nobody_finds_nobody(site: Site):
    site.person("alice@contoso.example")
    ben = site.by_token(site.account("ben", "provisioner"))
    assert ben.get("/v1/contacts").status_code == 403
