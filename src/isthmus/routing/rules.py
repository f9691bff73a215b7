"""`decide`: the only code that says where a request goes.

Pure: the same request and the same snapshot give the same outcome; no clock, no I/O. Kamailio's workers,
`isthmus call explain`, the console's trace and the tests all call it.

The rules, in the order in which they speak:

1. An emergency call goes out, whatever calls its maker is kept from. A number that a person owns means that
   person; any other number means the PSTN, where the caller's class of service says which they may call and who is
   shown as calling, and they may be kept from calling (addressing/barring.py). pstn.py has by which trunks,
   refusals.py what is refused for now, as by a calling plan that is used up, blocking.py which numbers a tenant calls
   or is called by in no case, located.py which trunks are for calls from some places alone.
2. A person of another tenant does not exist for the caller.
3. A person's home answers for them. What arrives anywhere else is relayed home with the home epoch.
4. Between two sites the newer epoch is right: a relayed request with a newer epoch than ours is at home here,
   one with an older epoch is sent on by ours. Equal epochs that disagree about the home are refused, so that
   nothing loops.
5. A connector judges nobody while the site it belongs to can be reached: branch.py.
6. A home rings nobody's phones who does not want to be disturbed: quiet.py.
7. A home that can't be reached leads to the configured ways out; what came from the PSTN never goes back there.

Whoever carries a decision out and comes to nothing asks again, with what was tried in the request.
"""

from __future__ import annotations

from typing import NamedTuple

from isthmus.addressing import barring, is_e164
from isthmus.addressing.destination import destination_of
from isthmus.dialling.plan import is_premium
from isthmus.routing import blocking, branch, located, pstn, quiet, refusals
from isthmus.routing.model import (
    SHORT,
    SOS,
    Answer,
    Config,
    Decision,
    Dial,
    Local,
    Outcome,
    PersonRecord,
    Relay,
    Request,
    RouteRecord,
    Snapshot,
    Source,
    Step,
)
from isthmus.routing.refusals import Refusal

_NOT_FOUND = Answer(404, "Not Found")
_BARRED = Answer(403, "Calls There Are Blocked")
_NOT_ALLOWED = Answer(403, "Calls There Are Not Allowed")
_NOT_THERE = Answer(480, "Not Where The Trunk Is")


def decide(request: Request, snapshot: Snapshot) -> Outcome:
    """Where `request` goes, and why. Raises nothing; whatever can't be routed is an Answer."""
    steps: list[Step] = []
    if snapshot.config.upstream and (upward := branch.upward(request, snapshot.config, steps)) is not None:
        return Outcome(upward, tuple(steps))
    if request.target.startswith((SOS, SHORT)) and "@" not in request.target:
        return _outward(request, _to_service(request, snapshot, steps), snapshot, steps)
    if is_e164(request.target):
        person = None if branch.is_for_its_trunks(request, snapshot.config) else snapshot.owner_of(request.target)
        if person is None:
            decision = (
                _kept(request, snapshot, steps)
                or _blocked(request, snapshot, steps)
                or _to_pstn(request, request.target, snapshot, steps)
            )
            return _outward(request, decision, snapshot, steps)
        steps.append(Step("number", f"{request.target} belongs to {person.aor}"))
    else:
        person = snapshot.person(request.target)
    decision = _to_person(request, person, snapshot, steps)
    if isinstance(decision, Dial):
        return _outward(request, decision, snapshot, steps)
    return Outcome(quiet.keeps(request, decision, snapshot, steps) or decision, tuple(steps))


def _outward(request: Request, decision: Decision, snapshot: Snapshot, steps: list[Step]) -> Outcome:
    """The outcome of a call to the PSTN: with who is shown there as calling."""
    if isinstance(decision, Answer) or request.source is not Source.PHONE:
        return Outcome(decision, tuple(steps))
    caller = snapshot.person(request.caller)
    service = snapshot.config.class_of(caller)
    own = caller.number if caller is not None and caller.number else ""
    # Also by the other site's trunk: who needs help has to be called back.
    if request.target.startswith(SOS) or service.shown == "own":
        return Outcome(decision, tuple(steps), own)
    if service.shown == "substitute" and service.substitute:
        steps.append(Step("caller-id", f"the called see {service.substitute}, by policy"))
        return Outcome(decision, tuple(steps), service.substitute)
    steps.append(Step("caller-id", "the called see no number, by policy"))
    return Outcome(decision, tuple(steps), "")


