"""Finds site files: `<sites folder>/<name>/site.toml`."""

from __future__ import annotations

import os
from pathlib import Path

from isthmus.errors import NotFoundError, RefusedError, UsageError
from isthmus.site.file import SiteFile, load

_DEMO = Path("var/demo")
_SYSTEM = Path("/etc/isthmus")


def sites_dir() -> Path:
    """The folder of site files: $ISTHMUS_SITES, else ./var/demo where that exists, else /etc/isthmus."""
    if named := os.environ.get("ISTHMUS_SITES"):
        return Path(named)
    return _DEMO if _DEMO.is_dir() else _SYSTEM


def names(directory: Path | None = None) -> list[str]:
    """Names of the sites that have a file, sorted. Raises RefusedError where that may not be known."""
    folder = directory or sites_dir()
    if folder.exists() and not os.access(folder, os.R_OK | os.X_OK):
        raise RefusedError(
            "the folder of site files may not be read", where=str(folder), do="Run it as the user who runs the sites."
        )
    return sorted(path.parent.name for path in folder.glob("*/site.toml"))


def find(name: str | None = None, directory: Path | None = None) -> SiteFile:
    """The site called `name`; without one, $ISTHMUS_SITE, else the one with authority = true.

    Raises NotFoundError (no such site, no sites at all) and UsageError (broken file, no clear authority).
    """
    folder = directory or sites_dir()
    wanted = name or os.environ.get("ISTHMUS_SITE")
    known = names(folder)
    if not known:
        raise NotFoundError(
            "there are no site files here",
            where=str(folder),
            do="Run `make run` for the demo, or set ISTHMUS_SITES to the folder that holds <name>/site.toml.",
        )
    if wanted is None:
        return _authority(folder, known)
    if wanted not in known:
        raise NotFoundError(f"there is no site {wanted!r}", where=str(folder), do=f"Sites here: {', '.join(known)}.")
    return load(folder / wanted / "site.toml")


def _authority(folder: Path, known: list[str]) -> SiteFile:
    sites = [load(folder / name / "site.toml") for name in known]
    found = [site for site in sites if site.site.authority]
    if len(found) == 1:
        return found[0]
    if len(sites) == 1:
        return sites[0]
    raise UsageError(
        f"{len(found)} of the sites are the authority",
        where=str(folder),
        do=f"Say which one with --site: {', '.join(known)}.",
    )
