"""Where the SCIM protocol (scim2-server) reads and writes: one tenant's resources in SQL.

What a write means for the directory is done in the same transaction (pushing.Effects).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from scim2_models import (
    InvalidValueException,
    NotFoundException,
    PayloadTooLargeException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    SCIMException,
    SearchRequest,
    TooManyException,
    UniquenessException,
)
from scim2_server.storage import ScimStorage, SearchPage
from sqlalchemy import Connection, Engine

from isthmus.database import reading, writing
from isthmus.directory import journal
from isthmus.directory.store import new_id
from isthmus.errors import IsthmusError, UsageError
from isthmus.scim import store
from isthmus.scim.describe import PROVIDER
from isthmus.scim.model import Member, Stored
from isthmus.scim.narrowing import exact, key_of, narrowed
from isthmus.scim.pushing import Effects

_LARGEST = 64 << 10  # characters of one resource without its members
_MOST_MEMBERS = 50_000
_MOST_SCANNED = 25_000  # resources looked at one by one for a filter or an order that no index gives
_OURS = frozenset({"id", "meta", "members", "groups", "password"})


class RefusedRequest(SCIMException):
    """A refusal of ours as SCIM has it (RFC 7644 3.12)."""

    def __init__(self, error: IsthmusError) -> None:
        super().__init__(detail=str(error))
        self.status = 400 if isinstance(error, UsageError) else error.http_status
        self.scim_type = "invalidValue" if isinstance(error, UsageError) else ""


class TenantStorage(ScimStorage):
    """One tenant's resources, for one request of `actor`. writes: whether the request may change anything."""

    def __init__(self, engine: Engine, effects: Effects, tenant: str, *, writes: bool) -> None:
        self._engine, self._effects, self._tenant, self._writes = engine, effects, tenant, writes
        self._open: Connection | None = None

    @contextmanager
    def operation(self) -> Iterator[None]:
        """One transaction. What is written is passed on once it is committed."""
        try:
            with (writing if self._writes else reading)(self._engine) as connection:
                if self._writes:
                    journal.lock(connection)
                self._open = connection
                yield
        except IsthmusError as error:
            raise RefusedRequest(error) from error
        finally:
            self._open = None
        if self._writes:
            self._effects.announce()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        if self._open is not None:
            yield self._open
            return
        with self.operation():
            assert self._open is not None
            yield self._open

    # Reading

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        """See ScimStorage."""
        kind = _kind(resource_type)
        with self._connection() as connection:
            stored = self._stored(connection, kind, resource_id)
            return self._resources(connection, kind, [stored], whole=_whole(kind, response_parameters))[0]

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        """See ScimStorage."""
        kinds = [_kind(each) for each in resource_types]
        after = (search_request.start_index or 1) - 1
        with self._connection() as connection:
            if search_request.filter is None and search_request.sort_by is None:
                return self._listed(connection, kinds, after, search_request)
            found = [each for kind in kinds for each in self._fitting(connection, kind, search_request)]
        found = search_request.sort(found)
        end = None if search_request.count is None else after + search_request.count
        return SearchPage(len(found), found[after:end])

    def _listed(
        self, connection: Connection, kinds: Sequence[str], after: int, request: SearchRequest[Any]
    ) -> SearchPage:
        total, left, resources = 0, request.count, []
        for kind in kinds:
            number = store.count(connection, kind, self._tenant)
            skipped = max(0, after - total)
            total += number
            if (left is not None and left <= 0) or skipped >= number:
                continue
            limit = number if left is None else left
            rows = store.find(connection, kind, self._tenant, after=skipped, limit=limit)
            left = None if left is None else left - len(rows)
            resources += self._resources(connection, kind, rows, whole=_whole(kind, request))
        return SearchPage(total, resources)

    def _fitting(self, connection: Connection, kind: str, request: SearchRequest[Any]) -> list[Resource[Any]]:
        index = narrowed(request.filter, kind) if request.filter is not None else None
        if index is None and store.count(connection, kind, self._tenant) > _MOST_SCANNED:
            raise TooManyException(
                detail=f"With more than {_MOST_SCANNED} resources, ask by id, externalId, userName or displayName"
            )
        rows = store.find(connection, kind, self._tenant, **(index or {}))
        whole = _whole(kind, request) or "members" in str(request.filter or "").lower()
        resources = self._resources(connection, kind, rows, whole=whole)
        return [each for each in resources if request.filter is None or request.filter.match(each)]

    def _stored(self, connection: Connection, kind: str, object_id: str | None) -> Stored:
        found = store.find(connection, kind, self._tenant, ids=[object_id or ""])
        if not found:
            raise NotFoundException(detail=f"There is no {kind} {(object_id or '')[:80]!r}")
        return found[0]

    def _resources(
        self, connection: Connection, kind: str, rows: Sequence[Stored], *, whole: bool = True
    ) -> list[Resource[Any]]:
        """As the protocol has them. whole: with the members of groups."""
        ids = [each.id for each in rows]
        more: dict[str, list[dict[str, Any]]] = {}
        if kind == "User":
            for each, around in store.groups_of(connection, self._tenant, ids).items():
                more[each] = [
                    {"value": group, "$ref": f"Groups/{group}", "display": name, "type": "direct"}
                    for group, name in around
                ]
        elif whole:
            for each, inside in store.members(connection, self._tenant, ids).items():
                more[each] = [_member_json(member) for member in inside]
        return [_resource(kind, row, more.get(row.id)) for row in rows]

    # Writing

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """See ScimStorage. Who was deleted and comes back with name and external id is the same one again."""
        kind, now = _kind(resource_type), self._effects.now_ms()
        with self._connection() as connection:
            wanted = _stored_of(kind, resource, Stored(new_id(), "", None, 1, now, now, {}))
            if kind == "User" and wanted.external_id is not None:
                before = store.buried(connection, self._tenant, key_of(wanted.name), wanted.external_id)
                if before is not None:
                    wanted = _stored_of(kind, resource, Stored(before.id, "", None, before.version + 1, now, now, {}))
            self._check_unique(connection, kind, wanted)
            store.put(connection, kind, self._tenant, key_of(wanted.name), wanted)
            if kind == "User":
                self._effects.users(connection, self._tenant, [wanted.id])
            else:
                self._effects.group(connection, self._tenant, None, wanted, self._members(connection, resource))
            return self._resources(connection, kind, [self._stored(connection, kind, wanted.id)])[0]

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """See ScimStorage."""
        kind = _kind(resource_type)
        with self._connection() as connection:
            before = self._stored(connection, kind, resource.id)
            _expect(before, expected_version)
            wanted = _stored_of(kind, resource, before, self._effects.now_ms())
            self._check_unique(connection, kind, wanted)
            store.put(connection, kind, self._tenant, key_of(wanted.name), wanted)
            if kind == "User":
                self._effects.users(connection, self._tenant, [wanted.id])
            else:
                self._effects.group(connection, self._tenant, before, wanted, self._members(connection, resource))
            return self._resources(connection, kind, [self._stored(connection, kind, wanted.id)])[0]

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        """See ScimStorage."""
        kind = _kind(resource_type)
        with self._connection() as connection:
            before = self._stored(connection, kind, resource_id)
            _expect(before, expected_version)
            if kind == "User":
                self._effects.user_gone(connection, self._tenant, before)
            else:
                self._effects.group_gone(connection, self._tenant, before)

    def _check_unique(self, connection: Connection, kind: str, wanted: Stored) -> None:
        others = store.find(connection, kind, self._tenant, keys=[key_of(wanted.name)])
        if any(each.id != wanted.id for each in others):
            raise UniquenessException(detail=f"Another {kind} is called {wanted.name!r}")

    def _members(self, connection: Connection, resource: Resource[Any]) -> list[Member]:
        """What is to be in a group, each once. Raises InvalidValueException for what is not there."""
        given = {each.value: each for each in getattr(resource, "members", None) or () if each.value}
        if len(given) > _MOST_MEMBERS:
            raise PayloadTooLargeException(detail=f"A group has at most {_MOST_MEMBERS} members")
        kinds = store.kinds(connection, self._tenant, given)
        if missing := sorted(set(given) - set(kinds)):
            raise InvalidValueException(detail=f"There is no member {missing[0][:80]!r}")
        return [Member(each, kinds[each][0], _sound(given[each].display, "members.display")) for each in sorted(given)]


