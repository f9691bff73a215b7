"""The inventory of one site's directory: what is there, and who owns it. Writes go the directory's one write path.

A person's number stands in the directory alone; the inventory derives the state of a number from it, so the two
can't disagree. All writes wait for one another (directory.journal.lock): of two at once the second sees the first.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from isthmus.addressing import Aor, Telephone
from isthmus.database import reading
from isthmus.directory import store as directory_store
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, RefusedError, UsageError
from isthmus.numbers import importing, owning, rules, stock, store
from isthmus.numbers.files import ImportReport, Row
from isthmus.numbers.following import covering
from isthmus.numbers.importing import NothingWrittenError
from isthmus.numbers.model import (
    Block,
    Hold,
    Kind,
    Listed,
    NumberState,
    Owner,
    Range,
    Stock,
    Wanted,
    counted,
    written,
)

_WINDOW = 1000  # numbers looked at together
_MOST = 10_000


class Numbers:
    """The numbers of every tenant. clock: seconds since 1970."""

    def __init__(self, directory: Directory, clock: Callable[[], float] = time.time) -> None:
        self._directory, self._clock = directory, clock

    # Reading

    def listed(
        self,
        tenant: str,
        wanted: Wanted = Wanted(),  # noqa: B008 (frozen)
        *,
        state: NumberState | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Listed]:
        """A tenant's numbers that fit, ascending, from behind `after` on; of state UNKNOWN only where that is asked.

        Raises UsageError, RefusedError (not the authority).
        """
        stock.require_authority(self._directory)
        if not 1 <= limit <= _MOST:
            raise UsageError(f"a limit of {limit} is not between 1 and {_MOST}")
        checked = rules.checked_wanted(wanted)
        behind = counted(Telephone.parse(after).number) if after else 0
        found: list[Listed] = []
        with reading(self._directory.engine) as connection:
            for some in _candidates(connection, tenant, checked, state, behind):
                fitting = [number for number in some if number > behind and rules.fits(number, checked.pattern)]
                stand = self._stand(connection, tenant, fitting)
                found += [each for each in stand if state is None or each.state is state]
                if len(found) >= limit:
                    break
        return found[:limit]

    def get(self, tenant: str, telephone: Telephone) -> tuple[Listed, list[tuple[str, Aor]]]:
        """A number, and who is behind it by which extension (with one given, by that alone). Raises NotFoundError."""
        stock.require_authority(self._directory)
        number = counted(telephone.number)
        with reading(self._directory.engine) as connection:
            (listed,) = self._stand(connection, tenant, [number]) or (None,)
            if listed is None:
                raise rules.not_there(telephone)
            behind = [(ext, aor) for _, ext, aor in store.extensions(connection, Range(number, number))]
        return listed, [each for each in behind if telephone.extension in ("", each[0])]

    def ranges(self, tenant: str) -> list[Stock]:
        """A tenant's ranges, and what becomes of their numbers."""
        stock.require_authority(self._directory)
        now_ms = self._now_ms()
        with reading(self._directory.engine) as connection:
            blocks = store.blocks(connection, tenant)
            holds = [hold for hold in store.holds_of(connection, tenant) if hold.holds_at(now_ms)]
            owned = sorted([n for n, _ in store.people_of(connection, tenant)] + [h.number for h in holds if h.owner])
            reserved = [hold.number for hold in holds if not hold.owner]
        return [Stock(block, _count(owned, block.range), _count(reserved, block.range)) for block in blocks]

    def extensions(
        self, tenant: str, *, after: Telephone | None = None, limit: int = 100
    ) -> list[tuple[Telephone, Aor]]:
        """A tenant's extensions and who has them, ascending, from behind `after` on."""
        stock.require_authority(self._directory)
        with reading(self._directory.engine) as connection:
            return store.extensions_of(connection, tenant, after, limit)

    def _stand(self, connection: Connection, tenant: str, numbers: Sequence[int]) -> list[Listed]:
        """How it stands with those of the numbers that are the tenant's or its people's."""
        if not numbers:
            return []
        people = directory_store.owners(connection, map(written, numbers))
        holds, ranges = store.holds(connection, numbers), covering(connection, numbers)
        behind: dict[int, int] = {}
        for number, _, _ in store.extensions(connection, Range(min(numbers), max(numbers))):
            behind[number] = behind.get(number, 0) + 1
        now_ms = self._now_ms()
        found = []
        for number in numbers:
            block, person, hold = ranges.get(number), people.get(written(number)), holds.get(number)
            block = block if block and block.tenant == tenant else None
            if person and person[1] == tenant:
                owner: Owner | None = Owner(Kind.PERSON, str(person[0]))
                state = NumberState.ASSIGNED if block else NumberState.UNKNOWN
            elif block is None:
                continue
            else:
                hold = hold if hold and hold.holds_at(now_ms) else None
                owner = hold.owner if hold else None
                state = NumberState.FREE if hold is None else NumberState.ASSIGNED if owner else NumberState.RESERVED
            reservation = hold if state is NumberState.RESERVED else None
            found.append(Listed(number, tenant, state, owner, reservation, block, behind.get(number, 0)))
        return found

    def get_range(self, tenant: str, range_: Range) -> Stock:
        """One that is exactly this. Raises NotFoundError."""
        found = next((each for each in self.ranges(tenant) if each.block.range == range_), None)
        if found is None:
            raise _no_such(range_)
        return found

    # Writing

    def add(self, block: Block, *, actor: str, key: str | None = None) -> Stock:
        """Put a range into a tenant's inventory. Raises NotFoundError, RefusedError: see `stock.add`."""
        self._directory.write(actor, lambda log: stock.add(log, block), key=key, request=("number.add", block))
        found = [each for each in self.ranges(block.tenant) if each.block.range.holds(block.range.first)]
        if not found:
            raise RefusedError(f"{block.range} was taken out again meanwhile")
        return found[0]

    def change(
        self, tenant: str, range_: Range, said: Mapping[str, Any], *, actor: str, key: str | None = None
    ) -> Stock:
        """Say something else of a range: said holds what is different of use, source, carrier and note.

        Raises NotFoundError where the tenant has no range that is exactly this.
        """

        def work(log: Journal) -> None:
            found = [each for each in store.overlapping(log.connection, range_) if each.tenant == tenant]
            if [each.range for each in found] != [range_]:
                raise _no_such(range_)
            after = replace(found[0], **said)
            if after != found[0]:
                stock.change(log, found[0], after)

        self._directory.write(actor, work, key=key, request=("number.set", tenant, range_, sorted(said.items())))
        return next(each for each in self.ranges(tenant) if each.block.range.holds(range_.first))

    def remove(self, tenant: str, range_: Range, *, actor: str, key: str | None = None) -> None:
        """Take numbers out of the inventory. Raises NotFoundError, RefusedError (some have owners)."""
        request = ("number.remove", tenant, range_)
        self._directory.write(actor, lambda log: stock.remove(log, tenant, range_), key=key, request=request)

    def import_rows(
        self, tenant: str, rows: Sequence[Row], *, dry_run: bool, actor: str, key: str | None = None
    ) -> ImportReport:
        """Do all that a file says, or nothing: with any fault the report lists them all and nothing is written.

        dry_run: do it, look at it, and undo it.
        """

        def work(log: Journal) -> ImportReport:
            report = importing.carry_out(log, tenant, rows)
            if dry_run or report.faults:
                raise NothingWrittenError(replace(report, dry_run=dry_run))
            return report

        request = ("number.import", tenant, tuple(rows))
        try:
            return self._directory.write(
                actor,
                work,
                key=key,
                request=request,
                encode=ImportReport.counts,
                decode=lambda _, counts: ImportReport(**counts),
            )
        except NothingWrittenError as error:
            return error.report

    def reserve(
        self, tenant: str, telephone: Telephone, *, actor: str, key: str | None = None
    ) -> tuple[Listed, list[tuple[str, Aor]]]:
        """Keep a free number for `actor` for ten minutes; what they reserved already, for ten more.

        Raises NotFoundError, RefusedError (it has an owner, or somebody else reserved it), UsageError.
        """
        if telephone.extension:
            raise UsageError("an extension can't be reserved", where=str(telephone))

        def work(log: Journal) -> None:
            number = owning.free(log, tenant, telephone)
            until_ms = log.at_ms + rules.RESERVED_S * 1000
            store.put_hold(log.connection, Hold(number, tenant, None, str(log.actor), log.at_ms, until_ms))
            told = {"reserved_by": str(log.actor), "reserved_until": until_ms / 1000}
            log.entry("number.reserve", str(telephone), None, told, tenant=tenant)

        return self._write(actor, key, ("number.reserve", tenant, telephone), work, tenant, telephone)

    def assign(
        self,
        tenant: str,
        telephone: Telephone,
        owner: Owner,
        *,
        instead: bool = False,
        actor: str,
        key: str | None = None,
    ) -> tuple[Listed, list[tuple[str, Aor]]]:
        """Give a free number, or an extension, to `owner`.

        instead: also to a person who has another number, which is free then.

        Raises NotFoundError, RefusedError (it has an owner, is reserved by others; the person has another), UsageError.
        """
        return self._write(
            actor,
            key,
            ("number.assign", tenant, telephone, owner, instead),
            lambda log: owning.assign(log, tenant, telephone, owner, instead=instead),
            tenant,
            telephone,
        )

    def transfer(
        self,
        tenant: str,
        telephone: Telephone,
        owner: Owner,
        *,
        instead: bool = False,
        actor: str,
        key: str | None = None,
    ) -> tuple[Listed, list[tuple[str, Aor]]]:
        """Give a number, or an extension, that has an owner to another one: at no instant both have it, or neither.

        Raises as `assign`, and RefusedError where nobody has it.
        """
        return self._write(
            actor,
            key,
            ("number.transfer", tenant, telephone, owner, instead),
            lambda log: owning.transfer(log, tenant, telephone, owner, instead=instead),
            tenant,
            telephone,
        )

    def release(self, tenant: str, telephone: Telephone, *, actor: str, key: str | None = None) -> None:
        """Free a number or an extension, whoever has or reserved it; what is free stays so. Raises NotFoundError."""
        self._directory.write(
            actor,
            lambda log: owning.release(log, tenant, telephone),
            key=key,
            request=("number.release", tenant, telephone),
        )

    def _write(
        self,
        actor: str,
        key: str | None,
        request: object,
        work: Callable[[Journal], None],
        tenant: str,
        telephone: Telephone,
    ) -> tuple[Listed, list[tuple[str, Aor]]]:
        self._directory.write(actor, work, key=key, request=request)
        return self.get(tenant, telephone)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _candidates(
    connection: Connection, tenant: str, wanted: Wanted, state: NumberState | None, behind: int
) -> Iterator[list[int]]:
    """Numbers among which those that fit are, ascending, some at a time."""
    blocks = store.blocks(connection, tenant)
    stretches = [part for block in blocks if (part := rules.within(block.range, wanted))]
    if state is None:
        yield from _through(stretches, behind, frozenset())
        return
    owned = (
        {number for number, _ in store.people_of(connection, tenant)} if state is not NumberState.RESERVED else set()
    )
    if state is NumberState.UNKNOWN:
        inside = _inside([block.range for block in blocks], owned)
        yield from _in_turn((n for n in owned - inside if rules.within(Range(n, n), wanted)), behind)
        return
    holds = store.holds_of(connection, tenant)
    if state is NumberState.FREE:
        # Left out before each is looked at more closely: the first ten thousand may all be somebody's.
        owned.update(hold.number for hold in holds if hold.owner)
        yield from _through(stretches, behind, owned)
        return
    owned.update(hold.number for hold in holds)
    yield from _in_turn(_inside(stretches, owned), behind)


def _through(stretches: Sequence[Range], behind: int, without: Collection[int]) -> Iterator[list[int]]:
    """All numbers of the ranges from behind `behind` on, but for some."""
    for part in stretches:
        for first in range(max(part.first, behind + 1), part.last + 1, _WINDOW):
            window = range(first, min(first + _WINDOW, part.last + 1))
            yield [number for number in window if number not in without]


def _no_such(range_: Range) -> NotFoundError:
    return NotFoundError(f"{range_} is no range of the inventory", do="See: isthmus number ranges")


def _inside(ranges: Sequence[Range], numbers: Collection[int]) -> set[int]:
    """Those of the numbers that are in one of the ranges, which are ascending."""
    firsts = [each.first for each in ranges]
    return {n for n in numbers if (at := bisect_right(firsts, n) - 1) >= 0 and ranges[at].holds(n)}


def _in_turn(numbers: Iterable[int], behind: int) -> Iterator[list[int]]:
    ordered = sorted(number for number in numbers if number > behind)
    for start in range(0, len(ordered), _WINDOW):
        yield ordered[start : start + _WINDOW]


def _count(ordered: Sequence[int], range_: Range) -> int:
    return bisect_right(ordered, range_.last) - bisect_left(ordered, range_.first)
