"""A site that an identity provider pushes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from starlette.testclient import TestClient

from isthmus.addressing import Aor
from isthmus.api.gate import Limits
from isthmus.directory.model import Person
from isthmus.errors import NotFoundError
from isthmus.site.services import Services
from tests.api.callers import BASE, OPERATOR

WITHOUT_LIMITS = Limits((1e6, 10**6), (1e6, 10**6), (1e6, 10**6))
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@dataclass
class World:
    """The site's services, and the provider of a tenant of its own, which nothing was pushed to before.

    number: of no other tenant's.
    """

    services: Services
    app: Any
    tenant: str
    domain: str
    number: str
    client: TestClient = field(init=False)

    def __post_init__(self) -> None:
        self.add_tenant(self.tenant, self.domain)
        self.client = self.provider(self.tenant)

    def add_tenant(self, name: str, domain: str) -> None:
        self.services.directory.create_tenant(name, actor="test")
        self.services.directory.add_domain(domain, name, actor="test")

    def provider(self, tenant: str = "") -> TestClient:
        """Another provider, with a token of its own."""
        _, secret = self.services.scim.create_token(OPERATOR, tenant or self.tenant, "test", 3600)
        return self.showing(secret)

    def address(self, user: str) -> str:
        """As user names are: alice@t1.example."""
        return user if "@" in user else f"{user}@{self.domain}"

    def aor(self, user: str) -> Aor:
        return Aor(user, self.domain)

    @property
    def phone(self) -> dict[str, str]:
        """As providers write numbers, in the attribute phoneNumbers."""
        return {"type": "work", "value": f"{self.number[:2]} ({self.number[2:5]}) {self.number[5:8]}-{self.number[8:]}"}

    @property
    def source(self) -> str:
        return f"scim:{self.tenant}"

    def showing(self, secret: str) -> TestClient:
        client = TestClient(self.app, base_url=f"{BASE}/scim/v2", raise_server_exceptions=False)
        client.headers["Authorization"] = f"Bearer {secret}"
        return client

    def user(self, name: str, client: TestClient | None = None, **more: Any) -> dict[str, Any]:
        """Pushed as a provider does; what we answer."""
        body = {"schemas": [USER], "userName": self.address(name), "active": True, **more}
        return self.made((client or self.client).post("/Users", json=body))

    def group(self, name: str, *members: dict[str, Any], **more: Any) -> dict[str, Any]:
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": each["id"]} for each in members]}
        return self.made(self.client.post("/Groups", json=body | more))

    def made(self, answer: Any) -> dict[str, Any]:
        assert answer.status_code == 201, answer.text
        return answer.json()

    def patch(self, path: str, *operations: dict[str, Any]) -> Any:
        return self.client.patch(path, json={"schemas": [PATCH], "Operations": list(operations)})

    def person(self, user: str) -> Person | None:
        """None where nobody is called so."""
        try:
            return self.services.directory.get(self.aor(user))
        except NotFoundError:
            return None

    def conflicts(self) -> dict[str, str]:
        """By user name without the domain of the tenant."""
        found = self.services.sync.conflicts(self.source)
        return {each.wanted.name.removesuffix(f"@{self.domain}"): "; ".join(each.conflicts) for each in found}

    def sync(self, *, approved: bool = False) -> Any:
        """One run of the pushed source, driven stage by stage."""
        sync = self.services.sync
        run = sync.start(self.source, full=False, approved=approved, actor="test")
        work = sync._work
        work.read(run.id)
        while work.apply(run.id):
            pass
        return work.run(run.id)
