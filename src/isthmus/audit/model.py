"""The values of the audit log: an entry, who made it and from where, and what verifying finds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Self

# Told by the first part of an actor's name where nothing else is known.
_PATHS = {"cli": "cli", "api": "api", "site": "link", "sync": "sync"}


@dataclass(frozen=True, slots=True)
class Origin:
    """From where a change came.

    path: the way in (cli, api, link, sync, move, site-file, retention). address: of the network peer, empty where
    there was none (somebody on this machine).
    """

    path: str = ""
    address: str = ""

    @classmethod
    def of(cls, actor: str) -> Origin:
        """The actor's own, else what the name's prefix tells: `cli:root` came by the command line."""
        return actor.origin if isinstance(actor, Actor) else cls(_PATHS.get(actor.partition(":")[0], ""))


class Actor(str):
    """The name of who acts, together with from where. Whatever takes a name takes this too."""

    origin: Origin

    def __new__(cls, name: str, origin: Origin) -> Self:
        """name: as the log shows it, such as `cli:root`."""
        made = super().__new__(cls, name)
        made.origin = origin
        return made


class Entry(NamedTuple):
    """One entry as it is written; the order of the fields is that of the canonical form (see rules.digest).

    at_ms: milliseconds since 1970, UTC. object: name of what was changed. tenant: whose it is, empty where it is
    nobody's or several tenants'. before, after: JSON texts without secrets; None where there is no such state.
    """

    at_ms: int
    actor: str
    action: str
    object: str
    tenant: str = ""
    path: str = ""
    address: str = ""
    before: str | None = None
    after: str | None = None

    @classmethod
    def of(
        cls,
        actor: str,
        action: str,
        object_: str,
        before: Any = None,
        after: Any = None,
        *,
        at_ms: int,
        tenant: str | None = None,
    ) -> Entry:
        """From JSON values. tenant: by default what `after` or `before` says under that name."""
        origin = Origin.of(actor)
        whose = _tenant(after) or _tenant(before) if tenant is None else tenant
        return cls(at_ms, str(actor), action, object_, whose, origin.path, origin.address, _json(before), _json(after))


class Stored(NamedTuple):
    """An entry with its place in the chain. id: 1, 2, 3 ... without gaps. digest: 32 bytes, see rules.digest."""

    id: int
    entry: Entry
    digest: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain stands, as the database says.

    chain: names the chain; a database made anew has another one. seq, digest: of the last entry.
    cut: the last entry that retention removed, 0 before the first time; cut_by: the entry that tells of it.
    """

    chain: str
    seq: int
    digest: bytes
    cut: int
    cut_by: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the chain stood once, kept outside the database. cut: how far retention was let remove entries."""

    chain: str
    id: int
    digest: str
    at_ms: int
    cut: int = 0


class Kind(StrEnum):
    """What is wrong with an entry."""

    CHANGED = "changed"
    MISSING = "missing"
    REORDERED = "reordered"
    INSERTED = "inserted"
    CUT_OFF = "cut off"
    REWRITTEN = "rewritten"
    ANCHOR = "anchor"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong. id: the first entry it concerns. what: in words, with what it may mean."""

    id: int
    kind: Kind
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying found.

    checked: entries that were read and are right. first, last: the entries that should be there, 0 for none.
    cut: the last entry that retention removed. anchors: how many were compared. faults: the first one in the chain,
    and what the anchors tell beyond it; empty when all is well. notes: what could not be looked at.
    """

    checked: int
    first: int
    last: int
    cut: int
    anchors: int
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted; None takes all. since_ms: from then on; until_ms: before then.

    action: whole, or a first part with `*` at the end (`person.*`). text: part of any text, in any case.
    """

    actor: str | None = None
    action: str | None = None
    object: str | None = None
    tenant: str | None = None
    path: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    text: str | None = None


def _tenant(value: Any) -> str:
    found = value.get("tenant") if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
