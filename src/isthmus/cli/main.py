"""`isthmus`: the command line, put together from what the features offer."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from isthmus.cli import user
from isthmus.cli.output import error_console, print_error
from isthmus.errors import IsthmusError

_INTERRUPTED = 130  # 128 + SIGINT, as a shell would say

# In the order in which the help lists them; every module offers `app`.
_COMMANDS = ("demo", "site", "user", "move", "registration", "call", "snapshot", "pki")

app = typer.Typer(
    name="isthmus",
    help="Hybrid unified communications: one SIP domain, two homes.",
    epilog="Examples:  isthmus user list   |   isthmus user move alice@contoso.example --to online --wait   |   "
    "isthmus call explain alice@contoso.example +14255550104",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"isthmus {version('isthmus')}")
        raise typer.Exit


@app.callback()
def _globals(
    site: Annotated[
        str | None,
        typer.Option("--site", metavar="NAME", help="The site to talk to; by default the authority."),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if site is not None:
        os.environ["ISTHMUS_SITE"] = site


def _mount() -> None:
    for name in _COMMANDS:
        try:
            module = import_module(f"isthmus.cli.{name}")
        except ModuleNotFoundError:
            continue
        app.add_typer(module.app, name=name)
    try:
        move = import_module("isthmus.cli.move")
    except ModuleNotFoundError:
        return
    user.app.command("move", epilog=move.MOVE_EXAMPLES)(move.user_move)


_mount()


def main() -> None:
    """The entry point. Exit 0 done, 1 refused or not found, 2 used wrongly; a person never sees a traceback."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        result = app(args=arguments, prog_name="isthmus", standalone_mode=False)
        sys.stdout.flush()
    except IsthmusError as error:
        print_error(error)
        return error.exit_code
    except TyperException as error:
        _print_usage(error)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        error_console().print("Interrupted.")
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has seen enough. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _unexpected(error)
    return result if isinstance(result, int) else 0


def _print_usage(error: TyperException) -> None:
    """Wrong use: how it is used, and what was wrong. A group without a command has printed its help already."""
    message = error.format_message().strip()
    context = getattr(error, "ctx", None)
    if context is not None and message:
        typer.echo(context.get_usage(), err=True)
    if message:
        do = f"See: {context.command_path} --help" if context is not None else ""
        print_error(IsthmusError(message.rstrip("."), do=do))


def _unexpected(error: Exception) -> int:
    """A fault of ours: one line for the reader, the whole story in a file."""
    details = "".join(traceback.format_exception(error))
    where = _write_details(details)
    print_error(
        IsthmusError(
            f"unexpected {type(error).__name__}: {error}".rstrip("."),
            do=f"This is a fault of isthmus; the details are in {where}." if where else "",
        )
    )
    return 1


def _write_details(details: str) -> Path | None:
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    entry = f"--- {datetime.now(UTC).isoformat(timespec='seconds')} isthmus\n{details}\n"
    for folder in (state / "isthmus", Path(tempfile.gettempdir()) / f"isthmus-{os.getuid()}"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (folder / "errors.log").open("a", encoding="utf-8") as file:
                file.write(entry)
        except OSError:
            continue
        return folder / "errors.log"
    return None
