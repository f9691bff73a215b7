"""`isthmus snapshot`: what calls are routed by, compiled from the directory."""

from __future__ import annotations

from typing import Any

import typer

from isthmus.cli.client import connect, is_remote
from isthmus.cli.output import JsonOption, SiteOption, print_fields, print_json, print_line
from isthmus.errors import UnavailableError
from isthmus.routing.snapshot import LmdbSnapshot
from isthmus.site import registry
from isthmus.site.file import SiteFile

app = typer.Typer(no_args_is_help=True)


@app.command(epilog="Example:  isthmus snapshot status --site online --json")
def status(as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Say how far the snapshot is. Works without the control service too, as calls do."""
    try:
        with connect(site) as client:
            state = client.get("/v1/snapshot")
    except UnavailableError:
        if is_remote():
            raise
        state = _alone(registry.find(site))
    if as_json:
        print_json(state)
        return
    known = state["directory_seq"] is not None
    print_fields(
        [
            ("Site", state["site"]),
            ("Last change", state["seq"]),
            ("Directory", state["directory_seq"] if known else "does not answer; calls don't need it"),
            ("Up to date", ("yes" if state["current"] else "no") if known else None),
            ("Size", f"{state['bytes'] / 1024:.0f} KiB" if state["bytes"] is not None else None),
            ("Path", state["path"]),
        ]
    )


@app.command(epilog="Example:  isthmus snapshot rebuild")
def rebuild(as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Compile everything anew from the directory; calls go on by the old state until it is done."""
    with connect(site, timeout_s=None) as client:
        state = client.post("/v1/snapshot/rebuild")
    if as_json:
        print_json(state)
    else:
        print_line(f"compiled anew: {state['people']} people, up to change {state['seq']}")


def _alone(site_file: SiteFile) -> dict[str, Any]:
    """The same by reading the snapshot itself. Raises UnavailableError where there is none."""
    snapshot = LmdbSnapshot.open(site_file.snapshot_dir)
    try:
        with snapshot.view() as view:
            seq = view.seq
    finally:
        snapshot.close()
    return {
        "site": site_file.site.name,
        "seq": seq,
        "directory_seq": None,
        "current": None,
        "bytes": None,
        "path": str(site_file.snapshot_dir),
    }
