"""People in any number, for snapshots and directories."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus.addressing import Aor
from isthmus.directory.model import Credentials, Person
from isthmus.routing.model import Config

DOMAIN, TENANT = "contoso.example", "main"
SITES = ("premises", "online")
# Of the right size; the same for all, since hashing a million passwords is not what is measured.
CREDENTIALS = Credentials(b"m" * 16, b"s" * 32)
CONFIG = Config("premises", "premises", SITES, (TENANT,), {DOMAIN: 0})


def aor(index: int) -> Aor:
    """Their address: the order of the addresses is that of the numbers."""
    return Aor(f"given.family{index:07}", DOMAIN)


def telephone(index: int) -> str:
    """Their number."""
    return f"+1425{index:07}"


def generate(count: int) -> Iterator[Person]:
    """People in ascending order of their addresses, half of them at home at each site."""
    for index in range(count):
        name = f"Given Family {index}"
        yield Person(aor(index), TENANT, name, telephone(index), SITES[index % 2], 1, CREDENTIALS)
