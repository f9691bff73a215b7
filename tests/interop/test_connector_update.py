"""Connectors bring themselves to other versions, one at a time, and back from those that are no good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.connectors import package as packages
from isthmus.link.client import PeerClient
from isthmus.site import admitting, internal
from tests.interop.conftest import Sites
from tests.interop.connectors import Machine
from tests.support import Processes, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PLACE = "updated"
_LONG_S = 400  # for two installations and two trials on a machine that is busy


@pytest.fixture(scope="module")
def machines(two_sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Machine]]:
    """Two connectors of a site, at version 1.0, which may be updated at any time."""
    folder = tmp_path_factory.mktemp("u")
    two_sites.create("tenant-of-updates", "online")
    two_sites.wait_until_known(["tenant-of-updates"])
    processes = Processes(folder)
    both = (
        Machine(two_sites, processes, folder / "a", place=PLACE),
        Machine(two_sites, processes, folder / "b", place=PLACE),
    )
    try:
        for each in both:
            each.pack().lay_out("1.0").install()
            each.launch()
            each.becomes(state="healthy", version="1.0")
        yield both
    finally:
        processes.close()


def order(machine: Machine, version: str) -> None:
    """Let the connectors of the site have this version, from now on."""
    window = ("--window", "mon-sun 00:00-24:00", "--zone", "UTC")
    machine.online("connector", "configure", "--site", PLACE, "--version", version, *window, "--at", "online")


def offer_altered(machine: Machine, version: str, file: str, old: str, new: str) -> Path:
    """Offer this program with a fault in it, as a version."""
    tree = machine.root.with_name(f"tree-{version}")
    packages.unpack(packages.archive(packages.source_root(), version), tree)
    source = tree / "src" / "isthmus" / file
    text = source.read_text()
    assert old in text
    source.write_text(text.replace(old, new, 1))
    return admitting.offer(machine.sites.file("online"), version, packages.archive(tree, version))


def is_given(machine: Machine) -> str:
    """The version that online tells a connector to bring itself to."""
    client = PeerClient("online", internal.link_out_socket(machine.site, "online"))
    try:
        return str(client.get("/link/connector/orders")["version"])
    finally:
        client.close()


def returns(machine: Machine, version: str) -> str:
    """Wait until it is back from that version, and well by the one before; why it is."""

    def back() -> dict[str, object] | None:
        now = machine.shown()
        return now if (now["returned_from"], now["state"]) == (version, "healthy") else None

    found = wait_for(back, _LONG_S, f"{machine.name} is back from {version}")
    assert found is not None
    assert machine.current == found["version"] == "1.1"
    assert not (machine.root / "trial").exists()
    return str(found["returned_why"])


def test_one_after_the_other_is_brought_to_a_version_that_is_offered(machines: tuple[Machine, Machine]):
    one, other = machines
    one.online("connector", "offer", "--name", "1.1", "--at", "online")
    order(one, "1.1")
    busy: list[set[str]] = []

    def are_there() -> bool:
        now = [each.shown() for each in machines]
        busy.append({each["name"] for each in now if each["phase"]})
        return all((each["version"], each["state"]) == ("1.1", "healthy") for each in now)

    wait_for(are_there, 2 * _LONG_S, "both are well by the new version")
    assert all(len(names) <= 1 for names in busy)
    assert {one.name} in busy
    assert {other.name} in busy
    for each in machines:
        assert each.current == "1.1"
        assert each.versions == {"1.0", "1.1"}
        assert not (each.root / "trial").exists()


def test_an_archive_that_is_not_what_was_offered_is_not_installed(machines: tuple[Machine, Machine]):
    one, other = machines
    file = admitting.offer(one.sites.file("online"), "1.1.1", packages.archive(packages.source_root(), "1.1.1"))
    file.write_bytes(packages.archive(packages.source_root(), "1.1.2"))
    order(one, "1.1.1")
    assert "hash" in returns(one, "1.1.1")
    assert not one.versions & {"1.1.1", "1.1.2"}
    assert is_given(other) == ""


def test_a_version_that_does_not_start_is_left_and_given_to_no_other(machines: tuple[Machine, Machine]):
    one, other = machines
    offer_altered(one, "1.2", "cli/main.py", "from __future__", "raise SystemExit('no good')\nfrom __future__")
    order(one, "1.2")
    assert "did not come up" in returns(one, "1.2")
    assert is_given(one) == is_given(other) == ""
    assert "1.2" not in other.versions
    assert other.shown()["version"] == "1.1"


def test_a_version_that_does_not_hear_online_is_left_in_time(machines: tuple[Machine, Machine]):
    one, other = machines
    offer_altered(one, "1.3", "site/agent.py", "/link/connector/orders", "/link/connector/nothing")
    launcher = next(each for each in reversed(one.processes.started) if each.name == one.name)
    launcher.stop(30)
    one.launch(trial_s=60)
    one.becomes(state="healthy")
    order(one, "1.3")
    assert returns(one, "1.3")
    assert is_given(other) == ""
    assert "1.3" not in other.versions
    assert "returned" in one.online("--site", "online", "connector", "show", one.name).lower()
