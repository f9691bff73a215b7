"""People from a real slapd."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from isthmus.errors import RefusedError, UnavailableError, UsageError
from isthmus.pki.service import CertificateAuthority
from isthmus.sync.sources.connection import Directory, escaped
from isthmus.sync.sources.writing import LdapWriter
from isthmus.sync.work import Configured
from tests.sync.slapd import ADMIN, BASE, READER, SECRET, Slapd, person
from tests.sync.world import World, ldap_source

pytestmark = pytest.mark.engine


@pytest.fixture
def world(slapd: Slapd, sqlite: Engine) -> World:
    return World(sqlite, ldap_source(slapd.server(), BASE))


def test_people_come_change_move_and_go(world: World, slapd: Slapd):
    alice = slapd.person("alice", "+1 (425) 555-0101")
    bob = slapd.person("bob", "425 555 0102")
    assert world.counts() == {"create": 2}
    assert world.person("alice").number == "+14255550101"
    assert world.person("bob").number == "+14255550102"
    assert world.last_audit("alice") == ("sync:ldap", "person.create")
    assert world.sync().mode == "incremental"
    assert world.counts() == {}

    slapd.set(alice, displayName="Alice A.")
    carol = slapd.person("carol")
    assert world.counts() == {"create": 1, "change": 1}
    assert world.person("alice").display_name == "Alice A."

    slapd.move(alice, "uid=alice", f"ou=sales,ou=people,{BASE}")
    assert world.counts() == {}
    slapd.move(carol, "uid=caroline", None)
    slapd.set(f"uid=caroline,ou=people,{BASE}", mail="caroline@contoso.example")
    before = world.person("carol")
    assert world.counts() == {"rename": 1}
    after = world.person("caroline")
    assert "carol" not in world.people()
    assert (after.home, after.home_epoch, after.number) == (before.home, before.home_epoch, before.number)

    slapd.delete(bob)
    assert world.counts() == {"disable": 1}
    assert world.person("bob").enabled is False
    assert world.last_audit("bob") == ("sync:ldap", "person.disable")


def test_a_listing_of_many_pages_is_whole(world: World, slapd: Slapd):
    slapd.stop()
    slapd.load((f"uid=u{n},ou=people,{BASE}", person(f"u{n}", f"+1425{n:07}")) for n in range(2345))
    slapd.start()
    assert world.counts() == {"create": 2345}
    assert len(world.people()) == 2345
    slapd.set(f"uid=u7,ou=people,{BASE}", telephoneNumber="+14259999999")
    assert world.counts() == {"change": 1}


def test_a_person_who_is_disabled_there_is_disabled_here(world: World, slapd: Slapd):
    alice = slapd.person("alice", msRTCSIP_UserEnabled="TRUE")
    world.sync()
    slapd.set(alice, msRTCSIP_UserEnabled="FALSE")
    assert world.counts() == {"disable": 1}
    slapd.set(alice, msRTCSIP_UserEnabled="TRUE")
    world.sync()
    assert world.person("alice").enabled


def test_a_deleted_person_comes_back_by_the_same_entry_and_not_by_another(world: World, slapd: Slapd):
    alice = slapd.person("alice", "+14255550101")
    slapd.person("bob")
    world.sync()
    slapd.delete(alice)
    world.sync()
    slapd.person("alice", "+14255550101")
    assert world.counts() == {"conflict": 1}
    assert not world.person("alice").enabled, "an entry with another entryUUID is another person until somebody says so"
    assert "isthmus directory restore alice@contoso.example" in next(iter(world.conflicts().values()))
    world.service.restore(world.person("alice").aor, actor="test")
    assert world.counts() == {"adopt": 1}
    assert (world.person("alice").enabled, world.person("alice").number) == (True, "+14255550101")


def test_nested_groups_decide_who_counts_and_what_groups_they_are_in(slapd: Slapd, sqlite: Engine):
    alice, bob, carol = (slapd.person(user) for user in ("alice", "bob", "carol"))
    everyone, sales, north = (f"cn={name},ou=groups,{BASE}" for name in ("everyone", "sales", "north"))
    slapd.add(north, objectClass="groupOfNames", cn="north", member=[alice, everyone])  # a circle
    slapd.add(sales, objectClass="groupOfNames", cn="sales", member=[north.upper()])
    slapd.add(everyone, objectClass="groupOfNames", cn="everyone", member=[sales, bob.replace(",", ", ")])
    world = World(
        sqlite, ldap_source(slapd.server(), BASE, group=everyone, mapped={"groups": {north: "north", sales: "all"}})
    )
    assert world.counts() == {"create": 2}
    assert world.person("alice").groups == ("all", "north")
    assert "carol" not in world.people()
    slapd.set(everyone, member=[bob, carol])
    assert world.sync().note == "read in full: the members of a group have changed"
    # The circle is cut: who is in it only by way of `everyone` is out of scope now.
    assert {user: p.enabled for user, p in world.people().items()} == {"alice": False, "bob": True, "carol": True}
    slapd.delete(sales)
    run = world.service.start("ldap", full=False, approved=False, actor="test")
    with pytest.raises(UsageError, match="no such group"):
        world.work.read(run.id)


@pytest.mark.parametrize("value", ["*", "x)(uid=*", "x)(|(uid=*", "\\2a", "\x00"])
def test_what_stands_in_a_filter_stays_one_value(slapd: Slapd, value: str):
    slapd.person("alice")
    with Directory.open(slapd.server()) as directory:
        found = list(directory.search(BASE, f"(uid={escaped(value)})", ["uid"]))
        assert found == []
        assert [dn for dn, _ in directory.search(BASE, f"(uid={escaped(b'alice')})", ["uid"])]


def test_names_with_special_characters_are_read_and_told(world: World, slapd: Slapd):
    slapd.add(
        f"uid=x\\,y\\+\\28*\\29,ou=people,{BASE}", **{**person("o"), "uid": "x,y+(*)", "displayName": "Ödön (*) \\2a"}
    )
    group = f"cn=a\\,b(*),ou=groups,{BASE}"
    slapd.add(group, objectClass="groupOfNames", cn="a,b(*)", member=f"uid=x\\2Cy\\2B\\28*\\29,ou=people,{BASE}")
    world.sources["ldap"] = ldap_source(slapd.server(), BASE, group=group)
    assert world.counts() == {"create": 1}
    assert world.person("o").display_name == "Ödön (*) \\2a"


@pytest.mark.parametrize("scheme", ["ldaps://{0}:636", "ldap://{0}:389"])
def test_the_name_in_the_certificate_is_verified(slapd: Slapd, scheme: str, loopback, processes):
    uri = scheme.format(slapd.address)
    with Directory.open(slapd.server(uris=(uri,))):
        pass
    slapd.stop()
    slapd.certify("other.contoso.example", "127.1.2.3")
    slapd.process = processes.start(slapd.command, name="slapd", ready=lambda: _listens(slapd.address))
    with (
        pytest.raises(UnavailableError, match=r"certificate|TLS|hostname|Can't contact"),
        Directory.open(slapd.server(uris=(uri,))),
    ):
        pass


def test_a_stranger_s_authority_is_not_trusted(slapd: Slapd, tmp_path: Path):
    stranger = CertificateAuthority.create(tmp_path / "stranger", "Stranger")
    (tmp_path / "stranger.pem").write_bytes(stranger.pem)
    with pytest.raises(UnavailableError), Directory.open(slapd.server(ca_file=tmp_path / "stranger.pem")):
        pass
    with pytest.raises(UnavailableError), Directory.open(slapd.server(ca_file=None)):
        pass


def test_nothing_is_said_before_tls(slapd: Slapd, loopback, tmp_path: Path):
    """A server that refuses StartTLS never hears the password."""
    heard = b""
    with socket.create_server((loopback(), 389)) as listener:

        def serve() -> None:
            nonlocal heard
            connection, _ = listener.accept()
            heard = connection.recv(4096)
            # extendedResp: unwillingToPerform
            connection.sendall(bytes.fromhex("300c02010178070a013504000400"))
            heard += connection.recv(4096)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        uri = f"ldap://{listener.getsockname()[0]}"
        with pytest.raises(UnavailableError, match="no TLS"), Directory.open(slapd.server(uris=(uri,))):
            pass
        thread.join(10)
    assert b"1.3.6.1.4.1.1466.20037" in heard
    assert SECRET.encode() not in heard


def test_a_wrong_password_is_told_and_an_empty_one_not_even_tried(slapd: Slapd):
    with pytest.raises(RefusedError, match="refuses the account"), Directory.open(slapd.server(password="wrong")):
        pass
    with pytest.raises(UsageError, match="the password is empty"), Directory.open(slapd.server(password="")):
        pass


def test_the_next_server_is_asked_when_the_first_is_down(slapd: Slapd, sqlite: Engine):
    slapd.person("alice")
    down = slapd.uri.replace(slapd.address, "127.1.2.3")
    world = World(sqlite, ldap_source(slapd.server(uris=(down, slapd.uri)), BASE))
    assert world.counts() == {"create": 1}


def test_a_server_that_is_lost_while_it_is_read_changes_nothing(world: World, slapd: Slapd, monkeypatch):
    slapd.stop()
    slapd.load((f"uid=u{n},ou=people,{BASE}", person(f"u{n}")) for n in range(2345))
    slapd.start()
    world.sync()
    completed, pages = Directory._completed, []

    def after_a_page(self, dn, values):
        pages.append(dn)
        if len(pages) == 1000:
            slapd.process.kill()
        return completed(self, dn, values)

    monkeypatch.setattr(Directory, "_completed", after_a_page)
    run = world.service.start("ldap", full=True, approved=True, actor="test")
    with pytest.raises(UnavailableError):
        world.work.read(run.id)
    monkeypatch.undo()
    assert len(pages) >= 1000
    assert all(person.enabled for person in world.people().values())
    slapd.start()
    world.work.read(run.id)
    assert world.work.run(run.id).counts == {}


def test_a_listing_that_is_cut_short_is_no_listing(tmp_path: Path, loopback, processes, sqlite: Engine):
    slapd = Slapd(tmp_path / "small", loopback(), processes, limit="size.soft=50 size.hard=50")
    slapd.load((f"uid=u{n},ou=people,{BASE}", person(f"u{n}")) for n in range(60))
    slapd.start()
    with pytest.raises(RefusedError, match="does not do that for this account"):
        World(sqlite, ldap_source(slapd.server(), BASE)).work.plan("ldap", full=True)


def test_references_to_other_servers_are_left_alone(world: World, slapd: Slapd):
    slapd.person("alice")
    slapd.stop()
    slapd.load([(f"ou=elsewhere,{BASE}", {"objectClass": ["referral", "extensibleObject"], "ou": "elsewhere",
                                          "ref": "ldap://127.1.2.3/ou=elsewhere,dc=contoso,dc=example"})])  # fmt: skip
    slapd.start()
    assert world.counts() == {"create": 1}


def _writing(slapd: Slapd, user: str) -> Configured:
    source = ldap_source(slapd.server(), BASE)
    scope = source.source._scope
    return replace(source, writer=LdapWriter(slapd.server(user=user), scope), write_back=("home", "address", "number"))


def _written(slapd: Slapd, dn: str) -> dict[str, str]:
    with Directory.open(slapd.server()) as directory:
        values = directory.read(dn, ["msRTCSIP-PrimaryUserAddress", "msRTCSIP-Line", "msRTCSIP-DeploymentLocator"])
    return {name.removeprefix("msrtcsip-"): value[0].decode() for name, value in values.items()}


def test_home_address_and_number_are_written_back_where_that_is_chosen(slapd: Slapd, sqlite: Engine):
    alice = slapd.person("alice", "+1 425 555 0101 x7")
    world = World(sqlite, ldap_source(slapd.server(), BASE))
    world.sync()
    assert _written(slapd, alice) == {}
    world.sources["ldap"] = _writing(slapd, ADMIN)
    assert world.sync().note == "1 written back"
    assert _written(slapd, alice) == {
        "primaryuseraddress": "sip:alice@contoso.example",
        "line": "tel:+14255550101;ext=7",
        "deploymentlocator": "SRV:",
    }
    assert world.last_audit("alice") == ("sync:ldap", "person.write_back")
    run = world.sync()
    assert (run.counts, run.note) == ({}, ""), "what was written is no change"
    world.directory.commit_homes([(world.person("alice").aor, "premises", 1, "online")], actor="test")
    world.sync()
    assert _written(slapd, alice)["deploymentlocator"] == "sipfed.online.lync.com"
    assert world.counts(full=True) == {}
    assert world.person("alice").home == "online"


def test_an_account_that_may_not_write_holds_nothing_up(slapd: Slapd, sqlite: Engine):
    slapd.person("alice")
    world = World(sqlite, _writing(slapd, READER))
    run = world.sync()
    assert run.counts == {"create": 1}
    assert "1 not written back" in run.note


def _listens(address: str) -> bool:
    with suppress(OSError), socket.create_connection((address, 636), 0.2):
        return True
    return False
