"""What the commands print: JSON for scripts, tables for people, colours on a terminal alone."""

from __future__ import annotations

import json
import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from isthmus.errors import IsthmusError, UsageError
from isthmus.site import registry


def complete_sites() -> list[str]:
    """Names of the sites here, for a shell's completion, which must never fail."""
    try:
        return registry.names()
    except IsthmusError:
        return []


# The two options every command shares. As annotations, so that they read the same everywhere.
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
SiteOption = Annotated[
    str | None,
    typer.Option(
        "--site",
        metavar="NAME",
        help="The site to talk to; by default the authority.",
        show_default=False,
        autocompletion=complete_sites,
    ),
]

_GAP = "  "
_LEAST_WRAPPED = 20  # columns that the last cell of a table must have to be wrapped readably


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """The reader (`| head`) went away: for cli.main to end by, not a refusal (exit 1) as rich has it."""
        raise BrokenPipeError


def console() -> Console:
    """Where results go. Made anew each time, so that it follows whatever stdout is now (pipes, tests)."""
    return _Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def shown(value: object) -> str:
    """The value for a terminal: `-` for None, and what phones and files say can't steer the terminal."""
    text = "-" if value is None else str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def error_console() -> Console:
    """Where errors and progress go."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_done(text: str, facts: Mapping[str, Any], as_json: bool) -> None:
    """What a command without other output has done: in words, or the facts as JSON."""
    if as_json:
        print_json(facts)
    else:
        print_line(text)


def print_json(value: Any) -> None:
    """One JSON document, indented; non-ASCII as it is where the output is UTF-8, else escaped."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=plain) + "\n")


def print_line(text: str) -> None:
    """One line of plain text; brackets in it are not markup."""
    console().print(escape("\n".join(map(shown, text.split("\n")))))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    empty: str = "Nothing to show.",
    out: Console | None = None,
) -> None:
    """Rows under headings. None prints as `-`. `empty` is said when there are no rows. out: by default for results.

    Where the terminal is too narrow each row is shown as a list of its fields: nothing is ever cut. What is no
    terminal has no width.
    """
    texts = [tuple(map(shown, row)) for row in rows]
    out = out or console()
    if not texts:
        out.print(empty)
        return
    widths = [max(map(cell_len, column)) for column in zip(columns, *texts, strict=True)]
    last = out.width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
    if not out.is_terminal or last >= widths[-1]:
        last = max(last, widths[-1])
    elif last < _LEAST_WRAPPED:
        _print_records(columns, texts, out)
        return
    widths[-1] = last
    out.print(Text(_line(columns, widths)[0], "bold"))
    # Written past the console, which takes a millisecond a line.
    out.file.write("".join(f"{line}\n" for row in texts for line in _line(row, widths)))


def _line(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """One row as lines of text: the last cell may need several."""
    head = _GAP.join(set_cell_size(cell, width) for cell, width in zip(cells[:-1], widths, strict=False))
    first, *more = textwrap.wrap(cells[-1], widths[-1]) or [""]
    indent = " " * (cell_len(head) + len(_GAP))
    return [(f"{head}{_GAP}{first}" if head else first).rstrip(), *(indent + line for line in more)]


def _print_records(columns: Sequence[str], rows: Sequence[Sequence[str]], out: Console) -> None:
    for number, row in enumerate(rows):
        if number:
            out.print()
        print_fields(zip(columns, row, strict=True), out=out)


def print_fields(fields: Iterable[tuple[str, object]], *, out: Console | None = None) -> None:
    """Name and value, one pair a line. out: by default for results."""
    pairs = [(name, shown(value)) for name, value in fields]
    indent = max((cell_len(name) for name, _ in pairs), default=0) + len(_GAP)
    out = out or console()
    for name, value in pairs:
        # A long word (an address, a path) is not folded: it could not be copied any more.
        text = Text.assemble((set_cell_size(name, indent), "bold"), value)
        out.print(text, soft_wrap=True)


def moment(seconds: float | None) -> str | None:
    """A point in time (Unix seconds) as people here read it; None for never."""
    return None if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def print_error(error: IsthmusError) -> None:
    """The one line by which a refusal is told."""
    error_console().print(f"[red]error:[/red] {escape(shown(error))}")


@contextmanager
def ending_aside(text: str) -> Iterator[None]:
    """For a request that goes on at the service when Ctrl-C ends us: `text` says so, on stderr."""
    try:
        yield
    except KeyboardInterrupt:
        error_console().print(text, markup=False)
        raise


class _Rate(ProgressColumn):
    """How many a second, once that can be said."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f}/s" if task.speed else "")


@contextmanager
def progress(text: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """A bar on stderr while the context is open, gone afterwards; nothing where that is no terminal.

    Yields a function that takes how much is done by now, and of how much where that is known only now.
    """
    out = error_console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task(text, total=total)
        yield lambda done, of=None: bar.update(task, completed=done, total=of)


@contextmanager
def written(output: str) -> Iterator[BinaryIO]:
    """Where an export goes: standard output, or a file (0600) that is there only when all of it is.

    A device or pipe is written into.
    """
    if output == "-":
        yield sys.stdout.buffer
        return
    path = Path(output)
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
            return
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                yield file
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"the file can't be written ({error.strerror})", where=output) from error
