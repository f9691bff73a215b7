"""People from a real Samba domain controller. One server for all tests: each has people of its own."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from isthmus.addressing import Aor
from isthmus.api import web_app
from isthmus.database import writing
from isthmus.errors import UnavailableError, UsageError
from isthmus.sync import store
from isthmus.sync.model import Link, Wanted
from isthmus.sync.sources.ad import sid_text
from isthmus.sync.sources.connection import Directory
from isthmus.sync.sources.writing import LdapWriter
from tests.api.callers import Site, open_site
from tests.api.test_routes import WITHOUT_LIMITS
from tests.support import Loopback, Processes
from tests.sync.samba import REALM, ROOT, SECRET, STAFF, Samba
from tests.sync.world import World, ldap_source

pytestmark = pytest.mark.engine
_numbers = itertools.count(1)
_ADMIN = f"Administrator@{REALM}"


@pytest.fixture(scope="module")
def samba(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Samba]:
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    try:
        yield Samba(folder, loopback(), processes).start().prepare()
    finally:
        processes.close()


@pytest.fixture
def ou(samba: Samba) -> str:
    """A place of this test's own."""
    name = f"T{next(_numbers)}"
    samba.add(f"OU={name},{STAFF}", objectClass=["organizationalUnit"], ou=name)
    return f"OU={name},{STAFF}"


@pytest.fixture(params=["reader", "admin"])
def world(request: pytest.FixtureRequest, samba: Samba, ou: str, sqlite: Engine) -> World:
    """Read by an account that no deleted object is shown to, and by one that sees them."""
    server = samba.server() if request.param == "reader" else samba.server(user=_ADMIN)
    made = World(sqlite, ldap_source(server, ou, "ad"))
    if request.param == "admin":  # one deleted object there must be, to prove that they are shown
        samba.delete(samba.person(f"gone{next(_numbers)}"))
        assert "all are listed" not in made.service.check("ad")
    else:
        assert "all are listed" in made.service.check("ad")
    return made


def unique(*users: str) -> list[str]:
    """Names that no other test has: an account's name is one in the whole domain."""
    number = next(_numbers)
    return [f"{user}{number}" for user in users]


def test_people_come_change_move_and_go(world: World, samba: Samba, ou: str):
    alice, bob, carol, dora = unique("alice", "bob", "carol", "dora")
    dn = samba.person(alice, ou=ou, msRTCSIP_Line="tel:+14255550101;ext=7", msRTCSIP_DeploymentLocator="SRV:")
    samba.person(bob, ou=ou, msRTCSIP_DeploymentLocator="sipfed.online.lync.com", telephoneNumber="425 555 0102")
    going = samba.person(carol, ou=ou)
    leaving = samba.person(dora, ou=ou)
    assert world.counts() == {"create": 4}
    assert (world.person(bob).home, world.person(bob).number) == ("online", "+14255550102")
    assert dict(world.service.details(world.person(alice).aor).wanted.details) == {}
    assert world.service.details(world.person(alice).aor).wanted.extension == "7"
    assert (world.sync().mode, world.counts()) == ("incremental", {})

    samba.set(dn, displayName="Alice A.", department="R&D")
    assert world.counts() == {"change": 1}
    assert dict(world.service.details(world.person(alice).aor).wanted.details) == {"department": "R&D"}

    samba.add(f"OU=Below,{ou}", objectClass=["organizationalUnit"], ou="Below")
    dn = samba.move(dn, "CN=Anna", f"OU=Below,{ou}")
    assert world.counts() == {}
    samba.set(dn, msRTCSIP_PrimaryUserAddress=f"sip:anna.{alice}@contoso.example")
    assert world.counts() == {"rename": 1}
    assert world.person(f"anna.{alice}").number == "+14255550101"

    samba.set(dn, userAccountControl="546")
    samba.delete(going)
    samba.move(leaving, leaving.partition(",")[0], f"OU=Elsewhere,{ROOT}")
    assert world.counts(yes=True) == {"disable": 3}
    assert {user: person.enabled for user, person in world.people().items() if person.enabled} == {bob: True}

    samba.set(dn, userAccountControl="544")
    samba.move(f"{leaving.partition(',')[0]},OU=Elsewhere,{ROOT}", leaving.partition(",")[0], ou)
    assert world.counts() == {"change": 1, "restore": 1}
    assert world.person(dora).enabled
    assert world.person(f"anna.{alice}").enabled


def test_a_deleted_object_that_is_brought_back_is_the_same_person(world: World, samba: Samba, ou: str):
    (alice,) = unique("alice")
    dn = samba.person(alice, ou=ou, telephoneNumber="+14255550101")
    world.sync()
    before = world.person(alice)
    samba.delete(dn)
    assert world.counts(yes=True) == {"disable": 1}
    samba.reanimate(alice.capitalize(), dn)
    # Of a deleted object little is left: its attributes have to be set anew.
    samba.set(dn, objectCategory=f"CN=Person,CN=Schema,CN=Configuration,{ROOT}", displayName=alice.capitalize(),
              msRTCSIP_PrimaryUserAddress=f"sip:{alice}@contoso.example", telephoneNumber="+14255550101",
              userAccountControl="544")  # fmt: skip
    assert world.counts() == {"restore": 1}
    assert world.person(alice) == before


