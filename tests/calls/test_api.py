"""Ending calls over the API: those of this site, and those of another, which is asked by what the link carries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from isthmus.access.api import reached
from isthmus.access.model import EVERYTHING, Reach, Scope
from isthmus.addressing import Aor
from isthmus.api import errors
from isthmus.calls import api
from isthmus.errors import NotFoundError, UnavailableError

ALICE, CAROL = "alice@contoso.example", "carol@contoso.example"
ALICES = Reach((Scope(own="1"),))


def dialog(call_id: str, caller: str, state: int = 4) -> dict[str, Any]:
    ends = {"from_uri": f"sip:{caller}", "to_uri": "sip:+12025550199@carrier"}
    return {"call-id": call_id, "state": state, "start_ts": 5, "init_ts": 4, **ends}


class Log:
    def __init__(self) -> None:
        self.entries: list[tuple[str, ...]] = []

    def entry(self, action: str, key: str, before: Any, after: Any) -> None:
        self.entries.append((action, key, before.get("site", "")))


class People:
    """Alice alone is within the reach that names her."""

    def __init__(self) -> None:
        self.log, self.actors = Log(), list[tuple[str, str]]()

    def get_many(self, aors: Iterable[Aor], reach: Reach) -> dict[Aor, Any]:
        return {aor: None for aor in aors if reach.everything or str(aor) == ALICE}

    def owners(self, numbers: Iterable[str], reach: Reach) -> dict[str, Aor]:
        return {}

    def write_here(self, actor: str, work: Callable[[Any], None]) -> None:
        self.actors.append((str(actor), actor.origin.path))  # type: ignore[attr-defined]
        work(self.log)


class Site:
    """One site's routes; `link` is how another asks it."""

    def __init__(self, name: str, calls: list[dict[str, Any]], links: Iterable[Any] = ()) -> None:
        self.peer, self.people, self.calls, self.up = name, People(), calls, True
        self.reach, app = EVERYTHING, FastAPI()
        errors.add_handlers(app)
        app.dependency_overrides[reached] = lambda: self.reach
        known = (lambda: self.calls, self.end, self.people)
        app.include_router(api.router(*known, name, list(links)))  # type: ignore[arg-type]
        app.include_router(api.link_router(*known, ["premises"]))  # type: ignore[arg-type]
        self.client = TestClient(app)

    def end(self, call: dict[str, Any]) -> bool:
        if call["state"] < 3:
            return False
        self.calls.remove(call)
        return True

    def ask(self, path: str, body: Any, *, timeout_s: float = 3.0) -> Any:
        if not self.up:
            raise UnavailableError("the link to online is down")
        answer = self.client.post(path, json=body, headers={"X-Isthmus-Peer": "premises"})
        if answer.status_code == 404:
            raise NotFoundError(answer.json()["what"])
        return answer.json() if answer.content else None


@pytest.fixture
def online() -> Site:
    return Site("online", [dialog("c1", CAROL), dialog("c2", ALICE), dialog("c3", CAROL, state=2)])


@pytest.fixture
def premises(online: Site) -> Site:
    return Site("premises", [dialog("c9", ALICE)], [online])


def end(site: Site, /, **body: str) -> int:
    return site.client.post("/v1/calls/end", json=body, headers={"X-Isthmus-Actor": "api:ada"}).status_code


def test_a_call_here_is_ended_and_stands_in_the_log(premises: Site):
    assert (end(premises, call_id="c9"), premises.calls) == (204, [])
    assert premises.people.log.entries == [("call.end", "c9", "")]
    assert end(premises, call_id="c9", site="premises") == 404


def test_a_call_at_the_other_site_is_ended_by_it_and_stands_in_both_logs(premises: Site, online: Site):
    assert end(premises, call_id="c1", site="online") == 204
    assert [call["call-id"] for call in online.calls] == ["c2", "c3"]
    assert premises.people.log.entries == [("call.end", "c1", "online")]
    assert online.people.log.entries == [("call.end", "c1", "")]
    assert premises.people.actors == [("api:ada", "api")]
    assert online.people.actors == [("site:premises/api:ada", "link")]


def test_who_reaches_some_people_ends_their_calls_alone(premises: Site, online: Site):
    premises.reach = ALICES
    assert end(premises, call_id="c1", site="online") == 404
    assert end(premises, call_id="c2", site="online") == 204
    assert [call["call-id"] for call in online.calls] == ["c1", "c3"]


def test_what_is_not_there_or_can_not_be_asked_changes_nothing(premises: Site, online: Site):
    assert end(premises, call_id="c1", site="elsewhere") == 404
    assert end(premises, call_id="none", site="online") == 404
    online.up = False
    assert end(premises, call_id="c1", site="online") == 503
    assert (len(online.calls), premises.people.log.entries) == (3, [])


def test_a_call_that_nobody_answered_is_not_ended(online: Site):
    assert end(online, call_id="c3") == 409
    assert len(online.calls) == 3


def test_strangers_end_nothing(online: Site):
    body = {"call_id": "c1", "actor": "api:ada"}
    answer = online.client.post("/link/calls/end", json=body, headers={"X-Isthmus-Peer": "elsewhere"})
    assert (answer.status_code, len(online.calls)) == (409, 3)
