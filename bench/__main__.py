"""`make bench`: every measurement, as a table and as JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import (
    activity,
    audit,
    calls,
    failing,
    feeding,
    loading,
    messaging,
    pages,
    policies,
    presence,
    publishing,
    pushing,
    registers,
    routing,
    signing_in,
    soaking,
    syncing,
    watching,
    websockets,
    whole,
)
from bench.model import Figure, Scale, number

MEASUREMENTS: dict[str, Callable[[Scale], list[Figure]]] = {
    "calls": calls.measure,
    "registers": registers.measure,
    "routing": routing.measure,
    "publishing": publishing.measure,
    "feeding": feeding.measure,
    "policies": policies.measure,
    "audit": audit.measure,
    "activity": activity.measure,
    "signing_in": signing_in.measure,
    "presence": presence.measure,
    "pushing": pushing.measure,
    "whole": whole.measure,
    "syncing": syncing.measure,
    "failing": failing.measure,
    "loading": loading.measure,
    "messaging": messaging.measure,
    "websockets": websockets.measure,
    "pages": pages.measure,
    "watching": watching.measure,
    "soaking": soaking.measure,
}
_RESULTS = Path(__file__).parent.parent / "var" / "bench"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write. Returns 0 when every measurement ran, whatever its figures; else 1."""
    options = _parse(arguments)
    scale = Scale.miniature() if options.quick else Scale()
    if options.minutes is not None:
        scale = replace(scale, soak_s=60 * options.minutes)
    console = Console(stderr=True)
    figures: list[Figure] = []
    failures: dict[str, str] = {}
    began = datetime.now(UTC)
    for name in options.only or MEASUREMENTS:
        try:
            with console.status(f"measuring {name}"):
                figures += MEASUREMENTS[name](scale)
        except Exception as error:  # one that fails must not cost the others
            failures[name] = told(error)
    Console(width=None if sys.stdout.isatty() else 180).print(table(figures))
    for name, failure in failures.items():
        console.print(f"{name} could not be measured: {failure}", style="red", markup=False)
    results = {
        "began": began.isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "figures": [figure.as_json() for figure in figures],
        "failures": failures,
    }
    for path in (_RESULTS / f"{began:%Y-%m-%dT%H%M%S}.json", *options.json):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=2) + "\n")
        console.print(f"written to {path}", markup=False)
    return 1 if failures else 0


def told(error: BaseException) -> str:
    """All that went wrong, the first of it first.

    Where what is put away after a measurement fails as well, that exception takes the place of the measurement's own.
    """
    found: list[BaseException] = []
    before: BaseException | None = error
    while before is not None and before not in found:
        found.append(before)
        before = before.__cause__ or (None if before.__suppress_context__ else before.__context__)
    return "; then ".join(map(_said, reversed(found)))


def _said(error: BaseException) -> str:
    words = f"{type(error).__name__}: {error}"
    if isinstance(error, BaseExceptionGroup):
        return f"{words} ({', '.join(map(told, error.exceptions))})"
    return words


def table(figures: Sequence[Figure]) -> Table:
    """The figures for people. The ratio is the median of the rounds; behind it the least and the greatest."""
    shown = Table("figure", "unit", title="Isthmus, measured")
    for column in ("value", "baseline"):
        shown.add_column(column, justify="right")
    shown.add_column("against")
    shown.add_column("ratio", justify="right")
    for column in ("aim", "met"):
        shown.add_column(column)
    for figure in figures:
        spread = f" ({number(figure.low)} to {number(figure.high)})" if figure.low != figure.high else ""
        shown.add_row(
            figure.title,
            figure.unit,
            number(figure.value),
            number(figure.baseline),
            figure.against,
            f"{number(figure.ratio)}{spread}",
            str(figure.aim or ""),
            {True: "[green]yes", False: "[red]no", None: ""}[figure.met],
        )
        if figure.note:
            shown.add_row(f"[dim]  {figure.note}")
    return shown


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, help="these measurements alone")
    parser.add_argument("--quick", action="store_true", help="all of it in miniature: figures not to be trusted")
    parser.add_argument("--minutes", type=float, help="for how long calls come and go (`soaking`); 3 by default")
    parser.add_argument("--json", type=Path, action="append", default=[], help="write the results here as well")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
