"""SCIM as it is served: an identity provider's requests, its tokens, how its source stands. At the authority."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from scim2_models import (
    Error,
    InvalidFilterException,
    InvalidPathException,
    InvalidSyntaxException,
    PatchOp,
    PayloadTooLargeException,
    Resource,
    ResourceType,
    SCIMException,
    SearchRequest,
)
from scim2_server.bulk import BulkPlan
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService
from sqlalchemy import Engine

from isthmus.access.model import Principal, Scope
from isthmus.database import reading
from isthmus.directory.service import Directory
from isthmus.errors import ForbiddenError, IsthmusError, NotFoundError, RefusedError
from isthmus.identity.build import Identity
from isthmus.identity.model import Token
from isthmus.scim import store
from isthmus.scim.describe import MOST_OPERATIONS, PROVIDER
from isthmus.scim.model import Status, source_of
from isthmus.scim.pushing import Effects
from isthmus.scim.source import entries
from isthmus.scim.storage import RefusedRequest, TenantStorage
from isthmus.sync import store as sync_store
from isthmus.sync.work import Work

_log = logging.getLogger(__name__)
_LONGEST_EXPRESSION = 4096  # characters of a filter or a path
_LARGEST_USER = 256 << 10  # bytes as they come, blanks and escapes included
PERMISSION, ROLE = "scim.push", "provisioner"


class _Protocol(ScimService):
    """The protocol, with errors of ours among those it knows how to tell."""

    def read_search(self, resource_types: list[ResourceType], payload: Any) -> tuple[SearchRequest[Any], Any]:
        """Refuse filters and paths that no provider writes before anything is done with them."""
        for name, value in payload.items() if isinstance(payload, dict) else ():
            if len(str(value)) > _LONGEST_EXPRESSION:
                raise InvalidFilterException(detail=f"{str(name)[:40]} is longer than {_LONGEST_EXPRESSION} characters")
        return super().read_search(resource_types, payload)

    def read_creation(self, resource_type: ResourceType, body: bytes, content_type: str | None) -> Resource[Any]:
        """Refuse a user who is too large before reading them costs anything."""
        _check_size(resource_type, body)
        return super().read_creation(resource_type, body, content_type)

    def read_replacement(self, resource_type: ResourceType, body: bytes, content_type: str | None) -> Resource[Any]:
        """The same of a user put in the place of another."""
        _check_size(resource_type, body)
        return super().read_replacement(resource_type, body, content_type)

    def read_patch(self, resource_type: ResourceType, body: bytes, content_type: str | None) -> PatchOp[Any]:
        """Refuse more and longer operations than any provider sends at once; many members are one operation."""
        _check_operations(self.decode_body(body, content_type))
        return super().read_patch(resource_type, body, content_type)

    def read_bulk(self, body: bytes, content_type: str | None) -> BulkPlan:
        """The same of what a bulk request holds."""
        self.ensure_bulk_payload_size(len(body))
        data = self.decode_body(body, content_type)
        operations = data.get("Operations") if isinstance(data, dict) else None
        for each in operations if isinstance(operations, list) else ():
            _check_operations(each.get("data") if isinstance(each, dict) else None)
        return super().read_bulk(body, content_type)

    @staticmethod
    def error_of(exception: Exception) -> Error:
        """The SCIM error of whatever was raised."""
        if isinstance(exception, ValidationError):  # by a PATCH, of what the resource would be afterwards
            exception = SCIMException.from_error(Error.from_validation_errors(exception)[0])
        elif isinstance(exception, IsthmusError):
            exception = RefusedRequest(exception)
        elif isinstance(exception, RecursionError):
            exception = InvalidSyntaxException(detail="The request is nested too deeply")
        elif not isinstance(exception, SCIMException):
            _log.error("a SCIM request failed: %r", exception, exc_info=exception)
        return ScimService.error_of(exception)


class Scim:
    """The SCIM service of one site. why_not: why this site may not serve it; None where it is the authority."""

    def __init__(
        self,
        engine: Engine,
        directory: Directory,
        work: Work,
        identity: Identity,
        *,
        why_not: RefusedError | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._directory, self._work, self._identity = engine, directory, work, identity
        self._why_not, self._clock = why_not, clock
        self._protocol = _Protocol(PROVIDER)

    def handle(self, tenant: str, actor: str, request: ScimRequest) -> ScimResponse:
        """Serve a request of somebody who may push to this tenant. Every refusal is an answer."""
        try:
            if self._why_not is not None:
                raise ForbiddenError(self._why_not.what, do=self._why_not.do)
            return ScimHandler(self._protocol, self.storage(tenant, actor, writes=_writes(request))).handle(request)
        except Exception as error:
            return self._protocol.error_response(error)

    def storage(self, tenant: str, actor: str, *, writes: bool) -> TenantStorage:
        """One tenant's resources."""
        effects = Effects(self._directory, self._work, actor, self._clock)
        return TenantStorage(self._engine, effects, tenant, writes=writes)

    def status(self, tenant: str) -> Status:
        """How the source of a tenant stands. Raises NotFoundError for a tenant that is none, RefusedError."""
        self._only_authority()
        self._known(tenant)
        with reading(self._engine) as connection:
            links = sync_store.links(connection, source_of(tenant))
            pushed = {entry.id: entry.stamp for entry, _ in entries(connection, tenant)}
            last = store.last_change(connection, tenant)
            groups = store.count(connection, "Group", tenant)
        open_links = {each.id: each for each in links.values() if each.vanished_ms is None}
        behind = {each for each, link in open_links.items() if pushed.get(each) != link.wanted.stamp}
        return Status(
            tenant=tenant,
            users=len(pushed),
            groups=groups,
            pushed=None if last is None else last / 1000,
            conflicts=sum(bool(each.conflicts) for each in links.values()),
            waiting=len(behind),
        )

    # Tokens

    def create_token(self, by: Principal, tenant: str, name: str, lifetime_s: float) -> tuple[Token, str]:
        """A token that can push to this tenant and nothing else. Returns it and its secret, which is not kept.

        It belongs to the account scim-TENANT, which nobody can sign in to; made with the first token.
        Raises NotFoundError, UsageError, ForbiddenError, RefusedError.
        """
        self._only_authority()
        self._known(tenant)
        account = account_of(tenant)
        try:
            self._identity.accounts.get(by, account)
        except NotFoundError:
            self._identity.accounts.create(
                by, account, tenant=tenant, display_name="Identity provider (SCIM)", roles=[(ROLE, Scope())]
            )
        return self._identity.own.create_token(by, name, [PERMISSION], lifetime_s, account)

    def tokens(self, by: Principal, tenant: str) -> list[tuple[Token, str]]:
        """All tokens that can push to the tenant, as far as the asker may see them, with their accounts."""
        self._only_authority()
        return [each for each in self._identity.own.tokens(by) if each[1] == account_of(tenant)]

    def _known(self, tenant: str) -> None:
        if tenant not in self._directory.domains().values():
            raise NotFoundError(f"there is no tenant {tenant[:80]!r} with a domain")

    def _only_authority(self) -> None:
        if self._why_not is not None:
            raise self._why_not


