"""What the security desk is told of an emergency call. Pure."""

from __future__ import annotations

import hashlib

import msgspec

from isthmus.activity.model import Alert, Severity
from isthmus.emergency import civic
from isthmus.emergency.model import Located, Settings

RULE = "emergency-call"
_UNKNOWN = "an unknown place"


class EmergencyCall(msgspec.Struct, frozen=True):
    """A call to the emergency services. at: Unix seconds. digits: as they are called, as 112. back: the number by
    which the caller can be called back, E.164; empty for none. device: its name, empty where it has none."""

    at: float
    aor: str
    name: str
    digits: str
    back: str = ""
    device: str = ""
    address: str = ""
    call_id: str = ""


def notice(call: EmergencyCall, found: Located, settings: Settings) -> Alert:
    """The alert of one call. Its id follows from the call, so that what is told twice is seen to be the same."""
    text = f"{call.call_id}|{call.aor}|{call.digits}|" + ("" if call.call_id else f"{call.at:.3f}")
    who = f"{call.name} ({call.aor})" if call.name and call.name != call.aor else call.aor
    back = f"; call back {call.back}" if call.back else f"; no number of their own, call {call.aor}"
    return Alert(
        id=hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=5).hexdigest(),
        subject=call.aor,
        rule=RULE,
        about=call.call_id or f"{call.at:.3f}",
        severity=Severity.HIGH,
        first=call.at,
        last=call.at,
        count=1,
        now=f"{who} called {call.digits} from {in_words(found)}{back}",
        usual="no emergency calls",
        evidence=_evidence(call, found, settings),
    )


def in_words(found: Located) -> str:
    """The place for a person who has to find it."""
    place = found.place
    if place is None:
        return _UNKNOWN
    return f"{place.name or 'an address of their own'}: {civic.words(place.civic)}"


def read_back(found: Located) -> str:
    """What the test number tells who calls it."""
    if found.place is None:
        return "Your place is not known. An emergency call from here would not say where you are."
    return f"An emergency call from here would say that you are at {civic.words(found.place.civic)}."


def _evidence(call: EmergencyCall, found: Located, settings: Settings) -> dict[str, list[str]]:
    said = {
        "tell": settings.desk,
        "call back": call.back,
        "place": in_words(found),
        "device": call.device,
        "address": call.address,
    }
    if found.place is not None and found.place.point is not None:
        said["point"] = f"{found.place.point.latitude}, {found.place.point.longitude}"
    evidence = {name: [value] for name, value in said.items() if value}
    return {**evidence, "found by": [f"{number}. {line}" for number, line in enumerate(found.why, 1)]}
