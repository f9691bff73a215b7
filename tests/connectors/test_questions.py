"""Online asks a connector what it decides: the connector fetches the question, and brings its answer, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from isthmus.api import errors
from isthmus.api.peer import PeersOnly
from isthmus.connectors.answering import Answering
from isthmus.connectors.questions import MOST, WAIT_S, Questions, checked
from isthmus.connectors.questions_api import questions_router
from isthmus.errors import NotFoundError, RefusedError, TooManyError, UnavailableError, UsageError
from isthmus.routing.model import (
    Answer,
    BlockRecord,
    Config,
    Dial,
    Direction,
    Outcome,
    PersonRecord,
    Relay,
    Request,
    Source,
    Step,
    TrunkRecord,
)
from tests.routing.people import MemorySnapshot

ANNA = "anna@contoso.example"
OUT = Request("INVITE", "+12065550123", Source.BRANCH, ANNA)
UP = Relay("online", "", -1)


class Branch:
    """The snapshot of a connector, and whom it can't reach."""

    def __init__(self) -> None:
        self.away: frozenset[str] = frozenset()

    @contextmanager
    def view(self) -> Iterator[MemorySnapshot]:
        at = Config(
            "branch-1",
            "connector",
            ("branch-1", "online"),
            ("contoso",),
            {"contoso.example": 0},
            (TrunkRecord("gateway", "127.0.3.9:5060"),),
            blocks=(BlockRecord(0, Direction.OUT, "+1212"),),
            upstream="online",
        )
        yield MemorySnapshot(at, [PersonRecord(ANNA, 0, 0, 1, b"m", b"s", "+14255550201")])


class Link:
    """haproxy between the two: it says whose certificate it has verified."""

    def __init__(self, app: FastAPI, name: str) -> None:
        self._http, self._who = TestClient(app), {"X-Isthmus-Connector": name}

    def get(self, path: str, *, timeout_s: float | None = None) -> Any:
        return self._told(self._http.get(path, headers=self._who))

    def post(self, path: str, body: Any, *, timeout_s: float | None = None) -> Any:
        return self._told(self._http.post(path, json=body, headers=self._who))

    def _told(self, response: Any) -> Any:
        if response.status_code == 404:
            raise NotFoundError(response.text)
        if response.status_code >= 400:
            raise RefusedError(response.text)
        return response.json()


@pytest.fixture
def questions() -> Questions:
    return Questions("online")


@pytest.fixture
def app(questions: Questions) -> FastAPI:
    made = FastAPI()
    errors.add_handlers(made)
    made.include_router(questions_router(lambda name: name if name.startswith("branch-") else None, questions))
    made.add_middleware(PeersOnly, peers=frozenset({"premises"}))
    return made


def asked(questions: Questions, link: Link, branch: Branch, request: Request) -> Outcome:
    """What online is told that asks, while the connector fetches what there is."""
    connector = Answering(link, branch, lambda: branch.away)  # type: ignore[arg-type]
    connector.work(0)  # it is there
    worker = threading.Thread(target=lambda: connector.work(10), daemon=True)
    worker.start()
    try:
        return questions.ask("branch-1", request, timeout_s=30)
    finally:
        worker.join(30)


def test_a_connector_says_what_it_decides_as_things_are_there(questions: Questions, app: FastAPI):
    link, branch = Link(app, "branch-1"), Branch()
    assert asked(questions, link, branch, OUT).decision == UP
    branch.away = frozenset({"online"})
    alone = asked(questions, link, branch, OUT)
    assert alone.decision == Dial("gateway", "+12065550123")
    assert alone.trace[0] == Step("alone", "online can't be reached: this branch helps itself")
    blocked = msgspec.structs.replace(OUT, target="+12125550123")
    assert asked(questions, link, branch, blocked).decision == Answer(403, "Calls There Are Blocked")


def test_a_question_is_for_its_connector_and_no_other(questions: Questions, app: FastAPI):
    questions.next("branch-1")
    told: list[Outcome] = []
    asker = threading.Thread(target=lambda: told.append(questions.ask("branch-1", OUT, timeout_s=30)), daemon=True)
    asker.start()
    other = Link(app, "branch-2")
    assert other.get("/link/connector/questions") == {}
    question = Link(app, "branch-1").get("/link/connector/questions?wait_s=10")
    assert question["request"]["caller"] == ANNA
    answer = {"id": question["id"], "outcome": msgspec.to_builtins(Outcome(UP, ()))}
    with pytest.raises(NotFoundError):
        other.post("/link/connector/answers", answer)
    Link(app, "branch-1").post("/link/connector/answers", answer)
    asker.join(30)
    assert told == [Outcome(UP, ())]
    assert questions.next("branch-1") is None


def test_who_is_let_in_no_more_is_asked_nothing(app: FastAPI):
    gone = Link(app, "removed-1")
    for ask in (
        lambda: gone.get("/link/connector/questions"),
        lambda: gone.post("/link/connector/answers", {"id": "1", "outcome": {}}),
    ):
        with pytest.raises(RefusedError):
            ask()


def test_one_that_is_not_there_is_waited_for_by_nobody():
    now = 1000.0
    questions = Questions("online", lambda: now)
    with pytest.raises(UnavailableError, match="does not ask"):
        questions.ask("branch-1", OUT)
    questions.next("branch-1")
    with pytest.raises(UnavailableError, match="not answered"):
        questions.ask("branch-1", OUT, timeout_s=0)
    now += WAIT_S * 2
    with pytest.raises(UnavailableError, match="does not ask"):
        questions.ask("branch-1", OUT)


def test_only_so_many_wait_at_once(questions: Questions):
    questions.next("branch-1")
    askers = [
        threading.Thread(target=lambda: questions.ask("branch-1", OUT, timeout_s=30), daemon=True) for _ in range(MOST)
    ]
    for each in askers:
        each.start()
    handed = []
    while len(handed) < MOST:
        if found := questions.next("branch-1"):
            handed.append(found["id"])
    with pytest.raises(TooManyError):
        questions.ask("branch-1", OUT)
    for number in handed:
        questions.take("branch-1", number, msgspec.to_builtins(Outcome(UP, ())))
    for each in askers:
        each.join(30)
        assert not each.is_alive()


@pytest.mark.parametrize(
    ("request_", "decision"),
    [
        (OUT, Relay("premises", "m@fabrikam.example", 7)),
        (OUT, Relay("online", "m@fabrikam.example", 7)),
        (Request("INVITE", "+12065550123", Source.PEER, via="online"), UP),
    ],
)
def test_an_answer_leads_nowhere_but_back(request_: Request, decision: Relay):
    with pytest.raises(UsageError):
        checked(msgspec.to_builtins(Outcome(decision, ())), request_, "online")


def test_an_answer_is_fit_to_be_shown():
    told = checked(
        msgspec.to_builtins(Outcome(Answer(403, "No\x1b[2J"), (Step("a", "\x1b]0;title\x07" + "x" * 9000),))),
        OUT,
        "online",
    )
    assert isinstance(told.decision, Answer)
    assert told.decision.reason == "No[2J"
    assert told.trace[0].text.startswith("]0;titlexxx")
    assert len(told.trace[0].text) == 500
    for bad in ({"decision": 7}, {}, msgspec.to_builtins(Outcome(UP, (Step("a", "b"),) * 100))):
        with pytest.raises(UsageError):
            checked(bad, OUT, "online")
