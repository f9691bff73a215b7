"""The directory's values. What travels between sites and into the snapshot is made of these."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Self

from isthmus.addressing import Aor


@dataclass(frozen=True, slots=True)
class Credentials:
    """The two digest secrets of a phone account, never the password itself (RFC 8760, RFC 7616 3.4.2).

    ha1_md5: 16 bytes, MD5(user:realm:password).
    ha1_sha256: 32 bytes, SHA-256(user:realm:password).
    """

    ha1_md5: bytes
    ha1_sha256: bytes

    @classmethod
    def of(cls, aor: Aor, password: str) -> Self:
        """The secrets for a person whose user name is the AOR's user part and whose realm is its domain."""
        text = f"{aor.user}:{aor.domain}:{password}".encode()
        return cls(hashlib.md5(text, usedforsecurity=False).digest(), hashlib.sha256(text).digest())

    def __repr__(self) -> str:
        return "Credentials(***)"


@dataclass(frozen=True, slots=True)
class Person:
    """One person of a tenant, as the directory holds them.

    number: E.164 with `+`, owned by this person alone across all sites; None when they have none.
    home: name of the one site that is home. home_epoch: grows by one at every move, never shrinks.
    groups: names of the groups the person is in, sorted.
    """

    aor: Aor
    tenant: str
    display_name: str
    number: str | None
    home: str
    home_epoch: int
    credentials: Credentials
    enabled: bool = True
    groups: tuple[str, ...] = ()

    def moved_to(self, site: str) -> Person:
        """The same person after a committed move."""
        return replace(self, home=site, home_epoch=self.home_epoch + 1)
