"""Accounts and the roles they hold, on both databases: who may make, change and take what."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.access import rules as access
from isthmus.access.model import Reach, Scope
from isthmus.database import reading
from isthmus.directory import rules as people_rules
from isthmus.directory import store as people
from isthmus.errors import ForbiddenError, IsthmusError, NotFoundError, RefusedError, UnavailableError, UsageError
from isthmus.identity import store
from isthmus.identity.sealing import Sealer
from isthmus.identity.tables import metadata
from tests.api.callers import PASSWORD
from tests.identity.conftest import OPERATOR, House

SALES = Scope(groups=frozenset({"sales"}))


def test_the_tables_are_those_the_code_means(house: House):
    with reading(house.engine) as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in metadata.tables}
        )
        assert compare_metadata(context, metadata) == []


def test_a_made_password_is_given_once_and_lets_in(house: House):
    account, shown = house.identity.accounts.create(OPERATOR, "Anna")
    assert account.name == "anna"
    assert shown is not None
    assert len(shown) >= 20
    assert "password" not in str(house.directory.audit()[0]["after"]).replace('"password":true', "")


@pytest.mark.parametrize("by", ["disable", "delete", "revoke"])
def test_the_last_administrator_stays(house: House, by: str):
    accounts = house.identity.accounts
    house.account("anna", "global")
    house.account("limited", ("global", SALES))  # could not put everything right again
    held = accounts.get(OPERATOR, "anna")[1][0].id
    acts: dict[str, Any] = {
        "disable": lambda: accounts.set(OPERATOR, "anna", enabled=False),
        "delete": lambda: accounts.delete(OPERATOR, "anna"),
        "revoke": lambda: accounts.revoke(OPERATOR, "anna", held),
    }
    for who in (OPERATOR, house.acting("anna")):
        assert who
        with pytest.raises(RefusedError, match="the last administrator"):
            acts[by]()
    found, roles = accounts.get(OPERATOR, "anna")
    assert (found.active, len(roles)) == (True, 1)
    house.account("ben", "global")
    acts[by]()


def test_a_disabled_administrator_is_none(house: House):
    house.account("anna", "global")
    house.account("ben", "global")
    house.identity.accounts.set(OPERATOR, "ben", enabled=False)
    with pytest.raises(RefusedError, match="last administrator"):
        house.identity.accounts.delete(OPERATOR, "anna")


def test_nobody_becomes_more_than_they_are(house: House):
    accounts = house.identity.accounts
    house.account("anna", "global")
    house.account("uma", "user")
    house.account("ben", "helpdesk")
    uma, ben = house.acting("uma"), house.acting("ben")
    with pytest.raises(ForbiddenError):
        accounts.set(uma, "anna", password=PASSWORD)  # else she could sign in as her
    with pytest.raises(ForbiddenError):
        accounts.reset_factors(ben, "uma")
    with pytest.raises(ForbiddenError):
        accounts.create(uma, "new", roles=[("global", Scope())])
    with pytest.raises(IsthmusError):
        accounts.grant(uma, "uma", "global", Scope())
    house.account("rolf", "helpdesk")
    accounts.put_role(OPERATOR, "granter", ["role.grant", "role.read", "role.write", "account.read"])
    accounts.grant(OPERATOR, "rolf", "granter", Scope())
    rolf = house.acting("rolf")
    with pytest.raises(ForbiddenError, match="may do what you may not"):
        accounts.grant(rolf, "rolf", "global", Scope())
    with pytest.raises(ForbiddenError):
        accounts.put_role(rolf, "granter", ["person.delete"])
    accounts.grant(rolf, "ben", "granter", Scope())


def test_a_limited_administrator_reaches_their_peoples_accounts_alone(house: House):
    accounts = house.identity.accounts
    house.person("alice@contoso.example", groups=("sales",))
    house.person("bob@contoso.example")
    for user in ("alice", "bob"):
        house.account(user, person=f"{user}@contoso.example")
    house.account("ben", ("helpdesk", SALES))
    ben = house.acting("ben")
    assert [each.name for each in accounts.listed(ben)] == ["alice"]
    accounts.reset_factors(ben, "alice")
    with pytest.raises(NotFoundError):
        accounts.reset_factors(ben, "bob")


def test_tenants_make_roles_and_accounts_of_their_own(house: House):
    accounts = house.identity.accounts
    house.account("anna", "global")
    house.account("erin", "global", tenant="fabrikam")
    anna, erin = house.acting("anna"), house.acting("erin")
    accounts.put_role(anna, "desk", ["person.read"])
    accounts.put_role(erin, "desk", ["call.read"])
    assert accounts.role(anna, "desk")[0].permissions == {"person.read"}
    accounts.create(erin, "emil", roles=[("desk", Scope())])
    assert accounts.get(erin, "emil")[0].tenant == "fabrikam"
    assert house.acting("emil").grants[0].role.permissions == {"call.read"}
    for act in (
        lambda: accounts.get(anna, "emil"),
        lambda: accounts.set(anna, "emil", enabled=False),
        lambda: accounts.grant(anna, "emil", "auditor", Scope()),
        lambda: accounts.create(anna, "x", tenant="fabrikam"),
        lambda: accounts.delete_role(anna, "desk", "fabrikam"),
    ):
        with pytest.raises(NotFoundError):
            act()
    with pytest.raises(ForbiddenError):
        accounts.create(anna, "x", every_tenant=True)
    with pytest.raises(UsageError):
        accounts.grant(OPERATOR, "emil", "auditor", Scope(tenants=frozenset({"main"})))
    with pytest.raises(RefusedError, match="still hold"):
        accounts.delete_role(erin, "desk")


def test_an_account_of_every_tenant_reaches_every_tenant(house: House):
    house.account("olga", "global", every_tenant=True)
    house.account("erin", "global", tenant="fabrikam")
    olga = house.acting("olga")
    assert [each.name for each in house.identity.accounts.listed(olga)] == ["erin", "olga"]
    assert [each.name for each in house.identity.accounts.listed(house.acting("erin"))] == ["erin"]
    assert access.reach(olga, "person.read").everything


def test_two_administrators_who_are_removed_at_once_leave_one(house: House):
    accounts = house.identity.accounts
    house.account("anna", "global")
    house.account("ben", "global")

    def remove(name: str) -> bool:
        try:
            accounts.delete(OPERATOR, name)
        except RefusedError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, ["anna", "ben"])) == [False, True]
    assert len(accounts.listed(OPERATOR)) == 1


def test_what_is_sealed_opens_with_this_key_and_for_this_account_alone(tmp_path: Path):
    path = tmp_path / "identity.key"
    sealer = Sealer.from_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sealed = sealer.seal(b"secret", "anna")
    assert b"secret" not in sealed
    assert Sealer.from_file(path).open(sealed, "anna") == b"secret"
    for other, about in ((sealer, "ben"), (Sealer.from_file(tmp_path / "other.key"), "anna")):
        with pytest.raises(UnavailableError, match="another identity key"):
            other.open(sealed, about)


names = st.sets(st.sampled_from(["main", "fabrikam", "premises", "online", "sales", "legal"]), max_size=4)
limits = st.none() | names.map(frozenset)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=st.lists(st.builds(Scope, limits, limits, limits), max_size=2), own=st.sampled_from(["", "alice", "erin"]))
def test_the_database_lists_what_the_rules_permit(house: House, held: list[Scope], own: str):
    if not house.directory.count():
        house.person("alice@contoso.example", groups=("sales",))
        house.person("bob@contoso.example", home="online", groups=("sales", "legal"))
        house.person("erin@fabrikam.example", groups=("legal",))
        house.account("alice", person="alice@contoso.example")
        house.account("erin", person="erin@fabrikam.example")
        house.account("anna", "global")
        house.account("olga", every_tenant=True)
    with reading(house.engine) as connection:
        everybody = list(people.all_people(connection))
        ids = {person.aor.user: person.id for person in everybody}
        scopes = (*held, *((Scope(own=ids[own]),) if own else ()))
        reach = Reach(scopes)
        found = people.find_people(connection, home=None, group=None, match=None, after=None, limit=99, reach=reach)
        assert found == [each for each in everybody if reach.covers(people_rules.as_object(each))]
        counted = people.count_people(connection, home=None, group=None, match=None, reach=reach)
        assert counted == len(found)
        accounts = store.accounts(connection)
        listed = store.accounts(connection, reach=reach)
        assert listed == [each for each in accounts if reach.covers(each.as_object())]
