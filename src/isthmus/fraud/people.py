"""The caps of people, as their policies of kind `calling` give them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from isthmus.database import reading
from isthmus.directory import store as directory_store
from isthmus.fraud.model import Cap, Key, Kind
from isthmus.policy import store as policy_store
from isthmus.policy.service import Policies

_LIMITS = frozenset({"minutes_a_day", "cost_a_day"})


class PeoplesCaps:
    """Resolves policies for those who called today, anew once they may be others."""

    def __init__(self, policies: Policies, revision: Callable[[], object]) -> None:
        """revision: a function that gives another value once anybody's policies may be others."""
        self._policies, self._revision = policies, revision
        self._known: dict[str, Cap | None] = {}
        self._addresses: dict[str, str] = {}
        self._any: bool | None = None
        self._of: object = None
        self._lock = threading.Lock()

    def are_any(self) -> bool:
        """Whether any policy gives anybody a limit of the day."""
        with self._lock:
            return self._are_any()

    def _are_any(self) -> bool:
        self._follow()
        if self._any is None:
            with reading(self._policies.engine) as connection:
                tenants = directory_store.tenants(connection)
                made = [each for tenant in tenants for each in policy_store.policies(connection, tenant, "calling")]
            self._any = any(name in _LIMITS and value for policy in made for name, value in policy.settings)
        return self._any

    def _follow(self) -> None:
        now = self._revision()
        if now != self._of:
            self._known, self._addresses, self._any, self._of = {}, {}, None, now

    def of(self, connection: Connection, used: Iterable[Key]) -> tuple[list[Cap], dict[str, str]]:
        """The caps of the people among these keys who have any, and all their addresses, by id."""
        with self._lock:
            self._follow()
            ids = [key for kind, _, key in used if kind is Kind.PERSON]
            self._look_up(connection, [each for each in ids if each not in self._known])
            return [cap for each in ids if (cap := self._known[each]) is not None], self._addresses

    def _look_up(self, connection: Connection, ids: list[str]) -> None:
        if not ids:
            return
        named = directory_store.holders(connection, ids)
        people = directory_store.people_by_aor(connection, named.values())
        resolvers = {tenant: self._policies.resolver(tenant) for tenant in {each.tenant for each in people.values()}}
        for each in ids:
            aor = named.get(each)
            person = people.get(aor) if aor is not None else None
            self._known[each] = None
            if person is None:
                continue
            self._addresses[each] = str(aor)
            values = resolvers[person.tenant].resolve(person)["calling"].values
            cap = Cap(
                person.tenant,
                Kind.PERSON,
                each,
                minutes=int(values["minutes_a_day"] or 0),
                cost=str(int(values["cost_a_day"] or 0)),
                ends=bool(values["end_at_limit"]),
            )
            if cap.minutes or cap.cost != "0":
                self._known[each] = cap