def _kind(resource_type: ResourceType) -> str:
    return str(resource_type.name)


def _whole(kind: str, parameters: ResponseParameters[Any] | None) -> bool:
    """Whether members are to be read: they can be very many, and providers say that they don't want them."""
    if kind != "Group" or parameters is None:
        return True
    wanted = [str(path).lower().rpartition(":")[2].partition(".")[0] for path in parameters.attributes or ()]
    unwanted = [str(path).lower().rpartition(":")[2] for path in parameters.excluded_attributes or ()]
    return "members" not in unwanted and (not wanted or "members" in wanted)


def _resource(kind: str, row: Stored, more: list[dict[str, Any]] | None) -> Resource[Any]:
    model: Any = PROVIDER.model_for(kind)
    meta = {
        "resourceType": kind,
        "created": datetime.fromtimestamp(row.created_ms / 1000, UTC),
        "lastModified": datetime.fromtimestamp(row.modified_ms / 1000, UTC),
        "version": _version(row),
    }
    data = {**row.resource, "id": row.id, "meta": meta}
    if more:
        data["groups" if kind == "User" else "members"] = more
    made: Resource[Any] = model.model_validate(data, scim_policy=PROVIDER.policy)
    return made


def _stored_of(kind: str, resource: Resource[Any], before: Stored, now_ms: int | None = None) -> Stored:
    """What is kept of a resource. now_ms: None for a new one."""
    data = {name: value for name, value in resource.model_dump().items() if name not in _OURS}
    if len(json.dumps(data)) > _LARGEST:
        raise PayloadTooLargeException(detail=f"A {kind} is larger than {_LARGEST} characters")
    name = str(data.get("userName" if kind == "User" else "displayName") or "")
    if not name.strip():
        raise InvalidValueException(detail="userName is empty" if kind == "User" else "displayName is empty")
    external_id = data.get("externalId")
    return Stored(
        id=before.id,
        name=_sound(name if kind == "User" else Effects.group_name(name), "the name") or "",
        external_id=exact(_sound(external_id, "externalId") or "") if external_id else None,
        version=before.version + (now_ms is not None),
        created_ms=before.created_ms,
        modified_ms=before.modified_ms if now_ms is None else now_ms,
        resource=data,
    )


def _sound(text: str | None, what: str) -> str | None:
    if text is not None and not store.is_sound(text):
        raise InvalidValueException(detail=f"{what} contains a character that no text can have")
    return text


def _member_json(member: Member) -> dict[str, Any]:
    kind = "Group" if member.is_group else "User"
    data = {"value": member.id, "$ref": f"{kind}s/{member.id}", "type": kind, "display": member.display}
    return {name: value for name, value in data.items() if value is not None}


def _version(row: Stored) -> str:
    return f'W/"{row.version}"'


def _expect(row: Stored, version: str | None) -> None:
    if version is not None and version != _version(row):
        raise PreconditionFailedException
