"""What is usual for a person goes along when they move, so that the new home is not blind for a week."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from isthmus.activity.service import Activity
from isthmus.addressing import Aor
from isthmus.homing.participants import Handed, JsonValue, Review, Verdicts


class ActivityParticipant:
    """Profiles in a move (see homing.participants.Participant). None of it can stand against a move."""

    name = "activity"

    def __init__(self, activity: Activity) -> None:
        self._activity = activity

    def check(self, people: Sequence[Aor], target: str) -> dict[Aor, list[str]]:
        """Nothing."""
        return {}

    def describe(self, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        """Nothing."""
        return {}

    def review(self, data: Handed, target: str) -> dict[Aor, Review]:
        """Nothing."""
        return {}

    def export(self, people: Sequence[Aor]) -> dict[Aor, JsonValue]:
        """The profiles of those who have one."""
        return {aor: base64.b64encode(raw).decode() for aor, raw in self._activity.exported_profiles(people).items()}

    def import_(self, data: Handed, before: Handed | None) -> Verdicts:
        """Take over what is known of more days than here. What can't be read is left: the person has moved anyway."""
        taken: dict[Aor, bytes] = {}
        for aor, value in data.items():
            try:
                taken[aor] = base64.b64decode(str(value or ""), validate=True)
            except (binascii.Error, ValueError):
                continue
        self._activity.import_profiles(taken)
        return dict.fromkeys(data)

    def changed(self, before: JsonValue, now: JsonValue) -> bool:
        """Never: what is learnt while the move is on is not worth another round."""
        return False

    def verify(self, data: Handed) -> Verdicts:
        """All is well."""
        return dict.fromkeys(data)

    def undo(self, people: Sequence[Aor]) -> None:
        """Nothing: what is known of somebody does no harm where they do not live."""

    def clean_up(self, data: Handed) -> Verdicts:
        """Nothing: it is forgotten by itself."""
        return dict.fromkeys(data)
