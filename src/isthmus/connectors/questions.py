"""What a connector would decide, asked of it while it is connected: it fetches each question, and brings the answer.

Nothing is ever asked of a connector by a connection of ours. What it answers is shown to people and followed further,
so it is believed no more than a connector is anywhere: it leads back to its site, as what it passed on, or nowhere.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from isthmus.errors import NotFoundError, TooManyError, UnavailableError, UsageError
from isthmus.routing.model import Outcome, Relay, Request, Source, Step

MOST = 4
"""Questions of one connector that wait for their answers."""
WAIT_S = 20.0
"""How long a connector waits for a question at a time."""
_ANSWER_S = 5.0
_LATE_S = 10.0  # between two waits of a connector that is there
_MOST_STEPS, _LONGEST = 40, 500


@dataclass
class _Question:
    request: Request
    handed: bool = False
    outcome: Outcome | None = None
    answered: threading.Event = field(default_factory=threading.Event)


_NONE: OrderedDict[str, _Question] = OrderedDict()


class Questions:
    """Questions to the connectors of one site. site: its name. Every method is safe to call from several threads."""

    def __init__(self, site: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._site, self._clock = site, clock
        self._lock = threading.Lock()
        self._open: dict[str, OrderedDict[str, _Question]] = {}
        self._seen: dict[str, float] = {}

    def ask(self, name: str, request: Request, timeout_s: float = _ANSWER_S) -> Outcome:
        """What the connector of that name decides. Raises UnavailableError, TooManyError."""
        number, question = secrets.token_hex(8), _Question(request)
        with self._lock:
            if self._clock() - self._seen.get(name, -WAIT_S * 10) > WAIT_S + _LATE_S:
                raise UnavailableError(f"{name} does not ask for questions now", do="See: isthmus connector list")
            waiting = self._open.setdefault(name, OrderedDict())
            if len(waiting) >= MOST:
                raise TooManyError(f"{name} is asked much already", retry_after_s=_ANSWER_S)
            waiting[number] = question
        try:
            question.answered.wait(timeout_s)
        finally:
            with self._lock:
                waiting.pop(number, None)
        if question.outcome is None:
            raise UnavailableError(f"{name} has not answered within {timeout_s:.0f} s")
        return question.outcome

    def next(self, name: str) -> dict[str, Any] | None:
        """The next question for a connector, which asks for it; None where there is none."""
        with self._lock:
            self._seen[name] = self._clock()
            for number, question in self._open.get(name, _NONE).items():
                if not question.handed:
                    question.handed = True
                    return {"id": number, "request": msgspec.to_builtins(question.request)}
        return None

    def take(self, name: str, number: str, told: Mapping[str, Any]) -> None:
        """A connector has answered. Raises UsageError, NotFoundError (nobody waits for that)."""
        with self._lock:
            question = self._open.get(name, _NONE).get(number)
        if question is None:
            raise NotFoundError("nobody waits for an answer to that")
        question.outcome = checked(told, question.request, self._site)
        question.answered.set()


def checked(told: Mapping[str, Any], asked: Request, site: str) -> Outcome:
    """The answer of a connector, as far as it is one that a connector gives. Raises UsageError.

    site: that it belongs to. Texts lose what is not printable: they come to terminals.
    """
    try:
        outcome = msgspec.convert(told, Outcome)
    except msgspec.ValidationError as error:
        raise UsageError(f"that is no answer: {error}") from error
    decision = outcome.decision
    passed_on = asked.source in (Source.BRANCH, Source.TRUNK)
    if isinstance(decision, Relay) and not (passed_on and decision == Relay(site, "", -1)):
        raise UsageError("that is nothing that a connector decides")
    if len(outcome.trace) > _MOST_STEPS:
        raise UsageError(f"an answer has at most {_MOST_STEPS} steps")
    steps = tuple(Step(_printable(step.rule), _printable(step.text)) for step in outcome.trace)
    plain = {name: _printable(value) for name, value in _texts(decision).items()}
    return Outcome(msgspec.structs.replace(decision, **plain), steps)


def _texts(decision: msgspec.Struct) -> dict[str, str]:
    return {name: value for name, value in msgspec.structs.asdict(decision).items() if isinstance(value, str)}


def _printable(text: str) -> str:
    return "".join(each for each in text if each.isprintable())[:_LONGEST]
