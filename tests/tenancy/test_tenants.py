"""Tenants and their domains, with a name server of the test's own on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.addressing import Aor
from isthmus.audit.model import Filter
from isthmus.audit.store import find
from isthmus.database import open_database, reading
from isthmus.directory import bulk
from isthmus.directory.model import Credentials, NewPerson, PersonChanges
from isthmus.directory.service import Directory
from isthmus.errors import ChangedError, NotFoundError, RefusedError, UnavailableError, UsageError
from isthmus.tenancy.lookup import TxtLookup
from isthmus.tenancy.model import Claim, TenantChanges
from isthmus.tenancy.reproving import Reproving
from isthmus.tenancy.service import Tenants, keep_within, tag
from tests.databases import database_url, migrated_sqlite, postgresql  # noqa: F401
from tests.tenancy.dns_server import DnsServer

ALICE = Aor.parse("alice@fabrikam.example")


@pytest.fixture
def server() -> Iterator[DnsServer]:
    made = DnsServer()
    yield made
    made.close()


@pytest.fixture
def directory(database_url: str) -> Iterator[Directory]:  # noqa: F811
    engine = open_database(database_url)
    made = Directory(engine, site="premises")
    made.join(keep_within)
    made.create_tenant("main", actor="test")
    made.add_domain("contoso.example", "main", actor="test")
    yield made
    engine.dispose()


@pytest.fixture
def tenants(directory: Directory, server: DnsServer) -> Tenants:
    lookup = TxtLookup(["127.0.0.1"], server.port, seconds=1.0)
    made = Tenants(directory, lookup, own_tenant="main", own_domains=["contoso.example"])
    made.create("fabrikam", TenantChanges(), actor="test")
    return made


def person(user: str, number: str | None = None) -> NewPerson:
    aor = Aor.parse(f"{user}@fabrikam.example")
    return NewPerson(aor, user, "premises", Credentials.of(aor, "x"), number)


def proved(tenants: Tenants, name: str = "fabrikam.example", tenant: str = "fabrikam") -> None:
    tenants.claim(tenant, name, actor="test")
    tenants.approve(tenant, name, actor="test")


def publish(server: DnsServer, claim: Claim, *before: str) -> None:
    server.records[f"_isthmus.{claim.name}."] = [*before, f"isthmus-domain-verification={claim.token}"]


def test_a_domain_can_be_used_once_its_record_is_in_the_dns(directory: Directory, tenants: Tenants, server: DnsServer):
    claim = tenants.claim("fabrikam", "Fabrikam.Example", actor="test")
    assert (claim.name, claim.verified_by) == ("fabrikam.example", None)
    with pytest.raises(UsageError, match="not one of our domains"):
        directory.create(person("alice"), actor="test")
    with pytest.raises(RefusedError, match="no TXT record"):
        tenants.verify("fabrikam", "fabrikam.example", actor="test")
    assert "no TXT record" in tenants.domain("fabrikam", "fabrikam.example").trouble
    server.records["_isthmus.fabrikam.example."] = ["isthmus-domain-verification=" + "0" * 40, "v=spf1 -all"]
    with pytest.raises(RefusedError, match="2 others are"):
        tenants.verify("fabrikam", "fabrikam.example", actor="test")
    publish(server, claim, "v=spf1 -all")
    done = tenants.verify("fabrikam", "fabrikam.example", actor="test")
    assert (done.verified_by, done.trouble) == ("dns", "")
    assert set(server.asked) == {"_isthmus.fabrikam.example."}
    assert directory.create(person("alice"), actor="test").tenant == "fabrikam"
    assert tenants.verify("fabrikam", "fabrikam.example", actor="test") == done


def test_an_answer_too_long_for_a_datagram_is_fetched_over_tcp(tenants: Tenants, server: DnsServer):
    claim = tenants.claim("fabrikam", "fabrikam.example", actor="test")
    publish(server, claim, *(f"{number}" * 400 for number in range(1, 9)))
    assert tenants.verify("fabrikam", "fabrikam.example", actor="test").verified_by == "dns"


def test_a_silent_dns_is_told_within_the_time_limit(tenants: Tenants, server: DnsServer):
    tenants.claim("fabrikam", "fabrikam.example", actor="test")
    server.silent = True
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="the DNS does not answer"):
        tenants.verify("fabrikam", "fabrikam.example", actor="test")
    assert time.monotonic() - began < 3
    assert tenants.domain("fabrikam", "fabrikam.example").verified_by is None


def test_anothers_domain_may_be_claimed_but_not_taken(directory: Directory, tenants: Tenants, server: DnsServer):
    publish(server, tenants.claim("fabrikam", "contoso.example", actor="test"))
    for way in (tenants.verify, tenants.approve):
        with pytest.raises(RefusedError, match="used by another tenant"):
            way("fabrikam", "contoso.example", actor="test")
    assert directory.domains()["contoso.example"] == "main"
    tenants.remove("fabrikam", "contoso.example", actor="test")
    assert directory.domains()["contoso.example"] == "main"


def test_two_may_claim_a_domain_with_tokens_of_their_own(tenants: Tenants):
    tenants.create("adatum", TenantChanges(), actor="test")
    tokens = {tenants.claim(name, "new.example", actor="test").token for name in ("fabrikam", "adatum")}
    assert len(tokens) == 2
    assert all(len(token) == 40 for token in tokens)


def test_a_domain_is_claimed_once_and_removed_when_nobody_uses_it(directory: Directory, tenants: Tenants):
    proved(tenants)
    with pytest.raises(RefusedError, match="claimed already"):
        tenants.claim("fabrikam", "fabrikam.example", actor="test")
    directory.create(person("alice"), actor="test")
    with pytest.raises(RefusedError, match="1 people"):
        tenants.remove("fabrikam", "fabrikam.example", actor="test")
    directory.delete(ALICE, actor="test")
    tenants.remove("fabrikam", "fabrikam.example", actor="test")
    assert "fabrikam.example" not in directory.domains()
    with pytest.raises(RefusedError, match="site file"):
        tenants.remove("main", "contoso.example", actor="test")


def test_limits_bite_in_every_way_of_adding_and_nothing_of_it_stays(directory: Directory, tenants: Tenants):
    proved(tenants)
    tenants.set("fabrikam", TenantChanges(people=2, numbers=1), actor="test")
    directory.create(person("alice", "+14255550101"), actor="test")
    with pytest.raises(RefusedError, match="may have 1 numbers, and would have 2"):
        directory.create(person("bob", "+14255550102"), actor="test")
    directory.create(person("bob"), actor="test")
    with pytest.raises(RefusedError, match="may have 1 numbers"):
        directory.set(Aor.parse("bob@fabrikam.example"), PersonChanges(number="+14255550102"), actor="test")
    rows, _ = bulk.rows_of([bulk.Record(1, {"aor": "carol@fabrikam.example", "home": "premises"})])
    with pytest.raises(RefusedError, match="may have 2 people, and would have 3"):
        directory.import_people(rows, update=False, dry_run=False, actor="test")
    assert directory.count() == 2
    tenants.set("fabrikam", TenantChanges(people=1), actor="test")
    directory.set(ALICE, PersonChanges(display_name="Still changed"), actor="test")
    directory.set(ALICE, PersonChanges(number="+14255550109"), actor="test")  # one for another is no growth
    tenants.set("fabrikam", TenantChanges(people=None), actor="test")
    directory.create(person("carol"), actor="test")


def test_a_limit_of_one_tenant_is_none_of_anothers(directory: Directory, tenants: Tenants):
    tenants.set("fabrikam", TenantChanges(people=0), actor="test")
    aor = Aor.parse("dave@contoso.example")
    directory.create(NewPerson(aor, "dave", "premises", Credentials.of(aor, "x")), actor="test")
    assert tenants.get("main")[1].people == 1


def test_a_tenant_is_changed_by_who_has_seen_its_present_state(tenants: Tenants):
    seen = tag(tenants.get("fabrikam")[0])
    tenants.set("fabrikam", TenantChanges(display_name="Fabrikam"), actor="test", unless_changed=seen)
    with pytest.raises(ChangedError):
        tenants.set("fabrikam", TenantChanges(display_name="Again"), actor="test", unless_changed=seen)
    assert tenants.get("fabrikam")[0].display_name == "Fabrikam"


def test_a_tenant_with_people_is_not_deleted_and_one_without_leaves_nothing(directory: Directory, tenants: Tenants):
    proved(tenants)
    directory.create(person("alice"), actor="test")
    with pytest.raises(RefusedError, match="1 people and 0 accounts"):
        tenants.delete("fabrikam", actor="test")
    directory.delete(ALICE, actor="test")
    tenants.delete("fabrikam", actor="test")
    with pytest.raises(NotFoundError):
        tenants.get("fabrikam")
    assert directory.domains() == {"contoso.example": "main"}
    with pytest.raises(RefusedError, match="own tenant"):
        tenants.delete("main", actor="test")
    tenants.create("fabrikam", TenantChanges(), actor="test")
    assert tenants.domains("fabrikam") == []


def test_suspension_and_the_loss_of_a_domain_travel_to_the_other_site(
    directory: Directory, tenants: Tenants, tmp_path: Path
):
    proved(tenants)
    url = migrated_sqlite(tmp_path / "other.db")
    engine = open_database(url)
    other = Directory(engine, site="online", authority="premises")

    def catch_up() -> None:
        other.apply_feed(directory.changes_since(other.position("premises")), "premises")

    catch_up()
    assert (other.domains()["fabrikam.example"], other.suspended()) == ("fabrikam", frozenset())
    tenants.set("fabrikam", TenantChanges(suspended=True), actor="test")
    catch_up()
    assert other.suspended() == {"fabrikam"}
    tenants.set("fabrikam", TenantChanges(suspended=False), actor="test")
    tenants.remove("fabrikam", "fabrikam.example", actor="test")
    catch_up()
    assert (other.suspended(), other.domains()) == (frozenset(), {"contoso.example": "main"})
    tenants.delete("fabrikam", actor="test")
    catch_up()
    engine.dispose()


def test_what_is_done_twice_under_one_key_is_done_once(tenants: Tenants):
    first = tenants.claim("fabrikam", "fabrikam.example", actor="test", key="k")
    assert tenants.claim("fabrikam", "fabrikam.example", actor="test", key="k") == first
    with pytest.raises(UsageError):
        tenants.claim("fabrikam", "other.example", actor="test", key="k")


def test_a_record_that_is_gone_is_told_of_and_the_domain_stays(
    directory: Directory, tenants: Tenants, server: DnsServer
):
    claim = tenants.claim("fabrikam", "fabrikam.example", actor="test")
    proved(tenants, "vouched.example")
    publish(server, claim)
    tenants.verify("fabrikam", "fabrikam.example", actor="test")
    now = time.time()
    reproving = Reproving(directory, TxtLookup(["127.0.0.1"], server.port, seconds=0.3), 86_400, lambda: now)
    server.asked.clear()
    assert (reproving.run(), server.asked) == (0, [])  # it was looked for just now

    server.records.clear()
    now += 86_401
    assert reproving.run() == 1
    assert server.asked == ["_isthmus.fabrikam.example."]
    assert reproving.health() == {"ok": False, "unproved": [{"domain": "fabrikam.example", "tenant": "fabrikam"}]}
    assert "is gone" in tenants.domain("fabrikam", "fabrikam.example").trouble
    directory.create(person("alice"), actor="test")
    with pytest.raises(RefusedError, match="no TXT record"):
        tenants.verify("fabrikam", "fabrikam.example", actor="test")

    server.silent = True
    now += 86_401
    assert reproving.run() == 0
    assert not reproving.health()["ok"]
    server.silent = False
    publish(server, claim)
    assert reproving.run() == 0
    assert reproving.health() == {"ok": True, "unproved": []}
    assert tenants.domain("fabrikam", "fabrikam.example").verified_by == "dns"
    with reading(directory.engine) as connection:
        actions = [each.entry.action for each in find(connection, Filter(object="fabrikam.example"), limit=20)]
    assert [action for action in actions if "proof" in action] == ["domain.proof-back", "domain.proof-gone"]
