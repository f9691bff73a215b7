"""HTTP routes of the inventory of numbers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access.api import next_page
from isthmus.addressing import Telephone
from isthmus.audit.web import LocalActor
from isthmus.directory.api import KeyHeader
from isthmus.directory.bulk import Record
from isthmus.numbers import files
from isthmus.numbers.model import Block, NumberSource, NumberState, NumberUse, Owner, Wanted, written
from isthmus.numbers.rules import checked_range, checked_text
from isthmus.numbers.service import Numbers
from isthmus.numbers.wire import details, public, stock_public

_Number = Annotated[str, Path(max_length=80)]
_Text = Annotated[str, Field(max_length=300)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RangeBody(_Body):
    """A range for a tenant's inventory: `+14255550100-+14255550199`, or one number."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"range": "+14255550100-+14255550199", "carrier": "Northwind"}]}
    )

    range: str = Field(max_length=80)
    use: NumberUse = NumberUse.SUBSCRIBER
    source: NumberSource = NumberSource.TRUNK
    carrier: _Text = ""
    note: _Text = ""


class RangeChangesBody(_Body):
    """What is to be said of a range; whatever is left out, or null, stays."""

    use: NumberUse | None = None
    source: NumberSource | None = None
    carrier: _Text | None = None
    note: _Text | None = None


class NumberImportBody(_Body):
    """A file's rows, with its columns, and `line` to name each by in errors. dry_run: only say what would be."""

    rows: list[dict[str, Any]] = Field(max_length=100_000)
    dry_run: bool = False


