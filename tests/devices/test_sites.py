"""Devices at two real sites, with real phones: what a credential opens, and what is left of it once it is revoked."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import pytest

from tests.agents.baresip import Baresip
from tests.agents.raw import User
from tests.interop.conftest import DOMAIN, Sites, two_sites
from tests.support import wait_for

__all__ = ["two_sites"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_numbers = itertools.count(1)


class Owner:
    """A new person with devices, known at both sites."""

    def __init__(self, sites: Sites, home: str) -> None:
        self.sites, self.home = sites, home
        self.user = f"d{next(_numbers)}-{home}"
        self.aor = f"{self.user}@{DOMAIN}"
        sites.create(self.user, home)
        sites.wait_until_known([self.user])

    def device(self, label: str = "desk phone", **more: object) -> dict[str, Any]:
        """A new device: all that its phone has to be told."""
        with self.sites.api("premises") as api:
            made: dict[str, Any] = api.post("/v1/devices", {"aor": self.aor, "label": label, **more})
        self.until_known(made["name"])
        return made

    def until_known(self, name: str) -> None:
        """Wait until calls at both sites know the device."""
        for site in ("premises", "online"):
            with self.sites.api(site) as api:
                wait_for(lambda api=api: api.get(f"/v1/devices/{name}"), 60, f"{site} knows {name}")
                wait_for(lambda api=api: api.get("/v1/snapshot")["current"], 60, f"calls at {site} know {name}")

    async def phone(self, device: dict[str, Any], at: str, *, register: bool = True, **options: Any) -> User:
        """A phone with a device's credential."""
        phone = await User.open(
            f"sip:{self.aor}",
            self.sites.loopback(),
            proxy=self.sites.proxy(at, "udp"),
            username=device["name"],
            password=device["secret"],
            hosts={site.site.fqdn: site.site.address for site in self.sites.demo.sites},
            **options,
        )
        if register:
            await phone.registered()
        return phone

    def bindings(self) -> list[dict[str, Any]]:
        """Where the person would ring."""
        with self.sites.api(self.home) as api:
            found: list[dict[str, Any]] = api.get("/v1/registrations", aor=self.aor)[0]["bindings"]
        return found


@pytest.mark.parametrize(("home", "at"), [("premises", "premises"), ("premises", "online"), ("online", "premises")])
async def test_a_device_registers_and_is_called(two_sites: Sites, home: str, at: str) -> None:
    owner, caller = Owner(two_sites, home), Owner(two_sites, "premises")
    device = owner.device()
    async with await owner.phone(device, at) as phone, await caller.phone(caller.device(), "online") as other:
        assert [binding["device"] for binding in owner.bindings()] == [device["name"]]
        call = await other.dial(f"sip:{owner.aor}")
        await phone.called()
        await call.hang_up()


async def test_a_revoked_device_is_out_at_once_and_its_call_goes_on(two_sites: Sites) -> None:
    owner, caller = Owner(two_sites, "online"), Owner(two_sites, "premises")
    gone, stays = owner.device("lost phone"), owner.device("desk phone")
    phone = await owner.phone(gone, "premises", tone_hz=620)
    other = await owner.phone(stays, "online")
    peer = await caller.phone(caller.device(), "premises", tone_hz=440)
    async with phone, other, peer:
        other.rule = type(other.rule)(0, ring=True)
        call = await peer.dial(f"sip:{owner.aor}")
        answered = await phone.called()
        await peer.hears(call, 620)
        with two_sites.api("premises") as api:
            api.delete(f"/v1/devices/{gone['name']}")
        wait_for(lambda: [b["device"] for b in owner.bindings()] == [stays["name"]], 60, "its registration ended")
        for site in ("premises", "online"):
            again = await owner.phone(gone, site, register=False)
            async with again:
                assert (await again.register()).code == 401
        await peer.hears(call, 620)
        assert not answered.ended
        await call.hang_up()


async def test_it_is_told_when_where_and_by_what_a_device_was_used(two_sites: Sites) -> None:
    """At the site where it was, which need be neither its home nor the one that is asked."""
    owner = Owner(two_sites, "premises")
    device = owner.device()
    before = time.time()
    async with await owner.phone(device, "online", user_agent="Desk Phone 7.1") as phone:
        address = phone.wire.local.host
        for site in ("premises", "online"):
            with two_sites.api(site) as api:
                use = wait_for(lambda api=api: api.get(f"/v1/devices/{device['name']}")["last_use"], 60, "it was seen")
                assert before - 1 < use.pop("at") < time.time() + 1
                assert use == {
                    "site": "online", "address": address, "edge": "udp", "client": "Desk Phone 7.1", "generation": 1,
                }  # fmt: skip
                assert api.get("/v1/devices", aor=owner.aor)[0]["last_use"]["client"] == "Desk Phone 7.1"


