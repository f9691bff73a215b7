"""How many files and connections the processes of a site may have open."""

from __future__ import annotations

import contextlib
import resource

# Enough for the most connections that haproxy is let have (engines/haproxy/config.py), two descriptors each.
WANTED_FILES = 65_536


def allow_files() -> int:
    """Let this process, and all that it starts, open as many files as it may; how many that is.

    Who may raise the machine's own limit for itself (root outside of a container, CAP_SYS_RESOURCE) does.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < WANTED_FILES:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (WANTED_FILES, WANTED_FILES))
            return WANTED_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
