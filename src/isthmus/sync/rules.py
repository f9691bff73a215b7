"""What a source's view of people means for ours. Pure: wanted against present gives a plan.

Nothing is guessed. Where two objects claim one address or one number, whoever has it keeps it, nobody gets it
otherwise, and all who asked for it are told of. Fields that the source owns (name, number, the groups it maps) follow
the source; `enabled` follows only when the source changes it, so that somebody blocked here stays blocked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from isthmus.addressing import Aor
from isthmus.directory.model import Person
from isthmus.sync.model import SILENT, Change, Kind, Link, Wanted

Holder = tuple[str, str]  # a source's name and an object's id


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a plan follows from.

    links: of this source, by object, all that the objects seen or gone have. holders: which object an address is
    linked to, of any source. rivals: links of any source that want one of the numbers in question. present: people by
    address. owners: who has one of the numbers. domains: those a source may use. homes: sites where people can live.
    home: where new people live unless the source says. groups: ours that the source fills. moving: people under way to
    another home, with the batch.
    """

    source: str
    links: Mapping[str, Link]
    holders: Mapping[Aor, Holder]
    rivals: Sequence[Link]
    present: Mapping[Aor, Person]
    owners: Mapping[str, Aor]
    domains: Collection[str]
    homes: Collection[str]
    home: str
    groups: Collection[str] = ()
    moving: Mapping[Aor, str] = field(default_factory=dict)


def plan(seen: Sequence[Wanted], gone: Collection[str], facts: Facts) -> list[Change]:
    """What is to be done, those first whose address or number may pass to another one."""
    leaving = {each.id for each in seen if _leaves(each)} | set(gone)
    staying = [each for each in seen if each.id not in leaving]
    claims = _Claims(staying, leaving, facts)
    changes = [change for each in staying if (change := _change(each, claims, facts)) is not None]
    changes += [change for object_id in sorted(leaving) if (change := _vanish(object_id, facts)) is not None]
    return sorted(changes, key=hands_over, reverse=True)


def too_many(changes: Iterable[Change], linked: int, percent: float, always: int, lately: int = 0) -> str:
    """Why the plan must not be carried out unasked; empty when it may.

    linked: people the source has now. percent: how many of them it may disable at once. always: so many it always may,
    as long as somebody is left: a source that is suddenly empty is broken more often than deserted. lately: people
    whom it disabled one by one a short while ago, who count as well.
    """
    removed = sum(change.removes for change in changes)
    together, share_of = removed + lately, linked + lately
    if not removed or (removed < linked and (together <= always or together * 100 <= percent * share_of)):
        return ""
    share = 100 * removed / max(linked, 1)
    return f"{removed} of {linked} people would be disabled ({share:.0f} %, and {percent:g} % is the limit)"


def too_many_lately(removed: int, linked: int, percent: float, always: int) -> bool:
    """The same of people disabled one by one in a while, of all who were linked. The last one may be: it was named."""
    return removed > always and removed * 100 > percent * linked


def counts(changes: Iterable[Change]) -> dict[str, int]:
    """How many of each kind; those with a conflict beside count there as well."""
    found: dict[str, int] = defaultdict(int)
    for change in changes:
        if change.kind not in SILENT:
            found[change.kind.value] += 1
        if change.conflicts and change.kind is not Kind.CONFLICT:
            found[Kind.CONFLICT.value] += 1
    return dict(found)


def written_back(
    what: Collection[str], link: Link, person: Person, home_attribute: str, homes: Mapping[str, str]
) -> dict[str, str]:
    """The attributes by which other tools see at the source what is so here. what: `home`, `address`, `number`.

    homes: value of the home's attribute to site. A site that no value means is not written.
    """
    values: dict[str, str] = {}
    named = next((value for value, site in homes.items() if site == person.home), None)
    if "home" in what and named is not None:
        values[home_attribute] = named
    if "address" in what:
        values["msRTCSIP-PrimaryUserAddress"] = person.aor.uri
    if "number" in what and person.number is not None:
        extension = f";ext={link.wanted.extension}" if link.wanted.extension else ""
        values["msRTCSIP-Line"] = f"tel:{person.number}{extension}"
    return values


def _leaves(each: Wanted) -> bool:
    """Whether the object has no SIP address any more, or never had one."""
    return each.aor is None and not each.faults


