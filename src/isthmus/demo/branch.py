"""The demo's connector: made at online by its API, enrolled by its one-time code, as any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from isthmus.connectors.enrolling import enrol
from isthmus.connectors.local import Folder
from isthmus.demo.plan import CONNECTOR_SITE, Plan


class Api(Protocol):
    """The local API of online."""

    def post(self, path: str, body: Any = None) -> Any: ...

    def put(self, path: str, body: Any) -> Any: ...


def folder(directory: Path) -> Folder:
    """Where the connector of a demo in `directory` lives."""
    return Folder(directory / CONNECTOR_SITE)


def installed(directory: Path) -> bool:
    """Whether it was enrolled, and so can be started."""
    return folder(directory).exists() and folder(directory).site_toml.exists()


def install(plan: Plan, directory: Path, api: Api) -> None:
    """Let online have a place with this connector's gateway, and enrol it. Raises what the API answers."""
    path = f"/v1/connector-sites/{CONNECTOR_SITE}"
    settings = {
        "survival": {"country": "US"},
        "trunk": [{"name": "gateway", "address": plan.carrier_address}],
    }
    made = api.post("/v1/connectors", {"site": CONNECTOR_SITE})  # makes room for the place, too
    api.put(path, {"settings": settings})
    where = folder(directory)
    enrol({"online": made["online"]}, made["code"], where, plan.branch_address, plan.branch_internal)
    where.work_by("", settings)
