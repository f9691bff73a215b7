"""Numbers lent, in either database: by several calls at a time, and for the time of their window."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from isthmus.directory.service import Directory
from isthmus.emergency import elements
from isthmus.emergency.build import Emergency
from isthmus.emergency.lending import Lending
from isthmus.emergency.model import Element, Loan, Place
from isthmus.errors import UsageError
from isthmus.tenancy.lookup import TxtLookup
from isthmus.tenancy.service import Tenants
from tests.devices.conftest import Clock
from tests.emergency.addresses import place

POOL = tuple(f"+1425555019{number}" for number in range(6))


@pytest.fixture
def hq(emergency: Emergency) -> Place:
    return emergency.locations.add(place("hq1", elins=POOL), actor="test")


def test_a_call_back_reaches_who_called_until_the_window_is_over(lending: Lending, clock: Clock, hq: Place):
    loan = lending.lend(hq, "alice@contoso.example", device="dev1", call_id="c1", window_s=3600)
    assert lending.callback(loan.number) == "alice@contoso.example"
    assert lending.loan(loan.number) == loan
    assert lending.callback(loan.number, clock.now_s + 3599.9) == "alice@contoso.example"
    assert lending.callback(loan.number, clock.now_s + 3600) is None
    assert lending.callback("+14255550199") is None
    assert lending.running("main") == [loan]
    assert lending.running("fabrikam") == []
    clock.now_s += 3600
    assert lending.running("main") == []


def test_what_a_call_was_lent_is_written_down_once_and_nothing_older_after_it(
    directory: Directory, lending: Lending, clock: Clock, hq: Place
):
    at_ms = int(clock.now_s * 1000)
    first = Loan(POOL[0], "main", "hq1", "alice@contoso.example", "", "c1", at_ms, at_ms + 60_000)
    later = msgspec.structs.replace(first, aor="bob@contoso.example", lent_ms=at_ms + 1)
    for each in (first, first, later, first):
        lending.note(each)
    assert lending.running("main") == [later]
    (entry,) = directory.audit("bob@contoso.example")
    assert json.loads(entry["before"])["aor"] == "alice@contoso.example"


def test_two_calls_at_a_time_never_share_a_number(lending: Lending, hq: Place):
    with ThreadPoolExecutor(6) as pool:
        loans = list(pool.map(lambda n: lending.lend(hq, f"p{n}@contoso.example", window_s=3600), range(6)))
    assert {each.number for each in loans} == set(POOL)


def test_of_an_exhausted_pool_the_oldest_is_taken_and_that_is_said(
    directory: Directory, lending: Lending, clock: Clock, hq: Place, caplog: pytest.LogCaptureFixture
):
    for number in range(6):
        lending.lend(hq, f"p{number}@contoso.example", window_s=3600)
        clock.now_s += 1
    last = lending.lend(hq, "last@contoso.example", window_s=3600)
    assert "no longer reaches p0@contoso.example" in caplog.text
    assert lending.callback(last.number) == "last@contoso.example"
    entry = directory.audit("last@contoso.example")[0]
    assert json.loads(entry["before"])["aor"] == "p0@contoso.example"


def test_a_tenant_that_is_deleted_leaves_no_place_and_no_loan(
    directory: Directory, emergency: Emergency, lending: Lending
):
    made = emergency.locations.add(place("hq1", "fabrikam", elins=POOL[:1]), actor="test")
    lead = elements.checked("fabrikam", Element.SUBNET, "10.1.0.0/16", "hq1")
    emergency.locations.lead(lead, actor="test")
    number = lending.lend(made, "erin@fabrikam.example", window_s=3600).number
    Tenants(directory, TxtLookup(), own_tenant="main", own_domains=()).delete("fabrikam", actor="test")
    assert emergency.locations.emergency_map().tenants == {}
    assert lending.callback(number) is None


def test_the_pool_is_that_of_the_place_as_it_is_now(emergency: Emergency, lending: Lending, hq: Place):
    emergency.locations.change("main", "hq1", lambda p: msgspec.structs.replace(p, elins=POOL[:1]), actor="test")
    assert lending.lend(hq, "alice@contoso.example", window_s=60).number == POOL[0]
    emergency.locations.remove("main", "hq1", actor="test")
    with pytest.raises(UsageError, match="no numbers"):
        lending.lend(hq, "alice@contoso.example", window_s=60)
