"""Another site file for a site that runs: which of its processes have to be started anew for it."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from pathlib import Path

from isthmus.engines import haproxy
from isthmus.engines.kamailio import config as kamailio
from isthmus.errors import IsthmusError, UsageError
from isthmus.site import internal
from isthmus.site.children import Child, children
from isthmus.site.file import SiteFile


def checked(site: SiteFile) -> None:
    """See that the engines' configuration can be made of it. Writes nothing. Raises IsthmusError."""
    try:
        haproxy.render(site)
        kamailio.render(site)
        kamailio.brain_settings(site)
        kamailio.probes(site)
        _children(site)
    except IsthmusError:
        raise
    except Exception as error:
        raise UsageError(f"no configuration can be made of it ({type(error).__name__}: {error})") from error


def cuts_media(before: SiteFile, after: SiteFile) -> bool:
    """Whether calls that are up would lose their media by it."""
    return _commands(before).get("rtpengine") != _commands(after).get("rtpengine")


def prepared(before: SiteFile, after: SiteFile) -> tuple[Sequence[Child], list[str]]:
    """The children by the new file, their configuration written, and the names of those to be started anew.

    Raises UsageError where it takes other processes than run now: the site has to be started again then.
    """
    old, kids = _commands(before), _children(after)
    if {each.name for each in kids} != set(old):
        raise UsageError("it takes other processes than now run", do="Start the site again.")
    found: list[str] = []
    for each in kids:
        earlier = _written(after, each.name)
        each.prepare()
        # The snapshot holds what the file says of trunks: it is made by the one, and read by the other.
        if (
            each.name in ("control", "kamailio")
            or each.command != old[each.name]
            or _written(after, each.name) != earlier
        ):
            found.append(each.name)
    return kids, found


def _children(site: SiteFile) -> list[Child]:
    return children(site, fd_limit=resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def _commands(site: SiteFile) -> dict[str, list[str]]:
    return {each.name: each.command for each in _children(site)}


def _written(site: SiteFile, name: str) -> list[bytes]:
    files: dict[str, list[Path]] = {
        "coturn": [internal.coturn_config(site)],
        "haproxy": [internal.haproxy_config(site)],
    }
    return [path.read_bytes() if path.exists() else b"" for path in files.get(name, [])]
