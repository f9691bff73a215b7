"""From what somebody dials to the target of a Request, for phones and for those who ask where a call would go."""

from __future__ import annotations

from isthmus.dialling.plan import Dialling, Kind, dialled
from isthmus.routing.model import SHORT, SOS, Snapshot

FORMS = {Kind.NUMBER: "", Kind.EMERGENCY: SOS, Kind.SHORT: SHORT}


def target(user: str, address: str, plan: Dialling, snapshot: Snapshot) -> str:
    """The target (see Request.target) of a Request-URI in one of our domains. user: as dialled. address: it as an AOR.

    Somebody may be called by digits: their address means them, but where it is an emergency number.
    """
    meant = dialled(user, plan)
    if meant is None:
        return address
    if meant.kind is not Kind.EMERGENCY and not user.startswith("+") and snapshot.person(address) is not None:
        return address
    return FORMS[meant.kind] + meant.digits