class _Claims:
    """Who claims which address and number."""

    def __init__(self, staying: Sequence[Wanted], leaving: Collection[str], facts: Facts) -> None:
        self._facts, self._leaving = facts, leaving
        self.by_id = {each.id: each for each in staying}
        self._addresses: dict[Aor, list[Wanted]] = defaultdict(list)
        self._numbers: dict[str, list[tuple[Holder, Wanted]]] = defaultdict(list)
        for each in staying:
            if each.aor is not None:
                self._addresses[each.aor].append(each)
            if each.number is not None:
                self._numbers[each.number].append(((facts.source, each.id), each))
        for link in facts.rivals:
            known = link.source == facts.source and (link.id in self.by_id or link.id in leaving)
            if link.wanted.number is not None and link.vanished_ms is None and not known:
                self._numbers[link.wanted.number].append(((link.source, link.id), link.wanted))

    def address_conflict(self, each: Wanted, aor: Aor) -> str:
        """Why the object can't stand for this address; empty when it can."""
        holder = self._facts.holders.get(aor)
        own = (self._facts.source, each.id)
        if holder == own:
            return ""
        if holder is not None and not self._gives_up(holder, aor):
            return self._held(holder, aor)
        others = [other.name for other in self._addresses[aor] if other.id != each.id]
        return f"{aor} is claimed by {' and by '.join(sorted(others))} as well" if others else ""

    def _gives_up(self, holder: Holder, aor: Aor) -> bool:
        source, object_id = holder
        now = self.by_id.get(object_id) if source == self._facts.source else None
        return now is not None and now.aor is not None and now.aor != aor

    def _held(self, holder: Holder, aor: Aor) -> str:
        source, object_id = holder
        link = self._facts.links.get(object_id) if source == self._facts.source else None
        if source != self._facts.source:
            return f"{aor} is kept by the source {source}"
        if object_id in self._leaving or (link is not None and link.vanished_ms is not None):
            return (
                f"{aor} belongs to somebody who vanished from the source and is kept; the same person: isthmus "
                f"directory restore {aor}, another one: isthmus user delete {aor}"
            )
        name = self.by_id[object_id].name if object_id in self.by_id else link.wanted.name if link else object_id
        return f"{aor} belongs to {name}"

    def number(self, each: Wanted, aor: Aor) -> tuple[str | None, str]:
        """The number that the person may have, and why not the one that is wanted (empty when they may)."""
        number = each.number
        if number is None:
            return None, ""
        claims = self._numbers[number]
        others = [(holder, other) for holder, other in claims if holder != (self._facts.source, each.id)]
        owner = self._facts.owners.get(number)
        if not others:
            return self._free_or_own(each, aor, number, owner)
        extensions = [other.extension for _, other in claims]
        if all(extensions) and len(set(extensions)) == len(extensions):
            return None, ""  # one main number with many extensions: nobody's own
        if owner == aor:
            return number, ""
        names = " and by ".join(sorted(other.name for _, other in others))
        present = self._facts.present.get(aor)
        return present.number if present else None, f"{number} is claimed by {names} as well"

    def _free_or_own(self, each: Wanted, aor: Aor, number: str, owner: Aor | None) -> tuple[str | None, str]:
        if owner is None or owner == aor:
            return number, ""
        holder = self._facts.holders.get(owner)
        if holder is not None and holder[0] == self._facts.source and holder[1] in self.by_id:
            return number, ""  # the owner stays and, by all claims, wants another one from now on
        told = f"{number} belongs to {owner}"
        link = self._facts.links.get(holder[1]) if holder is not None and holder[0] == self._facts.source else None
        if link is not None and (link.vanished_ms is not None or link.id in self._leaving):
            told += f", who vanished from the source and is kept; to give it away: isthmus user set {owner} --no-number"
        present = self._facts.present.get(aor)
        return present.number if present else None, told


def _change(each: Wanted, claims: _Claims, facts: Facts) -> Change | None:
    link = facts.links.get(each.id)
    linked = link.aor if link is not None and link.aor in facts.present else None
    conflicts = list(each.faults)
    target = each.aor
    if target is not None and target.domain not in facts.domains:
        conflicts.append(f"{target.domain} is not one of our domains")
        target = None
    if target is not None and (clash := claims.address_conflict(each, target)):
        conflicts.append(clash)
        target = None
    if linked is not None:
        return _of_linked(each, linked, target or linked, conflicts, claims, facts)
    if target is None:
        return _told(each, link, conflicts)
    present = facts.present.get(target)
    if present is not None:
        return _of_linked(each, target, target, conflicts, claims, facts)
    return _new(each, target, conflicts, claims, facts)


def _new(each: Wanted, aor: Aor, conflicts: list[str], claims: _Claims, facts: Facts) -> Change | None:
    home = each.home or facts.home
    if home not in facts.homes:
        conflicts.append(f"there is no site {home!r} where people can live")
        return _told(each, facts.links.get(each.id), conflicts)
    number, clash = claims.number(each, aor)
    if clash:
        conflicts.append(clash)
    values = {
        "display_name": each.display_name,
        "number": number,
        "home": home,
        "enabled": each.enabled,
        "groups": list(each.groups),
    }
    why = (f"new at {home}", *((f"number {number}",) if number else ()))
    return Change(Kind.CREATE, each.id, aor, each, None, values, why, tuple(conflicts))


