"""What an administrator sees of SCIM: its tokens, and how its source stands. At the authority.

The protocol itself is in protocol.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from isthmus.access.model import Principal, Scope
from isthmus.database import reading
from isthmus.directory.service import Directory
from isthmus.errors import ForbiddenError, NotFoundError, RefusedError
from isthmus.identity.build import Identity
from isthmus.identity.model import Token
from isthmus.scim import store
from isthmus.scim.model import Status, source_of
from isthmus.scim.pushing import Effects
from isthmus.scim.source import entries
from isthmus.sync import store as sync_store
from isthmus.sync.work import Work

PERMISSION, ROLE = "scim.push", "provisioner"


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
        self.engine, self._directory, self._work, self._identity = engine, directory, work, identity
        self._why_not, self._clock = why_not, clock

    def effects(self, actor: str) -> Effects:
        """What somebody's pushes do to the directory."""
        return Effects(self._directory, self._work, actor, self._clock)

    def check_served(self) -> None:
        """Raises ForbiddenError at a site that may not serve the protocol."""
        if self._why_not is not None:
            raise ForbiddenError(self._why_not.what, do=self._why_not.do)

    def status(self, tenant: str) -> Status:
        """How the source of a tenant stands. Raises NotFoundError for a tenant that is none, RefusedError."""
        self._only_authority()
        self._known(tenant)
        with reading(self.engine) as connection:
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


def account_of(tenant: str) -> str:
    """The account that the tokens of a tenant's identity provider belong to."""
    return f"scim-{tenant}"


def tenant_of(principal: Principal, own: str) -> str:
    """The one tenant that somebody pushes to: their own; for accounts of the whole installation the site's."""
    return principal.tenant or own


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
