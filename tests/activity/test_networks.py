"""Networks that a site is closed to."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from isthmus.activity.networks import NetworkBlocks
from isthmus.audit.model import Actor, Origin
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError, NotFoundError, RefusedError
from tests.api.callers import Site, site

__all__ = ["site"]

OWN = {"192.0.2.0/24": "one of direct_networks", "2001:db8:1::/48": "one of direct_networks"}


@pytest.fixture
def networks(engine: Engine, directory: Directory) -> NetworkBlocks:
    return NetworkBlocks(engine, directory, OWN)


def test_a_network_is_kept_out_until_it_is_let_in_again(engine: Engine, directory: Directory, networks: NetworkBlocks):
    followed: list[tuple[str, ...]] = []
    networks.changed = lambda: followed.append(networks.networks())
    networks.block("203.0.113.0/24", "a spray", actor="anna")
    networks.block("203.0.113.0/24", "again", actor="ben")
    (blocked,) = networks.listed()
    assert (blocked.network, blocked.reason, blocked.by) == ("203.0.113.0/24", "a spray", "anna")
    assert networks.holds("203.0.113.7")
    assert not networks.holds("203.0.114.7")
    assert NetworkBlocks(engine, directory).holds("203.0.113.7"), "it outlives a restart"
    networks.unblock("203.0.113.0/24", actor="anna")
    assert not networks.holds("203.0.113.7")
    assert followed == [("203.0.113.0/24",), ("203.0.113.0/24",), ()]
    with pytest.raises(NotFoundError):
        networks.unblock("203.0.113.0/24", actor="anna")


@pytest.mark.parametrize(
    "network", ["192.0.2.128/25", "192.0.0.0/16", "2001:db8::/32", "0.0.0.0/0", "::/0", "203.0.113.7/32"]
)
def test_what_the_site_needs_is_not_shut_out_by_accident(networks: NetworkBlocks, network: str):
    anna = Actor("account:anna", Origin("api", "203.0.113.7"))
    with pytest.raises(RefusedError) as refused:
        networks.block(network, actor=anna)
    assert refused.value.do == "If that is meant: --force"
    networks.block(network, force=True, actor=anna)
    assert networks.networks() == (network,)


@pytest.mark.parametrize("network", ["", "x", "203.0.113.7/24", "1.2.3.4/33", "203.0.113.0/24\0", "9" * 99])
def test_what_is_no_network(networks: NetworkBlocks, network: str):
    with pytest.raises(IsthmusError, match="is no network"):
        networks.block(network, actor="anna")


def test_who_comes_from_there_has_no_use_of_the_api(site: Site):
    site.account("anna", "global", every_tenant=True)
    site.account("erin", "global", tenant="fabrikam")
    anna, spray = site.by_token("anna"), {"network": "203.0.113.0/24", "reason": "a spray"}
    assert site.by_token("erin").post("/v1/activity/networks/block", json=spray).status_code == 403, "it is everybody's"
    assert site.browser(address="203.0.113.7").get("/account").is_success
    assert anna.post("/v1/activity/networks/block", json=spray).is_success
    assert site.browser(address="203.0.113.7").get("/account").status_code == 403
    assert site.browser(address="203.0.113.7").sign_in("anna").status_code == 403
    assert site.browser(address="203.0.114.7").get("/account").is_success
    assert site.services.writer.config.barred_networks == ("203.0.113.0/24",)
    assert anna.post("/v1/activity/networks/unblock", json={"network": "203.0.113.0/24"}).is_success
    assert site.browser(address="203.0.113.7").get("/account").is_success