def _check_size(resource_type: ResourceType, body: bytes) -> None:
    if resource_type.name == "User" and len(body) > _LARGEST_USER:
        raise PayloadTooLargeException(detail=f"A user is larger than {_LARGEST_USER} bytes")


def _check_operations(patch: Any) -> None:
    operations = patch.get("Operations") if isinstance(patch, dict) else None
    if not isinstance(operations, list):
        return
    if len(operations) > MOST_OPERATIONS:
        raise PayloadTooLargeException(detail=f"There are more than {MOST_OPERATIONS} operations")
    for each in operations:
        if isinstance(each, dict) and len(str(each.get("path", ""))) > _LONGEST_EXPRESSION:
            raise InvalidPathException(detail=f"A path is longer than {_LONGEST_EXPRESSION} characters")


def account_of(tenant: str) -> str:
    """The account that the tokens of a tenant's identity provider belong to."""
    return f"scim-{tenant}"


def tenant_of(principal: Principal, own: str) -> str:
    """The one tenant that somebody pushes to: their own; for accounts of the whole installation the site's."""
    return principal.tenant or own


def _writes(request: ScimRequest) -> bool:
    return request.method.upper() != "GET" and not request.path.rstrip("/").endswith("/.search")


def as_json(status: Status) -> dict[str, Any]:
    """A status as the API shows it."""
    return {
        "tenant": status.tenant,
        "source": source_of(status.tenant),
        "users": status.users,
        "groups": status.groups,
        "pushed": status.pushed,
        "conflicts": status.conflicts,
        "waiting": status.waiting,
    }
