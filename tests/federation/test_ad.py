"""Sign-in by the password of a real Active Directory: Samba's."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from isthmus.errors import UnauthenticatedError, UnavailableError
from isthmus.federation.ldap import LdapPasswords, Lookup
from isthmus.sync.sources.connection import Directory
from tests.support import Loopback, Processes
from tests.sync.samba import REALM, STAFF, Samba

pytestmark = pytest.mark.engine
PASSWORD = "Alice's own w0rd"
_ENABLED, _DISABLED = "512", "514"


@pytest.fixture(scope="module")
def samba(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Samba]:
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    try:
        made = Samba(folder, loopback(), processes).start().prepare()
        for user in ("alice", "left", "late"):
            made.person(
                user, userPrincipalName=f"{user}@contoso.example", userAccountControl=_ENABLED,
                unicodePwd=f'"{PASSWORD}"'.encode("utf-16-le"),
            )  # fmt: skip
        yield made
    finally:
        processes.close()


def passwords(samba: Samba, **server: object) -> LdapPasswords:
    usual = "(&(objectCategory=person)(objectClass=user))"
    lookup = Lookup((STAFF,), usual, ("sAMAccountName", "userPrincipalName"), "objectGUID")
    return LdapPasswords("ldap:ad", samba.server(**server), lookup)


def test_an_account_signs_in_by_either_name_and_is_known_by_its_object_guid(samba: Samba):
    with Directory.open(samba.server()) as directory:
        guid = directory.read(f"CN=Alice,{STAFF}", ["objectGUID"])["objectguid"][0]
    for name in ("alice", "ALICE", "alice@contoso.example"):
        who = passwords(samba).ask(name, PASSWORD)
        assert (who.authority, who.subject, who.entry) == ("ldap:ad", str(uuid.UUID(bytes_le=guid)), who.subject)
        assert (who.login, who.display_name) == (name, "Alice")


@pytest.mark.parametrize(
    ("name", "password"),
    [("alice", "wrong"), ("alice", ""), ("nobody", PASSWORD), ("ali*", PASSWORD), ("reader", PASSWORD)],
)
def test_a_wrong_name_or_password_lets_nobody_in(samba: Samba, name: str, password: str):
    with pytest.raises(UnauthenticatedError):
        passwords(samba).ask(name, password)


def test_an_account_that_is_disabled_is_not_let_in_and_is_again_when_enabled(samba: Samba):
    dn = f"CN=Left,{STAFF}"
    assert passwords(samba).ask("left", PASSWORD).login == "left"
    samba.set(dn, userAccountControl=_DISABLED)
    with pytest.raises(UnauthenticatedError):
        passwords(samba).ask("left", PASSWORD)
    samba.set(dn, userAccountControl=_ENABLED)
    assert passwords(samba).ask("left", PASSWORD).login == "left"


def test_a_password_that_has_to_be_changed_first_lets_nobody_in(samba: Samba):
    assert passwords(samba).ask("late", PASSWORD).login == "late"
    samba.set(f"CN=Late,{STAFF}", pwdLastSet="0")
    with pytest.raises(UnauthenticatedError):
        passwords(samba).ask("late", PASSWORD)


def test_an_account_that_has_expired_is_not_let_in(samba: Samba):
    samba.set(f"CN=Alice,{STAFF}", accountExpires="132539328000000000")  # 1 January 2021
    with pytest.raises(UnauthenticatedError):
        passwords(samba).ask("alice", PASSWORD)
    samba.set(f"CN=Alice,{STAFF}", accountExpires="0")
    assert passwords(samba).ask("alice", PASSWORD).login == "alice"


def test_a_controller_without_the_verified_name_is_not_told_the_password(samba: Samba):
    with pytest.raises(UnavailableError) as told:
        passwords(samba, uris=(f"ldaps://localhost.{REALM}", "ldaps://127.0.0.1")).ask("alice", PASSWORD)
    assert PASSWORD not in str(told.value)
    with pytest.raises(UnavailableError):
        passwords(samba, ca_file=None).ask("alice", PASSWORD)
