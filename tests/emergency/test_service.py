"""Places and networks as a site keeps them, in either database; what is in force for a call."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from isthmus.directory.service import Directory
from isthmus.emergency import elements
from isthmus.emergency.build import Emergency
from isthmus.emergency.bulk import Row
from isthmus.emergency.model import Choice, Element, Known, NetworkElement, Point, Settings, Source
from isthmus.emergency.service import Locations
from isthmus.errors import NotFoundError, RefusedError, UsageError
from isthmus.policy.model import Grant, Level, Policy
from isthmus.policy.service import Policies
from tests.directory.conftest import new
from tests.emergency.addresses import place, us
from tests.emergency.conftest import ALICE


@pytest.fixture
def locations(emergency: Emergency) -> Locations:
    for name in ("hq1", "hq2"):
        emergency.locations.add(place(name), actor="test")
    return emergency.locations


def subnet(network: str, name: str, tenant: str = "main") -> NetworkElement:
    return elements.checked(tenant, Element.SUBNET, network, name)


def where(locations: Locations, address: str, tenant: str = "main") -> str | None:
    found = locations.find(tenant, Known(address)).located.place
    return found and found.name


class TestPlaces:
    def test_they_are_kept_as_they_were_made(self, emergency: Emergency):
        wanted = place("hq-3", point=Point(47.62, -122.35), elins=("+14255550191", "+1 425 555 0190"), policy="x")
        made = emergency.locations.add(wanted, actor="test")
        assert made.elins == ("+14255550190", "+14255550191")
        assert emergency.locations.place("main", "hq-3") == made
        assert emergency.locations.places("main") == [made]
        assert emergency.locations.places("fabrikam") == []

    def test_a_second_use_of_a_key_makes_one_place(self, emergency: Emergency):
        first = emergency.locations.add(place("hq1"), actor="test", key="k")
        assert emergency.locations.add(place("hq1"), actor="test", key="k") == first
        with pytest.raises(UsageError, match="something else"):
            emergency.locations.add(place("hq2"), actor="test", key="k")

    def test_there_is_one_default_a_tenant(self, locations: Locations):
        def make_default(name: str) -> None:
            locations.change("main", name, lambda each: msgspec.structs.replace(each, default=True), actor="test")

        make_default("hq1")
        make_default("hq2")
        assert [each.default for each in locations.places("main")] == [False, True]
        assert where(locations, "192.0.2.1") == "hq2"

    def test_what_is_refused(self, locations: Locations):
        locations.lead(subnet("10.1.0.0/16", "hq1"), actor="test")
        locations.change("main", "hq1", lambda p: msgspec.structs.replace(p, elins=("+14255550190",)), actor="test")
        for attempt, told in (
            (lambda: locations.add(place("hq1"), actor="test"), "already"),
            (lambda: locations.add(place("x", elins=("+14255550190",)), actor="test"), "lent by hq1"),
            (lambda: locations.add(place("x", "fabrikam", elins=("+14255550190",)), actor="test"), "another tenant"),
            (lambda: locations.add(place("x", elins=("+14255550101",)), actor="test"), "number of alice@"),
            (lambda: locations.remove("main", "hq1", actor="test"), r"subnet 10\.1\.0\.0/16 lead to hq1"),
        ):
            with pytest.raises(RefusedError, match=told):
                attempt()
        with pytest.raises(NotFoundError, match="no tenant"):
            locations.add(place("x", "nobody"), actor="test")
        for wrong in ("", "Hq", "a b", "../x", "x" * 64):
            with pytest.raises(UsageError):
                locations.add(msgspec.structs.replace(place("x"), name=wrong), actor="test")
        assert [each.name for each in locations.places("main")] == ["hq1", "hq2"]

    def test_a_place_that_people_have_chosen_stays(self, emergency: Emergency, locations: Locations):
        emergency.choices.choose(Choice(str(ALICE), place="hq1"), actor="test")
        with pytest.raises(RefusedError, match="1 people have chosen hq1"):
            locations.remove("main", "hq1", actor="test")
        emergency.choices.forget(ALICE, actor="test")
        locations.remove("main", "hq1", actor="test")
        with pytest.raises(NotFoundError):
            locations.place("main", "hq1")

    def test_who_did_what_is_in_the_audit_log(self, directory: Directory, locations: Locations):
        locations.change("main", "hq1", lambda each: msgspec.structs.replace(each, policy="p"), actor="admin")
        locations.change("main", "hq1", lambda each: each, actor="admin")  # changes nothing
        locations.remove("main", "hq1", actor="admin")
        entries = directory.audit("main/place/hq1")
        assert [each["action"] for each in entries] == ["location.remove", "location.set", "location.add"]
        assert {each["tenant"] for each in entries} == {"main"}


class TestNetworks:
    def test_the_longest_prefix_of_the_tenants_own(self, locations: Locations):
        locations.add(place("other", "fabrikam"), actor="test")
        locations.lead(subnet("10.0.0.0/8", "hq1"), actor="test")
        locations.lead(subnet("10.1.0.0/16", "hq2"), actor="test")
        locations.lead(subnet("10.1.0.0/16", "other", "fabrikam"), actor="test")
        assert [where(locations, each) for each in ("10.2.0.1", "10.1.0.1", "192.0.2.1")] == ["hq1", "hq2", None]
        assert [where(locations, each, "fabrikam") for each in ("10.2.0.1", "10.1.0.1")] == [None, "other"]
        assert set(locations.emergency_map().tenants) == {"main", "fabrikam"}

    def test_what_leads_elsewhere_is_replaced_only_when_that_is_said(self, locations: Locations):
        locations.lead(subnet("10.1.0.0/16", "hq1"), actor="test")
        with pytest.raises(RefusedError, match="leads to hq1 already"):
            locations.lead(subnet("10.1.0.0/16", "hq2"), actor="test")
        locations.lead(subnet("10.1.0.0/16", "hq2"), replace=True, actor="test")
        assert where(locations, "10.1.0.1") == "hq2"
        with pytest.raises(NotFoundError, match="no place 'gone'"):
            locations.lead(subnet("10.3.0.0/16", "gone"), actor="test")

    def test_it_leads_nowhere_any_more(self, locations: Locations):
        locations.lead(subnet("10.1.0.0/16", "hq1"), actor="test")
        locations.unlead("main", Element.SUBNET, "10.1.0.0/16", "", actor="test")
        assert where(locations, "10.1.0.1") is None
        with pytest.raises(NotFoundError):
            locations.unlead("main", Element.SUBNET, "10.1.0.0/16", "", actor="test")

    def test_an_import_is_all_or_nothing_and_a_dry_run_is_nothing(self, locations: Locations):
        locations.lead(subnet("10.9.0.0/16", "hq1"), actor="test")
        rows = [Row(2, subnet("10.1.0.0/16", "hq1")), Row(3, subnet("10.2.0.0/16", "gone"))]

        def run(rows: list[Row], **more: bool) -> Any:
            wanted = {"update": False, "whole": False, "dry_run": False} | more
            return locations.import_network("main", rows, actor="test", **wanted)

        report = run(rows)
        assert [str(fault) for fault in report.faults] == ["line 3: there is no place 'gone'"]
        assert (report.created, len(locations.network("main"))) == (0, 1)
        assert run(rows[:1], dry_run=True).created == 1
        assert len(locations.network("main")) == 1
        assert run(rows[:1]).created == 1
        assert run(rows[:1]).unchanged == 1
        moved = [Row(2, subnet("10.1.0.0/16", "hq2"))]
        assert "leads to hq1 already" in run(moved).faults[0].what
        assert run(moved, update=True).updated == 1
        assert run(moved, whole=True, dry_run=True).removed == 1
        assert run(moved, whole=True).removed == 1
        assert [str(each) for each in locations.network("main")] == ["subnet 10.1.0.0/16"]
        assert "stands in line 2 already" in run([*moved, Row(5, moved[0].element)]).faults[0].what

    def test_whoever_follows_is_told_of_each_change(self, locations: Locations):
        heard = []
        locations.changed = lambda: heard.append(where(locations, "10.1.0.1"))
        locations.lead(subnet("10.1.0.0/16", "hq1"), actor="test")
        assert heard == ["hq1"]


class TestPolicies:
    def give(self, policies: Policies, name: str, level: Level, target: str, **settings: Any) -> None:
        policies.create(Policy("main", "emergency", name, tuple(sorted(settings.items()))), actor="test")
        policies.grant(Grant("main", "emergency", name, level, target), actor="test")

    def test_the_site_comes_before_the_person(self, directory: Directory, policies: Policies, locations: Locations):
        alice = directory.get(ALICE)
        self.give(policies, "own", Level.PERSON, str(ALICE), desk="mine", test_number="955", place="hq1")
        self.give(policies, "site", Level.SITE, "premises", desk="the site's", place="hq2")
        found = locations.find("main", Known(), alice)
        assert found.settings == Settings(place="hq2", desk="the site's", test_number="955")
        assert found.located.place is not None
        assert (found.located.place.name, found.located.source) == ("hq2", Source.POLICY)

    def test_a_places_own_policy_comes_before_all(self, directory: Directory, policies: Policies, locations: Locations):
        self.give(policies, "site", Level.SITE, "premises", desk="the site's", notify=False)
        policies.create(Policy("main", "emergency", "hq", (("desk", "the floor's"),)), actor="test")
        locations.change("main", "hq1", lambda each: msgspec.structs.replace(each, policy="hq"), actor="test")
        locations.lead(subnet("10.1.0.0/16", "hq1"), actor="test")
        alice = directory.get(ALICE)
        there = locations.find("main", Known("10.1.0.1"), alice)
        assert (there.settings.desk, there.settings.notify) == ("the floor's", False)
        assert there.located.why[-1] == "the policy hq of this place is in force"
        assert locations.find("main", Known("192.0.2.1"), alice).settings.desk == "the site's"
        policies.delete("main", "emergency", "hq", actor="test")
        gone = locations.find("main", Known("10.1.0.1"), alice)
        assert gone.settings.desk == "the site's"
        assert "does not exist" in gone.located.why[-1]

    def test_a_number_is_lent_to_who_has_none(self, directory: Directory, policies: Policies, locations: Locations):
        directory.create(new("bob"), actor="test")
        locations.change("main", "hq1", lambda p: msgspec.structs.replace(p, elins=("+14255550190",)), actor="test")
        locations.lead(subnet("10.1.0.0/16", "hq1"), actor="test")
        self.give(policies, "elin", Level.TENANT, "main", send="elin")
        bob = directory.get(new("bob").aor)
        assert [locations.find("main", Known("10.1.0.1"), each).elin for each in (bob, directory.get(ALICE), None)] == [
            True, False, False,
        ]  # fmt: skip


def test_a_persons_own_address_is_where_no_network_tells(directory: Directory, emergency: Emergency):
    emergency.locations.add(place("hq1"), actor="test")
    emergency.locations.lead(subnet("10.1.0.0/16", "hq1"), actor="test")
    emergency.choices.choose(Choice(str(ALICE), civic=us(UNIT="4")), actor="test")
    alice = directory.get(ALICE)
    at_work, at_home = (
        emergency.locations.find("main", Known(each), alice).located for each in ("10.1.1.1", "192.0.2.1")
    )
    assert (at_work.source, at_home.source) == (Source.SUBNET, Source.CHOSEN)
    assert at_home.place is not None
    assert at_home.place.civic == us(UNIT="4")
