"""The demo's calling plan: a number bought from the service's carrier, and a plan to call by."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

from isthmus.demo.plan import CALLING_PLAN, SERVICE_CARRIER
from isthmus.demo.provision import Demo
from isthmus.errors import UnavailableError

_BOUGHT_WITHIN_S = 30.0
_POLL_S = 0.1
_PLAN = {"home": ["US"], "domestic": 3000, "international": 600}


class Api(Protocol):
    """What is needed of a site's local API; errors come as IsthmusError."""

    def get(self, path: str, /) -> Any:
        """The body of the answer."""

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The body of the answer."""


class PlanApi(Api, Protocol):
    """The same, where plans are kept."""

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """The body of the answer."""


def buy_numbers(demo: Demo, api: Api) -> None:
    """Buy whose number is to be bought, and was not yet. api: of the authority.

    Does nothing in a demo that was laid out before there was a carrier to buy from. Raises UnavailableError where the
    carrier has sold nothing within half a minute.
    """
    if all(each.name != SERVICE_CARRIER for each in demo.authority.carrier):
        return
    bought = {each["number"] for each in api.get("/v1/numbers/purchases")}
    for person in demo.plan.people:
        if not person.bought or person.number in bought:
            continue
        body = {"number": person.number, "carrier": SERVICE_CARRIER, "owner": str(person.aor)}
        path = f"/v1/numbers/purchases/{api.post('/v1/numbers/purchases', body)['id']}"
        deadline = time.monotonic() + _BOUGHT_WITHIN_S
        while (found := api.get(path))["live"] and found["state"] != "done":
            if time.monotonic() > deadline:
                raise UnavailableError(f"{SERVICE_CARRIER} has not sold {person.number} yet", where=found["state"])
            time.sleep(_POLL_S)


def ensure_plan(demo: Demo, api: PlanApi) -> None:
    """Let who has such a number call by a calling plan, once. api: of the site with the carrier's trunk."""
    holders = [str(person.aor) for person in demo.plan.people if person.bought]
    if not holders or any(plan["name"] == CALLING_PLAN for plan in api.get("/v1/plans")):
        return
    api.put(f"/v1/plans/{CALLING_PLAN}", _PLAN)
    api.post(f"/v1/plans/{CALLING_PLAN}/assign", {"people": holders})
