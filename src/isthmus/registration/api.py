"""HTTP routes of registrations: where the phones of people at home here can be reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Query, Request, Response

from isthmus.access.api import Reached, next_page
from isthmus.access.model import Reach
from isthmus.addressing import Aor
from isthmus.directory.model import Person
from isthmus.registration.model import Binding
from isthmus.registration.rules import edge_site
from isthmus.registration.service import Registrar


class People(Protocol):
    """What these routes need of the directory."""

    def get(self, aor: Aor, reach: Reach) -> Person: ...

    def people(
        self, *, home: str | None = None, after: Aor | None = None, limit: int = 100, reach: Reach
    ) -> list[Person]: ...


def router(
    site: str,
    people: People,
    registrar: Registrar,
    clock: Callable[[], float] = time.time,
    hosts: Mapping[str, str] | None = None,
) -> APIRouter:
    """/v1/registrations of one person, or of everybody at home here, page by page.

    hosts: names of the sites by their host names, as these stand in Path.
    """
    names = hosts or {}
    routes = APIRouter(prefix="/v1/registrations")

    @routes.get("")
    def registrations(
        reach: Reached,
        request: Request,
        response: Response,
        aor: str | None = None,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> list[dict[str, Any]]:
        wanted: Sequence[Person]
        if aor is not None:
            wanted = [people.get(Aor.parse(aor), reach)]
        else:
            behind = Aor.parse(after) if after else None
            wanted = people.people(home=site, after=behind, limit=limit, reach=reach)
            if len(wanted) == limit:
                response.headers["Link"] = next_page(request, after=str(wanted[-1].aor))
        now = clock()
        return [
            {
                "aor": str(person.aor),
                "home": person.home,
                "bindings": [binding_json(binding, site, now, names) for binding in registrar.bindings(person.aor)],
            }
            for person in wanted
        ]

    return routes


def binding_json(binding: Binding, site: str, now_s: float, names: Mapping[str, str]) -> dict[str, Any]:
    """A binding as the API shows it. edge: name of the site the phone is connected to, its host where that is all.

    device: name of the device that registered it; None for a person's own credential.
    """
    edge = edge_site(binding.path)
    shown: dict[str, Any] = {
        "contact": binding.contact,
        "edge": names.get(edge, edge) or site,
        "expires_s": max(0, int(binding.expires_at - now_s)),
        "device": binding.device[0] if binding.device else None,
        "user_agent": binding.user_agent,
        "received": binding.received,
        "path": binding.path,
        "call_id": binding.call_id,
        "cseq": binding.cseq,
        "q": binding.q,
        "instance": binding.instance,
        "reg_id": binding.reg_id,
    }
    # What phones said may hold bytes that are no UTF-8: shown as a question mark.
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in shown.items()
    }