def _of_linked(
    each: Wanted, aor: Aor, target: Aor, conflicts: list[str], claims: _Claims, facts: Facts
) -> Change | None:
    """The object stands for `aor`, or will from now on."""
    link, person = facts.links.get(each.id), facts.present[aor]
    if target != aor and aor in facts.moving:
        conflicts.append(f"{aor} is being moved ({facts.moving[aor]}) and gets the address {target} afterwards")
        target = aor
    values, why = _differences(each, person, conflicts, claims, facts)
    enabled = _enabled(each, link, person)
    if enabled is not None:
        values["enabled"] = enabled
    if target != aor:
        why.insert(0, f"address {aor} -> {target}; the phone's password has to be set anew")
    kind = _kind(link, aor, target, enabled, bool(values))
    if kind is Kind.RECORD and link is not None and link.wanted == each and link.conflicts == tuple(conflicts):
        return None
    if kind is Kind.RECORD and conflicts and (link is None or link.conflicts != tuple(conflicts)):
        kind = Kind.CONFLICT
    rename = target if target != aor else None
    return Change(kind, each.id, aor, each, rename, values, tuple(why), tuple(conflicts))


def _differences(
    each: Wanted, person: Person, conflicts: list[str], claims: _Claims, facts: Facts
) -> tuple[dict[str, Any], list[str]]:
    number, clash = claims.number(each, person.aor)
    if clash:
        conflicts.append(clash)
    if any(fault for fault in each.faults) and each.number is None:
        number = person.number  # what can't be understood takes nothing away
    link = facts.links.get(each.id)
    ours = {*facts.groups, *(link.wanted.groups if link else ())}
    groups = tuple(sorted((set(person.groups) - ours) | set(each.groups)))
    values: dict[str, Any] = {}
    why = []
    if each.display_name and each.display_name != person.display_name:
        values["display_name"] = each.display_name
        why.append(f"name {person.display_name!r} -> {each.display_name!r}")
    if number != person.number:
        values["number"] = number
        why.append(f"number {person.number or 'none'} -> {number or 'none'}")
    if groups != person.groups:
        values["groups"] = list(groups)
        why.append(f"groups {', '.join(person.groups) or 'none'} -> {', '.join(groups) or 'none'}")
    return values, why


def _enabled(each: Wanted, link: Link | None, person: Person) -> bool | None:
    """What `enabled` becomes; None where it stays."""
    if link is not None and link.vanished_ms is not None:
        return each.enabled if each.enabled != person.enabled else None
    changed = link is None or link.aor is None or link.wanted.enabled != each.enabled
    return each.enabled if changed and each.enabled != person.enabled else None


def _kind(link: Link | None, aor: Aor, target: Aor, enabled: bool | None, different: bool) -> Kind:
    if link is not None and link.aor == aor and link.vanished_ms is not None:
        return Kind.RESTORE
    if target != aor:
        return Kind.RENAME
    if enabled is False:
        return Kind.DISABLE
    if link is None or link.aor != aor:
        return Kind.ADOPT
    return Kind.CHANGE if different else Kind.RECORD


def _told(each: Wanted, link: Link | None, conflicts: list[str]) -> Change | None:
    """Nothing can be done for an object that stands for nobody."""
    if link is not None and link.conflicts == tuple(conflicts) and link.wanted == each:
        return None
    return Change(Kind.CONFLICT, each.id, None, each, None, {}, (), tuple(conflicts))


def _vanish(object_id: str, facts: Facts) -> Change | None:
    link = facts.links.get(object_id)
    if link is None or link.vanished_ms is not None:
        return None
    person = facts.present.get(link.aor) if link.aor is not None else None
    if person is None:
        return Change(Kind.FORGET, object_id, None)
    values = {"enabled": False} if person.enabled else {}
    # Remembered as enabled here: back again, they are what the source says.
    wanted = replace(link.wanted, stamp="")
    return Change(Kind.DISABLE, object_id, link.aor, wanted, None, values, ("gone from the source",), vanished=True)


def expired(vanished: Sequence[Link], present: Mapping[Aor, Person]) -> list[Change]:
    """The end of those who have been missing for too long. Who was let in again by hand meanwhile stays, unlinked."""
    changes = []
    for link in vanished:
        person = present.get(link.aor) if link.aor is not None else None
        if person is None or person.enabled:
            changes.append(Change(Kind.FORGET, link.id, None))
        else:
            changes.append(Change(Kind.DELETE, link.id, link.aor, why=("gone from the source for too long",)))
    return changes


def hands_over(change: Change) -> bool:
    """Whether an address or a number may pass to somebody else: these are done together, in one transaction."""
    return change.rename_to is not None or (change.kind is not Kind.CREATE and "number" in change.values)
