"""People who don't want to be disturbed: their phones don't ring. Pure.

Their home writes it into the snapshot as a refusal under the key of who is called (see refusals.py); so a call reads
one key for it. It ends by itself at its time, whoever is there to take it away or not. Who is excepted gets through,
and so does whoever answers to an emergency call.
"""

from __future__ import annotations

from isthmus.routing.model import Answer, Decision, Local, Request, Snapshot, Step

_QUIET = Answer(480, "Do Not Disturb")


def of_called(aor: str) -> str:
    """The key of calls to a person, by their address."""
    return f"called {aor}"


def keeps(request: Request, decision: Decision, snapshot: Snapshot, steps: list[Step]) -> Answer | None:
    """The answer to a call that is not to ring; None for one that is, and for what is no call to people here."""
    if request.method != "INVITE" or not isinstance(decision, Local):
        return None
    for each in snapshot.refusals(of_called(decision.aor)):
        if each.until_s and request.at_s >= each.until_s:
            continue
        if request.called_back:
            steps.append(Step("quiet", f"{decision.aor} {each.text}; this answers to an emergency call"))
            return None
        if request.caller and request.caller in each.callers:
            steps.append(Step("quiet", f"{decision.aor} {each.text}, but by {request.caller}"))
            return None
        steps.append(Step("quiet", f"{decision.aor} {each.text}: no phone rings"))
        return _QUIET
    return None
