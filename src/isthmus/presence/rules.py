"""What a person's presence is, and what others see of it. Pure.

1. What was chosen comes first, until its time is over: do not disturb, busy and offline whatever devices and calls say.
2. Who talks is busy, also when they chose to be away.
3. Else the best that devices and SIP clients of all sites say: one that is used now, before one that is idle.
4. Where none says anything, whoever has a phone that is registered is available: it would ring.
5. Nobody's device, nobody's phone: offline.
6. Who shows nothing looks like somebody of whom nothing is known; who shows availability alone shows no reasons.
"""

from __future__ import annotations

import functools
import unicodedata
import zoneinfo
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from isthmus.addressing import Aor, normalise_number
from isthmus.errors import IsthmusError, UsageError
from isthmus.presence.model import Availability, Chosen, Device, Known, Level, Published, Seen, State

CHOICES = (Availability.BUSY, Availability.DO_NOT_DISTURB, Availability.AWAY, Availability.OFFLINE)
LONGEST_NOTE = 300
LONGEST_PLACE = 100
MOST_NAMED = 200
EMERGENCY_MS = 60 * 60 * 1000
"""How long who called for help is called back whatever they chose."""

_NOBODY = Seen()
# Of several clients and devices the one that says most.
_BEST = (Availability.DO_NOT_DISTURB, Availability.BUSY, Availability.AVAILABLE, Availability.AWAY)
_NOT_IN_TEXT = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
# They turn the direction of what comes after them, out of the text that they stand in.
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def in_force(chosen: Chosen, now_ms: int) -> Chosen:
    """What is left of it at a time."""
    if chosen.until_ms and chosen.until_ms <= now_ms:
        chosen = msgspec.structs.replace(chosen, availability="", until_ms=0)
    if chosen.out_until_ms and chosen.out_until_ms <= now_ms:
        chosen = msgspec.structs.replace(chosen, out_of_office=False, out_until_ms=0)
    return chosen


def ends_ms(chosen: Chosen, now_ms: int) -> int:
    """When something of it ends next; 0 for never."""
    return min((at for at in (chosen.until_ms, chosen.out_until_ms) if at > now_ms), default=0)


def merged(chosen: Chosen, seen: Iterable[Seen], now_ms: int, before: State | None = None) -> State:
    """The state of a person. seen: what each site sees of them. before: what it was, for `since_ms`."""
    chosen, seen = in_force(chosen, now_ms), tuple(seen)
    in_call = any(each.in_call for each in seen)
    availability, note = _availability(chosen, seen, in_call=in_call)
    hidden = availability is Availability.OFFLINE
    same = before is not None and before.availability is availability
    return State(
        availability=availability,
        in_call=in_call and not hidden,
        out_of_office=chosen.out_of_office,
        note=chosen.note or note,
        location=chosen.location or _place(seen),
        time_zone=chosen.time_zone,
        since_ms=before.since_ms if before is not None and same else now_ms,
    )


def _availability(chosen: Chosen, seen: tuple[Seen, ...], *, in_call: bool) -> tuple[Availability, str]:
    """And the note of the SIP client that it is from."""
    wanted = Availability(chosen.availability) if chosen.availability else None
    if wanted is Availability.AWAY and in_call:
        return Availability.BUSY, ""
    if wanted is not None:
        return wanted, ""
    if in_call:
        return Availability.BUSY, ""
    said = [each for one in seen for each in one.published]
    said += [Published(_OF_DEVICE[one.device]) for one in seen if one.device in _OF_DEVICE]
    for each in _BEST:
        found = [one for one in said if one.availability is each]
        if found:
            return each, next((one.note for one in found if one.note), "")
    return Availability.AVAILABLE if any(one.phone for one in seen) else Availability.OFFLINE, ""


def _place(seen: tuple[Seen, ...]) -> str:
    """Where SIP clients say that they are: of several the one that says most, whether they talk or not."""
    said = [each for one in seen for each in one.published if each.place and each.availability in _BEST]
    return min(said, key=lambda each: (_BEST.index(each.availability), each.place)).place if said else ""


_OF_DEVICE = {Device.ACTIVE: Availability.AVAILABLE, Device.IDLE: Availability.AWAY}


def is_quiet(chosen: Chosen, seen: Iterable[Seen], now_ms: int) -> bool:
    """Whether their phones are not to ring: they chose so, and have not just called for help."""
    if in_force(chosen, now_ms).availability != Availability.DO_NOT_DISTURB:
        return False
    return all(each.emergency_until_ms <= now_ms for each in seen)


