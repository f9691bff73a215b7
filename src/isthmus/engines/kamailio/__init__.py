"""Kamailio: SIP edge, registrar and proxy, with the routing brain in its workers."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import msgspec

from isthmus.engines.kamailio import config
from isthmus.errors import UnavailableError
from isthmus.site import internal
from isthmus.site.file import SiteFile

_SCHEMA = Path("/usr/share/kamailio/db_sqlite")

# -x fm: Debian's default, qm, is for finding leaks; it looks through long lists at each allocation, which took a tenth
# of all CPU. -m, shared: 1.8 kB a binding. -M, private to each process: the first worker reads all bindings at once
# when it starts, 2.2 kB each, and without the room Kamailio can't start. Pages that nobody writes to take no memory.
MEMORY = ("-x", "fm", "-m", "512", "-M", "640")


def prepare(site: SiteFile) -> None:
    """Write what Kamailio reads at its start: configuration, brain settings, shim, location database.

    Raises UnavailableError where Debian's Kamailio is not installed.
    """
    site.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(config.config_file(site), config.render(site))
    _write(config.probes_file(site), config.probes(site))
    _write(config.shim_file(site), config.render_shim(site))
    settings = msgspec.json.format(msgspec.json.encode(config.brain_settings(site)))
    _write(config.brain_file(site), settings.decode())
    _create_location(config.location_file(site))
    internal.kamailio_rpc_socket(site).unlink(missing_ok=True)


def command(site: SiteFile) -> list[str]:
    """The command that runs Kamailio in the foreground, logging to standard error.

    No -P: a pid file of a killed predecessor would keep it from starting.
    """
    return [
        "/usr/sbin/kamailio",
        "-DD",
        "-E",
        *MEMORY,
        "-f",
        str(config.config_file(site)),
        "-w",
        str(site.run_dir),
        "-Y",
        str(site.run_dir),
    ]


def _write(path: Path, text: str) -> None:
    """Replace a private file in one step."""
    draft = path.with_suffix(path.suffix + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _create_location(path: Path) -> None:
    """The binding table, made once. Kamailio opens but never creates it."""
    if path.exists():
        return
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600))
    database = sqlite3.connect(draft)
    try:
        for name in ("standard-create.sql", "usrloc-create.sql"):
            database.executescript((_SCHEMA / name).read_text(encoding="utf-8"))
        database.execute("PRAGMA journal_mode=WAL")
        database.commit()
    except FileNotFoundError as error:
        raise UnavailableError(
            f"{error.filename} is missing", do="Install the package kamailio-sqlite-modules."
        ) from None
    finally:
        database.close()
    draft.replace(path)
