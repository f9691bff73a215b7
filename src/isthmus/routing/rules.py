"""`decide`: the only code that says where a request goes.

Pure: the same request and the same snapshot give the same outcome; no clock, no I/O. Kamailio's workers,
`isthmus call explain`, the console's trace and the tests all call it.

The rules, in the order in which they speak:

1. An emergency call goes out, whatever calls its maker is kept from. A number that a person owns means that
   person; any other number means the PSTN, where the caller may be kept from calling (addressing/barring.py).
2. A person of another tenant does not exist for the caller.
3. A person's home answers for them. What arrives anywhere else is relayed home with the home epoch.
4. Between two sites the newer epoch is right: a relayed request with a newer epoch than ours is at home here,
   one with an older epoch is sent on by ours. Equal epochs that disagree about the home are refused, so that
   nothing loops.
5. A home that can't be reached leads to the configured ways out; what came from the PSTN never goes back there.
"""

from __future__ import annotations

from isthmus.addressing import barring, is_e164
from isthmus.dialling.plan import is_premium
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
    Snapshot,
    Source,
    Step,
)

_NOT_FOUND = Answer(404, "Not Found")
_BARRED = Answer(403, "Calls There Are Blocked")


def decide(request: Request, snapshot: Snapshot) -> Outcome:
    """Where `request` goes, and why. Raises nothing; whatever can't be routed is an Answer."""
    steps: list[Step] = []
    if request.target.startswith((SOS, SHORT)) and "@" not in request.target:
        return Outcome(_to_service(request, snapshot, steps), tuple(steps))
    if is_e164(request.target):
        person = snapshot.owner_of(request.target)
        if person is None:
            decision = _barred(request, snapshot, steps) or _to_pstn(request, snapshot.config, steps)
            return Outcome(decision, tuple(steps))
        steps.append(Step("number", f"{request.target} belongs to {person.aor}"))
    else:
        person = snapshot.person(request.target)
    return Outcome(_to_person(request, person, snapshot.config, steps), tuple(steps))


def _to_person(request: Request, person: PersonRecord | None, config: Config, steps: list[Step]) -> Decision:
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
    home = config.sites[person.home]
    here = config.site
    if request.source is Source.PEER and request.epoch >= 0:
        return _from_peer(request, person, home, config, steps)
    if home == here:
        steps.append(Step("home", f"{person.aor} is at home here, at {here} (epoch {person.epoch})"))
        return Local(person.aor, person.epoch)
    steps.append(Step("home", f"{person.aor} is at home at {home} (epoch {person.epoch}), not here at {here}"))
    return _relay(request, person, home, config, steps)


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
    steps.append(Step("unknown", f"nobody is called {request.target}"))
    user = request.target.partition("@")[0]
    if user.lstrip("+").isdigit():
        how = "those are dialled as +14255550101 or 14255550101, or as the caller's dial plan says"
        steps.append(Step("not-a-number", f"{user} is no number: {how}"))
    return _NOT_FOUND


def _same_tenant(request: Request, person: PersonRecord, config: Config) -> bool:
    """A trunk belongs to the site and a peer has judged already; a phone is of its domain's tenant."""
    if request.source is not Source.PHONE:
        return True
    return config.domains.get(request.caller.rpartition("@")[2], -1) == person.tenant


def _from_peer(request: Request, person: PersonRecord, home: str, config: Config, steps: list[Step]) -> Decision:
    """Rule 4. `request.epoch` is what the peer knew when it chose us."""
    here = config.site
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
        return _relay(request, person, home, config, steps)
    steps.append(
        Step(
            "disagree",
            f"{request.via} and we hold the same epoch {person.epoch} and disagree: home is {home} for us",
        )
    )
    return Answer(482, "Sites Disagree About Home")


