"""The dial plans that policies give, and the snapshot that follows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.addressing import Aor
from isthmus.dialling.plan import Dialling
from isthmus.directory.grouping import Groups, Members
from isthmus.directory.model import Credentials, NewPerson
from isthmus.directory.service import Directory
from isthmus.errors import UsageError
from isthmus.policy.classes import ClassesOfService, follow
from isthmus.policy.model import Grant, Level, Policy
from isthmus.policy.service import Policies
from isthmus.routing.compile import Compiler
from isthmus.routing.snapshot import SnapshotWriter
from tests.routing.test_compile import site_file

ALICE, BOB = Aor("alice", "contoso.example"), Aor("bob", "contoso.example")


def plan(policies: Policies, name: str, **settings: object) -> None:
    policies.create(Policy("main", "dial-plan", name, tuple(sorted(settings.items()))), actor="test")  # type: ignore[arg-type]


def grant(policies: Policies, name: str, level: Level, target: str) -> None:
    policies.grant(Grant("main", "dial-plan", name, level, target), actor="test")


class Site:
    """A directory with alice and bob, its policies, and the snapshot compiled of both."""

    def __init__(self, directory: Directory, policies: Policies, folder: Path) -> None:
        directory.join(follow)
        self.directory, self.policies = directory, policies
        for aor in (ALICE, BOB):
            directory.create(NewPerson(aor, "", "premises", Credentials.of(aor, "secret")), actor="test")
        self.writer = SnapshotWriter(folder)
        self.compiler = Compiler(directory, self.writer, site_file(), ClassesOfService(policies))
        self.compiler.catch_up()
        self.reader = self.writer.reader()  # a process maps it once

    def plans(self) -> list[Dialling]:
        """What alice and bob dial by, as calls see it once the snapshot has followed."""
        self.compiler.catch_up()
        with self.reader.view() as view:
            found = [view.person(str(aor)) for aor in (ALICE, BOB)]
            return [view.config.class_of(each).dialling for each in found if each is not None]


@pytest.fixture
def site(directory: Directory, policies: Policies, tmp_path: Path) -> Site:
    return Site(directory, policies, tmp_path / "snapshot")


def test_the_snapshot_follows_policies_and_groups(site: Site):
    assert site.plans() == [Dialling(), Dialling()]
    plan(site.policies, "usa", country="US", outside_line="9")
    grant(site.policies, "usa", Level.TENANT, "main")
    usa = Dialling("US", "9")
    assert site.plans() == [usa, usa]
    plan(site.policies, "berlin", country="DE", rules="7|XX -> +4930123")
    groups = Groups(site.directory)
    groups.create("main", "berlin", actor="test")
    site.policies.grant(Grant("main", "dial-plan", "berlin", Level.GROUP, "berlin", 10), actor="test")
    groups.change("main", "berlin", add=Members(people=(ALICE,)), actor="test")
    first, second = site.plans()
    assert (first.country, first.outside, len(first.rules)) == (
        "DE",
        "9",
        1,
    )  # a setting it does not name is the next's
    assert second == usa
    site.policies.set("main", "dial-plan", "usa", settings={"outside_line": "0"}, actor="test")
    assert [each.outside for each in site.plans()] == ["0", "0"]
    site.policies.revoke("main", "dial-plan", Level.GROUP, "berlin", actor="test")
    assert [each.country for each in site.plans()] == ["US", "US"]


def test_a_person_who_comes_later_has_the_plan_too(site: Site):
    plan(site.policies, "usa", country="US")
    grant(site.policies, "usa", Level.PERSON, str(BOB))
    assert site.plans() == [Dialling(), Dialling("US")]
    site.directory.delete(BOB, actor="test")
    site.directory.create(NewPerson(BOB, "", "online", Credentials.of(BOB, "secret")), actor="test")
    grant(site.policies, "usa", Level.TENANT, "main")
    assert site.plans() == [Dialling("US"), Dialling("US")]


def test_nothing_is_compiled_anew_where_nobody_can_dial_otherwise(site: Site):
    site.plans()
    before, groups = site.writer.revision, Groups(site.directory)
    site.directory.create_tenant("fabrikam", actor="test")
    site.policies.create(Policy("main", "meetings", "x", ()), actor="test")
    groups.create("main", "berlin", actor="test")
    groups.change("main", "berlin", add=Members(people=(ALICE,)), actor="test")
    assert site.compiler.is_of_today()
    site.plans()
    assert site.writer.revision == before
    plan(site.policies, "usa", country="US")
    site.policies.grant(Grant("main", "dial-plan", "usa", Level.GROUP, "berlin", 10), actor="test")
    assert not site.compiler.is_of_today()
    assert site.plans() == [Dialling("US"), Dialling()]
    # From now on groups matter: one in another, the plan's group under another name, and no such group any more.
    groups.create("main", "kreuzberg", actor="test")
    groups.change("main", "kreuzberg", add=Members(people=(BOB,)), actor="test")
    groups.change("main", "berlin", add=Members(groups=("kreuzberg",)), actor="test")
    assert site.plans() == [Dialling("US"), Dialling("US")]
    groups.delete("main", "berlin", actor="test")
    assert site.plans() == [Dialling(), Dialling()]


@pytest.mark.parametrize(
    "settings",
    [
        {"country": "XX"},
        {"country": 1},
        {"outside_line": "9999"},
        {"outside_line": "a"},
        {"outside_line": "٩"},
        {"extension_digits": 9},
        {"extension_base": "1425555"},
        {"extension_base": "+" + "1" * 15},
        {"rules": "nonsense"},
        {"rules": 7},
        {"rules": "7 -> +14255550100;" * 1000},
    ],
)
def test_what_can_be_no_dial_plan_is_refused(policies: Policies, settings: dict[str, object]):
    with pytest.raises(UsageError) as refusal:
        plan(policies, "x", **settings)
    assert next(iter(settings)) in str(refusal.value) or "rule" in str(refusal.value)
