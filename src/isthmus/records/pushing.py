"""The call records of a connector, which nobody can ask for: it sends them to the site that it belongs to.

They are kept at the connector while that site is away, go there in order, and are stored once, by their numbers. Whose
calls they were and what they cost the site finds out itself, within the connector's tenant: it believes no connector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine

from isthmus.database import reading
from isthmus.directory import journal
from isthmus.errors import RefusedError, UsageError
from isthmus.records import rules, store
from isthmus.records.model import Person, Record, Route
from isthmus.records.service import Records
from isthmus.records.wire import Page, page_of

_PAGE = 500


class Pushing:
    """At a connector. ask: sends to the site and gives its answer. Raises what it raises."""

    def __init__(self, engine: Engine, records: Records, ask: Callable[[str, Any], Any]) -> None:
        self._engine, self._records, self._ask = engine, records, ask
        self._reached: int | None = None  # None: the site has to be asked

    def work(self) -> int:
        """Send what the site does not have yet. Returns how many records went."""
        with reading(self._engine) as connection:
            stream, _ = journal.head(connection)
        went = 0
        if self._reached is None:
            self._reached = self._send(Page(self._records.site, stream, 0, ()), 0)
        while True:
            page = self._records.page(stream, self._reached, _PAGE)
            if page.last <= self._reached:
                return went
            before, self._reached = self._reached, None  # until the site has answered
            self._reached = self._send(page, before)
            went += len(page.records)
            if self._reached < page.last:
                raise UsageError(f"the site took call records up to {self._reached} only, not up to {page.last}")

    def _send(self, page: Page, after: int) -> int:
        return int(self._ask("/link/connector/records", {"after": after, "page": msgspec.to_builtins(page)})["reached"])


class Received:
    """At the site. names: of the sites of the hybrid, which no connector can speak for."""

    def __init__(self, engine: Engine, records: Records, names: Iterable[str]) -> None:
        self._engine, self._records, self._names = engine, records, frozenset(names)

    def take(self, told: object, after: int, connector: str, tenant: str) -> int:
        """Store what a connector told, once. after: the number behind which it begins. Returns the number reached.

        Raises RefusedError for records that are not its own, UsageError for what are none.
        """
        if connector in self._names:
            raise RefusedError("a connector can't have the name of a site", where=connector)
        try:
            page = page_of(told)
        except msgspec.ValidationError as error:
            raise UsageError(f"those are no call records ({error})", where=connector) from error
        if len(page.records) > _PAGE or any(not after < each.seq <= page.last for each in page.records):
            raise UsageError("those are not the call records behind the number named", where=connector)
        with reading(self._engine) as connection:
            judged = tuple(_judged(connection, each, tenant) for each in page.records)
        return self._records.apply(msgspec.structs.replace(page, records=judged), connector, after)


def _judged(connection: Connection, told: Record, tenant: str) -> Record:
    """The record with what only the site knows: people of the tenant, and the cost by its rates."""
    people = store.people_at(connection, (told.caller, told.callee))
    caller, callee = (_of(people.get(end), tenant) for end in (told.caller, told.callee))
    cost = None
    if told.route == Route.DIAL and told.answered_ms is not None:
        cost = rules.cost_of(told.callee, told.seconds, store.rates(connection, tenant, rules.prefixes(told.callee)))
    return msgspec.structs.replace(
        told,
        caller_person=caller.id,
        caller_tenant=tenant,
        callee_person=callee.id,
        callee_tenant=tenant,
        cost_micro=cost.micro if cost else None,
        currency=cost.currency if cost else "",
        rate_prefix=cost.prefix if cost else "",
    )


def _of(found: Person | None, tenant: str) -> Person:
    return found if found is not None and found.tenant == tenant else Person()
