"""What our SCIM service is: its resource types and schemas, what it can do, and how much it lets pass."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, model_validator
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    ExtensibleStringEnum,
    Extension,
    Filter,
    Group,
    Mutability,
    Pagination,
    Patch,
    Reference,
    Required,
    ResourceType,
    Schema,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    User,
)

# Python 3.11.2 copies an enumeration's member by its name, and a value that nobody listed (a telephone number of type
# "lobby") has none that could be found.
setattr(ExtensibleStringEnum, "__deepcopy__", lambda self, memo: self)  # noqa: B010

MOST_OPERATIONS = 1000
_BULK_BYTES = 4 << 20
_PAGE, _LARGEST_PAGE = 100, 1000


class Manager(ComplexAttribute):
    """Whom a person reports to. Unlike RFC 7643 4.3 `$ref` may be missing: providers send the id alone."""

    value: Annotated[str | None, CaseExact.true] = None
    ref: Annotated[Reference[User] | None, Mutability.read_write] = Field(  # type: ignore[type-arg]
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    display_name: Annotated[str | None, Mutability.read_only] = None

    @model_validator(mode="before")
    @classmethod
    def _by_id_alone(cls, value: Any) -> Any:
        """Entra sends the id itself as the value of the attribute."""
        return {"value": value} if isinstance(value, str) else value


class EnterpriseUser(Extension):
    """The enterprise extension (RFC 7643 4.3)."""

    __schema__ = URN("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")

    employee_number: Annotated[str | None, Required.false] = None
    cost_center: str | None = None
    organization: str | None = None
    division: str | None = None
    department: str | None = None
    manager: Manager | None = None


class _Provider(ScimProvider):
    """Says nothing of passwords: they are the provider's own business, and are dropped unread."""

    @cached_property
    def schemas(self) -> tuple[Schema, ...]:
        found = super().schemas
        for schema in found:
            schema.attributes = [each for each in schema.attributes or [] if each.name != "password"]
        return found


_CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=True, max_operations=MOST_OPERATIONS, max_payload_size=_BULK_BYTES),
    filter=Filter(supported=True, max_results=_LARGEST_PAGE),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=True),
    etag=ETag(supported=True),
    pagination=Pagination(cursor=False, index=True, default_page_size=_PAGE, max_page_size=_LARGEST_PAGE),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Bearer token",
            description="A token made by `isthmus scim token create`",
            primary=True,
        )
    ],
)

# Strict where it could be taken for something else, and lenient where Entra and Okta are known to differ: attributes
# that nobody declares, members to be removed named by a value, a path whose filter fits nothing yet.
_POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)

PROVIDER = _Provider(
    [User, Group, EnterpriseUser],
    [ResourceType.from_resource(User[EnterpriseUser]), ResourceType.from_resource(Group)],
    _CONFIG,
    _POLICY,
)
USER, GROUP = PROVIDER.resource_types
