"""Voice routes: what one may say, who changed it, and the snapshot that follows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError, UsageError
from isthmus.pstn.model import VoiceRoute
from isthmus.pstn.service import VoiceRoutes, from_public, public
from isthmus.routing.compile import Compiler
from isthmus.routing.hours import parsed
from isthmus.routing.model import RouteRecord
from isthmus.routing.snapshot import SnapshotWriter
from tests.routing.test_compile import site_file

ROUTE = VoiceRoute(
    "main",
    "seattle",
    patterns=("+1206", "!+1206555"),
    ways=(("gw1", 70), ("@online", 30)),
    usages=("local", "default"),
    priority=10,
    cost="0.0120",
    hours="mon-fri 8:00-18:00".replace(" 8", " 08"),
    zone="America/Los_Angeles",
)


def test_what_is_kept_is_what_was_written(routes: VoiceRoutes):
    made = routes.create(ROUTE, actor="anna")
    assert made == replace(ROUTE, cost="0.012")
    assert routes.get("main", "seattle") == made
    assert from_public(public(made)) == made
    changed = routes.set("main", "seattle", {"priority": 20, "hours": ""}, actor="anna")
    assert (changed.priority, changed.hours, changed.zone) == (20, "", "UTC")
    assert routes.listed("main") == [changed]
    assert routes.listed("fabrikam") == []
    routes.delete("main", "seattle", actor="anna")
    with pytest.raises(NotFoundError):
        routes.get("main", "seattle")


def test_every_change_is_in_the_audit_log(routes: VoiceRoutes, directory: Directory):
    routes.create(ROUTE, actor="anna")
    routes.set("main", "seattle", {"priority": 20}, actor="anna")
    routes.set("main", "seattle", {"priority": 20}, actor="anna")  # changes nothing
    routes.delete("main", "seattle", actor="anna")
    entries = directory.audit("main/seattle")
    assert [each["action"] for each in entries] == ["route.delete", "route.set", "route.create"]


def test_under_one_key_it_is_made_once(routes: VoiceRoutes):
    assert routes.create(ROUTE, actor="anna", key="k") == routes.create(ROUTE, actor="anna", key="k")
    with pytest.raises(UsageError, match="something else"):
        routes.create(replace(ROUTE, name="tacoma"), actor="anna", key="k")


def test_calls_follow_each_change(routes: VoiceRoutes, directory: Directory, tmp_path: Path):
    writer = SnapshotWriter(tmp_path / "snapshot")
    compiler = Compiler(directory, writer, site_file(), routes=routes.compiled)
    routes.changed = compiler.catch_up
    compiler.catch_up()
    reader = writer.reader()

    def seen() -> tuple[RouteRecord, ...]:
        with reader.view() as view:
            return view.config.routes

    assert seen() == ()
    routes.create(ROUTE, actor="anna")
    assert seen() == (
        RouteRecord(
            "seattle",
            0,
            ("local", "default"),
            ("+1206", "!+1206555"),
            (("gw1", 70), ("@online", 30)),
            10,
            12_000,
            parsed("mon-fri 08:00-18:00", "America/Los_Angeles"),
        ),
    )
    routes.delete("main", "seattle", actor="anna")
    assert seen() == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Two Words"},
        {"usages": ()},
        {"usages": ("Two Words",)},
        {"patterns": ()},
        {"patterns": ("1206",)},
        {"ways": ()},
        {"ways": (("gw1", 50), ("carrier", 40))},
        {"ways": (("gw1", 0), ("gw1", 0))},
        {"ways": (("gw1", 150), ("carrier", -50))},
        {"priority": -1},
        {"cost": "free"},
        {"cost": "-1"},
        {"cost": "NaN"},
        {"cost": "0.0000001"},
        {"hours": "always"},
        {"zone": "Nowhere"},
        {"description": "x\n"},
        {"description": "x" * 201},
    ],
    ids=lambda changes: f"{next(iter(changes.items()))!r}"[:60],
)
def test_what_can_be_no_route_is_refused(routes: VoiceRoutes, changes: dict[str, object]):
    with pytest.raises(UsageError):
        routes.create(replace(ROUTE, **changes), actor="anna")  # type: ignore[arg-type]
    assert routes.listed("main") == []


def test_a_route_leads_to_trunks_that_are_there(routes: VoiceRoutes):
    for way in ("nowhere", "@premises", "online"):
        with pytest.raises(RefusedError, match="carrier, gw1, @online"):
            routes.create(replace(ROUTE, ways=((way, 0),)), actor="anna")


def test_a_name_is_given_once_and_a_tenant_has_to_be_there(routes: VoiceRoutes):
    routes.create(ROUTE, actor="anna")
    with pytest.raises(RefusedError, match="exists"):
        routes.create(ROUTE, actor="anna")
    with pytest.raises(NotFoundError):
        routes.create(replace(ROUTE, tenant="nobody"), actor="anna")