async def test_a_call_is_a_use_as_well(two_sites: Sites) -> None:
    owner = Owner(two_sites, "premises")
    device = owner.device()
    async with await owner.phone(device, "premises", register=False) as phone:
        await phone.refused("sip:nobody-at-all@contoso.example")
        with two_sites.api("premises") as api:
            wait_for(lambda: api.get(f"/v1/devices/{device['name']}")["last_use"], 60, "it was seen")


async def test_devices_move_with_their_person_and_can_be_revoked_there(two_sites: Sites) -> None:
    owner = Owner(two_sites, "premises")
    device = owner.device()
    async with await owner.phone(device, "premises") as phone:
        _move(two_sites, owner, "online")
        assert [binding["device"] for binding in owner.bindings()] == [device["name"]]
        await phone.registered()
        assert [binding["device"] for binding in owner.bindings()] == [device["name"]]
        with two_sites.api("premises") as api:
            api.delete(f"/v1/devices/{device['name']}")
        wait_for(lambda: owner.bindings() == [], 60, "its registration ended")
        assert (await phone.register()).code == 401


def _move(sites: Sites, owner: Owner, to: str) -> None:
    with sites.api("premises") as api:
        batch = api.post("/v1/moves", {"aors": [owner.aor], "to": to})["id"]
        wait_for(lambda: api.get(f"/v1/people/{owner.aor}")["home"] == to, 60, "the person is moved")
        wait_for(lambda: api.get(f"/v1/moves/{batch}")["counts"].get("moved") == 1, 60, "the move is over")
    owner.home = to


async def test_after_a_rotation_both_secrets_register_until_the_first_is_over(two_sites: Sites) -> None:
    owner = Owner(two_sites, "online")
    old = owner.device()
    with two_sites.api("premises") as api:
        new = api.post(f"/v1/devices/{old['name']}/rotate", {"overlap_s": 3600})
    owner.until_known(old["name"])
    async with await owner.phone(old, "online") as slow, await owner.phone(new, "premises") as quick:
        assert len(owner.bindings()) == 2
        with two_sites.api("premises") as api:
            newest = api.post(f"/v1/devices/{old['name']}/rotate", {"overlap_s": 3600})
        wait_for(lambda: len(owner.bindings()) == 1, 60, "what the oldest secret registered has ended")
        assert (await slow.register()).code == 401
        await quick.registered()
    async with await owner.phone(newest, "online"):
        pass


async def test_a_phone_of_others_that_speaks_md5_alone(two_sites: Sites, tmp_path: Path) -> None:
    owner, other = Owner(two_sites, "premises"), Owner(two_sites, "online")
    device = owner.device()
    host, port = two_sites.proxy("premises", "udp")
    phone = await Baresip.open(
        f"sip:{owner.aor}", two_sites.loopback(), tmp_path, proxy=f"{host}:{port}",
        username=device["name"], password=device["secret"],
    )  # fmt: skip
    async with phone, await other.phone(other.device(), "online") as callee:
        await phone.registered()
        assert [binding["device"] for binding in owner.bindings()] == [device["name"]]
        await phone.dial(f"sip:{other.aor}")
        call = await callee.called()
        assert call.invite is not None and owner.aor in call.invite.get("From")
        await call.hang_up()
        with two_sites.api("premises") as api:
            api.post("/v1/devices/forbid-md5", {"names": [device["name"]]})
        stranger = await owner.phone(device, "premises", register=False, algorithms=("MD5",))
        async with stranger:
            wait_for(lambda: _current(two_sites), 60, "calls know of it")
            assert (await stranger.register()).code == 401
        async with await owner.phone(device, "premises", algorithms=("SHA-256",)):
            pass


def _current(sites: Sites) -> bool:
    with sites.api("premises") as api:
        return bool(api.get("/v1/snapshot")["current"])


async def test_a_phone_with_a_persons_own_password_goes_on_as_before(two_sites: Sites) -> None:
    owner = Owner(two_sites, "premises")
    async with await two_sites.phone(owner.user, "online"):
        assert [binding["device"] for binding in owner.bindings()] == [None]


async def test_a_person_can_be_left_without_a_password_of_their_own(two_sites: Sites) -> None:
    owner = Owner(two_sites, "premises")
    device = owner.device()
    async with await two_sites.phone(owner.user, "premises", register=False) as own:
        await own.registered()
        with two_sites.api("premises") as api:
            api.patch(f"/v1/people/{owner.aor}", {"password": None})
        wait_for(lambda: _current(two_sites), 60, "calls know of it")
        assert (await own.register()).code == 401
    async with await owner.phone(device, "premises"):
        pass
