"""The same change of many people at once, each judged by itself: what it is for whom, before it is done. Pure but for
what `changing.apply` reads and writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from isthmus.access.model import Reach
from isthmus.addressing import Aor
from isthmus.directory import changing, rules, store, wire
from isthmus.directory.changing import Alter, Outcome
from isthmus.directory.journal import Journal
from isthmus.directory.model import UNCHANGED, Person, PersonChanges
from isthmus.errors import ChangedError, IsthmusError, NotFoundError, RefusedError, UsageError


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be different of everybody. enabled: None leaves it as it is."""

    enabled: bool | None = None
    add_groups: tuple[str, ...] = ()
    remove_groups: tuple[str, ...] = ()

    def of(self, person: Person) -> PersonChanges:
        """The changes that this is for one person. A group that is both taken and given stays."""
        kept = [group for group in person.groups if group not in self.remove_groups or group in self.add_groups]
        groups = (*kept, *(group for group in self.add_groups if group not in kept))
        return PersonChanges(
            enabled=UNCHANGED if self.enabled is None else self.enabled,
            groups=UNCHANGED if groups == person.groups else groups,
        )


@dataclass(frozen=True, slots=True)
class Edited:
    """One person before and after; where it can't be done `why`, and before and after are the same."""

    aor: Aor
    before: Person | None
    after: Person | None
    why: str = ""


def apply(
    log: Journal,
    aors: Sequence[Aor],
    edit: Edit,
    reach: Reach,
    seen: Mapping[Aor, str],
    change: Callable[[Journal, Sequence[Alter]], list[Outcome]] = lambda log, wanted: changing.apply(log, wanted, None),
) -> list[Edited]:
    """Do it for everybody for whom it can be done. seen: the `wire.tag` of people that the asker looked at before.

    Raises UsageError for nobody, or an edit that is none.
    """
    if not aors or edit == Edit():
        raise UsageError("say who is to be changed, and what")
    present = store.people_by_aor(log.connection, aors)
    refused: dict[Aor, str] = {}
    wanted: dict[Aor, Alter] = {}
    for aor in dict.fromkeys(aors):
        try:
            person = _reached(aor, present.get(aor), reach, seen.get(aor))
            changes = edit.of(person)
            if not reach.covers(rules.as_object(rules.normalised(changes.applied_to(person)))):
                raise RefusedError(f"{aor} would be outside of what your roles reach")
        except IsthmusError as error:
            refused[aor] = str(error)
        else:
            wanted[aor] = Alter(aor, changes)
    outcomes = dict(zip(wanted, change(log, list(wanted.values())), strict=True))
    return [_told(aor, present.get(aor), refused.get(aor), outcomes.get(aor), reach) for aor in dict.fromkeys(aors)]


def _reached(aor: Aor, person: Person | None, reach: Reach, seen: str | None) -> Person:
    if person is None or not reach.covers(rules.as_object(person)):
        raise NotFoundError(f"nobody is called {aor}")
    if seen is not None and seen != wire.tag(person):
        raise ChangedError(f"{aor} was changed meanwhile", do="Look again, then repeat the change.")
    return person


def _told(aor: Aor, before: Person | None, refused: str | None, outcome: Outcome, reach: Reach) -> Edited:
    hidden = before is None or not reach.covers(rules.as_object(before))
    shown = None if hidden else before
    if refused is not None:
        return Edited(aor, shown, shown, refused)
    if isinstance(outcome, IsthmusError):
        return Edited(aor, shown, shown, str(outcome))
    return Edited(aor, shown, outcome)