def _to_person(request: Request, person: PersonRecord | None, snapshot: Snapshot, steps: list[Step]) -> Decision:
    config = snapshot.config
    if person is None:
        return _to_unknown(request, config, steps)
    if not person.enabled:
        steps.append(Step("disabled", f"{person.aor} is disabled"))
        return _NOT_FOUND
    if person.tenant in config.suspended:
        steps.append(Step("suspended", f"the tenant of {person.aor} is suspended"))
        return _NOT_FOUND
    if not _same_tenant(request, person, config):
        steps.append(Step("tenant", f"{request.caller or 'the caller'} is of another tenant than {person.aor}"))
        return _NOT_FOUND
    if blocking.is_unwanted(request, person.tenant, config, steps):
        return branch.UNWANTED
    home = config.sites[person.home]
    here = config.site
    if request.source is Source.PEER and request.epoch >= 0:
        return _from_peer(request, person, home, snapshot, steps)
    place = ""
    if request.source is Source.TRUNK and not request.called_back:
        place = located.rings_at(request.via, config.class_of(person), config, steps)
    if home == here:
        steps.append(Step("home", f"{person.aor} is at home here, at {here} (epoch {person.epoch})"))
        return Local(person.aor, person.epoch, place)
    if place:
        steps.append(Step("location", f"{person.aor} is at home at {home}, whose phones are not at {place}"))
        return _NOT_THERE
    steps.append(Step("home", f"{person.aor} is at home at {home} (epoch {person.epoch}), not here at {here}"))
    return _relay(request, person, home, snapshot, steps)


def _to_unknown(request: Request, config: Config, steps: list[Step]) -> Decision:
    """An address nobody has here. A peer that knows the person by an epoch is believed: it knows more."""
    domain = request.target.rpartition("@")[2]
    if domain not in config.domains:
        steps.append(Step("domain", f"{domain or request.target} is not one of our domains"))
        return _NOT_FOUND
    if request.source is Source.PEER and request.epoch >= 0:
        steps.append(
            Step(
                "newer",
                f"{request.via} knows {request.target} by epoch {request.epoch}, we not yet: home is here",
            )
        )
        return Local(request.target, request.epoch)
    if config.upstream:
        steps.append(Step("unknown", f"{request.target} is not at this branch, and {config.upstream} can't be reached"))
        return branch.AWAY
    steps.append(Step("unknown", f"nobody is called {request.target}"))
    user = request.target.partition("@")[0]
    if user.lstrip("+").isdigit():
        how = "those are dialled as +14255550101 or 14255550101, or as the caller's dial plan says"
        steps.append(Step("not-a-number", f"{user} is no number: {how}"))
    return _NOT_FOUND


def _same_tenant(request: Request, person: PersonRecord, config: Config) -> bool:
    """A trunk belongs to the site and a peer has judged already; a phone is of its domain's tenant."""
    if request.tenant >= 0 and request.tenant != person.tenant:
        return False
    if request.source is not Source.PHONE:
        return True
    return config.domains.get(request.caller.rpartition("@")[2], -1) == person.tenant


def _from_peer(request: Request, person: PersonRecord, home: str, snapshot: Snapshot, steps: list[Step]) -> Decision:
    """Rule 4. `request.epoch` is what the peer knew when it chose us."""
    here = snapshot.config.site
    if request.epoch > person.epoch:
        steps.append(
            Step(
                "newer",
                f"{request.via} routed by epoch {request.epoch}, newer than our {person.epoch}: home is here",
            )
        )
        return Local(person.aor, request.epoch)
    if home == here:
        steps.append(Step("home", f"{person.aor} is at home here, at {here} (epoch {person.epoch})"))
        return Local(person.aor, person.epoch)
    if request.epoch < person.epoch:
        steps.append(
            Step(
                "older",
                f"{request.via} routed by epoch {request.epoch}, older than our {person.epoch}: home is {home}",
            )
        )
        return _relay(request, person, home, snapshot, steps)
    steps.append(
        Step(
            "disagree",
            f"{request.via} and we hold the same epoch {person.epoch} and disagree: home is {home} for us",
        )
    )
    return Answer(482, "Sites Disagree About Home")


def _relay(request: Request, person: PersonRecord, home: str, snapshot: Snapshot, steps: list[Step]) -> Decision:
    if home not in request.unreachable:
        steps.append(Step("relay", f"hand over to {home} with epoch {person.epoch}"))
        return Relay(home, person.aor, person.epoch)
    steps.append(Step("link", f"{home} can't be reached"))
    if request.method == "REGISTER":
        return Answer(503, "Home Site Unreachable")
    for way in snapshot.config.when_down:
        out = _way_out(way, request, person, home, snapshot, steps)
        if out is not None:
            return out
    steps.append(Step("no-way-out", "no other way out is left"))
    return Answer(480, "Home Site Unreachable")


