"""Emergency calls of phones at one site that go out by the trunk of the other: where the phone is goes along.

Of the buildings online knows nothing: their places are kept at premises, beside the trunk, as mostly.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from isthmus.demo.provision import Demo
from isthmus.emergency import carried, pidflo
from isthmus.emergency.mapfile import MapFile
from isthmus.emergency.model import Civic, Source
from isthmus.routing.snapshot import LmdbSnapshot
from isthmus.site.file import load
from isthmus.useragent.message import Request
from tests.agents.raw import Rule, User
from tests.faults.link import Cut, can_drop_packets
from tests.faults.people import kill, pid, until_ready
from tests.interop.conftest import DOMAIN, Sites, lay_out
from tests.support import Loopback, Processes, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

NUMBER = "+14255550391"
LENT = "+14255550392"
US = {"country": "US", "elements": {"A1": "WA", "A3": "Redmond", "RD": "Main", "PC": "98052"}}
HOME = {"country": "US", "elements": {"A1": "WA", "A3": "Seattle", "HNO": "400", "RD": "Broad", "PC": "98109"}}
WIFI = [("P-Access-Network-Info", "IEEE-802.11; i-wlan-node-id=001a2b3c4d5e")]

needs_cuts = pytest.mark.skipif(not can_drop_packets(), reason="dropping packets takes root and nft")


@dataclass
class Placed:
    """Two sites; premises has a trunk that takes places, and so has online one of its own for when the link is cut."""

    sites: Sites
    hosts: dict[str, str]

    async def gateway(self, name: str) -> User:
        host = self.hosts[name]
        return await User.open(f"sip:gateway@{host}", host, port=5060, tone_hz=800)

    def alerts(self, at: str) -> list[dict[str, Any]]:
        with self.sites.api(at) as api:
            return [each for each in api.get("/v1/activity/alerts") if each["rule"] == "emergency-call"]

    def told(self, at: str, seen: int) -> list[str]:
        """What the desk there was told since there were so many alerts, the newest first."""
        found = self.alerts(at)
        return [each["summary"] for each in found[: len(found) - seen]]


def _us(name: str, floor: str) -> dict[str, object]:
    return {"name": name, "address": {**US, "elements": {**US["elements"], "FLR": floor}}}  # type: ignore[dict-item]


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Placed]:
    folder = tmp_path_factory.mktemp("e")
    processes = Processes(folder)
    demo = lay_out(folder / "d", loopback)
    hosts = {site.site.name: loopback() for site in demo.sites}
    for site in demo.sites:
        _add_trunk(site.path, "gateway", hosts[site.site.name], "emergency_location = true\n")
    hosts["plain"] = loopback()
    _add_trunk(demo.sites[0].path, "plain", hosts["plain"], "")
    demo = Demo(demo.plan, demo.directory, tuple(load(s.path) for s in demo.sites), demo.accounts, demo.fresh_passwords)
    sites = Sites(demo, processes, loopback)
    try:
        for name in ("premises", "online"):
            sites.start(name)
        sites.create("olga", "online", NUMBER)
        sites.create("nick", "online")
        sites.create("pam", "premises")
        sites.wait_until_known(["olga", "nick", "pam"])
        _set_up(sites)
        yield Placed(sites, hosts)
    finally:
        processes.close()


def _add_trunk(path: Path, name: str, host: str, more: str) -> None:
    with path.open("a") as file:
        file.write(f'\n[[trunk]]\nname = "{name}"\naddress = "{host}"\nanswer_s = 3\nask_every_s = 0\n{more}')


def _set_up(sites: Sites) -> None:
    """All of them dial as in the US; premises has places, and what online sends out goes by its trunk first."""
    for name in ("premises", "online"):
        with sites.api(name) as api:
            api.post("/v1/policies", {"kind": "dial-plan", "name": "usa", "settings": {"country": "US"}})
            api.post("/v1/policies/grant", {"kind": "dial-plan", "policy": "usa", "level": "tenant"})
            api.post("/v1/policies", {"kind": "emergency", "name": "lends", "settings": {"send": "elin"}})
    with sites.api("premises") as api:
        api.post("/v1/locations/places", _us("building", "1"))
        api.post("/v1/locations/places", _us("floor-3", "3"))
        api.post("/v1/locations/networks", {"kind": "subnet", "id": "127.0.0.0/8", "place": "building"})
        api.post("/v1/locations/networks", {"kind": "bssid", "id": "00:1a:2b:3c:4d:*", "place": "floor-3"})
    lead(sites, "gateway")
    with sites.api("online") as api:
        api.post("/v1/routes", {"name": "help", "patterns": ["+", "emergency"], "ways": ["@premises", "gateway"]})
    for name in ("premises", "online"):
        snapshot = LmdbSnapshot.open(sites.file(name).snapshot_dir)
        wait_for(lambda snapshot=snapshot: _is_ready(snapshot), 60, f"calls at {name} follow the plans and routes")
    places = MapFile(sites.file("premises").snapshot_dir)
    wait_for(lambda: _names(places) >= {"building", "floor-3"}, 60, "calls at premises find the places")


def lead(sites: Sites, *trunks: str) -> None:
    """Let premises lead all calls outside to these trunks, one after the other."""
    with sites.api("premises") as api:
        for each in api.get("/v1/routes"):
            api.delete(f"/v1/routes/{each['name']}")
        api.post("/v1/routes", {"name": "help", "patterns": ["+", "emergency"], "ways": list(trunks)})
        wait_for(lambda: api.get("/v1/snapshot")["current"], 60, "calls know it")


def _is_ready(snapshot: LmdbSnapshot) -> bool:
    with snapshot.view() as view:
        people = [view.person(f"{user}@{DOMAIN}") for user in ("olga", "nick", "pam")]
        plans = [view.config.class_of(each).dialling.country for each in people if each is not None]
        return plans == ["US"] * 3 and any(route.name == "help" for route in view.config.routes)


def _names(places: MapFile) -> set[str]:
    known = places.map()
    return {each.name for each in known.of(known.domains.get(DOMAIN, "")).places}


@asynccontextmanager
async def phone_of(placed: Placed, user: str, at: str = "online") -> AsyncIterator[User]:
    async with await placed.sites.phone(user, at, tone_hz=440, register=False) as phone:
        async with asyncio.timeout(60):
            # For some seconds after a cut a site takes the other for silent.
            while (await phone.register()).code != 200:
                await asyncio.sleep(0.5)
        yield phone
        await phone.register(0)


async def helped(phone: User, gateway: User, headers: list[tuple[str, str]] | None = None) -> Request:
    """The INVITE that a gateway gets when somebody calls for help, who is heard there and hears it."""
    before = len(gateway.incoming)
    call = await phone.call(f"sip:911@{DOMAIN}", sound=phone._sound, headers=headers or [])
    await call.answered(20)
    await phone.hears(call, 800)
    come = await gateway.called(before + 1)
    await gateway.hears(come, 440)
    assert (await call.hang_up()).code == 200
    assert come.invite is not None
    return come.invite


def place_in(invite: Request) -> pidflo.Document | None:
    """The document in an INVITE; None where it has none, and then nothing that leads to one."""
    kind = invite.get("Content-Type") or ""
    if not kind.startswith("multipart/mixed"):
        assert kind == "application/sdp"
        assert not invite.get("Geolocation")
        return None
    assert invite.get("Geolocation-Routing") == "yes"
    assert b"m=audio" in pidflo.sdp_of(kind, invite.body)
    boundary = kind.partition("boundary=")[2].encode()
    part = next(each for each in invite.body.split(b"--" + boundary) if pidflo.TYPE.encode() in each)
    return pidflo.read(part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n"))


def floor_in(invite: Request) -> str:
    """The floor that the document in an INVITE says; empty for none."""
    document = place_in(invite)
    return document.civic.get("FLR") if document is not None and document.civic is not None else ""


async def test_a_phone_at_the_site_without_places_is_found_by_those_of_the_trunks_site(placed: Placed):
    seen = len(placed.alerts("premises"))
    async with await placed.gateway("premises") as gateway, phone_of(placed, "olga") as phone:
        by_wire = await helped(phone, gateway)
        by_air = await helped(phone, gateway, WIFI)
    assert (floor_in(by_wire), floor_in(by_air)) == ("1", "3")
    for invite in (by_wire, by_air):
        assert NUMBER in (invite.get("P-Asserted-Identity") or "")
        assert not [name for name, _ in invite.headers if name.lower().startswith("x-isthmus")]

    await asyncio.to_thread(
        wait_for, lambda: len(placed.told("premises", seen)) == 2, 60, "the desk at premises is told of both"
    )
    words = " / ".join(placed.told("premises", seen))
    assert "called 911 from building: Main, Redmond, WA 98052, US, floor 1" in words
    assert "called 911 from floor-3: Main, Redmond, WA 98052, US, floor 3" in words
    await asyncio.to_thread(wait_for, lambda: placed.alerts("online"), 60, "so is the one online, of what it knows")


@pytest.mark.parametrize(("user", "home"), [("olga", "online"), ("pam", "premises")])
async def test_what_the_person_chose_goes_along_wherever_they_are_at_home(placed: Placed, user: str, home: str):
    """The address that somebody has given for themselves is known at their home alone; the phone is online."""
    aor = f"{user}@{DOMAIN}"
    places = MapFile(placed.sites.file(home).snapshot_dir)
    with placed.sites.api(home) as api:
        api.put(f"/v1/locations/chosen/{aor}", {"address": HOME})
    await asyncio.to_thread(wait_for, lambda: _has_chosen(places, aor), 60, "calls there know it")
    with placed.sites.api("premises") as api:
        api.post("/v1/locations/networks/remove", {"kind": "subnet", "id": "127.0.0.0/8"})
    here = MapFile(placed.sites.file("premises").snapshot_dir)
    await asyncio.to_thread(wait_for, lambda: not _by_address(here), 60, "premises knows the network no more")
    try:
        async with await placed.gateway("premises") as gateway, phone_of(placed, user) as phone:
            document = place_in(await helped(phone, gateway))
            assert document is not None
            assert document.civic is not None
            assert (document.civic.get("HNO"), document.civic.get("RD")) == ("400", "Broad")
            # The access point is more exact than what anybody says.
            assert floor_in(await helped(phone, gateway, WIFI)) == "3"
    finally:
        with placed.sites.api(home) as api:
            api.delete(f"/v1/locations/chosen/{aor}")
        with placed.sites.api("premises") as api:
            api.post("/v1/locations/networks", {"kind": "subnet", "id": "127.0.0.0/8", "place": "building"})
        await asyncio.to_thread(wait_for, lambda: not _has_chosen(places, aor), 60, "it is forgotten")
        await asyncio.to_thread(wait_for, lambda: _by_address(here), 60, "premises knows the network again")


def _has_chosen(places: MapFile, aor: str) -> bool:
    known = places.map()
    return aor in known.of(known.domains.get(DOMAIN, "")).choices


def _by_address(places: MapFile) -> bool:
    known = places.map()
    return bool(known.of(known.domains.get(DOMAIN, "")).ipv4.starts)


def test_it_is_explained_beforehand(placed: Placed):
    with placed.sites.api("online") as api:
        told = api.get(
            "/v1/calls/explain", **{"from": f"olga@{DOMAIN}", "to": "911", "at": "online", "phone": "127.1.1.1"}
        )
    steps = {hop["site"]: [each["text"] for each in hop["steps"] if each["rule"] == "place"] for hop in told["hops"]}
    assert steps == {
        "online": ["a phone at 127.1.1.1 is found at no place"],
        "premises": ["a phone at 127.1.1.1 is found here at building by subnet, unless online knows it as exactly"],
    }


async def test_a_number_lent_where_the_phone_is_leads_back_by_the_trunk_of_the_other_site(placed: Placed):
    places = MapFile(placed.sites.file("online").snapshot_dir)
    with placed.sites.api("online") as api:
        api.post("/v1/locations/places", {**_us("annex", "9"), "elins": [LENT], "policy": "lends"})
        api.post("/v1/locations/networks", {"kind": "subnet", "id": "127.0.0.0/8", "place": "annex"})
    await asyncio.to_thread(wait_for, lambda: _by_address(places), 60, "calls online find the place")
    try:
        async with await placed.gateway("premises") as gateway, phone_of(placed, "nick") as phone:
            invite = await helped(phone, gateway)
            assert LENT in (invite.get("P-Asserted-Identity") or "")
            assert place_in(invite) is None  # the number says it
            back = await gateway.dial(f"sip:{LENT}@{placed.sites.address('premises')}")
            assert len(phone.incoming) == 1
            await back.hang_up()
            # The site with the trunk was told of the loan by the call alone, and still knows it after a restart.
            await restarted(placed, "premises")
            async with asyncio.timeout(60):
                while True:
                    try:
                        back = await gateway.dial(f"sip:{LENT}@{placed.sites.address('premises')}")
                        break
                    except ConnectionError:  # for some seconds the link may be taken for silent
                        await asyncio.sleep(0.5)
            assert len(phone.incoming) == 2
            await back.hang_up()
    finally:
        with placed.sites.api("online") as api:
            api.post("/v1/locations/networks/remove", {"kind": "subnet", "id": "127.0.0.0/8"})
            api.delete("/v1/locations/places/annex")
        await asyncio.to_thread(wait_for, lambda: not _by_address(places), 60, "online has no place any more")


async def test_a_phone_that_speaks_as_a_site_is_not_believed(placed: Placed):
    elsewhere = carried.Carried(source=Source.PORT, civic=Civic("US", (("RD", "Main"), ("FLR", "9"))))
    forged = [("X-Isthmus-Place", carried.written(elsewhere))]
    async with await placed.gateway("premises") as gateway, phone_of(placed, "olga") as phone:
        invite = await helped(phone, gateway, forged)
    assert floor_in(invite) == "1"
    assert not invite.get("X-Isthmus-Place")


@pytest.mark.parametrize(("first", "second"), [("plain", "gateway"), ("gateway", "plain")])
@pytest.mark.parametrize(("user", "at"), [("pam", "premises"), ("olga", "online")])
async def test_each_trunk_that_a_call_is_tried_on_gets_what_it_takes(
    placed: Placed, first: str, second: str, user: str, at: str
):
    hosts = {"plain": "plain", "gateway": "premises"}
    await asyncio.to_thread(lead, placed.sites, first, second)
    try:
        async with (
            await placed.gateway(hosts[first]) as away,
            await placed.gateway(hosts[second]) as there,
            phone_of(placed, user, at) as phone,
        ):
            away.rule = Rule(503, "Service Unavailable", ring=False)
            carried_on = await helped(phone, there)
            refused = away.incoming[-1].invite
            assert refused is not None
            assert len(away.incoming) == 1
        told = {first: floor_in(refused), second: floor_in(carried_on)}
        assert told == {"plain": "", "gateway": "1"}
        assert place_in(refused if first == "plain" else carried_on) is None
    finally:
        await asyncio.to_thread(lead, placed.sites, "gateway")


async def test_a_trunk_that_takes_no_document_gets_none_though_one_came_over_the_link(placed: Placed):
    """Online puts one into the call for its own trunk, should premises be silent."""
    aor = f"olga@{DOMAIN}"
    places = MapFile(placed.sites.file("online").snapshot_dir)
    with placed.sites.api("online") as api:
        api.put(f"/v1/locations/chosen/{aor}", {"address": HOME})
    await asyncio.to_thread(wait_for, lambda: _has_chosen(places, aor), 60, "calls online know it")
    await asyncio.to_thread(lead, placed.sites, "plain")
    try:
        async with await placed.gateway("plain") as gateway, phone_of(placed, "olga") as phone:
            assert place_in(await helped(phone, gateway)) is None
    finally:
        await asyncio.to_thread(lead, placed.sites, "gateway")
        with placed.sites.api("online") as api:
            api.delete(f"/v1/locations/chosen/{aor}")
        await asyncio.to_thread(wait_for, lambda: not _has_chosen(places, aor), 60, "it is forgotten")


async def restarted(placed: Placed, site: str) -> None:
    """kill -9 of a site's Kamailio; gives when the next one is there."""
    before = pid(placed.sites, site, "kamailio")
    await asyncio.to_thread(kill, placed.sites, site, "kamailio")
    await until_ready(placed.sites, site, before, "kamailio")