def test_another_domain_controller_is_noticed_and_read_in_full(world: World, samba: Samba, ou: str):
    alice, bob = unique("alice", "bob")
    going = samba.person(alice, ou=ou)
    samba.person(bob, ou=ou)
    world.sync()
    samba.delete(going)
    samba.stop()
    samba.become_another()
    samba.start()
    run = world.sync()
    assert (run.mode, run.counts) == ("full", {"disable": 1})
    assert run.note == "read in full: another domain controller answers, or this one was restored"
    assert world.sync().mode == "incremental"


def test_a_domain_controller_that_has_gone_back_is_read_in_full(world: World, samba: Samba, ou: str, tmp_path: Path):
    (alice,) = unique("alice")
    dn = samba.person(alice, ou=ou, displayName="Before")
    samba.stop()
    backup = samba.backup(tmp_path / "backup")
    samba.start()
    samba.set(dn, displayName="After")
    world.sync()
    assert world.person(alice).display_name == "After"
    samba.stop()
    samba.restore(backup)
    samba.start()
    run = world.sync()
    assert (run.mode, run.note) == ("full", "read in full: the domain controller has gone back in time")
    assert world.person(alice).display_name == "Before"


def test_members_of_a_large_nested_group_are_read_in_ranges(samba: Samba, ou: str, sqlite: Engine):
    users = unique(*(f"u{n}x" for n in range(1600)))
    with samba.admin():
        dns = samba.people(users, ou)
    inner, outer = (f"CN={name},{ou}" for name in ("Inner", "Outer"))
    inner_name, outer_name = unique("inner", "outer")
    samba.add(inner, objectClass=["group"], sAMAccountName=inner_name, member=dns[:1550])
    samba.add(outer, objectClass=["group"], sAMAccountName=outer_name, member=[inner])
    source = ldap_source(samba.server(), ou, "ad", group=outer, mapped={"groups": {inner: "inside"}})
    world = World(sqlite, replace(source, percent=100))
    assert world.counts() == {"create": 1550}
    assert world.person(users[1549]).groups == ("inside",)
    samba.set(inner, member=dns[:1549])
    run = world.sync()
    assert (run.note, run.counts) == ("read in full: the members of a group have changed", {"disable": 1})


def test_two_people_with_one_address_are_told_and_neither_is_guessed(world: World, samba: Samba, ou: str):
    alice, twin = unique("alice", "twin")
    samba.person(alice, ou=ou)
    dn = samba.person(twin, ou=ou, msRTCSIP_PrimaryUserAddress=f"sip:{alice}@contoso.example")
    assert world.counts() == {"conflict": 2}
    samba.set(dn, msRTCSIP_PrimaryUserAddress=f"sip:{twin}@contoso.example")
    assert world.counts() == {"create": 2}
    assert world.conflicts() == {}


def test_in_a_resource_forest_the_disabled_account_says_nothing(world: World, samba: Samba, ou: str):
    alice, menu = unique("alice", "menu")
    dn = samba.person(alice, ou=ou, userAccountControl="546", msRTCSIP_UserEnabled="TRUE")
    samba.person(menu, ou=ou, msRTCSIP_OwnerUrn="urn:application:Caa")
    world.sync()
    assert {user: person.enabled for user, person in world.people().items()} == {alice: False}
    samba.set(dn, msRTCSIP_OriginatorSID="S-1-5-21-1-2-3-1104")
    world.sync()
    assert world.person(alice).enabled
    samba.set(dn, msRTCSIP_UserEnabled="FALSE")
    world.sync(yes=True)
    assert not world.person(alice).enabled


def test_what_became_of_people_here_is_written_back(samba: Samba, ou: str, sqlite: Engine):
    (alice,) = unique("alice")
    dn = samba.person(alice, ou=ou, telephoneNumber="425 555 0101")
    source = ldap_source(samba.server(), ou, "ad")
    writer = LdapWriter(samba.server(user=_ADMIN), source.source._scope)
    world = World(sqlite, replace(source, writer=writer, write_back=("home", "number")))
    assert world.sync().note.endswith("1 written back")
    with Directory.open(samba.server()) as directory:
        values = directory.read(dn, ["msRTCSIP-Line", "msRTCSIP-DeploymentLocator"])
    assert values == {"msrtcsip-line": [b"tel:+14255550101"], "msrtcsip-deploymentlocator": [b"SRV:"]}
    assert (world.counts(), world.sync().note) == ({}, "")


