"""coturn: STUN and TURN of a site, for browsers whose network lets no other media out. `runtime` talks to it."""

from isthmus.engines.coturn.config import command, prepare, render

__all__ = ["command", "prepare", "render"]
