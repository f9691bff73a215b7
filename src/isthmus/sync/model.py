"""The values of directory synchronisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from isthmus.addressing import Aor


@dataclass(frozen=True, slots=True)
class Entry:
    """One object as its source holds it.

    id: what never changes of it (objectGUID, entryUUID, the id column): a person renamed or moved keeps it.
    name: what people call it there (a DN, a line), for reports. stamp: differs when the object does; empty when the
    source has none. attributes: name in lower case to its values.
    """

    id: str
    name: str
    attributes: Mapping[str, tuple[str, ...]]
    stamp: str = ""

    def first(self, attribute: str) -> str:
        """The first value that is not blank; empty without any."""
        return next((value for each in self.attributes.get(attribute.lower(), ()) if (value := each.strip())), "")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A person as a source wants them, read through the mapping.

    aor: None for an object without a SIP address. number: E.164; extension: digits behind it, empty without. home:
    the site where they are to be created; None for the source's usual one. groups: of ours, sorted. details: name and
    value of what we only keep, sorted. faults: what the source says and can't be understood, each in words.
    twin: in a resource forest, the security id of the account in the forest where the person signs in.
    photo: hash of it, by which it is kept (photos.py); empty without one.
    """

    id: str
    name: str
    aor: Aor | None
    display_name: str = ""
    number: str | None = None
    extension: str = ""
    home: str | None = None
    enabled: bool = True
    groups: tuple[str, ...] = ()
    details: tuple[tuple[str, str], ...] = ()
    faults: tuple[str, ...] = ()
    stamp: str = ""
    twin: str = ""
    photo: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """What we know of a source's object: the person it stands for, and how it was read last.

    aor: None as long as it stands for nobody. vanished_ms: since when it is missing at the source (milliseconds since
    1970); None while it is there. conflicts: why it is not as the source wants it, in words.
    """

    source: str
    id: str
    aor: Aor | None
    wanted: Wanted
    vanished_ms: int | None = None
    conflicts: tuple[str, ...] = ()


class Kind(StrEnum):
    """What a change does. The values are what reports and the audit log show."""

    CREATE = "create"
    ADOPT = "adopt"  # somebody made by hand is from now on kept by the source
    CHANGE = "change"
    RENAME = "rename"
    DISABLE = "disable"
    RESTORE = "restore"
    DELETE = "delete"
    CONFLICT = "conflict"  # nothing is done but to tell
    RECORD = "record"  # nothing of the directory changes, only what we keep of the source
    FORGET = "forget"  # an object that stood for nobody is gone


SILENT = (Kind.RECORD, Kind.FORGET)


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan.

    aor: the person as they are called before; for CREATE, as they will be. rename_to: their new address. values: what
    is set: display_name, number, enabled, groups, home. why: for a reader, one line each. wanted: what the object is
    to be remembered as; None where nothing is known any more. conflicts: see `Link`.
    """

    kind: Kind
    id: str
    aor: Aor | None
    wanted: Wanted | None = None
    rename_to: Aor | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    vanished: bool = False

    @property
    def removes(self) -> bool:
        """Whether somebody who can call now no longer can: what the limit counts."""
        return self.kind is not Kind.CREATE and self.values.get("enabled") is False


class RunState(StrEnum):
    """How far a run is. ASKING: it would remove more people than allowed, and did nothing."""

    READING = "reading"
    APPLYING = "applying"
    DONE = "done"
    ASKING = "asking"
    FAILED = "failed"


FINAL = (RunState.DONE, RunState.ASKING, RunState.FAILED)


@dataclass(frozen=True, slots=True)
class Run:
    """One synchronisation of one source.

    mode: `full` or `incremental`, as it was in the end. approved: goes on whatever the limit says. attempt: counted up
    when another workflow takes over. note: what it waits for, why it was full, why it failed. counts: kind to number.
    Times: Unix seconds.
    """

    id: str
    source: str
    mode: str
    actor: str
    approved: bool
    state: RunState
    attempt: int
    started: float
    finished: float | None
    note: str
    counts: Mapping[str, int]
