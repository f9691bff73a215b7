"""Every carrier there is an adapter for, each at an exchange of the same numbers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from isthmus.carriers.contract import Carrier
from isthmus.carriers.memory import Exchange, MemoryCarrier
from isthmus.carriers.simulated import SimulatedCarrier
from isthmus.carriers.telnyx import TelnyxCarrier
from isthmus.demo.carrier_shop import Shop, offers, shop_app
from tests.carriers.telnyx_api import KEY, TelnyxApi

KINDS = ("memory", "simulated", "telnyx")


@dataclass
class World:
    """A carrier of ours, and what stands behind it. account: ours there. rival: another customer of it."""

    carrier: Carrier
    account: MemoryCarrier
    rival: MemoryCarrier
    api: TelnyxApi | None = None


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "simulated":
        shop = Shop(tmp_path / "shop.json", {"t0ken": "us", "other": "them"})
        with serving(shop) as url:
            yield World(SimulatedCarrier("simulated", url, lambda: "t0ken"), shop.accounts["us"], shop.accounts["them"])
        return
    exchange = Exchange.of(offers())
    account, rival = MemoryCarrier(exchange), MemoryCarrier(exchange, account="them")
    if request.param == "memory":
        yield World(account, account, rival)
        return
    api = TelnyxApi(account)
    yield World(TelnyxCarrier("telnyx", lambda: KEY, connection="17", transport=api), account, rival, api)


class serving:  # noqa: N801 (a context manager)
    """The shop's API on a port of its own, in a thread."""

    def __init__(self, shop: Shop) -> None:
        config = uvicorn.Config(shop_app(shop), host="127.0.0.1", port=0, log_level="warning")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.005)
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
