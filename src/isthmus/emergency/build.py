"""The parts of emergency locations of one site, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from isthmus.activity.model import Alert
from isthmus.directory.service import Directory
from isthmus.emergency.choosing import Choices
from isthmus.emergency.lending import Lending
from isthmus.emergency.service import Locations
from isthmus.emergency.telling import Telling
from isthmus.policy.service import Policies


@dataclass(frozen=True, slots=True)
class Emergency:
    """locations: places and what leads to them. choices: of people for themselves. lending: numbers lent to calls.
    telling: of calls to the security desk."""

    locations: Locations
    choices: Choices
    lending: Lending
    telling: Telling

    @classmethod
    def of(cls, directory: Directory, policies: Policies, tell: Callable[[str, Alert], None]) -> Emergency:
        """tell: writes an alert of a tenant down and has it delivered."""
        locations = Locations(directory, policies)
        lending = Lending(directory, changed=locations.has_changed)
        choices = Choices(directory, changed=locations.has_changed)
        return cls(locations, choices, lending, Telling(directory, locations, lending, tell))
