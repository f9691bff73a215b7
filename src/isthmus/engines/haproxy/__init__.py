"""haproxy: the edge of a site. `render` makes its configuration, `runtime` talks to it while it runs."""

from isthmus.engines.haproxy.config import authorities, command, prepare, render

__all__ = ["authorities", "command", "prepare", "render"]
