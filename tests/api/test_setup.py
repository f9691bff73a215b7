"""What the API says of a site that is being set up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isthmus.api import web_app
from isthmus.api.gate import Limits
from isthmus.numbers.model import Block, Range
from tests.api.callers import Site, open_site
from tests.api.test_routes import make_place


def test_steps_turn_good_by_the_real_state(tmp_path: Path):
    services = open_site(tmp_path)
    site = Site(services, web_app(services, Limits((1e6, 10**6), (1e6, 10**6), (1e6, 10**6))))
    site.account("anna", "global", every_tenant=True)
    client = site.by_token("anna")

    def steps() -> dict[str, Any]:
        return {each["name"]: each for each in client.get("/v1/setup").json()["steps"]}

    before = steps()
    assert before["domain"]["mark"] == "good"
    assert {before[name]["mark"] for name in ("people", "numbers", "place")} == {"missing"}
    site.person("alice@contoso.example")
    services.numbers.add(Block(Range.parse("+14255550100-0199"), "main"), actor="test")
    make_place(services, "anna")
    after = steps()
    assert {after[name]["mark"] for name in ("people", "numbers", "place")} == {"good"}
    assert after["numbers"]["count"] == 100
    services.close()


def test_only_who_may_see_the_site_sees_it(tmp_path: Path):
    services = open_site(tmp_path)
    site = Site(services, web_app(services, Limits((1e6, 10**6), (1e6, 10**6), (1e6, 10**6))))
    site.account("erin", "global", tenant="fabrikam")
    assert site.by_token("erin").get("/v1/setup").status_code in (403, 404)
    services.close()
