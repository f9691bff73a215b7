"""What the commands print: JSON for scripts, tables for people, colours on a terminal alone."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from isthmus.errors import IsthmusError

# The two options every command shares. As annotations, so that they read the same everywhere.
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
SiteOption = Annotated[
    str | None,
    typer.Option("--site", metavar="NAME", help="The site to talk to; by default the authority.", show_default=False),
]


def console() -> Console:
    """Where results go. Made anew each time, so that it follows whatever stdout is now (pipes, tests)."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def error_console() -> Console:
    """Where errors and progress go."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document, indented, non-ASCII as it is."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_line(text: str) -> None:
    """One line of plain text; brackets in it are not markup."""
    console().print(escape(text))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "Nothing to show.") -> None:
    """Rows under headings. None prints as `-`. `empty` is said when there are no rows."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*("-" if cell is None else escape(str(cell)) for cell in row))
    out = console()
    if not table.row_count:
        out.print(empty)
        return
    if not out.is_terminal:  # a pipe has no width: never cut or fold what a script may read
        out.width = 10_000
        for column in table.columns:
            column.no_wrap = True
    out.print(table)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Name and value, one pair a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in fields:
        table.add_row(escape(name), "-" if value is None else escape(str(value)))
    console().print(table)


def moment(seconds: float | None) -> str | None:
    """A point in time (Unix seconds) as people here read it; None for never."""
    return None if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def print_error(error: IsthmusError) -> None:
    """The one line by which a refusal is told."""
    error_console().print(f"[red]error:[/red] {escape(str(error))}")


@contextmanager
def progress(text: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar on stderr while the context is open, gone afterwards; nothing where that is no terminal.

    Yields a function that takes how much is done by now.
    """
    out = error_console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task(text, total=total)
        yield lambda done: bar.update(task, completed=done)
