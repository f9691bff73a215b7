"""The write path of accounts and of the roles they hold. Nobody acts beyond their reach, or gives what they lack."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from isthmus.access import rules as access
from isthmus.access.model import Grant, Object, Principal, Proof, Role, Scope, Way
from isthmus.access.permissions import ROLES
from isthmus.addressing import Aor
from isthmus.directory import store as people
from isthmus.directory.journal import Journal
from isthmus.directory.rules import as_object
from isthmus.errors import ForbiddenError, NotFoundError, RefusedError, UsageError
from isthmus.identity import rules, store
from isthmus.identity.ledger import Ledger, grants_of, keeping_an_administrator, missing_account, note, principal_of
from isthmus.identity.model import Account, Held, Settings
from isthmus.identity.sealing import Passwords

_GENERATED_BYTES = 15  # 20 characters


class Accounts:
    """Accounts and roles. own_tenant: the tenant of accounts when nothing else is said."""

    def __init__(self, ledger: Ledger, passwords: Passwords, settings: Settings, own_tenant: str) -> None:
        self._ledger, self._passwords, self._settings, self._own_tenant = ledger, passwords, settings, own_tenant

    # Reading

    def listed(
        self, by: Principal, *, match: str | None = None, after: str | None = None, limit: int = 100
    ) -> list[Account]:
        """Those within reach, in the order of their names."""
        reach = access.reach(by, "account.read")
        return self._ledger.read(
            lambda connection: store.accounts(connection, match=match, after=after, limit=limit, reach=reach)
        )

    def get(self, by: Principal, name: str) -> tuple[Account, list[Held]]:
        """An account and the roles it holds. Raises NotFoundError."""

        def work(connection: Connection) -> tuple[Account, list[Held]]:
            account = _reached(connection, by, "account.read", name)
            return account, store.held(connection, [account.id])

        return self._ledger.read(work)

    def principal(self, by: Principal, name: str) -> Principal:
        """Who the account would be, signed in with its second factor just now: to explain what it could do."""

        def work(connection: Connection) -> Principal:
            account = _reached(connection, by, "account.read", name)
            return principal_of(connection, account, Proof(Way.SESSION, second_factor_at=self._ledger.clock()))

        return self._ledger.read(work)

    # Accounts

    def create(
        self,
        by: Principal,
        name: str,
        *,
        tenant: str | None = None,
        every_tenant: bool = False,
        display_name: str = "",
        person: Aor | None = None,
        password: str | None = None,
        roles: Sequence[tuple[str, Scope]] = (),
    ) -> tuple[Account, str | None]:
        """Add an account with its first roles. person: whose it is; their tenant is its tenant then.

        Without a password one is made; it is returned beside the account, and shown this once.
        Raises UsageError, RefusedError (the name is taken), ForbiddenError (beyond one's own rights), NotFoundError.
        """
        checked = rules.account_name(name)
        shown = None if password is not None else secrets.token_urlsafe(_GENERATED_BYTES)
        text = self._checked(password if password is not None else shown or "", checked, display_name)
        hashed = self._passwords.hash(text)

        def work(log: Journal) -> Account:
            connection = log.connection
            whose, person_id = self._tenant_for(connection, by, tenant, every_tenant, person)
            made = Account(
                id=uuid.uuid4().hex,
                name=checked,
                tenant=whose,
                display_name=rules.display_text(display_name, "the display name") or checked,
                person=person_id,
                enabled=True,
                has_password=True,
                created=log.at_ms / 1000,
                signed_in=None,
            )
            access.covered(access.reach(by, "account.create"), made.as_object())
            if store.accounts(connection, name=checked):
                raise RefusedError(f"the account name {checked} is taken")
            store.insert_account(connection, made, hashed, log.at_ms)
            note(log, made, "account.create", None, account_json(made))
            for role, scope in roles:
                _grant(log, by, made, role, scope)
            return store.accounts(connection, ids=[made.id])[0]

        return self._ledger.write(by.actor, work), shown

    def set(
        self,
        by: Principal,
        name: str,
        *,
        display_name: str | None = None,
        enabled: bool | None = None,
        password: str | None = None,
        new_password: bool = False,
    ) -> tuple[Account, str | None]:
        """Change an account; a new password or being disabled ends its sessions.

        new_password: make one; it is returned. Raises NotFoundError, ForbiddenError, RefusedError, UsageError.
        """
        checked = rules.account_name(name)
        shown = secrets.token_urlsafe(_GENERATED_BYTES) if new_password else None
        chosen = shown or password
        hashed = None if chosen is None else self._passwords.hash(self._checked(chosen, checked, display_name or ""))

        def work(log: Journal) -> Account:
            connection = log.connection
            account = _manageable(connection, by, "account.set", name)
            values: dict[str, Any] = {}
            if display_name is not None:
                values["display_name"] = rules.display_text(display_name, "the display name") or checked
            if enabled is not None:
                values["enabled"] = enabled
            if hashed is not None:
                values |= {"password": hashed, "password_ms": log.at_ms}
            if not values:
                return account
            keeping_an_administrator(
                connection, account.tenant, lambda: store.set_account(connection, account.id, **values)
            )
            if hashed is not None or enabled is False:
                store.delete_sessions(connection, account_id=account.id)
            after = store.accounts(connection, ids=[account.id])[0]
            told = account_json(after) | ({"password": "changed"} if hashed is not None else {})
            note(log, account, "account.set", account_json(account), told)
            return after

        return self._ledger.write(by.actor, work), shown

    def block(self, by: Principal, name: str) -> Account:
        """Shut an account out that somebody else has got into: as disabled, and its tokens are gone for good.

        Raises as `set`.
        """

        def work(log: Journal) -> Account:
            connection = log.connection
            account = _manageable(connection, by, "account.set", name)
            keeping_an_administrator(
                connection, account.tenant, lambda: store.set_account(connection, account.id, enabled=False)
            )
            store.delete_sessions(connection, account_id=account.id)
            tokens = store.delete_tokens(connection, account_id=account.id)
            after = store.accounts(connection, ids=[account.id])[0]
            note(log, account, "account.block", account_json(account), account_json(after) | {"tokens_revoked": tokens})
            return after

        return self._ledger.write(by.actor, work)

    def delete(self, by: Principal, name: str) -> None:
        """Remove an account with its factors, sessions and tokens. Raises as `set`."""

        def work(log: Journal) -> None:
            connection = log.connection
            account = _manageable(connection, by, "account.delete", name)
            keeping_an_administrator(connection, account.tenant, lambda: store.delete_account(connection, account.id))
            note(log, account, "account.delete", account_json(account), None)

        self._ledger.write(by.actor, work)

    def reset_factors(self, by: Principal, name: str) -> Account:
        """Take all second factors and recovery codes, and end the sessions: the next sign-in registers anew."""

        def work(log: Journal) -> Account:
            connection = log.connection
            account = _manageable(connection, by, "account.reset-mfa", name)
            store.delete_totp(connection, account.id)
            store.put_recovery(connection, account.id, ())
            # An account without a password or provider would have no way in left; its passkeys are its password.
            if account.has_password or account.linked:
                store.delete_passkeys(connection, account.id)
            store.delete_sessions(connection, account_id=account.id)
            note(log, account, "account.reset-mfa", {"factors": list(account.factors)}, {"factors": []})
            return store.accounts(connection, ids=[account.id])[0]

        return self._ledger.write(by.actor, work)

    # Roles

    def roles(self, by: Principal) -> list[Role]:
        """The built-in roles, and the custom ones within reach."""
        reach = access.reach(by, "role.read")
        custom = self._ledger.read(store.custom_roles)
        return [*ROLES.values(), *(role for role in custom if reach.covers(_role_object(role)))]

    def role(self, by: Principal, name: str, tenant: str | None = None) -> tuple[Role, list[tuple[Account, Held]]]:
        """A role, and who within reach holds it. Raises NotFoundError."""

        def work(connection: Connection) -> tuple[Role, list[tuple[Account, Held]]]:
            role = self._role(connection, by, "role.read", name, tenant)
            held = store.held(connection, role=role.name)
            reach = access.reach(by, "role.read")
            holders = store.accounts(connection, ids={each.account for each in held}, reach=reach, limit=10_000)
            known = {each.id: each for each in holders if role.built_in or (each.tenant or "") == role.tenant}
            return role, [(known[each.account], each) for each in held if each.account in known]

        return self._ledger.read(work)

    def put_role(
        self, by: Principal, name: str, permissions: Iterable[str], description: str = "", tenant: str | None = None
    ) -> Role:
        """Make or change a custom role. Nobody makes one that can do more than they can."""
        whose = self._role_tenant(by, tenant)
        role = rules.checked_role(name, permissions, description, whose)

        def work(log: Journal) -> Role:
            access.covered(access.reach(by, "role.write"), _role_object(role))
            _no_more_than(by, [Grant(role, Scope(tenants=frozenset({whose}) if whose else None))], f"role {name}")
            before = {each.name: each for each in store.custom_roles(log.connection, whose)}.get(name)
            store.put_role(log.connection, role)
            log.entry(
                "role.set" if before else "role.create", f"role:{name}", before and role_json(before), role_json(role)
            )
            return role

        return self._ledger.write(by.actor, work)

    def delete_role(self, by: Principal, name: str, tenant: str | None = None) -> None:
        """Remove a custom role that nobody holds. Raises NotFoundError, RefusedError."""

        def work(log: Journal) -> None:
            role = self._role(log.connection, by, "role.write", name, tenant)
            if role.built_in:
                raise RefusedError(f"{name} is a role that comes with the product")
            held = store.held(log.connection, role=name)
            holders = store.accounts(log.connection, ids={each.account for each in held}, limit=10_000)
            if names := [each.name for each in holders if (each.tenant or "") == role.tenant]:
                raise RefusedError(f"{', '.join(names[:5])} still hold {name}", do="Revoke it first.")
            store.delete_role(log.connection, role)
            log.entry("role.delete", f"role:{name}", role_json(role), None)

        self._ledger.write(by.actor, work)

    def grant(self, by: Principal, account: str, role: str, scope: Scope) -> Held:
        """Give an account a role. Nobody gives more than they have. What is held already is no change."""

        def work(log: Journal) -> Held:
            found = _reached(log.connection, by, "role.grant", account)
            return _grant(log, by, found, role, scope)

        return self._ledger.write(by.actor, work)

    def revoke(self, by: Principal, account: str, grant_id: str) -> None:
        """Take a role. Raises NotFoundError, RefusedError (the last administrator)."""

        def work(log: Journal) -> None:
            connection = log.connection
            found = _manageable(connection, by, "role.grant", account)
            held = {each.id: each for each in store.held(connection, [found.id])}.get(grant_id)
            if held is None:
                raise NotFoundError(f"{found.name} holds no role by that id", do=f"isthmus account show {found.name}")
            keeping_an_administrator(connection, found.tenant, lambda: store.delete_held(connection, held.id))
            note(log, found, "role.revoke", held_json(held), None)

        self._ledger.write(by.actor, work)

    # Parts

    def _checked(self, password: str, name: str, display_name: str) -> str:
        settings, about = self._settings, (name, display_name, self._own_tenant)
        return rules.new_password(password, settings.shortest_password, about, settings.breached)

    def _tenant_for(
        self, connection: Connection, by: Principal, tenant: str | None, every: bool, person: Aor | None
    ) -> tuple[str | None, str]:
        """Tenant and person of a new account."""
        if person is not None:
            found = access.seen(
                people.people_by_aor(connection, [person]).get(person),
                access.reach(by, "person.read"),
                as_object,
                lambda: NotFoundError(f"nobody is called {person}"),
            )
            return found.tenant, found.id
        if every:
            if by.tenant is not None:
                raise ForbiddenError("accounts of every tenant are made by the operator or by such an account")
            return None, ""
        whose = tenant or by.tenant or self._own_tenant
        if whose not in people.tenants(connection) or not access.reach(by, "account.create").tenant(whose):
            raise NotFoundError(f"there is no tenant {whose[:80]!r}")
        return whose, ""

    def _role_tenant(self, by: Principal, tenant: str | None) -> str:
        return tenant if tenant is not None else (by.tenant or self._own_tenant)

    def _role(self, connection: Connection, by: Principal, action: str, name: str, tenant: str | None) -> Role:
        if name in ROLES:
            return ROLES[name]
        found = {role.name: role for role in store.custom_roles(connection, self._role_tenant(by, tenant))}
        missing = NotFoundError(f"there is no role {name[:80]!r}", do="To see which there are: isthmus role list")
        return access.seen(found.get(name), access.reach(by, action), _role_object, lambda: missing)


def _grant(log: Journal, by: Principal, account: Account, name: str, scope: Scope) -> Held:
    connection = log.connection
    custom = {role.name: role for role in store.custom_roles(connection, account.tenant or "")}
    role = rules.role_of(name, custom)
    if role is None or role.name == "self":
        raise NotFoundError(f"there is no role {name[:80]!r} to give", do="To see which there are: isthmus role list")
    if scope.tenants is not None and account.tenant is not None and scope.tenants != {account.tenant}:
        raise UsageError(f"the roles of {account.name} can't reach beyond its tenant", where=", ".join(scope.tenants))
    within = Scope(frozenset({account.tenant}), scope.sites, scope.groups) if account.tenant is not None else scope
    _no_more_than(by, [Grant(role, within)], f"role {name}")
    for held in store.held(connection, [account.id], name):
        if held.scope == scope:
            return held
    given = Held(uuid.uuid4().hex[:12], account.id, name, scope)
    store.insert_held(connection, given)
    note(log, account, "role.grant", None, held_json(given))
    return given


def _reached(connection: Connection, by: Principal, action: str, name: str) -> Account:
    """The account, if within reach. Raises NotFoundError, ForbiddenError."""
    found = store.accounts(connection, name=name.strip().lower())
    reach = access.reach(by, action)
    return access.seen(found[0] if found else None, reach, Account.as_object, lambda: missing_account(name))


def _manageable(connection: Connection, by: Principal, action: str, name: str) -> Account:
    """The account, if it may not do more than who changes it: else a helpdesk could become whatever it helps."""
    account = _reached(connection, by, action, name)
    if account.id != by.id:
        walled = [
            Grant(each.role, each.scope if each.scope.own else _within_tenant(each.scope, account.tenant))
            for each in grants_of(connection, account)
        ]
        _no_more_than(by, walled, account.name)
    return account


def _within_tenant(scope: Scope, tenant: str | None) -> Scope:
    return scope if tenant is None else Scope(frozenset({tenant}), scope.sites, scope.groups)


def _no_more_than(by: Principal, grants: Iterable[Grant], what: str) -> None:
    if more := access.beyond(by, grants):
        raise ForbiddenError(f"{what} may do what you may not ({', '.join(more[:5])})", where=what)


def _role_object(role: Role) -> Object:
    return Object("role", role.name, role.tenant)


def account_json(account: Account) -> dict[str, Any]:
    """An account as the API, the CLI and the audit log show it."""
    return {
        "name": account.name,
        "id": account.id,
        "tenant": account.tenant,
        "display_name": account.display_name,
        "person": account.aor or None,
        "enabled": account.enabled,
        "active": account.active,
        "password": account.has_password,
        "factors": list(account.factors),
        "recovery_codes": account.recovery_codes,
        "outside": list(account.linked),
        "created": account.created,
        "signed_in": account.signed_in,
    }


def scope_json(scope: Scope) -> dict[str, Any]:
    """How far a role reaches; null: no limit."""
    parts = {"tenants": scope.tenants, "sites": scope.sites, "groups": scope.groups}
    return {name: None if names is None else sorted(names) for name, names in parts.items()}


def held_json(held: Held) -> dict[str, Any]:
    """A role that is held."""
    return {"id": held.id, "role": held.role, **scope_json(held.scope)}


def role_json(role: Role) -> dict[str, Any]:
    """A role."""
    return {
        "name": role.name,
        "tenant": role.tenant or None,
        "description": role.description,
        "built_in": role.built_in,
        "permissions": sorted(role.permissions),
    }
