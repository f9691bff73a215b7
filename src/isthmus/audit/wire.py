"""Entries and verdicts as JSON, and questions as they come from outside."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from isthmus.audit.model import Stored, Verdict
from isthmus.errors import UsageError


def public(stored: Stored) -> dict[str, Any]:
    """An entry as the API shows it: before and after as JSON values, times in UTC."""
    entry = stored.entry
    return {
        "id": stored.id,
        "at": at_text(entry.at_ms),
        **entry._asdict(),
        "before": _value(entry.before),
        "after": _value(entry.after),
        "digest": stored.digest.hex(),
    }


def line(stored: Stored) -> bytes:
    """An entry as one line of an export. before and after stand there as they are in the log, to the byte."""
    raw = {name: msgspec.Raw(text.encode()) for name, text in _states(stored) if text is not None}
    entry = stored.entry
    whole = {"id": stored.id, "at": at_text(entry.at_ms), **entry._asdict(), **raw, "digest": stored.digest.hex()}
    return msgspec.json.encode(whole) + b"\n"


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """What verifying found. ok: whether all is well."""
    return {"ok": not verdict.faults, **asdict(verdict)}


def at_text(at_ms: int) -> str:
    """A time in UTC to the millisecond, ISO 8601; the bare number where somebody made it no time at all."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    except (OverflowError, TypeError):
        return str(at_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def at_ms(text: str | None, name: str) -> int | None:
    """Milliseconds since 1970 from an ISO date or time; UTC where it names no zone. Raises UsageError."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a date or time", where=name, do="Write 2026-11-25 or 2026-11-25T14:30."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _states(stored: Stored) -> tuple[tuple[str, str | None], ...]:
    return ("before", stored.entry.before), ("after", stored.entry.after)


def _value(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text  # only where somebody changed the row
