"""The security desk: who called, from where, how to call back; told by the site's mail and webhook, and once."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from isthmus.activity.model import Alert, Event, Kind, Severity, State
from isthmus.activity.tables import delivery
from isthmus.database import reading
from isthmus.directory.model import Credentials, NewPerson
from isthmus.emergency import notice
from isthmus.emergency.build import Emergency
from isthmus.emergency.model import Choice, Element, Loan, Located, NetworkElement, Point, Settings, Source
from isthmus.emergency.notice import EmergencyCall
from isthmus.errors import UnavailableError
from isthmus.policy.model import Grant, Level, Policy
from isthmus.policy.service import Policies
from isthmus.site.services import build
from tests.cli.conftest import SITE, write_site
from tests.emergency.addresses import place, us
from tests.emergency.conftest import ALICE

Told = list[tuple[str, Alert]]
CALLED = Event(
    1_800_000_000.0, Kind.EMERGENCY, str(ALICE), address="10.1.2.3", number="911", own_number="+14255550101",
    call_id="c1", device="dev0k3m8w2x7q.2",
)  # fmt: skip


@pytest.fixture(autouse=True)
def hq(emergency: Emergency) -> None:
    emergency.locations.add(place("hq3", point=Point(47.62, -122.35), elins=("+14255550190",)), actor="test")
    emergency.locations.lead(NetworkElement("main", Element.SUBNET, "10.1.0.0/16", "hq3"), actor="test")


def test_what_is_told(emergency: Emergency, policies: Policies, told: Told):
    policies.create(Policy("main", "emergency", "hq", (("desk", "security@contoso.example"),)), actor="test")
    policies.grant(Grant("main", "emergency", "hq", Level.TENANT, "main"), actor="test")
    emergency.telling.called(CALLED)
    assert told == []  # nothing waits for it
    emergency.telling.work()
    ((tenant, alert),) = told
    assert (tenant, alert.subject, alert.severity) == ("main", str(ALICE), Severity.HIGH)
    assert alert.now == (
        "Alice (alice@contoso.example) called 911 from hq3: 1 Main St, Redmond, WA 98052, US, floor 3; "
        "call back +14255550101"
    )
    assert alert.evidence == {
        "tell": ["security@contoso.example"],
        "call back": ["+14255550101"],
        "place": ["hq3: 1 Main St, Redmond, WA 98052, US, floor 3"],
        "device": ["dev0k3m8w2x7q"],
        "address": ["10.1.2.3"],
        "point": ["47.62, -122.35"],
        "found by": ["1. address 10.1.2.3: hq3 (by 10.1.0.0/16)"],
    }


def test_the_number_that_was_lent_is_the_one_to_call_back(emergency: Emergency, told: Told):
    emergency.telling.called(msgspec.structs.replace(CALLED, lent="+14255550190"))
    emergency.telling.work()
    assert told[0][1].evidence["call back"] == ["+14255550190"]
    at_ms = 1_800_000_000_000
    loan = Loan("+14255550190", "main", "hq3", str(ALICE), "dev0k3m8w2x7q", "c1", at_ms, at_ms + 3_600_000)
    assert emergency.lending.loan("+14255550190", 1_800_000_000.0) == loan
    assert emergency.locations.emergency_map().loans == {"+14255550190": loan}


def test_somebody_at_home_is_told_of_with_their_address(emergency: Emergency, told: Told):
    emergency.choices.choose(Choice(str(ALICE), civic=us(UNIT="4")), actor="test")
    emergency.telling.called(msgspec.structs.replace(CALLED, address="198.51.100.7"))
    emergency.telling.work()
    assert "an address of their own: 1 Main St, Redmond, WA 98052, US, unit 4" in told[0][1].now


def test_nobody_is_told_where_the_policy_says_so(emergency: Emergency, policies: Policies, told: Told):
    policies.create(Policy("main", "emergency", "quiet", (("notify", False),)), actor="test")
    policies.grant(Grant("main", "emergency", "quiet", Level.TENANT, "main"), actor="test")
    emergency.telling.called(CALLED)
    emergency.telling.work()
    assert told == []


def test_what_could_not_be_told_of_is_told_the_next_time(emergency: Emergency, told: Told):
    emergency.telling.called(msgspec.structs.replace(CALLED, account="nobody@contoso.example"))
    emergency.telling.called(CALLED)
    telling, down = emergency.telling, [True]

    def tell(tenant: str, alert: Alert) -> None:
        if down:
            down.clear()
            raise UnavailableError("the database does not answer")
        told.append((tenant, alert))

    telling._tell = tell
    with pytest.raises(UnavailableError):
        telling.work()
    telling.work()
    telling.work()
    assert len(told) == 1


def test_a_place_that_nobody_knows_is_said():
    call = EmergencyCall(5.0, "bob@contoso.example", "", "112")
    alert = notice.notice(call, Located(None, Source.NOTHING, ("nothing",)), Settings())
    assert alert.now == (
        "bob@contoso.example called 112 from an unknown place; no number of their own, call bob@contoso.example"
    )
    assert notice.notice(call, Located(None, Source.NOTHING), Settings()).id == alert.id


def test_the_test_number_reads_the_place_back():
    found = Located(place("hq3"), Source.SUBNET)
    assert notice.read_back(found) == (
        "An emergency call from here would say that you are at 1 Main St, Redmond, WA 98052, US, floor 3."
    )
    assert "not known" in notice.read_back(Located(None, Source.NOTHING))


def test_at_a_whole_site_it_is_an_alert_and_a_delivery_by_each_channel(tmp_path: Path):
    hook = '[activity.webhook]\nurl = "https://127.0.0.1:9/hook"\nsecret_file = "secret"\n'
    services = build(write_site(tmp_path / "premises", SITE + hook))
    person = NewPerson(ALICE, "Alice", "premises", Credentials.of(ALICE, "x"), "+14255550101")
    services.directory.create(person, actor="test")
    for _ in range(2):  # told of twice, it is one
        services.emergency.telling.called(CALLED)
        services.emergency.telling.work()
    (alert,) = services.activity.listed()
    assert (alert.rule, alert.subject) == ("emergency-call", str(ALICE))
    with reading(services.engine) as connection:
        assert [row.channel for row in connection.execute(select(delivery))] == ["webhook"]
    assert services.activity.judge(alert.id, State.CONFIRMED, actor="test").state is State.CONFIRMED
    services.close()
