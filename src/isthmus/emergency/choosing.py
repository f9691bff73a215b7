"""What people say themselves of where they are, as at home, where no network of ours tells. Each site keeps its own."""

from __future__ import annotations

from collections.abc import Callable

from isthmus.access.model import EVERYTHING, Reach
from isthmus.addressing import Aor
from isthmus.database import reading
from isthmus.directory import group_store
from isthmus.directory.journal import PERSON, Journal
from isthmus.directory.model import Person
from isthmus.directory.service import Directory
from isthmus.emergency import store
from isthmus.emergency.model import Choice
from isthmus.errors import NotFoundError, RefusedError, UsageError


class Choices:
    """The places that people of one site have chosen for themselves and their devices.

    changed: called after each change, for the snapshot.
    """

    def __init__(self, directory: Directory, *, changed: Callable[[], object] = lambda: None) -> None:
        self._directory = directory
        self.changed = changed

    def of(self, aor: Aor, reach: Reach = EVERYTHING) -> list[Choice]:
        """What a person chose: for all devices first, then by device. Raises NotFoundError, also where nothing is."""
        self._directory.get(aor, reach)
        with reading(self._directory.engine) as connection:
            found = store.choices(connection, [aor]).get(aor, [])
        if not found:
            raise NotFoundError(f"{aor} has chosen no place", do=f"isthmus location choose {aor}")
        return found

    def choose(self, wanted: Choice, *, actor: str, reach: Reach = EVERYTHING) -> Choice:
        """Let a person be where they say; said anew, it is confirmed anew. `confirmed_ms` of `wanted` does not count.

        Raises NotFoundError (person, place, device), UsageError (a place and an address, or neither).
        """
        if bool(wanted.place) == (wanted.civic is not None):
            raise UsageError("a choice is a place of the tenant's, or an address of one's own")
        person = self._directory.get(Aor.parse(wanted.aor), reach)
        _check_device(person, wanted.device)

        def work(log: Journal) -> Choice:
            if wanted.place and not store.places(log.connection, person.tenant, wanted.place):
                raise NotFoundError(
                    f"there is no place {wanted.place!r}", do="To see which there are: isthmus location place list"
                )
            made = Choice(
                str(person.aor), wanted.device, wanted.place, wanted.civic, wanted.point, confirmed_ms=log.at_ms
            )
            store.put_choice(log.connection, _id_of(person), made)
            log.entry("location.choose", str(person.aor), None, _told(made, person))
            return made

        made: Choice = self._directory.write_here(actor, work)
        self.changed()
        return made

    def forget(self, aor: Aor, device: str | None = None, *, actor: str, reach: Reach = EVERYTHING) -> None:
        """Forget what a person chose, for one device (empty: for the others) or all. Raises NotFoundError."""
        person = self._directory.get(aor, reach)

        def work(log: Journal) -> None:
            present = store.choices(log.connection, [aor]).get(aor, [])
            gone = [each for each in present if device is None or each.device == device]
            if not gone:
                raise NotFoundError(f"{aor} has chosen no place{f' for {device}' if device else ''}")
            store.delete_choices(log.connection, _id_of(person), device)
            for each in gone:
                log.entry("location.forget", str(aor), _told(each, person), None)

        self._directory.write_here(actor, work)
        self.changed()


def follow(log: Journal) -> None:
    """What was chosen by people who are no more is forgotten (see Directory.join).

    Of a feed at its last page alone: who is gone from one page may come under a new address in a later one.
    """
    if log.more_to_come:
        return
    people = [Aor.parse(key) for kind, key in log.changes if kind == PERSON]
    present = group_store.memberships(log.connection, people)
    if log.more_to_come is False or any(aor not in present for aor in people):
        store.forget_gone(log.connection)


def _told(choice: Choice, person: Person) -> dict[str, str | bool | None]:
    """For the audit log, which is read by more people than may know where somebody lives."""
    own = choice.civic is not None
    return {
        "tenant": person.tenant, "device": choice.device or None, "place": choice.place or None, "own_address": own
    }  # fmt: skip


def _check_device(person: Person, device: str) -> None:
    if device and all(each.name != device for each in person.devices):
        raise NotFoundError(f"{person.aor} has no device {device!r}", do=f"isthmus device list {person.aor}")


def _id_of(person: Person) -> str:
    if not person.id:
        raise RefusedError(f"{person.aor} came from a site that gives no stable ids", do="Bring that site up to date.")
    return person.id
