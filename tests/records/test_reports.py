"""What browsers report of calls: whose they are, who sees them, how long they stay."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from isthmus.api import link_app, web_app
from isthmus.api.gate import Limits
from isthmus.database import writing
from isthmus.records import store
from isthmus.records.reports import Reports
from tests.api.callers import Site, open_site
from tests.records.conftest import begins
from tests.records.test_api import ALICE, DAVE, ERIN, stored
from tests.records.test_rules import leg_of

REPORT: dict[str, Any] = {
    "call_id": "c1", "kind": "end", "seconds": 60.5, "codec": "opus", "mos": 4.1, "round_trip_ms": 20,
    "sent": {"packets": 3000, "level": 0.1}, "received": {"packets": 2990, "loss_percent": 0.3, "jitter_ms": 4},
    "local": "relay", "remote": "host", "protocol": "tls", "findings": ["remoteSilent"], "browser": "Mozilla/5.0",
}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    services = open_site(tmp_path_factory.mktemp("r"))
    made = Site(services, web_app(services, Limits((1e6, 10**6), (1e6, 10**6), (1e6, 10**6))))
    made.person(ALICE, "+14255550101", groups=())
    made.person(DAVE)
    made.person(ERIN)
    stored(made, 1, ALICE, "+12065550123", 100)
    made.account("anna", "global")
    made.account("frank", "global", tenant="fabrikam")
    made.account("alice", person=ALICE)
    made.account("dave", person=DAVE)
    yield made
    services.close()


def seen(client: TestClient, call_id: str) -> list[dict[str, Any]]:
    answer = client.get("/v1/calls/reports", params={"call_id": call_id})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_who_took_part_reports_and_the_administrator_reads(site: Site):
    alice = site.by_token("alice")
    assert alice.post("/v1/calls/reports", json=REPORT).status_code == 204
    assert alice.post("/v1/calls/reports", json=REPORT | {"mos": 3.9}).status_code == 204
    assert alice.post("/v1/calls/reports", json=REPORT | {"kind": "problem", "text": "it hissed"}).status_code == 204
    for reader in ("anna", "alice"):
        end, problem = seen(site.by_token(reader), "c1")
        assert (end["who"], end["site"], end["report"]["mos"]) == (ALICE, "premises", 3.9)
        assert end["report"]["findings"] == ["remoteSilent"]
        assert problem["report"]["text"] == "it hissed"
    assert seen(site.by_token("frank"), "c1") == seen(site.by_token("dave"), "c1") == []


def test_what_was_said_amid_a_call_stays_where_its_end_is_never_reported(site: Site):
    stored(site, 4, ALICE, DAVE, 400)
    alice, dave = site.by_token("alice"), site.by_token("dave")
    for mos in (4.4, 4.2):
        amid = REPORT | {"call_id": "c4", "kind": "unfinished", "mos": mos}
        assert alice.post("/v1/calls/reports", json=amid).status_code == 204
        assert dave.post("/v1/calls/reports", json=amid).status_code == 204
    assert alice.post("/v1/calls/reports", json=REPORT | {"call_id": "c4", "mos": 4.3}).status_code == 204
    assert alice.post("/v1/calls/reports", json=amid).status_code == 204  # overtaken by the end
    found = {each["who"]: (each["report"]["kind"], each["report"]["mos"]) for each in seen(alice, "c4")}
    assert found == {ALICE: ("end", 4.3), DAVE: ("unfinished", 4.2)}
    assert len(seen(alice, "c4")) == 2
    assert ("c4", DAVE, "unfinished") in listed(dave, kind="unfinished")


def test_nobody_reports_calls_of_others(site: Site):
    for who, call_id in (("dave", "c1"), ("alice", "no-such-call")):
        answer = site.by_token(who).post("/v1/calls/reports", json=REPORT | {"call_id": call_id})
        assert answer.status_code == 404
    assert site.by_token("anna").post("/v1/calls/reports", json=REPORT).status_code == 403  # no person


def test_a_call_that_has_no_record_yet_is_ones_own_as_well(site: Site):
    leg = leg_of(begins(900, "up", caller=DAVE, callee=ERIN, whom=""))
    with writing(site.services.engine) as connection:
        store.put_legs(connection, {("up", "edge"): leg}, ())
    assert site.by_token("dave").post("/v1/calls/reports", json=REPORT | {"call_id": "up"}).status_code == 204
    assert site.by_token("alice").post("/v1/calls/reports", json=REPORT | {"call_id": "up"}).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"mos": 9}, {"findings": ["x"] * 21}, {"text": "x" * 501}, {"codec": "<script>"}, {"more": 1}, {"seconds": -1},
        {"sent": {"packets": 2**53}}, {"kind": "other"},
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(site: Site, wrong: dict[str, Any]):
    assert site.by_token("alice").post("/v1/calls/reports", json=REPORT | wrong).status_code == 422


def listed(client: TestClient, **wanted: object) -> list[tuple[str, str, str]]:
    """Call, person and kind of what is listed, page by page."""
    path, found = f"/v1/calls/reports?{urlencode({'limit': 2, **wanted})}", list[tuple[str, str, str]]()
    while path:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        found += [(each["report"]["call_id"], each["who"], each["report"]["kind"]) for each in answer.json()]
        path = answer.links.get("next", {}).get("url", "")
    return found


def test_all_of_a_site_are_listed_and_exported_to_who_may_see_their_calls(site: Site):
    stored(site, 2, ALICE, DAVE, 200)
    stored(site, 3, ERIN, DAVE, 300)
    alice, dave, anna = (site.by_token(name) for name in ("alice", "dave", "anna"))
    dave.post("/v1/calls/reports", json=REPORT | {"call_id": "c3", "mos": 2.5})
    alice.post("/v1/calls/reports", json=REPORT | {"call_id": "c2", "kind": "problem", "text": "=1+1", "mos": None})
    dave.post("/v1/calls/reports", json=REPORT | {"call_id": "c2", "mos": 3.5})
    new = [("c2", DAVE, "end"), ("c2", ALICE, "problem"), ("c3", DAVE, "end")]
    assert [each for each in listed(dave) if each[0] in ("c2", "c3")] == new
    assert [each for each in listed(anna) if each[0] == "c2"] == new[:2]
    assert ("c3", DAVE, "end") not in listed(alice)  # the call of others
    assert listed(dave, mos_below=3) == new[2:]
    assert listed(dave, who=DAVE.upper(), mos_below=4) == [new[0], new[2]]
    assert ("c2", ALICE, "problem") in listed(dave, kind="problem")
    assert listed(dave, until="2026-01-01") == listed(dave, since="2126-01-01") == []

    file = anna.get("/v1/calls/reports/export", params={"kind": "problem"})
    assert file.headers["content-type"].startswith("text/csv")
    (row,) = [each for each in csv.DictReader(io.StringIO(file.text)) if each["call_id"] == "c2"]
    assert (row["who"], row["text"], row["mos"], row["sent_packets"], row["received_loss_percent"]) == (
        ALICE, "'=1+1", "", "3000", "0.3",
    )  # fmt: skip
    assert row["at"].endswith("Z")
    assert alice.get("/v1/calls/reports/export").status_code == 403


@pytest.mark.parametrize(
    "query", ["kind=x", "mos_below=9", "since=yesterday", "who=%00", "before=1", "before=1 a b %00"]
)
def test_a_wrong_question_is_told(site: Site, query: str):
    assert site.by_token("anna").get(f"/v1/calls/reports?{query}").status_code == 422


def test_other_sites_are_asked(site: Site):
    class Link:
        peer = "premises"

        def ask(self, path: str, body: Any) -> Any:
            client = TestClient(link_app(site.services), headers={"x-isthmus-peer": "online"})
            return client.post(path, json=body).json()

    class Broken:
        peer = "broken"

        def ask(self, path: str, body: Any) -> Any:
            return [{"at": "yesterday"}]

    site.by_token("alice").post("/v1/calls/reports", json=REPORT)
    found = Reports(site.services.engine, "here", [Link(), Broken()])
    assert {each["site"] for each in found.everywhere("c1")} == {"here", "premises"}


def test_old_ones_go(site: Site):
    site.by_token("alice").post("/v1/calls/reports", json=REPORT)
    reports = site.services.reports
    assert reports.purge(0) == 0
    later = Reports(site.services.engine, "premises", clock=lambda: 4_000_000_000)
    assert later.purge(1) >= 1
    assert reports.here("c1") == []
