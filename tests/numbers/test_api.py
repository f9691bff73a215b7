"""The routes of numbers beyond what the generated tests ask: whole stories, and who may do what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from isthmus.api import local_app, web_app
from isthmus.site.services import Services
from tests.api.callers import Site, open_site

HEADERS = {"X-Isthmus-Actor": "cli:ann"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    services = open_site(tmp_path_factory.mktemp("n"))
    made = Site(services, web_app(services))
    made.person("alice@contoso.example")
    made.person("bob@contoso.example", "+442079460101")
    made.person("erin@fabrikam.example")
    made.account("anna", "global")
    made.account("erin", "global", tenant="fabrikam")
    made.account("vera", "voice")
    made.account("olga", "auditor")
    yield made
    services.close()


@pytest.fixture
def operator(site: Site) -> Iterator[TestClient]:
    """On the machine, by the socket."""
    services: Services = site.services
    client = TestClient(local_app(services), headers=HEADERS)
    made = client.post("/v1/numbers/ranges", json={"range": "+14255550100-0199", "carrier": "Northwind"})
    assert made.status_code == 201, made.text
    yield client
    for each in client.get("/v1/numbers", params={"state": "assigned", "limit": 1000}).json():
        client.post(f"/v1/numbers/{each['number']}/release")
    for each in client.get("/v1/numbers/extensions").json():
        client.post(f"/v1/numbers/{each['number']}/release")
    for each in client.get("/v1/numbers/ranges").json():
        assert client.delete(f"/v1/numbers/ranges/{each['range']}").status_code == 204


def test_from_the_carrier_to_a_person_and_back(operator: TestClient) -> None:
    (stock,) = operator.get("/v1/numbers/ranges").json()
    assert (stock["country"], stock["area"], stock["numbers"], stock["free"]) == ("US", "425", 100, 100)
    free = operator.get("/v1/numbers", params={"state": "free", "area": "425", "limit": 2}).json()
    assert [each["number"] for each in free] == ["+14255550100", "+14255550101"]
    kept = operator.post("/v1/numbers/+14255550101/reserve").json()
    assert (kept["state"], kept["reserved_by"]) == ("reserved", "cli:ann")
    given = operator.post("/v1/numbers/+14255550101/assign", json={"owner": "alice@contoso.example"}).json()
    assert (given["state"], given["owner"]) == ("assigned", {"kind": "person", "name": "alice@contoso.example"})
    assert operator.get("/v1/people/alice@contoso.example").json()["number"] == "+14255550101"
    behind = operator.post("/v1/numbers/+14255550100;ext=12/assign", json={"owner": "bob@contoso.example"}).json()
    assert behind["people"] == [{"extension": "12", "aor": "bob@contoso.example"}]
    assert operator.post("/v1/numbers/+14255550101/release").status_code == 204
    assert operator.get("/v1/people/alice@contoso.example").json()["number"] is None


def test_what_is_in_no_range_is_found_and_listed_only_where_asked_for(operator: TestClient) -> None:
    assert "+442079460101" not in operator.get("/v1/numbers", params={"limit": 1000}).text
    (each,) = operator.get("/v1/numbers", params={"state": "unknown"}).json()
    assert (each["number"], each["owner"]["name"]) == ("+442079460101", "bob@contoso.example")
    assert each["range"] is each["use"] is None


def test_a_refusal_says_whose_it_is_and_what_to_do(operator: TestClient) -> None:
    operator.post("/v1/numbers/+14255550100/assign", json={"owner": "service:desk"})
    refused = operator.post("/v1/numbers/+14255550100/assign", json={"owner": "alice@contoso.example"})
    assert refused.status_code == 409
    assert "service:desk" in refused.json()["what"]
    assert "isthmus number transfer" in refused.json()["do"]
    refused = operator.patch("/v1/people/alice@contoso.example", json={"number": "+14255550100"})
    assert (refused.status_code, "service:desk" in refused.json()["what"]) == (409, True)


def test_which_numbers_there_are_is_the_operators_to_say(operator: TestClient, site: Site) -> None:
    anna, olga, vera = (site.by_token(name) for name in ("anna", "olga", "vera"))
    body = {"range": "+14255550200"}
    for client in (anna, vera, olga):
        assert client.post("/v1/numbers/ranges", json=body).status_code == 403
        assert client.delete("/v1/numbers/ranges/+14255550150").status_code == 403
        assert client.post("/v1/numbers/import", json={"rows": []}).status_code == 403
        assert len(client.get("/v1/numbers/ranges").json()) == 1
    assert olga.post("/v1/numbers/+14255550101/reserve").status_code == 403
    assert vera.post("/v1/numbers/+14255550101/reserve").status_code == 200
    assert anna.post("/v1/numbers/+14255550101/assign", json={"owner": "service:x"}).status_code == 409


def test_another_tenants_number_is_told_as_one_that_does_not_exist(operator: TestClient, site: Site) -> None:
    erin = site.by_token("erin")
    operator.post("/v1/numbers/+14255550101/assign", json={"owner": "alice@contoso.example"})
    answers: list[Any] = []
    for number in ("+14255550101", "+14255550102", "+14255559999"):
        for path, body in (("assign", {"owner": "erin@fabrikam.example"}), ("reserve", None), ("release", None)):
            answer = erin.post(f"/v1/numbers/{number}/{path}", json=body)
            answers.append((answer.status_code, answer.json()["what"].replace(number, "*")))
        answers.append((erin.get(f"/v1/numbers/{number}").status_code, answers[0][1]))
    assert set(answers) == {(404, "* is not in the inventory")}
    assert erin.get("/v1/numbers", params={"tenant": "main"}).status_code == 404


def test_an_order_by_the_tenant_and_the_rest_by_the_operator(operator: TestClient, site: Site) -> None:
    anna = site.by_token("anna")
    body = {"direction": "in", "range": "+14255550300-0309", "carrier": "Tailspin"}
    order = anna.post("/v1/numbers/ports", json=body).json()
    path = f"/v1/numbers/ports/{order['id']}"
    assert anna.post(f"{path}/events", json={"event": "submit"}).status_code == 403
    for event in ({"event": "submit", "reference": "TS-1"}, {"event": "accept"}, {"event": "complete"}):
        answer = operator.post(f"{path}/events", json=event)
    assert (answer.status_code, answer.json()["do"]) == (409, "It can: schedule, cancel.")
    assert operator.post(f"{path}/events", json={"event": "schedule"}).status_code == 422
    operator.post(f"{path}/events", json={"event": "schedule", "due": "2027-01-31"})
    done = operator.post(f"{path}/events", json={"event": "complete"}).json()
    assert (done["state"], done["due"], done["reference"]) == ("completed", "2027-01-31", "TS-1")
    assert anna.get("/v1/numbers/+14255550300").json()["carrier"] == "Tailspin"


def test_an_import_with_errors_tells_all_of_them(operator: TestClient) -> None:
    rows = [{"number": "+14255550200"}, {"number": "1"}, {"number": "+14255550150-0250", "line": 7}]
    told = operator.post("/v1/numbers/import", json={"rows": rows}).json()
    assert (told["dry_run"], [each["line"] for each in told["errors"]]) == (False, [2, 7])
    assert operator.get("/v1/numbers/+14255550200").status_code == 404
    assert operator.post("/v1/numbers/import", json={"rows": rows[:1]}).json()["added"] == 1


@pytest.mark.parametrize(
    "query", [{"state": "gone"}, {"country": "USA"}, {"area": "x"}, {"pattern": "a"}, {"limit": 0}, {"after": "x"}]
)
def test_questions_that_are_none(operator: TestClient, query: dict[str, Any]) -> None:
    assert operator.get("/v1/numbers", params=query).status_code == 422


@pytest.mark.parametrize("number", ["1", "+1425555010x", "+14255550100;ext=", "+14255550100;isub=1", "x" * 90])
def test_numbers_that_are_none(operator: TestClient, number: str) -> None:
    assert operator.get(f"/v1/numbers/{number}").status_code == 422
    assert operator.post(f"/v1/numbers/{number}/release").status_code == 422
