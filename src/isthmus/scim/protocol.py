"""The protocol as scim2-server speaks it, for one tenant at a time.

Imported with the first request: its libraries take half a second, which sites that nobody pushes to need not wait for.
"""

from __future__ import annotations

import logging
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

from isthmus.errors import IsthmusError
from isthmus.scim.describe import MOST_OPERATIONS, PROVIDER
from isthmus.scim.service import Scim
from isthmus.scim.storage import RefusedRequest, TenantStorage

_log = logging.getLogger(__name__)
_LONGEST_EXPRESSION = 4096  # characters of a filter or a path
_LARGEST_USER = 256 << 10  # bytes as they come, blanks and escapes included


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


_PROTOCOL = _Protocol(PROVIDER)


def handle(scim: Scim, tenant: str, actor: str, request: ScimRequest) -> ScimResponse:
    """Serve a request of somebody who may push to this tenant. Every refusal is an answer."""
    try:
        scim.check_served()
        return ScimHandler(_PROTOCOL, storage(scim, tenant, actor, writes=_writes(request))).handle(request)
    except Exception as error:
        return _PROTOCOL.error_response(error)


def storage(scim: Scim, tenant: str, actor: str, *, writes: bool) -> TenantStorage:
    """One tenant's resources."""
    return TenantStorage(scim.engine, scim.effects(actor), tenant, writes=writes)


def _writes(request: ScimRequest) -> bool:
    return request.method.upper() != "GET" and not request.path.rstrip("/").endswith("/.search")


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
