"""A binding: one contact of one person, as the registrar holds it (RFC 3261 section 10)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import unquote

_DEVICE = re.compile(r";device=([a-z0-9]+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Binding:
    """One registered contact.

    contact: the URI the phone gave. received: URI of where its REGISTER came from, when that was noted.
    path: the Path header's value, empty when the phone registered straight at its home.
    expires_at: Unix seconds. q: 0..1, None when the phone gave none.
    instance, reg_id: RFC 5626, empty and 0 without. socket: where it came in, `udp:1.2.3.4:5060`.
    stored: whether it is on the registrar's disk, so that even kill -9 does not lose it.
    """

    contact: str
    call_id: str
    cseq: int
    expires_at: int
    q: float | None = None
    received: str = ""
    path: str = ""
    user_agent: str = ""
    instance: str = ""
    reg_id: int = 0
    socket: str = ""
    stored: bool = True

    @property
    def key(self) -> tuple[str, int]:
        """What makes two bindings of a person the same one for the registrar: instance and flow, else contact."""
        return (self.instance, self.reg_id) if self.instance and self.reg_id else (self.contact, 0)

    @property
    def device(self) -> tuple[str, int] | None:
        """The device that registered it, and the generation of the secret it did so with.

        None where that was a person's own credential. The site whose edge the phone is at noted it beside the phone's
        address, which stands in `received`, or in Path where the phone is at another site than its home.
        """
        match = _DEVICE.search(unquote(self.path)) or _DEVICE.search(self.received)
        return None if match is None else (match[1], int(match[2]))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote. Raises TypeError for anything else."""
        return cls(**value)

    def to_json(self) -> dict[str, Any]:
        """The binding as it travels to another site."""
        return dataclasses.asdict(self)
