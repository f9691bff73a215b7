"""Calls and messages at a steady rate between many phones, and the account of what became of each."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from isthmus.useragent.call import Call
from tests.agents.raw import Rule, User
from tests.interop.conftest import DOMAIN

_ANSWER_WITHIN_S = 12.0


@dataclass
class Attempt:
    """One call or message: when it began (monotonic), between whom, and what became of it. `ok`, or what went wrong."""

    kind: str
    caller: str
    callee: str
    at_s: float
    outcome: str = "under way"
    call_id: str = ""
    took_s: float = 0.0


@dataclass
class Load:
    """Calls among `phones`, `rate` a second, a message for every fourth of them; ended by `stop`.

    busy: users who are never called or calling, since the test needs them for something else.
    """

    phones: Mapping[str, User]
    rate: float = 20.0
    hold_s: float = 0.4
    busy: Sequence[str] = ()
    attempts: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(4)
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        for user, phone in self.phones.items():
            if user not in self.busy:
                phone.rule, phone.media = Rule(after_s=0.1), False
        self._main = asyncio.create_task(self._run())

    async def stop(self) -> list[Attempt]:
        """Begin nothing new, wait for what is under way, and give all attempts."""
        self._stopping.set()
        await self._main
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=40)
        return self.attempts

    def since(self, at_s: float) -> list[Attempt]:
        """What began at this time or later, and is over."""
        return [attempt for attempt in self.attempts if attempt.at_s >= at_s and attempt.outcome != "under way"]

    async def _run(self) -> None:
        names = [user for user in self.phones if user not in self.busy]
        due = time.monotonic()
        while not self._stopping.is_set():
            due += 1 / self.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            caller, callee = self._random.sample(names, 2)
            self._begin(Attempt("call", caller, callee, time.monotonic()))
            if next(self._numbers) % 4 == 0:
                self._begin(Attempt("message", callee, caller, time.monotonic()))

    def _begin(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        task = asyncio.create_task(self._call(attempt) if attempt.kind == "call" else self._message(attempt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self, attempt: Attempt) -> None:
        phone = self.phones[attempt.caller]
        try:
            call = await phone.call(f"sip:{attempt.callee}@{DOMAIN}", body=phone._no_media)
            assert call.invite is not None or await _sent(call)
            assert call.invite is not None
            attempt.call_id = call.invite.call_id
            await call.until(lambda: call.up or call.ended, "an answer", _ANSWER_WITHIN_S)
            attempt.took_s = time.monotonic() - attempt.at_s
            if not call.up:
                attempt.outcome = call.ended
                return
            await asyncio.sleep(self.hold_s)
            if call.ended:
                attempt.outcome = f"lost: {call.ended}"
                return
            bye = await asyncio.wait_for(call.hang_up(), 10)
            attempt.outcome = "ok" if bye.code == 200 else f"BYE {bye.code}"
        except (TimeoutError, OSError) as error:
            attempt.outcome = f"{type(error).__name__}: {error}"

    async def _message(self, attempt: Attempt) -> None:
        attempt.call_id = f"message {len(self.attempts)} from {attempt.caller}"
        try:
            answer = await asyncio.wait_for(
                self.phones[attempt.caller].message(f"sip:{attempt.callee}@{DOMAIN}", attempt.call_id), _ANSWER_WITHIN_S
            )
            attempt.outcome = "ok" if answer.code == 202 else f"{answer.code} {answer.phrase}"
        except (TimeoutError, OSError) as error:
            attempt.outcome = f"{type(error).__name__}: {error}"

    # The account

    def failures(self, kind: str = "") -> Counter[str]:
        """What went wrong, and how often."""
        return Counter(a.outcome for a in self.attempts if a.outcome != "ok" and kind in ("", a.kind))

    def not_delivered_once(self) -> list[str]:
        """Every successful attempt that did not reach its callee exactly once, in words."""
        rang = Counter(
            (user, call.invite.call_id) for user, phone in self.phones.items() for call in phone.incoming if call.invite
        )
        read = Counter((user, m.body.decode()) for user, phone in self.phones.items() for m in phone.messages)
        wrong = []
        for attempt in self.attempts:
            if attempt.outcome == "ok":
                seen = (rang if attempt.kind == "call" else read)[attempt.callee, attempt.call_id]
                if seen != 1:
                    wrong.append(f"{attempt.kind} {attempt.caller} -> {attempt.callee}: {seen} times")
        return wrong

    def doubled(self) -> list[str]:
        """Calls and messages, successful or not, that reached somebody more than once, in words."""
        rang = Counter(
            (user, call.invite.call_id) for user, phone in self.phones.items() for call in phone.incoming if call.invite
        )
        read = Counter((user, m.body.decode()) for user, phone in self.phones.items() for m in phone.messages)
        return [f"{user}: {what} {count} times" for (user, what), count in (rang + read).items() if count > 1]

    def summary(self) -> str:
        """One line of figures."""
        calls = [a for a in self.attempts if a.kind == "call"]
        answered = sorted(a.took_s for a in calls if a.outcome == "ok")
        slow = f", slowest answer {answered[-1]:.2f} s, median {answered[len(answered) // 2]:.2f} s" if answered else ""
        good = sum(a.outcome == "ok" for a in calls)
        messages = [a for a in self.attempts if a.kind == "message"]
        read = sum(a.outcome == "ok" for a in messages)
        return (
            f"{good} of {len(calls)} calls, {read} of {len(messages)} messages{slow}; failures {dict(self.failures())}"
        )


async def _sent(call: Call) -> bool:
    with suppress(TimeoutError):
        await call.until(lambda: call.invite is not None, "the INVITE", 2)
    return True
