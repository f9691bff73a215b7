"""Creates the demo's people through the authority's API, and sees that every site knows them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from isthmus.demo import calling
from isthmus.demo.accounts import Account, with_homes
from isthmus.demo.plan import DIAL_PLAN, SOURCE, PlannedPerson
from isthmus.demo.provision import Demo
from isthmus.errors import NotFoundError, UnavailableError, UsageError

_SYNCED_WITHIN_S = 30.0
_POLL_S = 0.05


class Api(Protocol):
    """What is needed of a site's local API; errors come as IsthmusError."""

    def get(self, path: str, /) -> Any:
        """The body of the answer."""

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The body of the answer."""

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """The body of the answer."""


def ensure_people(demo: Demo, api: Api) -> tuple[Account, ...]:
    """Create who is missing; set passwords that were made anew; returns the accounts with today's homes.

    Who exists keeps their home: a person who was moved stays where they are.
    """
    people = {str(person.aor): person for person in demo.plan.people}
    homes = {account.aor: _ensure(api, account, people[account.aor], demo) for account in demo.accounts}
    calling.buy_numbers(demo, api)  # before their source is read, which says that they have them
    _hand_over(demo, api)
    return tuple(with_homes(list(demo.accounts), homes, demo.plan))


def ensure_dial_plan(api: Api) -> None:
    """Give the people of this API's site the demo's dial plan, unless somebody has seen to dial plans already."""
    if api.get("/v1/policies?kind=dial-plan"):
        return
    api.post("/v1/policies", DIAL_PLAN)
    api.post("/v1/policies/grant", {"kind": "dial-plan", "policy": DIAL_PLAN["name"], "level": "tenant"})


def ensure_web_accounts(demo: Demo, accounts: Sequence[Account], api: Api) -> None:
    """Let everybody sign in at this API's site, by the password that their phones have.

    Whoever has an account keeps it as it is, unless passwords were made anew.
    """
    for account in accounts:
        try:
            api.get(f"/v1/accounts/{account.username}")
        except NotFoundError:
            api.post("/v1/accounts", {"name": account.username, "person": account.aor, "password": account.password})
            continue
        if demo.fresh_passwords:
            api.patch(f"/v1/accounts/{account.username}", {"password": account.password})


def unknown(accounts: Sequence[Account], api: Api) -> list[str]:
    """Whom the site of this API has not heard of yet."""
    return [account.aor for account in accounts if _find(api, account.aor) is None]


def _hand_over(demo: Demo, api: Api) -> None:
    """Let the source take the people over, once; from then on people.csv is where they come from, and go.

    They were created before, each with a password: a source has none to give.
    """
    if all(source.name != SOURCE for source in demo.authority.source):
        return  # a demo that was laid out before there were sources
    if any(each["name"] == SOURCE and each["synced"] is not None for each in api.get("/v1/directory/sources")):
        return
    run = api.post("/v1/directory/runs", {"source": SOURCE})
    deadline = time.monotonic() + _SYNCED_WITHIN_S
    while (found := api.get(f"/v1/directory/runs/{run['id']}"))["finished"] is None:
        if time.monotonic() > deadline:
            raise UnavailableError("the people's source was not read in time", where=str(demo.people_file))
        time.sleep(_POLL_S)
    if found["state"] != "done":
        raise UsageError(found["note"] or f"the run ended as {found['state']}", where=str(demo.people_file))


def _ensure(api: Api, account: Account, planned: PlannedPerson, demo: Demo) -> str:
    person = _find(api, account.aor)
    if person is None:
        body = {
            "aor": account.aor,
            "display_name": planned.display_name,
            "number": None if planned.bought else account.number,
            "home": account.home,
            "password": account.password,
        }
        return str(api.post("/v1/people", body)["home"])
    if demo.fresh_passwords:
        api.patch(f"/v1/people/{account.aor}", {"password": account.password})
    return str(person["home"])


def _find(api: Api, aor: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = api.get(f"/v1/people/{aor}")
    except NotFoundError:
        return None
    return found
