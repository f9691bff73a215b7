"""HTTP routes by which a connector fetches what it is asked, and answers. haproxy has verified who it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from isthmus.connectors.link_api import ConnectorName
from isthmus.connectors.questions import WAIT_S, Questions
from isthmus.errors import RefusedError

_LOOK_S = 0.2


class AnswerBody(BaseModel):
    """What a connector decides of a request that it was asked about (an Outcome)."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(max_length=64)]
    outcome: dict[str, Any]


def questions_router(find: Callable[[str], object | None], questions: Questions) -> APIRouter:
    """Routes under /link/connector. find: gives None for a connector that is not let in."""
    router = APIRouter()

    def known(name: str) -> None:
        if find(name) is None:
            raise RefusedError("this site has no such connector", where=name)

    @router.get("/link/connector/questions")
    async def asked(connector: ConnectorName, wait_s: Annotated[float, Query(ge=0, le=WAIT_S)] = 0.0) -> dict[str, Any]:
        """The next question, at once or as soon as there is one; nothing where there is none in time."""
        await run_in_threadpool(known, connector)
        until = time.monotonic() + wait_s
        while (found := questions.next(connector)) is None and time.monotonic() < until:
            await asyncio.sleep(_LOOK_S)  # no thread is held by those who wait
        return found or {}

    @router.post("/link/connector/answers")
    def answered(connector: ConnectorName, body: AnswerBody) -> dict[str, Any]:
        known(connector)
        questions.take(connector, body.id, body.outcome)
        return {}

    return router