def level_for(known: Known, asker: str) -> Level:
    """How much `asker` (an address of the same tenant) sees of somebody."""
    return Level.EVERYTHING if asker == known.aor or asker in known.trusted else known.shows


def shown(known: Known, level: Level) -> dict[str, Any]:
    """What is told of somebody to who has that level, for the API and browsers.

    version: of two that were told, the greater one holds (three whole numbers, compared from the left).
    """
    state = known.state
    told: dict[str, Any] = {
        "aor": known.aor,
        "home": known.home,
        "version": list(msgspec.structs.astuple(known.version)),
    }
    if level is Level.NOTHING:
        return {**told, **_PLAIN, "availability": Availability.UNKNOWN.value}
    if level is Level.AVAILABILITY:
        return {**told, **_PLAIN, "availability": state.availability.value, "since": state.since_ms / 1000}
    return {
        **told,
        "availability": state.availability.value,
        "in_call": state.in_call,
        "out_of_office": state.out_of_office,
        "note": state.note,
        "location": state.location,
        "time_zone": state.time_zone,
        "since": state.since_ms / 1000,
    }


_PLAIN: Mapping[str, Any] = {
    "in_call": False, "out_of_office": False, "note": "", "location": "", "time_zone": "", "since": 0.0,
}  # fmt: skip


def changed(before: Chosen, changes: Mapping[str, Any], now_ms: int) -> Chosen:
    """What a person has set after `changes` (names of Chosen's fields to values). Raises UsageError."""
    unknown = changes.keys() - set(Chosen.__struct_fields__) | {"changed_ms"} & changes.keys()
    if unknown:
        raise UsageError("there is no such setting of presence", where=min(unknown))
    try:
        wanted = msgspec.convert({**msgspec.to_builtins(before), **changes, "changed_ms": now_ms}, Chosen)
    except msgspec.ValidationError as error:
        raise UsageError(f"that is no presence ({error})") from None
    if wanted.availability and wanted.availability not in CHOICES:
        raise UsageError(
            f"{wanted.availability[:40]!r} can't be chosen",
            where="availability",
            do=f"It takes {', '.join(CHOICES)}, or nothing to go by devices and calls.",
        )
    if "availability" in changes and "until_ms" not in changes:
        wanted = msgspec.structs.replace(wanted, until_ms=0)
    if "out_of_office" in changes and "out_until_ms" not in changes:
        wanted = msgspec.structs.replace(wanted, out_until_ms=0)
    for name in ("until_ms", "out_until_ms"):
        at = getattr(wanted, name)
        if name in changes and at and not now_ms < at < now_ms + 366 * 24 * 3600 * 1000:
            raise UsageError("this time is over, or more than a year away", where=name)
    return msgspec.structs.replace(
        wanted,
        note=text(wanted.note, "note", LONGEST_NOTE),
        location=text(wanted.location, "location", LONGEST_PLACE),
        time_zone=_zone(wanted.time_zone),
        exceptions=_named(wanted.exceptions, "exceptions", numbers=True),
        trusted=_named(wanted.trusted, "trusted", numbers=False),
    )


def text(value: str, where: str, longest: int) -> str:
    """A text that can stand among other people's. Raises UsageError for a longer one, and for control characters."""
    value = value.strip()
    if len(value) > longest:
        raise UsageError(f"it is longer than {longest} characters", where=where)
    if any(unicodedata.category(each) in _NOT_IN_TEXT or each in _TURNS for each in value):
        raise UsageError("it has characters that can't be shown", where=where)
    return value


def tidied(value: str, longest: int = LONGEST_NOTE) -> str:
    """What somebody else wrote, as far as it can be shown."""
    kept = "".join(" " if each.isspace() else each for each in value[: 4 * longest])
    kept = "".join(each for each in kept if unicodedata.category(each) not in _NOT_IN_TEXT and each not in _TURNS)
    return " ".join(kept.split())[:longest]


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _zone(name: str) -> str:
    if not name or name in _zones():
        return name
    raise UsageError(f"{name[:60]!r} is no time zone", where="time_zone", do="Write one as Europe/Berlin.")


def _named(given: tuple[str, ...], where: str, *, numbers: bool) -> tuple[str, ...]:
    if len(given) > MOST_NAMED:
        raise UsageError(f"there may be {MOST_NAMED} at most", where=where)
    found: dict[str, None] = {}
    for each in given:
        try:
            is_number = numbers and "@" not in each
            found[normalise_number(each) if is_number else str(Aor.parse(each))] = None
        except IsthmusError as error:
            raise UsageError(error.what, where=where, do="It takes addresses as alice@contoso.example.") from None
    return tuple(found)