def _way_out(
    way: str, request: Request, person: PersonRecord, home: str, snapshot: Snapshot, steps: list[Step]
) -> Decision | None:
    """One configured way out, or None with the reason in the trace."""
    if way != "pstn" or request.method != "INVITE":
        return None
    if request.source is Source.TRUNK:
        steps.append(Step("way-out", "not by the PSTN: the call came from there"))
    elif person.number is None:
        steps.append(Step("way-out", f"not by the PSTN: {person.aor} has no number"))
    else:
        # By this site's own trunks alone: another site would lead to the home that can't be reached.
        found = [each for each in _ways(request, person.number, snapshot, steps).ways if not each[0].startswith("@")]
        if found:
            steps.append(Step("way-out", f"by the PSTN: {person.number} through trunk {found[0][0]}"))
            return Dial(found[0][0], person.number, instead_of=home)
        trunks = "no trunk" if not snapshot.config.trunks else "no trunk left to try"
        steps.append(Step("way-out", f"not by the PSTN: {snapshot.config.site} has {trunks}"))
    return None


def _kept(request: Request, snapshot: Snapshot, steps: list[Step]) -> Decision | None:
    """The answer for a caller who may not call such a number. A peer has judged its own callers."""
    caller = snapshot.person(request.caller) if request.source is Source.PHONE else None
    if caller is None:
        return None
    number = request.target
    word = barring.keeps_from_calling(caller.barred, number, caller.number) if caller.barred else None
    if word is not None:
        return _barred(caller, number, word, steps)
    service, where = snapshot.config.class_of(caller), destination_of(number)
    if service.reach == "none":
        return _not_allowed(caller, number, "calls outside", steps)
    if request.calls >= service.most_calls:
        return _too_many(caller, request.calls, steps)
    if where.dear and not service.dear:
        return _not_allowed(caller, number, f"premium and satellite numbers ({where})", steps)
    if not where.known and not service.unassigned and not _is_domestic(caller, where.region):
        return _not_allowed(caller, number, f"numbers of {where} that are in no range in use", steps)
    if service.reach == "domestic" and not _is_domestic(caller, where.region):
        return _not_allowed(caller, number, f"calls to other countries ({where})", steps)
    return None


def _blocked(request: Request, snapshot: Snapshot, steps: list[Step]) -> Decision | None:
    """The answer where the caller's tenant calls no such number, or has as many calls as it may."""
    config = snapshot.config
    if request.source is Source.TRUNK or not (config.blocks or request.spent):
        return None
    if branch.is_for_its_trunks(request, config):
        return None  # that site has judged by what it knows now, which is newer than what was told here
    if blocking.is_closed(request, _tenant_of(request, snapshot), config, steps):
        return _BARRED
    return Answer(403, "Too Many Calls At A Time") if blocking.is_spent(request, config, steps) else None


def _tenant_of(request: Request, snapshot: Snapshot) -> int:
    """The caller's, as a position; -1 for nobody's."""
    caller = snapshot.person(request.caller)
    if caller is not None:
        return caller.tenant
    return snapshot.config.domains.get(request.caller.rpartition("@")[2], -1)


def _is_domestic(caller: PersonRecord, region: str) -> bool:
    return caller.number is not None and destination_of(caller.number).region == region


def _barred(caller: PersonRecord, number: str, word: str, steps: list[Step]) -> Answer:
    steps.append(Step("barred", f"{caller.aor} {barring.meaning(word)}: {number} is one of those ({word})"))
    return _BARRED


def _not_allowed(caller: PersonRecord, number: str, what: str, steps: list[Step]) -> Answer:
    steps.append(Step("not-allowed", f"{number}: the calling policy of {caller.aor} does not allow {what}"))
    return _NOT_ALLOWED


def _too_many(caller: PersonRecord, calls: int, steps: list[Step]) -> Answer:
    steps.append(Step("too-many", f"{caller.aor} has {calls} calls outside, as many as the calling policy allows"))
    return Answer(403, "Too Many Calls At A Time")


def _to_service(request: Request, snapshot: Snapshot, steps: list[Step]) -> Decision:
    """An emergency number or a short code: it is dialled in the PSTN as it stands."""
    digits = request.target.partition(".")[2]
    if request.target.startswith(SOS):
        steps.append(Step("emergency", f"{digits} is an emergency number: nothing keeps anybody from it"))
        return _to_pstn(request, digits, snapshot, steps, pstn.EMERGENCY)
    return _kept_from_code(request, digits, snapshot, steps) or _to_pstn(
        request, digits, snapshot, steps, pstn.SHORT_CODES
    )


