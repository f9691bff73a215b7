"""The place in the INVITE of an emergency call, as the carrier gets it from real engines."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator

import pytest

from isthmus.dialling.plan import Dialling
from isthmus.emergency import pidflo
from isthmus.emergency.compiled import EmergencyMap, TenantMap, compiled
from isthmus.emergency.mapfile import MapFile
from isthmus.emergency.model import Choice, Element, NetworkElement, Settings
from tests.agents.raw import User
from tests.emergency.addresses import place, us
from tests.hostile.sites import OURS, EdgeSites, launch
from tests.support import Loopback, Processes

pytestmark = pytest.mark.engine

SUBNET = NetworkElement("main", Element.SUBNET, "127.0.0.0/8", "hq3")


@pytest.fixture(scope="module")
def edge_sites(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[EdgeSites]:
    folder = tmp_path_factory.mktemp("s")
    processes = Processes(folder)
    try:
        yield launch(folder, loopback, processes, trunk="emergency_location = true\n", plan=Dialling("US", outside="9"))
    finally:
        processes.close()


def lay_map(edge_sites: EdgeSites, *parts: NetworkElement, **more: object) -> None:
    choices = {f"alice@{OURS}": (Choice(f"alice@{OURS}", civic=us(UNIT="4")),)}
    made = compiled([place("hq3")], parts, {}, choices)
    for name, value in more.items():
        made = type(made)(**{field: getattr(made, field) for field in made.__struct_fields__} | {name: value})
    file = MapFile(edge_sites.files["premises"].snapshot_dir)
    file.write(EmergencyMap({"main": made}, {OURS: "main"}))


async def called(edge_sites: EdgeSites, digits: str) -> tuple[dict[str, str], bytes]:
    """Headers and body of the INVITE that the carrier gets when Alice dials these digits, and that the call is up."""
    carrier = await User.open(f"sip:carrier@{edge_sites.carrier}", edge_sites.carrier, port=5060, media=False)
    async with carrier, await edge_sites.phone("alice") as alice:
        call = await alice.dial(f"sip:{digits}@{OURS}")
        invite = (await carrier.called()).invite
        assert (await call.hang_up()).code == 200
    return {name.lower(): value for name, value in invite.headers}, invite.body


async def test_the_place_of_the_network(edge_sites: EdgeSites):
    lay_map(edge_sites, SUBNET)
    headers, body = await called(edge_sites, "911")
    assert headers["geolocation-routing"] == "yes"
    message = email.message_from_bytes(
        f"Content-Type: {headers['content-type']}\r\n\r\n".encode() + body, policy=email.policy.SMTP
    )
    sdp, document = message.iter_parts()
    assert (sdp.get_content_type(), document.get_content_type()) == ("application/sdp", pidflo.TYPE)
    assert headers["geolocation"] == f"<cid:{document['Content-ID'].strip('<>')}>"
    read = pidflo.read(document.get_payload(decode=True))
    assert (read.entity, read.civic, read.method) == (f"pres:alice@{OURS}", us(FLR="3"), "Derived")
    # What rtpengine made of the phone's: media comes by the site.
    assert edge_sites.address() in sdp.get_payload(decode=True).decode()
    assert int(headers["content-length"]) == len(body)


async def test_the_address_that_somebody_at_home_gave(edge_sites: EdgeSites):
    lay_map(edge_sites)
    _, body = await called(edge_sites, "911")
    assert b"<ca:UNIT>4</ca:UNIT>" in body


@pytest.mark.parametrize(
    ("digits", "more"),
    [
        ("911", {"settings": (Settings(send="none"),)}),
        ("911", {"choices": {}}),  # nobody knows a place
        ("912065550123", {}),  # no emergency
    ],
)
async def test_calls_that_carry_none(edge_sites: EdgeSites, digits: str, more: dict[str, object]):
    lay_map(edge_sites, **more)
    headers, _ = await called(edge_sites, digits)
    assert "geolocation" not in headers
    assert headers["content-type"] == "application/sdp"


POOL = ("+14255550190", "+14255550191")


def lay_pool(edge_sites: EdgeSites) -> None:
    settings = (Settings(send="elin", elin_for="everybody"),)
    made = compiled([place("hq3", elins=POOL)], [SUBNET])
    made = TenantMap(**{name: getattr(made, name) for name in made.__struct_fields__} | {"settings": settings})
    MapFile(edge_sites.files["premises"].snapshot_dir).write(EmergencyMap({"main": made}, {OURS: "main"}))


async def test_a_number_is_lent_and_a_call_back_reaches_who_called(edge_sites: EdgeSites):
    lay_pool(edge_sites)
    carrier = await User.open(f"sip:carrier@{edge_sites.carrier}", edge_sites.carrier, port=5060, media=False)
    async with carrier, await edge_sites.phone("alice") as alice, await edge_sites.phone("erin") as erin:
        lent = []
        for number, phone in enumerate((alice, erin, alice), 1):
            call = await phone.dial(f"sip:911@{OURS}")
            invite = (await carrier.called(number)).invite
            assert (await call.hang_up()).code == 200
            (asserted,) = [value for name, value in invite.headers if name.lower() == "p-asserted-identity"]
            lent.append(asserted.removeprefix("<tel:").removesuffix(">"))
        assert set(lent) == set(POOL)
        assert lent[0] == lent[2]  # who calls again keeps their number
        for number, phone in zip(lent, (alice, erin), strict=False):
            call = await carrier.dial(f"sip:{number}@{edge_sites.address()}")
            await phone.called()
            assert (await call.hang_up()).code == 200


async def test_the_number_to_call_back_is_told_to_the_centre_whatever_the_caller_wants_shown(edge_sites: EdgeSites):
    lay_map(edge_sites, SUBNET)
    carrier = await User.open(f"sip:carrier@{edge_sites.carrier}", edge_sites.carrier, port=5060, media=False)
    async with carrier, await edge_sites.phone("alice") as alice:
        asserted = []
        for count, digits in enumerate(("911", "912065550123"), 1):
            call = await alice.call(f"sip:{digits}@{OURS}", headers=[("Privacy", "id")], body=alice._no_media)
            await call.answered(10)
            invite = (await carrier.called(count)).invite
            assert (await call.hang_up()).code == 200
            names = [value for name, value in invite.headers if name.lower() == "p-asserted-identity"]
            asserted.append("<tel:+14255550101>" in names)
    assert asserted == [True, False]


async def test_a_map_that_is_none_keeps_no_call_from_going_out(edge_sites: EdgeSites):
    file = edge_sites.files["premises"].snapshot_dir / "locations"
    file.write_bytes(b"\xc1 nonsense")
    await called(edge_sites, "911")
    file.unlink()
    headers, _ = await called(edge_sites, "9911")
    assert "geolocation" not in headers