def test_of_two_domains_one_that_is_lost_costs_nobody_of_the_other(samba: Samba, ou: str, sqlite: Engine):
    """Two sources with two cursors. Whom both claim stays with the one that had them, and is told of."""
    alice, bob, carol = unique("alice", "bob", "carol")
    for place in ("West", "East"):
        samba.add(f"OU={place},{ou}", objectClass=["organizationalUnit"], ou=place)
    samba.person(alice, ou=f"OU=West,{ou}")
    samba.person(bob, ou=f"OU=East,{ou}")
    twin = samba.person(carol, ou=f"OU=West,{ou}")
    west, east = (
        ldap_source(samba.server(), f"OU={place},{ou}", "ad", name=place.lower()) for place in ("West", "East")
    )
    world = World(sqlite, west, east)
    assert (world.counts("west"), world.counts("east")) == ({"create": 2}, {"create": 1})
    samba.add(
        f"CN={carol} too,OU=East,{ou}", objectClass=["user"], sAMAccountName=f"{carol}too", userAccountControl="544",
        msRTCSIP_PrimaryUserAddress=f"sip:{carol}@contoso.example", displayName="Not She",
    )  # fmt: skip
    world.sync("east")
    assert world.person(carol).display_name == carol.capitalize()
    assert any("west" in text for text in world.conflicts().values()), world.conflicts()

    lost = replace(samba.server(), uris=("ldaps://127.0.0.1:1",))
    world.sources["east"] = ldap_source(lost, f"OU=East,{ou}", "ad", name="east")
    with pytest.raises(UnavailableError):
        world.sync("east")
    samba.set(twin, displayName="Carol C.")
    assert world.counts("west") == {"change": 1}
    assert all(person.enabled for person in world.people().values())


_SIGN_IN = """
[[identity_provider]]
name = "directory"
kind = "ldap"
source = "resource"
servers = ["ldaps://{address}"]
ca_file = "{folder}/ca/ca.pem"
user = "reader@{realm}"
password_file = "{folder}/reader"
base = ["{ou}"]
name_attributes = ["sAMAccountName", "userPrincipalName"]
id_attribute = "{attribute}"
"""


@pytest.mark.parametrize("attribute", ["objectGUID", "objectSid"])
def test_people_sign_in_with_the_password_of_their_domain(samba: Samba, ou: str, tmp_path: Path, attribute: str):
    """Known by the object itself, or by its twin in a resource forest. Who may not sign in there may not here."""
    alice, bob, carol = unique("alice", "bob", "carol")
    words = {"unicodePwd": f'"{SECRET}"'.encode("utf-16-le"), "userAccountControl": "512"}
    dn = samba.person(alice, ou=ou, userPrincipalName=f"{alice}@{REALM}", **words)
    samba.person(bob, ou=ou, **{**words, "userAccountControl": "514"})
    samba.person(carol, ou=ou, pwdLastSet="0", **words)  # has to choose another one first
    with Directory.open(samba.server(user=_ADMIN)) as directory:
        found = directory.read(dn, ["objectGUID", "objectSid"]) or {}
    guid, sid = str(uuid.UUID(bytes_le=found["objectguid"][0])), sid_text(found["objectsid"][0])
    secret = samba.folder / "reader"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    more = _SIGN_IN.format(address=samba.address, folder=samba.folder, realm=REALM, ou=ou, attribute=attribute)
    services = open_site(tmp_path, more)
    site = Site(services, web_app(services, WITHOUT_LIMITS))
    address = f"{alice}@contoso.example"
    site.person(address)
    with writing(services.engine) as connection:
        twin = Wanted("resource-1", "CN=x", Aor.parse(address), twin=sid)
        wanted = twin if attribute == "objectSid" else Wanted(guid, dn, Aor.parse(address))
        store.put_links(connection, [Link("resource", wanted.id, Aor.parse(address), wanted)])

    def ask(name: str, password: str) -> int:
        browser = site.browser()
        answer = browser.post("/v1/session/outside/directory/password", json={"name": name, "password": password})
        if answer.is_success:
            assert browser.get("/v1/session").json()["person"] == address
        return int(answer.status_code)

    assert ask(alice, SECRET) == 201
    assert ask(f"{alice}@{REALM}", SECRET) == 201
    assert {ask(alice, "wrong"), ask(alice, ""), ask(bob, SECRET), ask(carol, SECRET), ask("nobody", SECRET)} == {401}
    services.close()


def test_a_security_id_is_written_as_people_write_it():
    raw = bytes([1, 5]) + (5).to_bytes(6, "big") + b"".join(part.to_bytes(4, "little") for part in (21, 1, 2, 3, 1104))
    assert sid_text(raw) == sid_text(b"S-1-5-21-1-2-3-1104") == "S-1-5-21-1-2-3-1104"
    for wrong in (b"", raw[:-1], raw + b"\0"):
        with pytest.raises(UsageError):
            sid_text(wrong)
