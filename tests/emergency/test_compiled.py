"""The map that calls look into: the longest prefix wins, and a look-up does not walk through all there is."""

from __future__ import annotations

import ipaddress

from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.emergency import compiled
from isthmus.emergency.compiled import EmergencyMap, Line
from isthmus.emergency.model import Element, NetworkElement
from tests.emergency.addresses import place

PLACES = [place(f"p{number}") for number in range(6)]


def subnet(network: str, name: str) -> NetworkElement:
    return NetworkElement("main", Element.SUBNET, network, name)


def found(made: compiled.TenantMap, address: str) -> str | None:
    place, _ = made.by_address(ipaddress.ip_address(address))
    return place and place.name


def test_the_inner_subnet_holds_up_to_its_end_and_then_the_outer_one_again():
    made = compiled.compiled(
        PLACES,
        [
            subnet("10.0.0.0/8", "p0"),
            subnet("10.1.0.0/16", "p1"),
            subnet("10.1.2.0/24", "p2"),
            subnet("10.1.3.0/24", "p3"),
            subnet("10.255.255.0/24", "p4"),
            subnet("2001:db8::/32", "p5"),
        ],
    )
    at = {
        "9.255.255.255": None, "10.0.0.0": "p0", "10.1.0.1": "p1", "10.1.2.0": "p2", "10.1.2.255": "p2",
        "10.1.3.9": "p3", "10.1.4.0": "p1", "10.2.0.0": "p0", "10.255.255.255": "p4", "11.0.0.0": None,
        "2001:db8::1": "p5", "2001:db9::": None, "::1": None,
    }  # fmt: skip
    assert {address: found(made, address) for address in at} == at


def test_the_whole_of_it_and_its_very_end():
    made = compiled.compiled(PLACES, [subnet("0.0.0.0/0", "p0"), subnet("255.255.255.255/32", "p1")])
    assert [found(made, each) for each in ("0.0.0.0", "255.255.255.254", "255.255.255.255")] == ["p0", "p0", "p1"]


networks = st.builds(
    lambda address, bits: str(ipaddress.ip_network((address, bits), strict=False)),
    st.integers(0, 255).map(lambda last: (10 << 24) + last),  # few addresses, so that subnets lie in one another
    st.integers(20, 32),
)


@given(st.dictionaries(networks, st.sampled_from([each.name for each in PLACES]), max_size=25), st.integers(0, 300))
@settings(max_examples=300)
def test_it_finds_what_a_walk_through_all_subnets_finds(subnets: dict[str, str], last: int):
    address = ipaddress.ip_address((10 << 24) + last)
    fitting = [net for net in map(ipaddress.ip_network, subnets) if address in net]
    wanted = subnets[str(max(fitting, key=lambda net: net.prefixlen))] if fitting else None
    made = compiled.compiled(PLACES, [subnet(net, name) for net, name in subnets.items()])
    assert found(made, str(address)) == wanted


class Counting(tuple):
    """A tuple that counts how often one looks into it."""

    looks = 0

    def __getitem__(self, index):
        Counting.looks += 1
        return super().__getitem__(index)


def looks_in(count: int) -> int:
    """How often a look-up among so many subnets looks at one."""
    subnets = [subnet(f"10.{number // 256}.{number % 256}.0/24", "p0") for number in range(count)]
    line = compiled.compiled(PLACES, subnets).ipv4
    counted, Counting.looks = Line(Counting(line.starts), line.places, line.prefixes), 0
    assert counted.find(ipaddress.ip_address("10.1.1.77").packed)[0] == 0
    return Counting.looks


def test_a_hundred_times_the_subnets_cost_some_looks_more():
    """No limit of time: what is counted is how often one looks, which no other load on the machine changes."""
    few, many = looks_in(600), looks_in(60_000)
    assert many <= 18
    assert many - few <= 8


def test_a_bssid_by_the_longest_entry_that_fits():
    entries = {"00:1a:2b:*": "p0", "00:1a:2b:3c:4d:*": "p1", "00:1a:2b:3c:4d:5*": "p2", "00:1a:2b:3c:4d:5e": "p3"}
    made = compiled.compiled(PLACES, [NetworkElement("main", Element.BSSID, *each) for each in entries.items()])

    def by(bssid: str) -> str | None:
        place, _ = made.by_bssid(bssid)
        return place and place.name

    assert [by(f"00:1a:2b:{rest}") for rest in ("3c:4d:5e", "3c:4d:5f", "3c:4d:6e", "aa:bb:cc")] == [
        "p3", "p2", "p1", "p0",
    ]  # fmt: skip
    assert by("11:1a:2b:3c:4d:5e") is None


def test_what_leads_to_a_place_that_is_not_there_leads_nowhere():
    assert found(compiled.compiled(PLACES, [subnet("10.0.0.0/8", "gone")]), "10.1.1.1") is None


def test_it_travels_as_bytes():
    """As the snapshot keeps it."""
    parts = [
        subnet("10.0.0.0/8", "p1"),
        subnet("2001:db8::/32", "p2"),
        NetworkElement("main", Element.SWITCH, "s", "p3"),
    ]
    parts.append(NetworkElement("main", Element.PORT, "s", "p4", "Gi1"))
    made = EmergencyMap({"main": compiled.compiled([*PLACES, place("p9", default=True)], parts)})
    again = compiled.decoded(compiled.encoded(made))
    assert again == made
    assert compiled.decoded(b"") == EmergencyMap()
    assert found(again.of("main"), "10.1.1.1") == "p1"
    assert again.of("fabrikam").places == ()
