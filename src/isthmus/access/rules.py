"""The one decision: may this principal do this to that? Pure; everything that asks, asks here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from isthmus.access.model import (
    EVERYTHING,
    Grant,
    Object,
    Outcome,
    Principal,
    Reach,
    Role,
    Scope,
    Stage,
    Verdict,
    Way,
)
from isthmus.access.permissions import DANGEROUS, PERMISSIONS, seen_by
from isthmus.errors import ForbiddenError, IsthmusError, NotFoundError, UsageError

_T = TypeVar("_T")

STEP_UP_S = 600  # how long a proof by second factor holds for dangerous acts
_OPERATOR = "operator"


def permit(principal: Principal, action: str, what: Object, now: float) -> Verdict:
    """Whether `principal` may do `action` (a permission) to `what` at `now` (Unix seconds), and why.

    Raises UsageError for an action that is none.
    """
    known_permission(action)
    if principal.kind == _OPERATOR:
        return Verdict(Outcome.ALLOWED, ("the operator on the machine may do everything",))
    if barred := _barred(principal, action):
        return Verdict(Outcome.FORBIDDEN, (barred,))
    reached = reach(principal, action)
    if not reached.scopes:
        roles = ", ".join(sorted({grant.role.name for grant in principal.grants})) or "none"
        return Verdict(Outcome.FORBIDDEN, (f"none of the roles of {principal.name} ({roles}) has {action}",))
    if not reached.covers(what):
        outcome = Outcome.FORBIDDEN if reached.sees(what) else Outcome.HIDDEN
        return Verdict(outcome, tuple(_too_narrow(principal, action, what)))
    reasons = tuple(
        f"role {grant.role.name} has {action}, and reaches {scope}"
        for grant in principal.grants
        if action in grant.role.permissions
        for scope in _walled(principal, grant.scope)
        if scope.covers(what)
    ) or (f"{principal.name} began it",)
    if needs_step_up(principal, action, now):
        more = f"{action} needs the second factor, proved within the last {STEP_UP_S // 60} minutes"
        return Verdict(Outcome.STEP_UP, (*reasons, more))
    return Verdict(Outcome.ALLOWED, reasons)


def reach(principal: Principal, action: str) -> Reach:
    """All objects that `principal` may do `action` to, the second factor aside."""
    if principal.kind == _OPERATOR:
        return EVERYTHING
    if _barred(principal, action):
        return Reach(())
    return Reach(_scopes(principal, action), _scopes(principal, seen_by(action)))


def reach_of_all(principal: Principal, actions: Iterable[str]) -> Reach:
    """Where all of the actions may be done. Raises ForbiddenError, naming one that may be done nowhere."""
    first, *others = (_somewhere(principal, action) for action in actions)
    return replace(first, also=tuple(others))


def _somewhere(principal: Principal, action: str) -> Reach:
    found = reach(principal, action)
    if not found.scopes:
        raise ForbiddenError(f"this needs the permission {action}", do="Somebody who has it can give it: isthmus role")
    return found


def needs_step_up(principal: Principal, action: str, now: float) -> bool:
    """Whether the second factor has to be proved first. API tokens were made by somebody who had."""
    if action not in DANGEROUS or principal.proof.way not in (Way.SESSION, Way.OPENID):
        return False
    proved = principal.proof.second_factor_at
    return proved is None or now - proved > STEP_UP_S


def over_tenant(principal: Principal, action: str, wanted: str | None) -> str | None:
    """The tenant in the whole of which `action` is to be done; None for all of them at once.

    wanted: the one that was named; without one it is the asker's own. Raises NotFoundError for one that is none of
    theirs, whether it exists or not, and ForbiddenError where they reach only some of it.
    """
    tenant = wanted if wanted is not None else principal.tenant
    scopes = [scope for scope in reach(principal, action).scopes if not (scope.own or scope.owner)]
    if not any(tenant is None or scope.tenants is None or tenant in scope.tenants for scope in scopes):
        raise NotFoundError(f"there is no tenant {tenant!r}")
    whole = [scope for scope in scopes if scope.sites is None and scope.groups is None]
    if any(scope.tenants is None or (tenant is not None and tenant in scope.tenants) for scope in whole):
        return tenant
    raise ForbiddenError(f"{action} is needed for the whole of {f'tenant {tenant}' if tenant else 'every tenant'}")


def seen(
    found: _T | None, reached: Reach, as_object: Callable[[_T], Object], missing: Callable[[], IsthmusError]
) -> _T:
    """The one way to an object: what exists and may be had. missing: the answer for what does not exist.

    What somebody may not know of is answered exactly as if it did not exist. Raises ForbiddenError for what they may
    see, but not do this to.
    """
    if found is None:
        raise missing()
    what = as_object(found)
    if reached.covers(what):
        return found
    if reached.sees(what):
        raise ForbiddenError(f"your roles do not reach as far as {what.name}", where=what.name)
    raise missing()


def covered(reached: Reach, what: Object) -> None:
    """Raises ForbiddenError when something would be made, or become, what the roles do not reach."""
    if not reached.covers(what):
        raise ForbiddenError(
            f"{what.name} would be outside of what your roles reach",
            where=what.name,
            do="Your roles may be limited to tenants, sites or groups: isthmus access explain",
        )


def known_permission(action: str) -> str:
    """The permission. Raises UsageError for one that is not in the list."""
    if action not in PERMISSIONS:
        raise UsageError(f"there is no permission {action!r}", do=f"One of: {', '.join(PERMISSIONS)}.")
    return action


def beyond(holder: Principal, grants: Iterable[Grant]) -> list[str]:
    """What the grants give that `holder` does not have: nobody can give, or act as, more than they are."""
    if holder.kind == _OPERATOR:
        return []
    found: set[str] = set()
    for grant in grants:
        if grant.scope.own:  # what everybody may do with themselves
            continue
        for permission in grant.role.permissions:
            own = _scopes(holder, permission)
            if not any(grant.scope.within(scope) for scope in own):
                found.add(permission)
    return sorted(found)


def own_grant(person: str, role: Role) -> Grant:
    """What everybody may do with themselves."""
    return Grant(role, Scope(own=person))


def _barred(principal: Principal, action: str) -> str:
    """Why nothing at all may be done; empty when roles decide."""
    if not principal.enabled:
        return f"{principal.name} is disabled"
    if principal.proof.stage is not Stage.FULL:
        return "the second factor is still to be proved or registered"
    if principal.limit is not None and action not in principal.limit:
        return f"the token was not given {action}"
    return ""


def _scopes(principal: Principal, action: str) -> tuple[Scope, ...]:
    found = (
        scope
        for grant in principal.grants
        if action in grant.role.permissions
        for scope in _walled(principal, grant.scope)
    )
    scopes = tuple(dict.fromkeys(found))
    # Whoever may do it somewhere, may to what they began themselves, whatever their roles are limited to.
    tenants = None if principal.tenant is None else frozenset({principal.tenant})
    return (*scopes, Scope(tenants, owner=principal.actor)) if scopes else ()


def _walled(principal: Principal, scope: Scope) -> tuple[Scope, ...]:
    """The scope, cut at the principal's own tenant. Who a person is, is a matter of the stable id alone."""
    if principal.tenant is None or scope.own or scope.owner:
        return (scope,)
    own = frozenset({principal.tenant})
    tenants = own if scope.tenants is None else scope.tenants & own
    return (Scope(tenants, scope.sites, scope.groups),) if tenants else ()


def _too_narrow(principal: Principal, action: str, what: Object) -> Iterable[str]:
    if principal.tenant is not None and what.tenant != principal.tenant:
        yield f"{what.name or what.kind} is not of {principal.name}'s tenant, {principal.tenant}"
    for grant in principal.grants:
        if action in grant.role.permissions:
            yield f"role {grant.role.name} has {action}, but reaches {grant.scope} alone"
