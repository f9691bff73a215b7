"""Who a user agent is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """Who the agent is. `uri` is the address-of-record, `sip:alice@contoso.example`."""

    uri: str
    username: str = ""
    password: str = ""
    algorithms: Sequence[str] = ("SHA-256", "MD5")
    name: str = ""

    @property
    def user(self) -> str:
        """The user part of the URI."""
        return self.uri.partition(":")[2].partition("@")[0]
