"""What a connector decides: nothing while the site it belongs to can be reached. Pure.

1. What phones at the branch ask for, and calls from its trunks, go to that site, which judges them.
2. What that site sends here is for the PSTN, by the trunks here; its phones are reached by their Path.
3. While that site can't be reached, the phones that are known here (see connectors/learning.py) are at home here, by
   the same rules as at any site; anybody at the branch may call for help. Whoever is not known, as visitors are not,
   is to try again later.
4. A call from the PSTN for somebody who is not at the branch goes to the fall-back number then, if there is one.
5. Blocks, limits and refusals hold then as that site told them last (connectors/bounds.py). In reach they are not asked
   here: that site knows newer ones.
"""

from __future__ import annotations

from isthmus.routing import blocking
from isthmus.routing.model import SOS, Answer, Config, Decision, Dial, Local, Relay, Request, Snapshot, Source, Step

AWAY = Answer(480, "Online Can't Be Reached")
# Of somebody whom this branch does not know: no phone is to think that its password is wrong.
UNKNOWN = Answer(503, "Online Can't Be Reached")
# Whoever is at a connector is of the tenant whose it is.
NOT_ITS = Answer(403, "Not A Domain Of This Connector")
# A 6xx, or the carrier would try the next trunk (RFC 3261 section 21.6).
UNWANTED = Answer(603, "Calls From This Number Are Blocked")


def upward(request: Request, config: Config, steps: list[Step]) -> Decision | None:
    """To the site that judges; None where this one has to decide itself.

    config: of a connector.
    """
    up = config.upstream
    if request.source is Source.PEER:
        return None
    if up not in request.unreachable:
        steps.append(Step("upward", f"a connector judges nobody: {up} does"))
        return Relay(up, "", -1)
    steps.append(Step("alone", f"{up} can't be reached: this branch helps itself"))
    if request.source is Source.BRANCH and not request.target.startswith(SOS):
        steps.append(Step("unproved", "who asks has to prove who they are"))
        return Answer(407, "Proxy Authentication Required")
    return None


def is_for_its_trunks(request: Request, config: Config) -> bool:
    """Whether a number means the PSTN whoever owns it: the site that judges has looked for its owner already."""
    return bool(config.upstream) and request.source is Source.PEER


def unreachable(request: Request, snapshot: Snapshot, steps: list[Step]) -> Decision:
    """A call from the PSTN for a number that nobody at this branch has."""
    config, number = snapshot.config, snapshot.config.fallback
    # Its people are of one tenant, whose domains are all that it knows.
    if blocking.is_unwanted(request, next(iter(config.domains.values()), -1), config, steps):
        return UNWANTED
    if not number or number == request.target or request.method != "INVITE":
        steps.append(Step("away", f"{request.target} is nobody's at this branch, and no other number answers for it"))
        return AWAY
    owner = snapshot.owner_of(number)
    steps.append(Step("fallback", f"{request.target} is nobody's at this branch: {number} answers for it"))
    if owner is not None:
        return Local(owner.aor, owner.epoch)
    trunk = next((each.name for each in config.trunks if each.name not in request.tried), "")
    return Dial(trunk, number) if trunk else AWAY
