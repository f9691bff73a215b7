"""The part of the lock that an appliance is installed from: what the program runs by, and nothing that tests it. Pure.

`requirements.lock` says of each package which others asked for it ("via"). From the project's own dependencies on, that
leads to all that runs; the lines are the same, hash by hash, as those that the product itself is installed from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from isthmus.errors import RefusedError

_ENTRY = re.compile(r"^(?=[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?==)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_PARENT = re.compile(r"^ +#(?: +via)? +([A-Za-z0-9][\w.-]*)", re.MULTILINE)


def wanted(project: Mapping[str, Any]) -> list[str]:
    """Names of what a project (pyproject.toml) needs to be installed and to run."""
    asked = (*project["project"]["dependencies"], *project["build-system"]["requires"])
    return [_name(each) for each in asked]


def needed(lock: str, names: Iterable[str]) -> str:
    """The entries of a lock for these packages and all that they ask for. Raises RefusedError where one has none."""
    entries = {_name(entry): entry for entry in _ENTRY.split(lock) if entry[:1].isalnum()}
    asks: dict[str, list[str]] = {}
    for name, entry in entries.items():
        for parent in _PARENT.findall(entry):
            asks.setdefault(_name(parent), []).append(name)
    found: set[str] = set()
    due = [*names]
    while due:
        name = due.pop()
        if name not in entries:
            raise RefusedError(f"{name} is not in requirements.lock", do="Use a whole copy of Isthmus, or: make lock")
        if name not in found:
            found.add(name)
            due += asks.get(name, ())
    return "".join(entry for name, entry in entries.items() if name in found)


def _name(requirement: str) -> str:
    """The package's name in its one form (PEP 503)."""
    match = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else requirement
