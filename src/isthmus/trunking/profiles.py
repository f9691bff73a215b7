"""Profiles: what gateways and carriers are known to want, as TOML files beside this one.

A profile has `name`, `about`, `sources` (documents, each with the date that it was read or published), `needs` (what
stays to be done at the other end, in words) and `[trunk]`: settings of a `[[trunk]]`, which it gives by default.
"""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import Any

from isthmus.errors import NotFoundError


def names() -> tuple[str, ...]:
    """All profiles, by name."""
    found = (each.name for each in resources.files(__package__).joinpath("profiles").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


@functools.cache
def profile(name: str) -> dict[str, Any]:
    """One profile. Raises NotFoundError."""
    if name not in names():
        raise NotFoundError(f"there is no profile {name!r}", do=f"There are {', '.join(names())}.")
    return tomllib.loads(_text(name))


def text(name: str) -> str:
    """The file of a profile, as it stands. Raises NotFoundError."""
    profile(name)
    return _text(name)


def _text(name: str) -> str:
    return resources.files(__package__).joinpath("profiles", f"{name}.toml").read_text(encoding="utf-8")
