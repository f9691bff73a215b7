"""A running site: the published conformance tester over TLS through haproxy, and a push that calls follow at once."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from isthmus.routing.snapshot import LmdbSnapshot
from tests.interop.conftest import DOMAIN, Sites, lay_out
from tests.scim.tester import check, complaints
from tests.scim.world import PATCH, USER
from tests.support import Loopback, Processes, wait_for

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Sites]:
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    sites = Sites(lay_out(folder / "d", loopback), processes, loopback)
    try:
        sites.start("premises")
        yield sites
    finally:
        processes.close()


@pytest.fixture(scope="module")
def provider(site: Sites) -> Iterator[httpx.Client]:
    """With a token, on the web port; the name in the certificate is verified."""
    file = site.file("premises")
    with site.api("premises") as api:
        token = api.post("/v1/scim/tokens", {"name": "test"})["token"]

    def name_the_site(request: httpx.Request) -> None:
        request.extensions["sni_hostname"] = file.site.fqdn

    with httpx.Client(
        base_url=f"https://{file.site.address}:{file.ports.web}/scim/v2",
        headers={"Authorization": f"Bearer {token}", "Host": f"{file.site.fqdn}:{file.ports.web}"},
        verify=ssl.create_default_context(cafile=site.ca),
        event_hooks={"request": [name_the_site]},
        timeout=30,
    ) as client:
        yield client


def test_calls_follow_what_is_pushed(site: Sites, provider: httpx.Client):
    snapshot = LmdbSnapshot.open(site.file("premises").snapshot_dir)

    def known() -> Any:
        with snapshot.view() as view:
            return view.person(f"pushed@{DOMAIN}")

    body: dict[str, Any] = {"schemas": [USER], "userName": f"pushed@{DOMAIN}", "active": True}
    made = provider.post("/Users", json=body)
    assert made.status_code == 201, made.text
    wait_for(known, 60, "calls know the person")
    off = {"schemas": [PATCH], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    assert provider.patch(f"/Users/{made.json()['id']}", json=off).status_code == 204
    wait_for(lambda: not known().enabled, 60, "calls know that the person is disabled")
    snapshot.close()


def test_the_conformance_tester_has_no_complaint(provider: httpx.Client):
    results = check(provider)
    assert complaints(results) == []
    assert len(results) > 100
