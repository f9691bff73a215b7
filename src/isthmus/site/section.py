"""What the sections of the site file have in common, and those of them that stand in files of their own."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fqdn = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$", max_length=253)]


class Section(BaseModel):
    """A section: nothing in it but the settings there are, and they never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def cidr(value: tuple[str, ...]) -> tuple[str, ...]:
    """Networks in their one form. Raises ValueError."""
    return tuple(str(ipaddress.ip_network(network)) for network in value)
