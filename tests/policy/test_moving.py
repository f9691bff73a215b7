"""What a move is told of policies and licences, by two sites that each have their own."""

from __future__ import annotations

from isthmus.directory.service import Directory
from isthmus.policy.licensing import Licences
from isthmus.policy.model import Grant, Level, Policy
from isthmus.policy.moving import PolicyParticipant
from isthmus.policy.service import Policies
from tests.directory.conftest import HOMES, aor, new
from tests.directory.test_feed import pump


def test_the_target_says_what_would_be_different_and_what_is_missing(
    directory: Directory, policies: Policies, licences: Licences, other_site
):
    directory.create(new("alice", "+14255550101", groups=("interns",)), actor="test")
    policies.create(Policy("main", "calling", "interns", (("pstn_calls", "none"),)), actor="test")
    policies.grant(Grant("main", "calling", "interns", Level.GROUP, "interns", 10), actor="test")
    away = other_site()
    pump(directory, away)
    there = Licences(away)
    source = PolicyParticipant(directory, policies, licences, "premises")
    target = PolicyParticipant(away, Policies(away, HOMES), there, "online")
    told = target.review(source.describe([aor("alice")]), "online")[aor("alice")]
    assert told.against == ()
    assert told.notes == (
        "calling pstn_calls: international at online, none at premises",
        "the calling policy interns, in force at premises, does not exist at online",
    )
    there.define("main", "phone-system", count=1, actor="test")
    told = target.review(source.describe([aor("alice")]), "online")[aor("alice")]
    assert "no phone-system licence for them, which they need: they have the number +14255550101" in told.against[0]
    there.assign("main", "phone-system", [aor("alice")], actor="test")
    assert target.review(source.describe([aor("alice")]), "online")[aor("alice")].against == ()