def _kept_from_code(request: Request, digits: str, snapshot: Snapshot, steps: list[Step]) -> Decision | None:
    caller = snapshot.person(request.caller) if request.source is Source.PHONE else None
    if caller is None:
        return None
    service = snapshot.config.class_of(caller)
    dear = is_premium(digits, service.dialling.country)
    for word in [barring.PSTN, *([barring.PREMIUM] if dear else [])]:
        if word in caller.barred:
            return _barred(caller, digits, word, steps)
    if service.reach == "none":
        return _not_allowed(caller, digits, "calls outside", steps)
    if request.calls >= service.most_calls:
        return _too_many(caller, request.calls, steps)
    if dear and not service.dear:
        return _not_allowed(caller, digits, "premium numbers", steps)
    return None


def _to_pstn(request: Request, number: str, snapshot: Snapshot, steps: list[Step], word: str = "") -> Decision:
    """number: as it is dialled there. word: `emergency` or `short` where it is no E.164 number."""
    if request.source is Source.TRUNK:
        if snapshot.config.upstream:
            return branch.unreachable(request, snapshot, steps)
        steps.append(Step("pstn", f"{number} came from the PSTN and is no number of ours"))
        return _NOT_FOUND
    if request.method != "INVITE":
        steps.append(Step("pstn", f"{number} is on the PSTN, where {request.method} does not reach"))
        return _NOT_FOUND
    if request.tried:
        steps.append(Step("tried", f"tried in vain: {', '.join(sorted(request.tried))}"))
    seen = len(steps)
    found, refusal = _ways(request, word or number, snapshot, steps)
    emergency = word == pstn.EMERGENCY
    if not found and refusal is not None:
        return Answer(403, refusal.phrase)
    if not found:
        return _no_way(request, number, snapshot.config, steps, seen)
    way, route = found[0]
    by = f" by route {route.name}" if route is not None else ""
    others = ", ".join(each.removeprefix("@") for each, _ in found[1:])
    then = f"; if that fails {others}" if others else ""
    if way.startswith("@"):
        steps.append(Step("pstn", f"{number} is on the PSTN{by}: through the trunks of {way[1:]}{then}"))
        return Relay(way[1:], "", -1)
    steps.append(Step("pstn", f"{number} is on the PSTN{by}: through trunk {way}{then}"))
    return Dial(way, number, emergency=emergency)


def _no_way(request: Request, number: str, config: Config, steps: list[Step], seen: int) -> Answer:
    """The answer where no way is left. seen: steps before the ways were looked for."""
    rules = {step.rule for step in steps[seen:]}
    if "full" in rules:
        return Answer(503, "All Trunks Busy")
    if rules & {"no-route", "hours"}:
        return Answer(403, "No Route Allows This Call")
    if request.tried:
        steps.append(Step("pstn", f"{number}: no other way to the PSTN is left"))
        return Answer(503, "No Trunk Answers")
    steps.append(Step("pstn", f"{number} is on the PSTN, and no trunk can be reached"))
    return Answer(480, "No Way To The PSTN")


class _Ways(NamedTuple):
    """The ways to call a number, the first to be tried first. refusal: the first that left one out."""

    ways: tuple[tuple[str, RouteRecord | None], ...]
    refusal: Refusal | None = None


def _ways(request: Request, number: str, snapshot: Snapshot, steps: list[Step]) -> _Ways:
    config, caller = snapshot.config, snapshot.person(request.caller)
    tenant = _tenant_of(request, snapshot)
    service = config.class_of(caller)
    if number == pstn.EMERGENCY:
        return _Ways(pstn.ways(request, number, service, tenant, config, steps))
    there = located.by_usages_of(request.place, service, config, steps)
    found = pstn.ways(request, number, service, tenant, config, steps)
    if there is not service and found:
        found = pstn.ways(request, number, there, tenant, config, steps)
    found = located.kept(found, request.place, service, config, steps)
    region = service.dialling.country if number == pstn.SHORT_CODES else destination_of(number).region
    if branch.is_for_its_trunks(request, config):
        return _Ways(found)
    name = config.tenants[tenant] if tenant >= 0 else ""
    aor, at_s = request.caller if caller else "", request.at_s
    held = refusals.about(snapshot, aor=aor, tenant=name, region=region, at_s=at_s)
    kept = ((way, refusals.keeping(snapshot, held, way, region, at_s)) for way, _ in found)
    refused = {way: each for way, each in kept if each is not None}
    if not refused:
        return _Ways(found)
    told = dict.fromkeys(refused.values())
    for refusal in told:
        ways = ", ".join(way for way, each in refused.items() if each == refusal)
        steps.append(Step("refused", f"not by {ways}: {refusal.text} ({refusal.by}: {refusal.reason})"))
    return _Ways(tuple(each for each in found if each[0] not in refused), next(iter(told)))
