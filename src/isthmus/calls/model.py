"""A call that is being set up or is up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

# Kamailio's dialog states (modules/dialog/dlg_hash.h); 5 is a dialog that has ended and is about to be forgotten.
_STATES = {1: "calling", 2: "ringing", 3: "answered", 4: "up"}


@dataclass(frozen=True, slots=True)
class Call:
    """One dialog. caller, callee: addresses as in From and To. since: unix seconds when it was set up or begun."""

    call_id: str
    caller: str
    callee: str
    state: str
    since: int

    @classmethod
    def of_dialog(cls, dialog: Mapping[str, Any]) -> Self | None:
        """From one entry of Kamailio's dlg.list; None for a dialog that has ended."""
        state = _STATES.get(int(dialog["state"]))
        if state is None:
            return None
        return cls(
            call_id=str(dialog["call-id"]),
            caller=str(dialog["from_uri"]).partition(":")[2],
            callee=str(dialog["to_uri"]).partition(":")[2],
            state=state,
            since=int(dialog["start_ts"]) or int(dialog["init_ts"]),
        )

    def as_json(self) -> dict[str, Any]:
        """For scripts and the API."""
        return asdict(self)
