"""Who sends a request to the local API, for the routes of all features."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from fastapi import Depends, Header

from isthmus.audit.model import Actor, Origin


def local_actor(
    acting_as: Annotated[str, Header(alias="X-Isthmus-Actor", max_length=128)] = "local",
    sitting_at: Annotated[str, Header(alias="X-Isthmus-Address", max_length=64)] = "",
) -> Actor:
    """Who asks, as they say themselves: only the site's own unix user and root can open the socket.

    X-Isthmus-Address: where the person sits whose command it is, if that is another machine (SSH).
    """
    # Names that stand in no route's path: FastAPI would take such a parameter from there.
    return Actor(acting_as, Origin(Origin.of(acting_as).path or "api", checked_address(sitting_at)))


LocalActor = Annotated[Actor, Depends(local_actor)]


def checked_address(address: str) -> str:
    """The IP address in its one form; empty for what is none."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""
