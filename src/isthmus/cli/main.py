"""The entry point `isthmus`: runs a command, and sees that whatever goes wrong is told in one line.

What takes time to import is imported inside, so that Ctrl-C is answered from the first moment on.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from isthmus.errors import IsthmusError

if TYPE_CHECKING:
    from typer.exceptions import TyperException

_INTERRUPTED = 130  # 128 + SIGINT, as a shell would say
_READER_GONE = 141  # 128 + SIGPIPE
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)
_MAKE_ROOM = "Make room where the output goes, and look at the result before trying again."


def main() -> None:
    """The entry point. Exit 0 done, 1 refused or not found, 2 used wrongly; a person never sees a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal's character set does not have must not end the command. (stderr is so already.)
        sys.stdout.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(arguments: list[str]) -> int:
    import typer
    from typer.exceptions import TyperException

    try:
        from isthmus.cli.assembly import app

        result = app(args=arguments, prog_name="isthmus", standalone_mode=False)
        sys.stdout.flush()
    except IsthmusError as error:
        _print_error(error)
        return error.exit_code
    except TyperException as error:
        _print_usage(error)
        return error.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        # The reader (`| head`) has seen enough.
        _silence_stdout()
        return _READER_GONE
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):  # as typer tells it
            raise
        _silence_stdout()
        return _READER_GONE
    except OSError as error:
        if error.errno in _NOT_OURS and error.filename:
            _print_error(IsthmusError(f"can't be used ({error.strerror})", where=str(error.filename)))
            return 1
        if error.errno not in _NO_SPACE:
            return _unexpected(error)
        _silence_stdout()
        _print_error(IsthmusError(f"could not write ({error.strerror})", where=error.filename or "", do=_MAKE_ROOM))
        return 1
    except UnicodeEncodeError as error:
        if error.encoding != "utf-8":
            return _unexpected(error)
        # Only arguments bring such: whatever else comes in is decoded strictly.
        _print_error(IsthmusError("an argument is not UTF-8", do="Only names of files may be otherwise."))
        return 2
    except Exception as error:
        return _unexpected(error)
    return result if isinstance(result, int) else 0


def _silence_stdout() -> None:
    """Python would complain once more when it closes a stdout that takes nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_error(error: IsthmusError) -> None:
    from isthmus.cli.output import print_error

    print_error(error)


def _print_usage(error: TyperException) -> None:
    """Wrong use: how it is used, and what was wrong. A group without a command has printed its help already."""
    message = error.format_message().strip().replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    if context is not None and message:
        print(context.get_usage(), file=sys.stderr)
    if message:
        do = f"See: {context.command_path} --help" if context is not None else ""
        _print_error(IsthmusError(message.rstrip("."), do=do))


def _unexpected(error: Exception) -> int:
    """A fault of ours: one line for the reader, the whole story in a file."""
    import traceback

    details = "".join(traceback.format_exception(error))
    where = _write_details(details)
    _print_error(
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