class OwnerBody(_Body):
    """Whose a number is to be: an address, `service:NAME` or `resource:NAME`.

    replace: also where a person has another number, which is free then.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"owner": "alice@contoso.example"}]})

    owner: str = Field(max_length=300)
    replace: bool = False


class OwnerShown(BaseModel):
    """Whose a number is. name: of a person their address."""

    kind: str
    name: str


class NumberShown(BaseModel):
    """A number. state: free, reserved, assigned, or unknown (a person's, and in no range). Times: Unix seconds."""

    number: str
    tenant: str
    state: NumberState
    owner: OwnerShown | None
    reserved_by: str | None
    reserved_until: float | None
    use: NumberUse | None
    source: NumberSource | None
    carrier: str | None
    country: str | None
    area: str | None
    range: str | None
    extensions: int


class Behind(BaseModel):
    """Who is behind a number by an extension."""

    extension: str
    aor: str


class ExtensionShown(BaseModel):
    """An extension, as +14255550100;ext=123, and who has it."""

    number: str
    aor: str


class NumberDetails(NumberShown):
    """A number and who is behind it."""

    people: list[Behind]


class RangeShown(BaseModel):
    """A range of a tenant's inventory, and what becomes of its numbers."""

    range: str
    tenant: str
    first: str
    last: str
    use: NumberUse
    source: NumberSource
    carrier: str | None
    note: str | None
    country: str | None
    area: str | None
    numbers: int
    assigned: int
    reserved: int
    free: int
    added: float


class FaultShown(BaseModel):
    """Something wrong in a file."""

    line: int
    what: str


class NumberImportShown(BaseModel):
    """What an import did, or would do; with errors it did nothing. added, changed: ranges; assigned: owners."""

    added: int
    changed: int
    assigned: int
    unchanged: int
    dry_run: bool
    errors: list[FaultShown]


def router(numbers: Numbers, own_tenant: str) -> APIRouter:
    """/v1/numbers. own_tenant: whose numbers are meant when a request names no tenant."""
    routes = APIRouter(prefix="/v1/numbers")
    _add_ranges(routes, numbers, own_tenant)
    _add_reading(routes, numbers, own_tenant)
    _add_writing(routes, numbers, own_tenant)
    return routes


def _add_ranges(routes: APIRouter, numbers: Numbers, own_tenant: str) -> None:
    @routes.get("/ranges", response_model=list[RangeShown])
    def ranges(tenant: str = own_tenant) -> list[dict[str, Any]]:
        return [stock_public(each) for each in numbers.ranges(tenant)]

    @routes.get("/ranges/{range_}", response_model=RangeShown)
    def one_range(range_: _Number, tenant: str = own_tenant) -> dict[str, Any]:
        return stock_public(numbers.get_range(tenant, checked_range(range_)))

    @routes.post("/ranges", status_code=201, response_model=RangeShown)
    def add(body: RangeBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> dict[str, Any]:
        carrier, note = checked_text("the carrier", body.carrier), checked_text("the note", body.note)
        block = Block(checked_range(body.range), tenant, body.use, body.source, carrier, note)
        return stock_public(numbers.add(block, actor=actor, key=key))

    @routes.patch("/ranges/{range_}", response_model=RangeShown)
    def change(
        range_: _Number, body: RangeChangesBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> dict[str, Any]:
        said = {name: value for name in body.model_fields_set if (value := getattr(body, name)) is not None}
        said |= {name: checked_text(f"the {name}", said[name]) for name in ("carrier", "note") if name in said}
        return stock_public(numbers.change(tenant, checked_range(range_), said, actor=actor, key=key))

    @routes.post("/import", response_model=NumberImportShown)
    def import_rows(
        body: NumberImportBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> dict[str, Any]:
        rows, faults = files.rows_of(_record(row, number) for number, row in enumerate(body.rows, 1))
        # With faults already found the rest is only looked at, so that all are told at once.
        dry_run = body.dry_run or bool(faults)
        report = numbers.import_rows(tenant, rows, dry_run=dry_run, actor=actor, key=key)
        every = sorted((*faults, *report.faults), key=lambda fault: fault.line)
        errors = [{"line": fault.line, "what": fault.what} for fault in every]
        return {**report.counts(), "dry_run": body.dry_run, "errors": errors}

    @routes.delete("/ranges/{range_}", status_code=204)
    def remove(range_: _Number, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> None:
        numbers.remove(tenant, checked_range(range_), actor=actor, key=key)


def _add_reading(routes: APIRouter, numbers: Numbers, own_tenant: str) -> None:
    @routes.get("", response_model=list[NumberShown])
    def listed(
        request: Request,
        response: Response,
        tenant: str = own_tenant,
        state: NumberState | None = None,
        country: Annotated[str | None, Query(pattern="^[A-Za-z]{2}$|^001$")] = None,
        area: str | None = None,
        pattern: str | None = None,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    ) -> list[dict[str, Any]]:
        wanted = Wanted(country, area, pattern)
        found = numbers.listed(tenant, wanted, state=state, after=after, limit=limit)
        if len(found) == limit:
            response.headers["Link"] = next_page(request, after=written(found[-1].number))
        return [public(each) for each in found]

    @routes.get("/extensions", response_model=list[ExtensionShown])
    def extensions(
        request: Request,
        response: Response,
        tenant: str = own_tenant,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    ) -> list[dict[str, Any]]:
        behind = Telephone.parse(after) if after else None
        found = numbers.extensions(tenant, after=behind, limit=limit)
        if len(found) == limit:
            response.headers["Link"] = next_page(request, after=str(found[-1][0]))
        return [{"number": str(telephone), "aor": str(aor)} for telephone, aor in found]

    @routes.get("/{number}", response_model=NumberDetails)
    def show(number: _Number, tenant: str = own_tenant) -> dict[str, Any]:
        return details(*numbers.get(tenant, Telephone.parse(number)))


def _add_writing(routes: APIRouter, numbers: Numbers, own_tenant: str) -> None:
    @routes.post("/{number}/reserve", response_model=NumberDetails)
    def reserve(number: _Number, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> dict[str, Any]:
        return details(*numbers.reserve(tenant, Telephone.parse(number), actor=actor, key=key))

    @routes.post("/{number}/assign", response_model=NumberDetails)
    def assign(
        number: _Number, body: OwnerBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> dict[str, Any]:
        telephone, owner = Telephone.parse(number), Owner.parse(body.owner)
        return details(*numbers.assign(tenant, telephone, owner, instead=body.replace, actor=actor, key=key))

    @routes.post("/{number}/transfer", response_model=NumberDetails)
    def transfer(
        number: _Number, body: OwnerBody, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None
    ) -> dict[str, Any]:
        telephone, owner = Telephone.parse(number), Owner.parse(body.owner)
        return details(*numbers.transfer(tenant, telephone, owner, instead=body.replace, actor=actor, key=key))

    @routes.post("/{number}/release", status_code=204)
    def release(number: _Number, actor: LocalActor, tenant: str = own_tenant, key: KeyHeader = None) -> None:
        numbers.release(tenant, Telephone.parse(number), actor=actor, key=key)


def _record(row: dict[str, Any], number: int) -> Record:
    line = row.get("line")
    values = {name: value for name, value in row.items() if name != "line"}
    return Record(line if isinstance(line, int) else number, values)
