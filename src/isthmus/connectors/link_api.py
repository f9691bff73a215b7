"""What connectors ask of the site that they belong to. haproxy has verified who asks (see api/peer.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field

from isthmus.connectors.knowing import MOST, BranchPeople, asked_for
from isthmus.errors import RefusedError

ConnectorName = Annotated[str, Header(alias="X-Isthmus-Connector")]


class PeopleBody(BaseModel):
    """Addresses that asked to be registered through a connector, and proofs of those whom it knows (see knowing)."""

    model_config = ConfigDict(extra="forbid")

    known: dict[Annotated[str, Field(max_length=320)], Annotated[str, Field(max_length=64)]] = Field(
        default_factory=dict, max_length=MOST
    )
    people: list[Annotated[str, Field(max_length=320)]] = Field(max_length=MOST)


class RecordsBody(BaseModel):
    """A page of a connector's call records, and the number behind which it begins."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(ge=0, le=2**63 - 1)
    page: dict[str, Any]


def link_router(
    find: Callable[[str], tuple[str, str] | None],
    people: BranchPeople,
    take_records: Callable[[object, int, str, str], int],
) -> APIRouter:
    """Routes for connectors. find: gives tenant and host (its certificate's name) of one that this site knows.

    take_records: page, the number behind which it begins, connector and tenant -> number reached.
    """
    router = APIRouter()

    def known(name: str) -> tuple[str, str]:
        found = find(name)
        if found is None:
            raise RefusedError("this site has no such connector", where=name)
        return found

    @router.post("/link/connector/people")
    def branch_people(connector: ConnectorName, body: PeopleBody) -> dict[str, str]:
        tenant, host = known(connector)
        proofs = {aor: body.known[str(aor)] for aor in asked_for(body.known) if str(aor) in body.known}
        return {"answer": people.of(tenant, host, asked_for(body.people), proofs).decode()}

    @router.post("/link/connector/records")
    def branch_records(connector: ConnectorName, body: RecordsBody) -> dict[str, int]:
        tenant, _ = known(connector)
        return {"reached": take_records(body.page, body.after, connector, tenant)}

    return router