@needs_cuts
@pytest.mark.parametrize(
    ("user", "home", "killed"), [("olga", "online", False), ("pam", "premises", False), ("pam", "premises", True)]
)
async def test_with_the_link_cut_the_call_goes_out_by_the_own_trunk_with_what_is_known(
    placed: Placed, user: str, home: str, killed: bool
):
    """So is what somebody chose at their home on the other side: that said it when the phone registered.

    killed: Kamailio is, before the call.
    """
    aor = f"{user}@{DOMAIN}"
    places = MapFile(placed.sites.file(home).snapshot_dir)
    seen = len(placed.alerts("online"))
    with placed.sites.api(home) as api:
        api.put(f"/v1/locations/chosen/{aor}", {"address": HOME})
    await asyncio.to_thread(wait_for, lambda: _has_chosen(places, aor), 60, "calls there know it")
    try:
        async with await placed.gateway("online") as gateway, phone_of(placed, user) as phone:
            if killed:
                await restarted(placed, "online")
            with Cut(placed.sites.address("premises"), placed.sites.address("online")) as link:
                link.drop()
                document = place_in(await helped(phone, gateway))
        assert document is not None
        assert document.civic is not None
        assert document.civic.get("RD") == "Broad"
        told = await asyncio.to_thread(wait_for, lambda: placed.told("online", seen), 60, "the desk online is told")
        assert f"{user}@{DOMAIN}" in told[0]
        assert "from an address of their own: 400 Broad, Seattle" in told[0]
    finally:
        with placed.sites.api(home) as api:
            api.delete(f"/v1/locations/chosen/{aor}")
