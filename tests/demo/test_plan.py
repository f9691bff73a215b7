"""The demo's plan: what the issue and the design promise is in it, and its site files are valid."""

from pathlib import Path

import pytest

from isthmus.addressing import is_e164
from isthmus.demo import carrier_shop
from isthmus.demo.carrier_file import load as load_carrier
from isthmus.demo.plan import BRANCH_NUMBER, carrier_toml, make_plan, site_toml
from isthmus.errors import UsageError
from isthmus.site.file import SiteFile, load


def load_all(folder: Path, network: str = "127.0") -> dict[str, SiteFile]:
    plan = make_plan(network)
    for site in plan.sites:
        (folder / f"{site.name}.toml").write_text(site_toml(plan, site))
    return {site.name: load(folder / f"{site.name}.toml") for site in plan.sites}


def test_addresses_are_those_of_the_design() -> None:
    plan = make_plan()
    assert {site.name: site.address for site in plan.sites} == {
        "premises": "127.0.1.1",
        "online": "127.0.2.1",
    }
    assert plan.carrier_address == "127.0.9.1"


def test_people_have_a_number_each_and_live_at_both_sites() -> None:
    plan = make_plan()
    assert sorted(p.user for p in plan.people if p.home == "premises") == ["alice", "bob", "erin"]
    assert sorted(p.user for p in plan.people if p.home == "online") == ["carol", "dave", "frank", "grace"]
    numbers = [person.number for person in plan.people]
    assert len(set(numbers)) == len(numbers)
    assert all(is_e164(person.number) for person in plan.people)
    assert all(person.number.startswith("+142555501") for person in plan.people if not person.bought)


def test_what_is_to_be_bought_is_sold() -> None:
    sold = {offer.number for offer in carrier_shop.offers()}
    assert [person.user for person in make_plan().people if person.bought and person.number in sold] == ["grace"]


def test_site_files_are_valid_and_agree_about_one_another(tmp_path: Path) -> None:
    sites = load_all(tmp_path)
    assert [name for name, site in sites.items() if site.site.authority] == ["premises"]
    for name, site in sites.items():
        (peer,) = site.peer
        other = sites[peer.name].site
        assert peer.name != name
        assert (peer.fqdn, peer.address, peer.authority) == (other.fqdn, other.address, other.authority)
        service = ["127.0.9.2"] if name == "online" else []
        assert [trunk.address for trunk in site.trunk] == ["127.0.9.1", *service]
        assert [each.url for each in site.carrier] == ([] if service else ["http://127.0.9.1:8080"])


def test_the_carrier_serves_both_sites_and_all_our_numbers(tmp_path: Path) -> None:
    plan = make_plan()
    (tmp_path / "carrier.toml").write_text(carrier_toml(plan))
    carrier = load_carrier(tmp_path / "carrier.toml")
    premises, online, branch = (carrier.site_at(address) for address in ("127.0.1.1", "127.0.2.1", "127.0.3.1"))
    assert carrier.address == plan.carrier_address
    for person in plan.people:
        if person.bought:
            continue  # it is the service's carrier that has the line
        if person.number == BRANCH_NUMBER:
            assert carrier.way_to(person.number, None) == (branch, online)
            continue
        assert carrier.way_to(person.number, None) == (premises, online)
        assert carrier.way_to(person.number, premises) == (online,)


def test_another_network_moves_every_address(tmp_path: Path) -> None:
    for site in load_all(tmp_path, "127.44").values():
        for address in (
            site.site.address,
            site.site.internal_address,
            site.peer[0].address,
            site.trunk[0].address,
        ):
            assert address.startswith("127.44.")


@pytest.mark.parametrize("network", ["10.0", "127", "127.256", "127.x", "127.0.1", "", "128.0", "127.-1"])
def test_a_network_that_is_not_loopback_is_refused(network: str) -> None:
    with pytest.raises(UsageError):
        make_plan(network)
