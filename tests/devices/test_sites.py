"""Devices at two real sites, with real phones: what a credential opens, and what is left of it once it is revoked."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from tests.agents.raw import User
from tests.interop.conftest import DOMAIN, Sites, two_sites
from tests.support import wait_for

__all__ = ["two_sites"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

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
                wait_for(lambda api=api: api.get(f"/v1/devices/{name}"), 10, f"{site} knows {name}")
                wait_for(lambda api=api: api.get("/v1/snapshot")["current"], 10, f"calls at {site} know {name}")

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
        started = time.monotonic()
        with two_sites.api("premises") as api:
            api.delete(f"/v1/devices/{gone['name']}")
        wait_for(lambda: [b["device"] for b in owner.bindings()] == [stays["name"]], 5, "its registration ended")
        took = time.monotonic() - started
        assert took < 2, took
        for site in ("premises", "online"):
            again = await owner.phone(gone, site, register=False)
            async with again:
                assert (await again.register()).code == 401
        await peer.hears(call, 620)
        assert not answered.ended
        await call.hang_up()
