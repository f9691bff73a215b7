"""The write path of the directory: permission, one transaction, audit row, change feed, event on commit."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from isthmus.access import rules as access
from isthmus.access.model import EVERYTHING, Reach
from isthmus.addressing import Aor
from isthmus.audit import Actor, Origin
from isthmus.database import reading, writing
from isthmus.directory import changing, comparing, editing, feed, importing, journal, kept, moving, rules, store, wire
from isthmus.directory.bulk import ImportReport, Row
from isthmus.directory.journal import DOMAIN, PERSON, TENANT, Journal
from isthmus.directory.model import Credentials, FeedPage, NewPerson, Person, PersonChanges
from isthmus.errors import ChangedError, IsthmusError, NotFoundError, RefusedError, UsageError

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

_FIRST_EPOCH = 1
_KEYS_LIVE_MS = 7 * 24 * 3600 * 1000  # how long an idempotency key is remembered
_MOST = 100_000  # objects a page may have


class Directory:
    """One site's directory. One object a process; safe to use from several threads.

    site: this site's name. authority: the name of the site whose directory is the authority; by default this one.
    homes: sites where people can live; None takes any name. on_commit: called with the last sequence number after
    each committed write, on the writer's thread; what it raises is logged, since the write stands.
    clock: seconds since 1970, for the audit log.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        site: str,
        authority: str | None = None,
        homes: Collection[str] | None = None,
        on_commit: Callable[[int], object] = lambda seq: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._site, self._authority = engine, site, authority or site
        self._homes = None if homes is None else frozenset(homes)
        self._on_commit, self._clock = on_commit, clock
        self._hooks: list[Callable[[Journal], None]] = []
        self._keepers: list[kept.Keeper] = []

    @property
    def is_authority(self) -> bool:
        """Whether this directory says where people live, and takes changes."""
        return self._authority == self._site

    @property
    def authority(self) -> str:
        """Name of the site whose directory is the authority."""
        return self._authority

    # Reading

    def get(self, aor: Aor, reach: Reach = EVERYTHING) -> Person:
        """The person, if within reach. Raises NotFoundError."""
        with reading(self._engine) as connection:
            return _existing(connection, aor, reach)

    def get_many(self, aors: Iterable[Aor], reach: Reach = EVERYTHING) -> dict[Aor, Person]:
        """Those of the people who exist within reach, all as of one moment."""
        with reading(self._engine) as connection:
            found = store.people_by_aor(connection, aors)
        return {aor: person for aor, person in found.items() if reach.covers(rules.as_object(person))}

    def owners(self, numbers: Iterable[str], reach: Reach = EVERYTHING) -> dict[str, Aor]:
        """Who within reach has which of the numbers."""
        with reading(self._engine) as connection:
            found = {number: aor for number, (aor, _) in store.owners(connection, numbers).items()}
        known = self.get_many(found.values(), reach)
        return {number: aor for number, aor in found.items() if aor in known}

    def people(
        self,
        *,
        home: str | None = None,
        group: str | None = None,
        match: str | None = None,
        after: Aor | None = None,
        limit: int = 100,
        reach: Reach = EVERYTHING,
        enabled: bool | None = None,
        offset: int = 0,
    ) -> list[Person]:
        """People within reach in the order of their addresses, from behind `after` on, but for the first `offset`.

        match: part of an address, number or display name, in any case.
        """
        with reading(self._engine) as connection:
            limit = _checked_limit(limit)
            return store.find_people(
                connection,
                home=home,
                group=group,
                match=match,
                after=after,
                limit=limit,
                reach=reach,
                enabled=enabled,
                offset=offset,
            )

    def count(
        self,
        *,
        home: str | None = None,
        group: str | None = None,
        match: str | None = None,
        reach: Reach = EVERYTHING,
        enabled: bool | None = None,
    ) -> int:
        """How many people within reach fit."""
        with reading(self._engine) as connection:
            return store.count_people(connection, home=home, group=group, match=match, reach=reach, enabled=enabled)

    def everybody(self) -> tuple[int, Iterable[Person]]:
        """The feed's last sequence number, and all people as of it, ascending by the bytes of `str(aor)`.

        The people are read while they are taken, in one transaction that ends with the last one.
        """
        stream = self._everybody()
        return cast(int, next(stream)), cast(Iterable[Person], stream)

    def _everybody(self) -> Generator[int | Person, None, None]:
        with reading(self._engine) as connection:
            yield journal.head(connection)[1]
            yield from store.all_people(connection)

    @property
    def engine(self) -> Engine:
        """The site's database, for what else is kept in it."""
        return self._engine

    def domains(self) -> dict[str, str]:
        """Every domain with its tenant."""
        with reading(self._engine) as connection:
            return store.domains(connection)

    def suspended(self) -> frozenset[str]:
        """The tenants that are suspended."""
        with reading(self._engine) as connection:
            return store.suspended(connection)

    def last_seq(self) -> int:
        """Sequence number of the last change."""
        with reading(self._engine) as connection:
            return journal.head(connection)[1]

    def stream(self) -> str:
        """Names the database that this directory's sequence numbers belong to."""
        with reading(self._engine) as connection:
            return journal.head(connection)[0]

    def audit(self, object_: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """The newest entries of the audit log first, of one object or of all."""
        with reading(self._engine) as connection:
            return journal.audit_entries(connection, object_, _checked_limit(limit))

    # Writing, at the authority

    def create_tenant(self, name: str, *, actor: str) -> None:
        """Make sure the tenant exists. Raises UsageError, RefusedError."""
        checked = rules.checked_tenant(name)

        def work(log: Journal) -> None:
            if checked not in store.tenants(log.connection):
                store.put_tenants(log.connection, [checked])
                log.note(TENANT, checked, "tenant.create", None, {"name": checked}, tenant=checked)

        self.write(actor, work)

    def add_domain(self, domain: str, tenant: str, *, actor: str) -> None:
        """Make sure the domain exists and is the tenant's. Raises UsageError, NotFoundError, RefusedError."""
        name = rules.checked_domain(domain)

        def work(log: Journal) -> None:
            owner = store.domains(log.connection).get(name)
            if owner == tenant:
                return
            if owner is not None:
                raise RefusedError(f"the domain {name} belongs to another tenant")
            if tenant not in store.tenants(log.connection):
                raise NotFoundError(f"there is no tenant {tenant!r}")
            store.put_domains(log.connection, [(name, tenant)])
            log.note(DOMAIN, name, "domain.create", None, {"name": name, "tenant": tenant})

        self.write(actor, work)

    def create(self, new: NewPerson, *, actor: str, key: str | None = None, reach: Reach = EVERYTHING) -> Person:
        """Add a person. key: idempotency key; its second use gives what the first one gave.

        Raises UsageError (with all faults), RefusedError (exists; number taken: says by whom; not the authority),
        ForbiddenError (they would be out of reach).
        """

        def work(log: Journal) -> Person:
            connection = log.connection
            owned = importing.domains_within(connection, reach)
            epoch = store.departed_epochs(connection, [new.aor]).get(new.aor, _FIRST_EPOCH - 1) + 1
            person = rules.normalised(new.person(owned.get(new.aor.domain, ""), epoch, store.new_id()))
            if new.aor.domain in owned:  # another tenant's people are answered as their domain is
                access.covered(reach, rules.as_object(person))
                if new.aor in store.people_by_aor(connection, [new.aor]):
                    raise RefusedError(f"{new.aor} exists already", do=f"To change them: isthmus user set {new.aor}")
            self._check(log, None, person, owned)
            store.insert_people(connection, [person])
            log.note(PERSON, str(person.aor), "person.create", None, wire.public(person))
            return person

        return self._person_write(actor, key, ("create", new), work)

    def set(
        self,
        aor: Aor,
        changes: PersonChanges,
        *,
        actor: str,
        key: str | None = None,
        reach: Reach = EVERYTHING,
        unless_changed: str | None = None,
    ) -> Person:
        """Change a person; what is as wanted already is no change.

        unless_changed: the `wire.tag` the asker has seen. Raises as `create`, NotFoundError, and ChangedError.
        """

        def work(log: Journal) -> Person:
            before = _existing(log.connection, aor, reach)
            _refuse_changed(before, unless_changed)
            person = rules.normalised(changes.applied_to(before))
            if person == before:
                return before
            access.covered(reach, rules.as_object(person))
            self._check(log, before, person, store.domains(log.connection))
            store.update_people(log.connection, [person])
            log.note(PERSON, str(aor), "person.set", wire.public(before), importing.audited(before, person))
            return person

        return self._person_write(actor, key, ("set", aor, changes), work)

    def delete(
        self,
        aor: Aor,
        *,
        actor: str,
        key: str | None = None,
        reach: Reach = EVERYTHING,
        unless_changed: str | None = None,
    ) -> None:
        """Remove a person; the number is free then. Raises NotFoundError, RefusedError, ChangedError."""

        def work(log: Journal) -> None:
            person = _existing(log.connection, aor, reach)
            _refuse_changed(person, unless_changed)
            store.delete_people(log.connection, [person])
            log.note(PERSON, str(aor), "person.delete", wire.public(person), None)

        self.write(actor, work, key=key, request=("delete", aor))

    def import_people(
        self,
        rows: Sequence[Row],
        *,
        update: bool,
        dry_run: bool,
        actor: str,
        key: str | None = None,
        reach: Reach = EVERYTHING,
    ) -> ImportReport:
        """Create all the people, or none: with any fault the report lists them all and nothing is written.

        update: whether people who exist are changed; otherwise each is a fault. dry_run: only say what would be.
        """
        if dry_run:
            self._require_authority()
            with reading(self._engine) as connection:
                judge = kept.judge(self._keepers, connection, actor, self._now_ms())
                planned = importing.plan(connection, rows, update=update, homes=self._homes, reach=reach, judge=judge)
                return planned.report(dry_run=True)

        def work(log: Journal) -> ImportReport:
            judge = self._judge(log)
            plan = importing.plan(log.connection, rows, update=update, homes=self._homes, reach=reach, judge=judge)
            report = plan.report(dry_run=False)
            if report.faults:
                raise _BadImportError(report)
            plan.carry_out(log)
            return report

        try:
            return self.write(
                actor,
                work,
                key=key,
                request=("import", update, tuple(rows)),
                encode=ImportReport.counts,
                decode=lambda _, counts: ImportReport(**counts),
            )
        except _BadImportError as error:
            return error.report

    def edit(
        self,
        aors: Sequence[Aor],
        wanted: editing.Edit,
        *,
        dry_run: bool,
        actor: str,
        reach: Reach = EVERYTHING,
        seen: Mapping[Aor, str] | None = None,
    ) -> list[editing.Edited]:
        """The same change of many people, for whom it can be done: see `editing.apply`.

        dry_run: go through all of it, whatever follows from it included, and take it back.
        """

        def work(log: Journal) -> list[editing.Edited]:
            judge = self._judge(log)
            return editing.apply(
                log, aors, wanted, reach, seen or {}, lambda log, each: changing.apply(log, each, None, judge)
            )

        if dry_run:
            self._require_authority()
            return self.rehearse(actor, work)
        return self.write(actor, work)

    def commit_homes(
        self, moves: Sequence[moving.Move], *, actor: str, connection: Connection | None = None
    ) -> dict[Aor, int | IsthmusError]:
        """Let each person (address, from, epoch, to) be at home at `to`, all in one transaction.

        Returns the new epoch, or why not, for each; the same again when called again with the same moves.
        connection: a transaction of the caller's to do it in; the caller calls `announce` once it has committed.
        """
        listed = moving.distinct(moves)
        if connection is None:
            return self.write(actor, lambda log: moving.commit(log, listed, self._homes))
        return self.write_in(connection, actor, lambda log: moving.commit(log, listed, self._homes))

    def change_many(
        self, operations: Sequence[changing.Operation], *, actor: str, connection: Connection
    ) -> list[changing.Outcome]:
        """Do many changes, each that can be, in a transaction of the caller's, who then calls `announce`.

        Returns for each what `changing.apply` says.
        """
        return self.write_in(
            connection, actor, lambda log: changing.apply(log, operations, self._homes, self._judge(log))
        )

    # The feed

    def changes_since(self, seq: int, limit: int = 1000) -> FeedPage:
        """The next page of the change feed. Raises RefusedError for a position this feed never reached."""
        with reading(self._engine) as connection:
            return feed.read_page(connection, seq, _checked_limit(limit))

    def apply_feed(self, page: FeedPage, source: str) -> int:
        """Take a page of the authority's feed over, with the resume point, in one transaction.

        Returns the position reached, at which to go on. Raises RefusedError: see `feed.apply_page`.
        """
        if self.is_authority or source != self._authority:
            raise RefusedError(f"{self._site} takes no directory changes from {source}")
        return self._transact(Actor(f"site:{source}", Origin("link")), lambda log: feed.apply_page(log, page, source))

    def position(self, source: str) -> int:
        """How far the feed of `source` has been applied here; 0 at first."""
        with reading(self._engine) as connection:
            stored = journal.position(connection, source)
        return stored[1] if stored else 0

    def summary(self) -> list[str]:
        """Digests of all people by ranges: see `comparing.summary`."""
        with reading(self._engine) as connection:
            return comparing.summary(store.all_people(connection), store.domains(connection))

    def held(self, ranges: Collection[int]) -> dict[Aor, comparing.Held]:
        """Digest and epoch of everybody in some of the ranges."""
        with reading(self._engine) as connection:
            return comparing.held(store.all_people(connection), ranges)

    def resend(self, differing: Mapping[Aor, int], *, actor: str) -> None:
        """Send people through the feed once more: see `comparing.resend`. Raises RefusedError (not the authority)."""
        self.write(actor, lambda log: comparing.resend(log, differing))

    def announce(self) -> None:
        """Tell `on_commit` what the last change is."""
        self._announce(self.last_seq())

    # How every write goes

    def _person_write(self, actor: str, key: str | None, request: object, work: Callable[[Journal], Person]) -> Person:
        return self.write(actor, work, key=key, request=request, encode=wire.public, decode=_with_present_credentials)

    def join(self, hook: Callable[[Journal], None]) -> None:
        """Call `hook` in the transaction of every later write, after its work, with what it changed.

        For what follows from the directory in the same database; what `hook` raises undoes the whole write.
        """
        self._hooks.append(hook)

    def keep_numbers(self, keeper: kept.Keeper) -> None:
        """Ask `keeper` before a person gets a number, in the transaction of the write; see directory/kept.py."""
        self._keepers.append(keeper)

    def _judge(self, log: Journal) -> kept.Judge:
        return kept.judge(self._keepers, log.connection, log.actor, log.at_ms)

    def write(
        self,
        actor: str,
        work: Callable[[Journal], _T],
        *,
        key: str | None = None,
        request: object = None,
        encode: Callable[[_T], Any] = lambda result: None,
        decode: Callable[[Connection, Any], _T] = lambda _, stored: stored,
    ) -> _T:
        """Change the directory: `work` in one transaction with its audit entries and changes, once under `key`.

        request: what is asked, so that another request under the same key is noticed. encode, decode: between the
        result and JSON. Raises RefusedError where this is not the authority, and what `work` raises.
        """
        self._require_authority()
        return self.write_here(actor, work, key=key, request=request, encode=encode, decode=decode)

    def write_in(self, connection: Connection, actor: str, work: Callable[[Journal], _T]) -> _T:
        """As `write`, in a transaction of the caller's, who calls `announce` once it is committed."""
        self._require_authority()
        journal.lock(connection)
        log = Journal(connection, actor, self._now_ms())
        result = work(log)
        self._flush(log)
        return result

    def write_here(
        self,
        actor: str,
        work: Callable[[Journal], _T],
        *,
        key: str | None = None,
        request: object = None,
        encode: Callable[[_T], Any] = lambda result: None,
        decode: Callable[[Connection, Any], _T] = lambda _, stored: stored,
    ) -> _T:
        """As `write`, for what each site keeps for itself: no authority is needed, and none of it may be changes."""
        if key is None:
            return self._transact(actor, work)
        digest = hashlib.sha256(repr(request).encode()).hexdigest()

        def once(log: Journal) -> _T:
            first = journal.first_result(log.connection, actor, key)
            if first is not None:
                if first[0] != digest:
                    raise UsageError("this idempotency key was used for something else", where=key)
                return decode(log.connection, first[1])
            result = work(log)
            journal.forget_results(log.connection, log.at_ms - _KEYS_LIVE_MS)
            journal.keep_result(log.connection, actor, key, digest, encode(result), log.at_ms)
            return result

        return self._transact(actor, once)

    def rehearse(self, actor: str, work: Callable[[Journal], _T]) -> _T:
        """What `write_here` would give: the work is done, with all that follows from it, and taken back."""

        def rehearsed(log: Journal) -> None:
            result = work(log)
            for hook in self._hooks:
                hook(log)
            raise _RehearsedError(result)

        try:
            self._transact(actor, rehearsed)
        except _RehearsedError as done:
            return cast(_T, done.result)
        raise AssertionError("a rehearsal is never committed")

    def _transact(self, actor: str, work: Callable[[Journal], _T]) -> _T:
        try:
            with writing(self._engine) as connection:
                journal.lock(connection)
                log = Journal(connection, actor, self._now_ms())
                result = work(log)
                seq = self._flush(log)
        except IntegrityError as error:
            # All rules were checked under the lock: somebody wrote past this class. The database held.
            raise RefusedError(f"the directory would contradict itself ({error.orig})") from error
        if seq:
            self._announce(seq)
        return result

    def _flush(self, log: Journal) -> int:
        """Let follow what follows, and write down what there is to tell; the last thing in every transaction."""
        for hook in self._hooks:
            hook(log)
        return log.flush()

    def _announce(self, seq: int) -> None:
        try:
            self._on_commit(seq)
        except Exception:
            _log.exception("change %s is committed, but could not be passed on", seq)

    def _check(self, log: Journal, before: Person | None, person: Person, owned: dict[str, str]) -> None:
        """Raises UsageError with every fault, RefusedError when the number is somebody else's, or kept from people."""
        faults = rules.faults_of(person, self._homes, owned)
        if faults:
            raise UsageError("; ".join(faults), where=str(person.aor))
        if person.number is None:
            return
        for owner, tenant in store.owners(log.connection, [person.number]).values():
            if owner != person.aor:
                raise RefusedError(rules.number_taken(person, owner, tenant), where=str(person.aor))
        if before is None or before.number != person.number:
            for error in self._judge(log)({(person.number, person.tenant)}).values():
                raise kept.refusal(error, person.aor)

    def _require_authority(self) -> None:
        if not self.is_authority:
            raise RefusedError(
                f"{self._site} is not the authority of this directory",
                do=f"Do it at {self._authority}: isthmus --site {self._authority} ...",
            )

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


class _BadImportError(Exception):
    """Rolls an import back."""

    def __init__(self, report: ImportReport) -> None:
        super().__init__()
        self.report = report


class _RehearsedError(Exception):
    """Rolls back what was only to be looked at."""

    def __init__(self, result: object) -> None:
        super().__init__()
        self.result = result


def _existing(connection: Connection, aor: Aor, reach: Reach = EVERYTHING) -> Person:
    return access.seen(
        store.people_by_aor(connection, [aor]).get(aor),
        reach,
        rules.as_object,
        lambda: NotFoundError(f"nobody is called {aor}", do="To see who is there: isthmus user list"),
    )


def _refuse_changed(person: Person, seen_tag: str | None) -> None:
    if seen_tag is not None and seen_tag != wire.tag(person):
        raise ChangedError(
            f"{person.aor} was changed meanwhile", where=str(person.aor), do="Look again, then repeat the change."
        )


def _with_present_credentials(connection: Connection, stored: dict[str, Any]) -> Person:
    """A first result anew. Secrets are not kept with it, so they are those of today, or none."""
    present = store.people_by_aor(connection, [Aor.parse(stored["aor"])])
    credentials = next((person.credentials for person in present.values()), Credentials(b"", b""))
    return wire.from_public(stored, credentials)


def _checked_limit(limit: int) -> int:
    if not 1 <= limit <= _MOST:
        raise UsageError(f"a limit of {limit} is not between 1 and {_MOST}")
    return limit
