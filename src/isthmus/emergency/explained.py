"""Where a caller would be found, for who asks why an emergency call goes where it goes. Pure.

Places are named, and addresses that people gave for themselves are not shown: who may ask about calls may not know
where somebody lives.
"""

from __future__ import annotations

import msgspec

from isthmus.emergency import rules
from isthmus.emergency.compiled import NOWHERE, EmergencyMap
from isthmus.emergency.model import Known, Source
from isthmus.routing.model import SOS, Request, Step
from isthmus.routing.model import Source as Sender

_SEND = {
    "pidf-lo": "a trunk with emergency_location is told it by a document",
    "elin": "whoever has no number of their own is lent one of that place",
    "none": "the policy in force has no trunk told of it",
}


def steps(known: EmergencyMap, request: Request) -> tuple[Step, ...]:
    """What one site, which has this map, would say of the place of the phone; nothing of other calls."""
    is_asked = request.method == "INVITE" and request.target.startswith(SOS) and "@" not in request.target
    if not is_asked or request.source not in (Sender.PHONE, Sender.PEER):
        return ()
    where = known.of(known.domains.get(request.caller.rpartition("@")[2], ""))
    by_link = request.source is Sender.PEER
    if by_link:
        where = msgspec.structs.replace(where, default=NOWHERE)
    found = rules.found(where, Known(request.phone), where.own(request.caller), aor=request.caller)
    at = found.located.place
    name = "no place" if at is None else at.name or "an address of their own"
    by = "" if found.located.source is Source.NOTHING else f" by {found.located.source.value}"
    phone = f"a phone at {request.phone}" if request.phone else "a phone of which no address is known"
    if not by_link:
        told = f"; {_SEND[found.settings.send]}" if at is not None else ""
        return (Step("place", f"{phone} is found at {name}{by}{told}"),)
    if at is None:
        return (Step("place", f"{phone} is found at no place here: what {request.via} says of it counts"),)
    return (Step("place", f"{phone} is found here at {name}{by}, unless {request.via} knows it as exactly"),)
