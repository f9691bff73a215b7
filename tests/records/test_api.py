"""Who sees which records and rates over the API, and what comes out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from arro3.io import read_parquet
from starlette.testclient import TestClient

from isthmus.access.model import Scope
from isthmus.addressing import Aor
from isthmus.api import link_app, web_app
from isthmus.api.gate import Limits
from isthmus.database import writing
from isthmus.records import rules, store
from isthmus.records.model import Record
from tests.api.callers import Site, open_site
from tests.records.conftest import answered, begins, bye
from tests.records.test_rules import leg_of

ALICE, DAVE, ERIN = "alice@contoso.example", "dave@contoso.example", "erin@fabrikam.example"
CSV = "prefix,name,price_per_minute,currency\n+44,United Kingdom,0.0125,GBP\n"


def stored(site: Site, seq: int, caller: str, callee: str, began_s: float, **more: object) -> Record:
    """A record as the recorder makes it of an answered call of a minute."""
    events = (begins(began_s, f"c{seq}", caller=caller, callee=callee, whom=""), answered(began_s + 3, f"c{seq}"))
    leg = leg_of(*events, bye(began_s + 63, f"c{seq}"))
    with writing(site.services.engine) as connection:
        people = store.people_at(connection, (caller, callee))
        made = rules.record_of(leg, site="premises", stream="s", seq=seq, people=people)
        store.add(connection, [msgspec.structs.replace(made, **more)])
    return made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    services = open_site(tmp_path_factory.mktemp("r"))
    made = Site(services, web_app(services, Limits((1e6, 10**6), (1e6, 10**6), (1e6, 10**6))))
    made.person(ALICE, "+14255550101", groups=())
    made.person(DAVE)
    made.person(ERIN)
    stored(made, 1, ALICE, "+12065550123", 100)
    stored(made, 2, DAVE, ALICE, 200)
    stored(made, 3, ERIN, "+442079460000", 300)
    stored(made, 4, DAVE, ERIN, 400)
    stored(made, 5, "+12065550123", "+14255550101", 500, source="trunk", via="carrier")
    stored(made, 6, "+12065550123", "nobody@contoso.example", 600, code=404)
    made.account("anna", "global")
    made.account("olga", "global", every_tenant=True)
    made.account("frank", "global", tenant="fabrikam")
    made.account("alice", person=ALICE)
    made.account("group", ("user", Scope(groups=frozenset({"sales"}))))
    yield made
    services.close()


def seen(client: TestClient, **wanted: object) -> list[int]:
    answer = client.get("/v1/calls/records", params=wanted)
    assert answer.status_code == 200, answer.text
    return [each["seq"] for each in answer.json()]


def test_everybody_sees_the_calls_with_somebody_in_reach_at_an_end(site: Site):
    assert seen(site.by_token("olga")) == [6, 5, 4, 3, 2, 1]
    assert seen(site.by_token("anna")) == [5, 4, 2, 1]
    assert seen(site.by_token("frank")) == [4, 3]
    assert seen(site.by_token("alice")) == [5, 2, 1]
    assert seen(site.by_token("group")) == []


def test_a_search_leads_nobody_past_their_reach(site: Site):
    frank = site.by_token("frank")
    assert seen(frank, who=ALICE) == seen(frank, call_id="c1") == []
    assert seen(frank, who=ERIN) == [4, 3]
    assert "c1," not in frank.get("/v1/calls/records/export").text


def test_calls_of_somebody_who_is_gone_stay_their_tenants_and_nobody_elses(site: Site):
    site.person("gone@fabrikam.example")
    stored(site, 7, "gone@fabrikam.example", "+12065550123", 700)
    site.services.directory.delete(Aor.parse("gone@fabrikam.example"), actor="test")
    site.person("gone@fabrikam.example")  # somebody else with this address
    site.account("newcomer", tenant="fabrikam", person="gone@fabrikam.example")
    assert 7 in seen(site.by_token("frank"))
    assert 7 not in seen(site.by_token("anna"))
    assert seen(site.by_token("newcomer")) == []


def test_pages_follow_one_another(site: Site):
    client, path, found = site.by_token("olga"), "/v1/calls/records?limit=2", []
    while path:
        answer = client.get(path)
        found += [each["seq"] for each in answer.json()]
        path = answer.links.get("next", {}).get("url", "")
    assert found == seen(client)
    assert client.get("/v1/calls/records?before=x").status_code == 422


@pytest.mark.parametrize("query", ["code=700", "by=nobody", "since=yesterday", "who=%00", "before=1:x:y", "limit=0"])
def test_a_wrong_question_is_told(site: Site, query: str):
    assert site.by_token("olga").get(f"/v1/calls/records?{query}").status_code == 422


def test_an_export_has_what_the_list_has(site: Site):
    client = site.by_token("anna")
    text = client.get("/v1/calls/records/export")
    assert text.headers["content-type"].startswith("text/csv")
    assert [line.split(",")[2] for line in text.text.splitlines()[1:]] == [str(each) for each in seen(client)]
    parquet = client.get("/v1/calls/records/export?format=parquet")
    table = read_parquet(io.BytesIO(parquet.content)).read_all()
    assert table.column("seq").to_pylist() == seen(client)
    assert site.by_token("alice").get("/v1/calls/records/export").status_code == 403


def test_rates_are_their_tenants(site: Site):
    anna, frank = site.by_token("anna"), site.by_token("frank")
    assert anna.post("/v1/rates/import", json={"csv": CSV, "dry_run": True}).json()["added"] == ["+44"]
    assert anna.get("/v1/rates").json() == []
    assert anna.post("/v1/rates/import", json={"csv": CSV}).json()["added"] == ["+44"]
    assert anna.get("/v1/rates").json() == [
        {"prefix": "+44", "name": "United Kingdom", "price_per_minute": "0.0125", "currency": "GBP",
         "minimum_s": 0, "increment_s": 1}
    ]  # fmt: skip
    assert frank.get("/v1/rates").json() == []
    assert frank.get("/v1/rates?tenant=main").status_code in (403, 404)
    assert frank.post("/v1/rates/import?tenant=main", json={"csv": CSV}).status_code in (403, 404)
    assert site.by_token("alice").get("/v1/rates").status_code == 403


def test_peers_alone_are_told_records(tmp_path: Path):
    services = open_site(tmp_path)
    client = TestClient(link_app(services))
    body = {"stream": "", "after": 0}
    assert client.post("/link/records", json=body).status_code == 403
    peer = services.site_file.peer[0].name if services.site_file.peer else ""
    if peer:
        told = client.post("/link/records", json=body, headers={"X-Isthmus-Peer": peer}).json()
        assert (told["site"], told["last"], told["records"]) == ("premises", 0, [])
    services.close()