def _relay(request: Request, person: PersonRecord, home: str, config: Config, steps: list[Step]) -> Decision:
    if home not in request.unreachable:
        steps.append(Step("relay", f"hand over to {home} with epoch {person.epoch}"))
        return Relay(home, person.aor, person.epoch)
    steps.append(Step("link", f"{home} can't be reached"))
    if request.method == "REGISTER":
        return Answer(503, "Home Site Unreachable")
    for way in config.when_down:
        out = _way_out(way, request, person, home, config, steps)
        if out is not None:
            return out
    steps.append(Step("no-way-out", "no other way out is left"))
    return Answer(480, "Home Site Unreachable")


def _way_out(
    way: str, request: Request, person: PersonRecord, home: str, config: Config, steps: list[Step]
) -> Decision | None:
    """One configured way out, or None with the reason in the trace."""
    if way != "pstn" or request.method != "INVITE":
        return None
    if request.source is Source.TRUNK:
        steps.append(Step("way-out", "not by the PSTN: the call came from there"))
    elif person.number is None:
        steps.append(Step("way-out", f"not by the PSTN: {person.aor} has no number"))
    elif not config.trunks:
        steps.append(Step("way-out", f"not by the PSTN: {config.site} has no trunk"))
    else:
        trunk = config.trunks[0].name
        steps.append(Step("way-out", f"by the PSTN: {person.number} through trunk {trunk}"))
        return Dial(trunk, person.number, instead_of=home)
    return None


def _barred(request: Request, snapshot: Snapshot, steps: list[Step]) -> Decision | None:
    """The answer for a caller who is kept from such calls. A peer has judged its own callers."""
    caller = snapshot.person(request.caller) if request.source is Source.PHONE else None
    if caller is None or not caller.barred:
        return None
    word = barring.keeps_from_calling(caller.barred, request.target, caller.number)
    if word is None:
        return None
    steps.append(Step("barred", f"{caller.aor} {barring.meaning(word)}: {request.target} is one of those ({word})"))
    return _BARRED


def _to_service(request: Request, snapshot: Snapshot, steps: list[Step]) -> Decision:
    """An emergency number or a short code: it is dialled in the PSTN as it stands."""
    emergency = request.target.startswith(SOS)
    digits = request.target.partition(".")[2]
    if emergency:
        steps.append(Step("emergency", f"{digits} is an emergency number: no block of calls keeps anybody from it"))
        return _to_pstn(request, snapshot.config, steps, digits)
    return _barred_code(request, digits, snapshot, steps) or _to_pstn(request, snapshot.config, steps, digits)


def _barred_code(request: Request, digits: str, snapshot: Snapshot, steps: list[Step]) -> Decision | None:
    caller = snapshot.person(request.caller) if request.source is Source.PHONE else None
    if caller is None or not caller.barred:
        return None
    country = snapshot.config.dial_plans[caller.dial_plan].country
    words = [barring.PSTN, *([barring.PREMIUM] if is_premium(digits, country) else [])]
    for word in words:
        if word in caller.barred:
            steps.append(Step("barred", f"{caller.aor} {barring.meaning(word)}: {digits} is one of those ({word})"))
            return _BARRED
    return None


def _to_pstn(request: Request, config: Config, steps: list[Step], digits: str = "") -> Decision:
    """digits: what is dialled there where it is no E.164 number."""
    number = digits or request.target
    if request.source is Source.TRUNK:
        steps.append(Step("pstn", f"{number} came from the PSTN and is no number of ours"))
        return _NOT_FOUND
    if request.method != "INVITE":
        steps.append(Step("pstn", f"{number} is on the PSTN, where {request.method} does not reach"))
        return _NOT_FOUND
    if config.trunks:
        trunk = config.trunks[0].name
        steps.append(Step("pstn", f"{number} is on the PSTN: through trunk {trunk}"))
        return Dial(trunk, number)
    if request.source is not Source.PEER:
        for site in config.pstn_sites:
            if site not in request.unreachable:
                steps.append(Step("pstn", f"{number} is on the PSTN, and the trunks are at {site}"))
                return Relay(site, "", -1)
    steps.append(Step("pstn", f"{number} is on the PSTN, and no trunk can be reached"))
    return Answer(480, "No Way To The PSTN")
