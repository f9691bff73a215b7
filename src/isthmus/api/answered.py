"""What was answered under an idempotency key, kept for a day: sealed, since new passwords and tokens are in answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from isthmus.api.tables import answered
from isthmus.database import reading, writing
from isthmus.errors import RefusedError, UsageError
from isthmus.identity.sealing import Sealer

LIVES_S = 24 * 3600.0
_MOST = 1 << 20  # bytes of an answer; of a longer one it is only known that it was given
_SWEEP_EVERY_MS = 600_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What was sent. whole: whether the body is all there."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    whole: bool = True


class Answered:
    """The answers of one site; its applications share it, and it may be used from any thread.

    What is being worked on is known to this process alone: after a crash the request is done as if it was new, and
    meets what the first one left (a name that is taken, a run that goes on).
    """

    def __init__(self, engine: Engine, sealer: Sealer, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._sealer, self._clock = engine, sealer, clock
        self._working: set[str] = set()
        self._lock = threading.Lock()
        self._swept_ms = 0

    def begin(self, asked: str, request: str) -> Answer | None:
        """What the same request was answered; None for a new one, which has to `end`.

        asked: who, which route and which key. request: what was asked.
        Raises UsageError when the key was used for another request, RefusedError while the first is worked on.
        """
        row_key, digest = self._sealer.digest(asked), self._sealer.digest(request)
        with self._lock:
            if row_key in self._working:
                raise RefusedError(
                    "a request with this idempotency key is being worked on",
                    where="Idempotency-Key",
                    do="Ask again with the same key in a moment.",
                )
            self._working.add(row_key)
        try:
            found = self._found(row_key, digest)
        except Exception:
            self._forget(row_key)
            raise
        if found is not None:
            self._forget(row_key)
        return found

    def end(self, asked: str, request: str, answer: Answer | None) -> None:
        """Keep the answer. None: nothing was done, and the key may be used again."""
        row_key = self._sealer.digest(asked)
        try:
            if answer is not None:
                self._keep(row_key, self._sealer.digest(request), answer)
        finally:
            self._forget(row_key)

    def _found(self, row_key: str, digest: str) -> Answer | None:
        query = select(answered).where(answered.c.asked == row_key).where(answered.c.at_ms > self._oldest_ms())
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        if row.request != digest:
            raise UsageError(
                "this idempotency key was used for something else", where="Idempotency-Key", do="Use a new key."
            )
        return msgspec.msgpack.decode(self._sealer.open(row.answer, row_key), type=Answer)

    def _keep(self, row_key: str, digest: str, answer: Answer) -> None:
        if len(answer.body) > _MOST:
            answer = Answer(answer.status, [], b"", whole=False)
        sealed = self._sealer.seal(msgspec.msgpack.encode(answer), row_key)
        now_ms = int(self._clock() * 1000)
        try:
            with writing(self._engine) as connection:
                if now_ms - self._swept_ms > _SWEEP_EVERY_MS:
                    connection.execute(delete(answered).where(answered.c.at_ms <= self._oldest_ms()))
                    self._swept_ms = now_ms
                connection.execute(delete(answered).where(answered.c.asked == row_key))
                row = {"asked": row_key, "request": digest, "answer": sealed, "at_ms": now_ms}
                connection.execute(insert(answered), row)
        except IntegrityError:
            pass  # another process was quicker with the same request

    def _forget(self, row_key: str) -> None:
        with self._lock:
            self._working.discard(row_key)

    def _oldest_ms(self) -> int:
        return int((self._clock() - LIVES_S) * 1000)
