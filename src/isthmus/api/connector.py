"""The one application of a connector: for people on its own machine. What online has of it, it sends there itself."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Annotated, Any, cast

from fastapi import FastAPI, Query
from fastapi.responses import StreamingResponse

from isthmus.addressing import Aor
from isthmus.api import errors
from isthmus.connectors import surviving
from isthmus.engines.kamailio import asking, trunks
from isthmus.engines.kamailio.bulk import ask
from isthmus.errors import IsthmusError
from isthmus.pstn import api as pstn
from isthmus.records.export import public
from isthmus.records.model import Filter
from isthmus.registration.api import binding_json
from isthmus.site.connecting import Connector
from isthmus.site.moving import registrar_of

_LITTLE_SPACE = 64 << 20  # bytes free below which health is not well


def connector_app(services: Connector) -> FastAPI:
    """On a socket that only this connector's unix user can open: whoever asks is trusted."""
    app = FastAPI(title="Isthmus connector", docs_url=None, redoc_url=None, openapi_url=None)
    errors.add_handlers(app)
    file = services.site_file
    app.include_router(pstn.trunk_router(lambda: trunks.states(file, lambda *words: ask(file, *words))))

    @app.get("/v1/health")
    def health() -> dict[str, Any]:
        free = shutil.disk_usage(file.state_dir).free
        return {
            "site": file.site.name,
            "role": file.site.role.value,
            "ok": free > _LITTLE_SPACE,
            "disk": {"ok": free > _LITTLE_SPACE, "free_bytes": free},
            **{name: _told(fact) for name, fact in services.facts.items()},
        }

    @app.get("/v1/calls/records")
    def records(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[dict[str, Any]]:
        return [public(each) for each in services.records.find(Filter(), limit=limit)]

    @app.get("/v1/survivability")
    def survivability() -> StreamingResponse:
        """A line of JSON each time that more phones have answered, or have not: `asked` of how many (`of`). The last
        one has what was found out (`found`), or why nothing was (`failed`)."""
        people = services.learning.people
        registrar = registrar_of(file)
        held = {str(each.aor): registrar.bindings(each.aor) for each in people}
        phones = surviving.asked(held)

        def lines() -> Iterator[bytes]:
            yield _line({"asked": 0, "of": len(phones)})
            try:
                there = yield from _progress(asking.ask(file, [each for _, each in phones]), len(phones))
                yield _line({"found": found(there)})
            except IsthmusError as error:
                yield _line({"failed": {"what": error.what, "where": error.where, "do": error.do}})

        def found(there: Sequence[bool]) -> list[dict[str, Any]]:
            answered: dict[str, bool] = {}
            for (aor, _), answers in zip(phones, there, strict=True):
                answered[aor] = answered.get(aor, False) or answers
            states = {each["name"]: each["state"] for each in trunks.states(file, lambda *words: ask(file, *words))}
            with services.writer.reader().view() as view:
                limits = services.learning.limits
                return [
                    dataclasses.asdict(each)
                    for each in surviving.findings(view, people, held, answered, states, limits)
                ]

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    @app.get("/v1/registrations")
    def registrations(aor: Annotated[str, Query(max_length=320)]) -> list[dict[str, Any]]:
        address, now = Aor.parse(aor), time.time()
        held = registrar_of(file).bindings(address)
        hosts = {file.site.fqdn: file.site.name}
        shown = [binding_json(each, file.site.name, now, hosts) for each in held]
        return [{"aor": str(address), "home": file.site.name, "bindings": shown}]

    @app.get("/v1/branch")
    def branch() -> list[dict[str, str]]:
        return [{"aor": str(each.aor), "number": each.number or ""} for each in services.learning.people]

    return app


def _progress(asked: Generator[int, None, list[bool]], of: int) -> Generator[bytes, None, list[bool]]:
    """How far it is, a line each time; gives what came of it."""
    while True:
        try:
            done = next(asked)
        except StopIteration as end:
            return cast(list[bool], end.value)
        yield _line({"asked": done, "of": of})


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told).encode() + b"\n"


def _told(fact: Any) -> Any:
    try:
        return fact()
    except IsthmusError as error:
        return {"ok": False, "reason": str(error)}
