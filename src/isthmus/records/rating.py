"""Rate tables: reading them from CSV, and the write path.

Each site keeps its own, since it is the trunks of a site that have prices. A call is charged when it ends, by the table
of the caller's tenant at the site whose trunk took it; a new table changes no record.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from isthmus.audit.model import Actor
from isthmus.database import reading
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.errors import UsageError
from isthmus.records import store
from isthmus.records.model import Rate

COLUMNS = ("prefix", "name", "price_per_minute", "currency", "minimum_s", "increment_s")
_NEEDED = COLUMNS[:4]
_MOST = 100_000
_MICRO = 1_000_000


class Fault(msgspec.Struct, frozen=True):
    """A line that is no rate. line: counted from 1, the header's."""

    line: int
    what: str


class Import(msgspec.Struct, frozen=True):
    """What an import did, or would do: prefixes. faults: where there are any, nothing was done."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: int = 0
    faults: tuple[Fault, ...] = ()


class Rates:
    """The rate tables at one site."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def listed(self, tenant: str, *, after: str = "", limit: int = 1000) -> list[Rate]:
        """A tenant's rates behind prefix `after`, in the order of their prefixes."""
        with reading(self._directory.engine) as connection:
            return [rate for rate in store.rates(connection, tenant) if rate.prefix > after][:limit]

    def replace(self, tenant: str, text: str, *, dry_run: bool = False, actor: Actor | str) -> Import:
        """Let the lines of a CSV file be all of a tenant's rates. Raises UsageError where it is no such file at all."""
        wanted, faults = parse(text)
        if faults:
            return Import(faults=tuple(faults))

        def work(log: Journal) -> Import:
            present = {rate.prefix: rate for rate in store.rates(log.connection, tenant)}
            found = compared(present, wanted)
            if not dry_run and (found.added or found.changed or found.removed):
                store.put_rates(log.connection, tenant, wanted)
                counts = {"added": len(found.added), "changed": len(found.changed), "removed": len(found.removed)}
                before, after = {"rates": len(present)}, {"rates": len(wanted), **counts}
                log.entry("rate.import", f"rates:{tenant}", before, after, tenant=tenant)
            return found

        return self._directory.write_here(actor, work)


def compared(present: dict[str, Rate], wanted: Sequence[Rate]) -> Import:
    """What would become of the rates there are."""
    now = {rate.prefix: rate for rate in wanted}
    return Import(
        added=tuple(prefix for prefix in now if prefix not in present),
        changed=tuple(prefix for prefix, rate in now.items() if present.get(prefix, rate) != rate),
        removed=tuple(prefix for prefix in present if prefix not in now),
        unchanged=sum(present.get(prefix) == rate for prefix, rate in now.items()),
    )


def parse(text: str) -> tuple[list[Rate], list[Fault]]:
    """The rates of a CSV file with a header, and the lines that are none. Raises UsageError."""
    if "\0" in text:
        raise UsageError("a NUL character stands in no rate table")
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    found: dict[str, Rate] = {}
    faults: list[Fault] = []
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        _check_header(header)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            try:
                rate = _rate(dict(zip(header, (cell.strip() for cell in row), strict=False)))
                if rate.prefix in found:
                    raise UsageError(f"{rate.prefix} is there twice")
                found[rate.prefix] = rate
            except UsageError as error:
                faults.append(Fault(rows.line_num, error.what))
            if len(found) > _MOST:
                raise UsageError(f"more than {_MOST} rates")
    except csv.Error as error:
        raise UsageError(f"line {rows.line_num} is no CSV ({error})") from error
    return sorted(found.values(), key=lambda rate: rate.prefix), faults


def rate_json(rate: Rate) -> dict[str, Any]:
    """A rate as the API shows it, by the names of the CSV file."""
    return {
        "prefix": rate.prefix,
        "name": rate.name,
        "price_per_minute": amount(rate.price_micro),
        "currency": rate.currency,
        "minimum_s": rate.minimum_s,
        "increment_s": rate.increment_s,
    }


def amount(micro: int) -> str:
    """Millionths as a decimal number, with at least two digits behind the point."""
    whole, part = divmod(micro, _MICRO)
    return f"{whole}.{f'{part:06}'.rstrip('0'):0<2}"


def _check_header(header: list[str]) -> None:
    missing = [name for name in _NEEDED if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    if missing or unknown or len(set(header)) != len(header):
        what = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(unknown) or 'a column twice'}"
        raise UsageError(f"the first line {what}", do=f"Columns: {', '.join(COLUMNS)}; the last two may be missing.")


def _rate(row: dict[str, str]) -> Rate:
    prefix, currency, name = row.get("prefix", ""), row.get("currency", ""), row.get("name", "")
    digits = prefix.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and 1 <= len(digits) <= 15 and digits[0] != "0"):
        raise UsageError(f"{prefix!r} is no beginning of an international number, such as +44")
    if not (currency.isascii() and currency.isalpha() and currency.isupper() and len(currency) == 3):
        raise UsageError(f"{currency!r} is no currency, such as EUR (ISO 4217)")
    if len(name) > 100 or not name.isprintable():
        raise UsageError("the name is longer than 100 characters, or has one that can't be shown")
    return Rate(
        f"+{digits}",
        name,
        _price(row.get("price_per_minute", "")),
        currency,
        _whole(row.get("minimum_s") or "0", "minimum_s", 0),
        _whole(row.get("increment_s") or "1", "increment_s", 1),
    )


def _price(text: str) -> int:
    try:
        micro = Decimal(text) * _MICRO
        if micro.is_finite() and 0 <= micro <= 10**12 and micro == int(micro):
            return int(micro)
    except (InvalidOperation, ValueError):
        pass
    raise UsageError(f"{text!r} is no price: a number like 0.0125, with at most 6 digits behind the point")


def _whole(text: str, name: str, least: int) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 4 and least <= int(text) <= 3600:
        return int(text)
    raise UsageError(f"{name} is {text!r}, and has to be between {least} and 3600 seconds")
