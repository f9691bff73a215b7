"""Figures for Prometheus, of what the asker reaches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from isthmus.api import web_app
from tests.api.callers import Site, open_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    services = open_site(tmp_path_factory.mktemp("f"))
    made = Site(services, web_app(services))
    made.person("alice@contoso.example")
    made.person("bob@contoso.example")
    made.person("erin@fabrikam.example")
    made.account("anna", "global", every_tenant=True)
    made.account("erin", "global", tenant="fabrikam")
    yield made
    services.close()


def figures(site: Site, account: str) -> dict[tuple[str, ...], float]:
    answer = site.by_token(account).get("/v1/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_site_is_told_in_figures(site: Site):
    site.browser().sign_in("anna", "wrong")
    site.browser().get("/v1/people/alice@contoso.example")
    site.browser().get("/nowhere/alice")
    found = figures(site, "anna")
    assert found["isthmus_people", "premises"] == 3
    assert found["isthmus_people", "online"] == 0
    assert found["isthmus_link_up", "online"] == 0
    assert found["isthmus_directory_seq",] == site.services.directory.last_seq()
    assert found["isthmus_sip_up",] == 0
    for key in (
        ("POST", "/v1/session", "401"),
        ("GET", "/v1/people/{aor}", "401"),
        ("other", "other", "404"),
    ):
        assert found["isthmus_http_requests_total", *key] >= 1
    assert "alice" not in str(found)


def test_a_tenant_is_told_of_its_own_people_and_no_more(site: Site):
    assert figures(site, "erin") == {("isthmus_people", "premises"): 1, ("isthmus_people", "online"): 0}
