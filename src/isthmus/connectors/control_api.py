"""How a connector is steered: it asks, waits for the answer, and tells how it is. Nothing is ever asked of it.

haproxy has verified who asks (see api/peer.py); that it is let in still is looked up with each request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from isthmus.connectors.link_api import ConnectorName
from isthmus.connectors.service import Connectors
from isthmus.errors import NotFoundError, RefusedError

LONGEST_WAIT_S = 25.0
_LOOK_S = 0.2
_Short = Annotated[str, Field(max_length=64)]
_Text = Annotated[str, Field(max_length=2000)]


class TrunkState(BaseModel):
    """A trunk as the connector finds it."""

    model_config = ConfigDict(extra="ignore")

    name: _Short
    state: _Short
    calls: int | None = None


class ReportBody(BaseModel):
    """How a connector is. What a later version tells besides is passed over.

    in_force: edition of the settings that it works by. refused: edition that it did not take, and why. phase: of an
    update (updating.Phase). returned_from: version it went back from, and why. certificate_until: Unix seconds.
    """

    model_config = ConfigDict(extra="ignore")

    version: _Short
    ok: bool
    in_force: _Short = ""
    refused: _Text = ""
    phase: _Short = ""
    returned_from: _Short = ""
    returned_why: _Text = ""
    calls: int | None = Field(default=None, ge=0, le=1_000_000)
    capacity: int | None = Field(default=None, ge=0, le=1_000_000)
    certificate_until: float = 0
    trunks: list[TrunkState] = Field(default_factory=list, max_length=200)
    trouble: list[_Text] = Field(default_factory=list, max_length=20)


class RequestBody(BaseModel):
    """A request for a certificate (PKCS #10, PEM)."""

    model_config = ConfigDict(extra="forbid")

    request: Annotated[str, Field(max_length=8192)]


def control_router(connectors: Connectors, package: Callable[[str], Path | None]) -> APIRouter:
    """Routes under /link/connector. package: the file of an offered version, None where it is not offered."""
    router = APIRouter()

    def known(name: str) -> None:
        if connectors.find(name) is None:
            raise RefusedError("this site has no such connector", where=name)

    @router.get("/link/connector/orders")
    async def orders(
        connector: ConnectorName,
        known_edition: Annotated[str, Query(alias="known", max_length=64)] = "",
        wait_s: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S)] = 0.0,
    ) -> dict[str, Any]:
        """What is ordered: at once where that is another edition than the known one, else when it is, or in time."""
        until = time.monotonic() + wait_s
        while True:
            seen = connectors.edition
            told: dict[str, Any] = await run_in_threadpool(connectors.orders, connector)
            if told["edition"] != known_edition or time.monotonic() >= until:
                return told
            # Waits on the event loop: no thread is held by those who wait.
            while seen == connectors.edition and time.monotonic() < until:
                await asyncio.sleep(_LOOK_S)

    @router.post("/link/connector/report")
    def report(connector: ConnectorName, body: ReportBody) -> dict[str, Any]:
        connectors.told(connector, body.model_dump())
        return {}

    @router.post("/link/connector/certificate")
    def certificate(connector: ConnectorName, body: RequestBody) -> dict[str, str]:
        return {"certificate": connectors.renew(connector, body.request.encode()).decode("ascii")}

    @router.get("/link/connector/versions/{version}")
    def version(version: str, connector: ConnectorName) -> FileResponse:
        known(connector)
        found = package(version)
        if found is None:
            raise NotFoundError(f"the version {version} is not offered")
        return FileResponse(found, media_type="application/gzip")

    return router
