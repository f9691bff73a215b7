"""HTTP routes of the directory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from isthmus.access import rules as access
from isthmus.access.api import Acting, Reached, next_page
from isthmus.access.model import Reach
from isthmus.addressing import Aor, normalise_number
from isthmus.audit.model import Actor
from isthmus.audit.web import LocalActor
from isthmus.directory import bulk, rules, wire
from isthmus.directory.bulk import ImportReport, Record
from isthmus.directory.editing import Edit, Edited
from isthmus.directory.importing import unusable_credentials
from isthmus.directory.model import UNCHANGED, Credentials, NewPerson, Person, PersonChanges, Unchanged
from isthmus.directory.service import Directory

KeyHeader = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]
MatchHeader = Annotated[str | None, Header(alias="If-Match", max_length=200)]
_PAGE = 1000
_MOST_EDITED = 1000  # in one transaction, for which others wait
_EXPORTS: dict[str, Any] = {"application/json": {}, "text/csv": {}}

Exported = Callable[[Actor, int], object]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PersonBody(_Body):
    """A new person. Without a password nobody can sign in as them until one is set."""

    aor: str
    home: str
    display_name: str = ""
    number: str | None = None
    password: str | None = None
    groups: list[str] = []
    enabled: bool = True


class ChangesBody(_Body):
    """What is to be different; whatever is left out stays. password: null leaves the person none of their own."""

    display_name: str | None = None
    number: str | None = None
    password: str | None = None
    groups: list[str] | None = None
    enabled: bool | None = None


class ImportBody(_Body):
    """Many people. Each row has the columns of an import file, and `line` to name it by in errors."""

    rows: list[dict[str, Any]] = Field(max_length=200_000)
    update: bool = False
    dry_run: bool = False


class EditBody(_Body):
    """The same change of many people. groups: to add and to remove. enabled: null leaves it.

    seen: the tags of people as an answer of this route gave them; who was changed since then is left as they are.
    """

    people: list[str] = Field(min_length=1, max_length=_MOST_EDITED)
    enabled: bool | None = None
    add_groups: list[str] = Field([], max_length=100)
    remove_groups: list[str] = Field([], max_length=100)
    seen: dict[str, str] = Field({}, max_length=_MOST_EDITED)
    dry_run: bool = False


def router(directory: Directory, exported: Exported = lambda actor, count: None) -> APIRouter:
    """/v1/people: listing, looking at, creating, changing and deleting people, one by one and in bulk.

    exported: told who took how many people out.
    """
    routes = APIRouter(prefix="/v1/people")
    _add_reading(routes, directory, exported)
    _add_writing(routes, directory)
    return routes


def _add_reading(routes: APIRouter, directory: Directory, exported: Exported) -> None:
    @routes.get("")
    def people(
        request: Request,
        response: Response,
        reach: Reached,
        home: str | None = None,
        group: str | None = None,
        match: str | None = None,
        enabled: bool | None = None,
        after: str | None = None,
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    ) -> list[dict[str, Any]]:
        behind = Aor.parse(after) if after else None
        found = directory.people(
            home=home,
            group=group,
            match=match,
            after=behind,
            limit=limit,
            reach=reach,
            enabled=enabled,
            offset=offset,
        )
        if len(found) == limit:
            response.headers["Link"] = next_page(request, after=str(found[-1].aor), offset="0")
        return [wire.public(person) for person in found]

    @routes.get("/count")
    def count(
        reach: Reached,
        home: str | None = None,
        group: str | None = None,
        match: str | None = None,
        enabled: bool | None = None,
    ) -> dict[str, int]:
        return {"count": directory.count(home=home, group=group, match=match, reach=reach, enabled=enabled)}

    @routes.get("/export", response_class=Response, responses={200: {"content": _EXPORTS}})
    def export(
        reach: Reached,
        actor: LocalActor,
        form: Annotated[str, Query(alias="format", pattern="^(csv|json)$")] = "json",
        home: str | None = None,
        group: str | None = None,
        match: str | None = None,
    ) -> Response:
        found = _all(directory, home, group, match, reach)
        exported(actor, len(found))
        if form == "csv":
            return Response(bulk.write_csv(found), media_type="text/csv; charset=utf-8")
        return Response(bulk.write_json(found), media_type="application/json")

    @routes.get("/{aor}")
    def person(aor: str, reach: Reached, response: Response) -> dict[str, Any]:
        return _tagged(response, directory.get(Aor.parse(aor), reach))


def _add_writing(routes: APIRouter, directory: Directory) -> None:
    @routes.post("", status_code=201)
    def create(
        body: PersonBody, principal: Acting, response: Response, actor: LocalActor, key: KeyHeader = None
    ) -> dict[str, Any]:
        needed = ("person.create", *(("number.assign",) if body.number else ()))
        reach = access.reach_of_all(principal, needed)
        return _tagged(response, directory.create(_new(body), actor=actor, key=key, reach=reach))

    @routes.post("/import")
    def import_people(body: ImportBody, reach: Reached, actor: LocalActor, key: KeyHeader = None) -> dict[str, Any]:
        rows, faults = bulk.rows_of(_record(row, number) for number, row in enumerate(body.rows, 1))
        # With faults already found the rest is only looked at, so that all are told at once.
        dry_run = body.dry_run or bool(faults)
        report = directory.import_people(rows, update=body.update, dry_run=dry_run, actor=actor, key=key, reach=reach)
        every = sorted((*faults, *report.faults), key=lambda fault: fault.line)
        return _report(report, every, body.dry_run)

    @routes.post("/edit")
    def edit(body: EditBody, reach: Reached, actor: LocalActor) -> dict[str, Any]:
        wanted = Edit(body.enabled, tuple(body.add_groups), tuple(body.remove_groups))
        done = directory.edit(
            [Aor.parse(each) for each in body.people],
            wanted,
            dry_run=body.dry_run,
            actor=actor,
            reach=reach,
            seen={Aor.parse(aor): tag for aor, tag in body.seen.items()},
        )
        return {"dry_run": body.dry_run, "people": [_edited(each) for each in done]}

    @routes.patch("/{aor}")
    def change(
        aor: str,
        body: ChangesBody,
        principal: Acting,
        response: Response,
        actor: LocalActor,
        key: KeyHeader = None,
        if_match: MatchHeader = None,
    ) -> dict[str, Any]:
        address = Aor.parse(aor)
        reach = access.reach_of_all(principal, _needed(body))
        wanted, seen = _changes(address, body), seen_tag(if_match)
        person = directory.set(address, wanted, actor=actor, key=key, reach=reach, unless_changed=seen)
        return _tagged(response, person)

    @routes.delete("/{aor}", status_code=204)
    def delete(
        aor: str, reach: Reached, actor: LocalActor, key: KeyHeader = None, if_match: MatchHeader = None
    ) -> None:
        seen = seen_tag(if_match)
        directory.delete(Aor.parse(aor), actor=actor, key=key, reach=reach, unless_changed=seen)


def _tagged(response: Response, person: Person) -> dict[str, Any]:
    response.headers["ETag"] = f'"{wire.tag(person)}"'
    return wire.public(person)


def _edited(each: Edited) -> dict[str, Any]:
    """tag_before, tag: of the person as they were and are, for `seen` and If-Match."""
    return {
        "aor": str(each.aor),
        "changed": not each.why and each.before != each.after,
        "why": each.why,
        "before": each.before and wire.public(each.before),
        "after": each.after and wire.public(each.after),
        "tag_before": each.before and wire.tag(each.before),
        "tag": each.after and wire.tag(each.after),
    }


def seen_tag(if_match: str | None) -> str | None:
    """The tag the asker has seen; None for any (RFC 9110 13.1.1)."""
    return None if if_match in (None, "*") else if_match.strip().strip('"')


def _needed(body: ChangesBody) -> list[str]:
    """The permissions that these changes take."""
    given = body.model_fields_set
    needed = [
        *(["person.password"] if "password" in given else []),
        *(["number.assign"] if "number" in given else []),
    ]
    return ["person.set", *needed] if given - {"password", "number"} or not needed else needed


def _record(row: dict[str, Any], number: int) -> Record:
    line = row.get("line")
    return Record(
        line if isinstance(line, int) else number, {name: value for name, value in row.items() if name != "line"}
    )


def _new(body: PersonBody) -> NewPerson:
    aor = Aor.parse(body.aor)
    password = rules.checked_password(body.password)
    return NewPerson(
        aor=aor,
        display_name=body.display_name or aor.user,
        home=body.home,
        credentials=Credentials.of(aor, password) if password else unusable_credentials(),
        number=normalise_number(body.number) if body.number else None,
        enabled=body.enabled,
        groups=tuple(body.groups),
    )


def _changes(aor: Aor, body: ChangesBody) -> PersonChanges:
    given = body.model_fields_set
    password = rules.checked_password(body.password)
    credentials: Credentials | Unchanged = UNCHANGED
    if password:
        credentials = Credentials.of(aor, password)
    elif "password" in given and body.password is None:
        credentials = unusable_credentials()
    return PersonChanges(
        display_name=body.display_name if body.display_name is not None else UNCHANGED,
        number=(normalise_number(body.number) if body.number else None) if "number" in given else UNCHANGED,
        credentials=credentials,
        enabled=body.enabled if body.enabled is not None else UNCHANGED,
        groups=tuple(body.groups) if body.groups is not None else UNCHANGED,
    )


def _report(report: ImportReport, faults: list[bulk.Fault], dry_run: bool) -> dict[str, Any]:
    errors = [{"line": fault.line, "aor": fault.aor, "what": fault.what} for fault in faults]
    return {**report.counts(), "dry_run": dry_run, "errors": errors}


def _all(directory: Directory, home: str | None, group: str | None, match: str | None, reach: Reach) -> list[Person]:
    found: list[Person] = []
    while True:
        after = found[-1].aor if found else None
        page = directory.people(home=home, group=group, match=match, after=after, limit=_PAGE, reach=reach)
        found += page
        if len(page) < _PAGE:
            return found
