"""Why a call goes where it goes: `decide` followed from site to site, in words.

Forward: from a caller to a target. Reverse: everything that reaches a target, and how. Both only ever ask
`decide`, with the snapshots that the sites route by, so what is printed is what happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from isthmus.addressing import is_e164
from isthmus.dialling.plan import Dialled
from isthmus.routing import branch, bypass
from isthmus.routing.model import (
    SOS,
    Answer,
    Decision,
    Dial,
    Local,
    Outcome,
    PersonRecord,
    Relay,
    Request,
    Source,
    Step,
)
from isthmus.routing.rules import decide
from isthmus.routing.snapshot import View

# More sites than a hybrid has; a path this long would be a loop, and is shown as one.
_MAX_HOPS = 6
_RINGS = "rings the phones of"
_CHALLENGE = Answer(407, "Proxy Authentication Required")

Views = Callable[[str], AbstractContextManager[View] | None]
"""Opens a site's snapshot by the site's name; None for a site whose snapshot is not on this machine."""

Elsewhere = Callable[[str, Request], "Outcome | None"]
"""Asks a site, by its name, what it decides of a request (`judged` there); None where it can't be asked."""


More = Callable[[str, Request], tuple[Step, ...]]
"""What else there is to say of a request at a site, by the site's name: what `decide` has no part in."""


def _no_more(site: str, request: Request) -> tuple[Step, ...]:
    return ()


class Hop(msgspec.Struct, frozen=True):
    """What one site was asked and decided."""

    site: str
    request: Request
    outcome: Outcome


class Path(msgspec.Struct, frozen=True):
    """A request's whole way. `ends` says in words how it ended.

    open_at: the site at which it goes on, where that could not be asked; else empty.
    """

    hops: tuple[Hop, ...]
    ends: str
    open_at: str = ""

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "ends": self.ends,
            "hops": [
                {
                    "site": hop.site,
                    "source": hop.request.source.value,
                    "via": hop.request.via or None,
                    "target": hop.request.target,
                    "decision": msgspec.to_builtins(hop.outcome.decision),
                    "steps": [{"rule": step.rule, "text": step.text} for step in hop.outcome.trace],
                }
                for hop in self.hops
            ],
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any], request: Request) -> Path:
        """What `as_json` gave. request: how it entered, which that does not say in full."""
        hops = []
        for each in told["hops"]:
            came = msgspec.structs.replace(
                request, source=Source(each["source"]), via=each["via"] or "", target=each["target"]
            )
            steps = tuple(Step(step["rule"], step["text"]) for step in each["steps"])
            outcome = Outcome(msgspec.convert(each["decision"], Decision), steps)
            hops.append(Hop(each["site"], came, outcome))
        return cls(tuple(hops), str(told["ends"]))


def follow(
    request: Request,
    site: str,
    views: Views,
    elsewhere: Elsewhere = lambda site, request: None,
    more: More = _no_more,
) -> Path:
    """The way of `request`, which enters at `site`, through as many sites as it takes.

    elsewhere: asked where the snapshot is not on this machine. more: see there, of sites whose snapshot is.
    """
    hops: list[Hop] = []
    while len(hops) < _MAX_HOPS:
        opened = views(site)
        if opened is None:
            told = elsewhere(site, request)
            if told is None:
                return Path(tuple(hops), f"goes on at {site}, whose snapshot is not on this machine", site)
            outcome = told
        else:
            with opened as view:
                outcome = _of_hop(request, view, more(site, request))
        hops.append(Hop(site, request, outcome))
        decision = outcome.decision
        if not isinstance(decision, Relay):
            return Path(tuple(hops), _ending(decision, site, request.method))
        request = _onward(request, site, decision)
        site = decision.site
    return Path(tuple(hops), "goes round in circles")


def _of_hop(request: Request, view: View, more: tuple[Step, ...]) -> Outcome:
    request = _as_there(request, view)
    # Whom a connector has passed on is asked for a password there.
    refused = _not_signed_in(request, view) if request.via else None
    return refused or _with_more(request, decide(request, view), view, more)


def _as_there(request: Request, view: View) -> Request:
    """The request as the site itself knows it, where a connector has to do with it (see branch.py)."""
    config = view.config
    passed_on = next((each for each in config.connectors if each.name == request.via), None)
    if passed_on is not None and request.source is not Source.PEER:
        return msgspec.structs.replace(request, tenant=passed_on.tenant)
    if not config.upstream:
        return request
    if request.source is Source.TRUNK and not request.via:
        return msgspec.structs.replace(request, via=next((each.name for each in config.trunks), ""))
    helps = request.target.startswith(SOS) and "@" not in request.target
    if request.source is Source.BRANCH and config.upstream in request.unreachable and not helps:
        # Alone it asks for the password that this phone is taken to have.
        return msgspec.structs.replace(request, source=Source.PHONE)
    return request


def _onward(request: Request, site: str, decision: Relay) -> Request:
    if not decision.aor and request.source in (Source.BRANCH, Source.TRUNK):
        # From a connector, which passes it on as it came: judged as if it had come to that site itself.
        source = Source.PHONE if request.source is Source.BRANCH else request.source
        return msgspec.structs.replace(request, source=source, via=site)
    return msgspec.structs.replace(
        request,
        source=Source.PEER,
        via=site,
        epoch=decision.epoch,
        target=decision.aor or request.target,
        place="",  # by which calls are routed: that is not told over the link, but for help (emergency/carried.py)
    )


def call(
    request: Request,
    site: str,
    views: Views,
    elsewhere: Elsewhere = lambda site, request: None,
    more: More = _no_more,
) -> Path:
    """The way of a request as its sender sees it: a phone that can't sign in gets no further than `site`."""
    opened = views(site)
    if opened is not None:
        with opened as view:
            refused = _not_signed_in(_as_there(request, view), view)
        if refused is not None:
            return Path((Hop(site, request, refused),), _ending(refused.decision, site, request.method))
    return follow(request, site, views, elsewhere, more)


def judged(request: Request, view: View, more: tuple[Step, ...] = ()) -> Outcome:
    """What one site says of a request that comes to it, as its sender sees it. more: what else there is to say."""
    request = _as_there(request, view)
    return _not_signed_in(request, view) or _with_more(request, decide(request, view), view, more)


def _with_more(request: Request, outcome: Outcome, view: View, more: tuple[Step, ...]) -> Outcome:
    outcome = _with_media(request, outcome, view)
    return msgspec.structs.replace(outcome, trace=(*outcome.trace, *more)) if more else outcome


def _with_media(request: Request, outcome: Outcome, view: View) -> Outcome:
    """The outcome, and whether media goes directly where a trunk lets it: as of a phone that has what it takes."""
    decision = outcome.decision
    outgoing = isinstance(decision, Dial)
    name = decision.trunk if isinstance(decision, Dial) else request.via if request.source is Source.TRUNK else ""
    trunk = next((each for each in view.config.trunks if each.name == name), None)
    ends = outgoing or isinstance(decision, Local)
    if trunk is None or not trunk.direct_networks or not ends or request.method != "INVITE":
        return outcome
    phone = bypass.Phone(request.phone if outgoing else "", away=request.source is Source.PEER)
    offer = bypass.Offer(codecs=tuple(each.upper() for each in trunk.codecs))
    step = Step("media", str(bypass.of_call(trunk, phone, offer)))
    return msgspec.structs.replace(outcome, trace=(*outcome.trace, step))


def _not_signed_in(request: Request, view: View) -> Outcome | None:
    """Why no phone can have sent this; None where one can. Who sends is proved before `decide` is asked."""
    if request.source is not Source.PHONE:
        return None
    domain = request.caller.rpartition("@")[2]
    person = view.person(request.caller)
    if request.tenant >= 0 and view.config.domains.get(domain, -1) != request.tenant:
        why = f"{domain or 'the caller'} is no domain of the tenant whose connector {request.via} is"
        return Outcome(branch.NOT_ITS, (Step("caller", why),))
    if person is not None and request.target.startswith(SOS) and "@" not in request.target:
        return None  # also who is let in for nothing else may call for help
    if domain not in view.config.domains:
        why = f"{domain or 'the caller'} is not one of our domains, and no trunk"
    elif person is None:
        why = f"nobody is called {request.caller}, so no phone can sign in as them"
    elif not person.enabled:
        why = f"{person.aor} is disabled, so no phone can sign in as them"
    elif person.tenant in view.config.suspended:
        why = f"the tenant of {person.aor} is suspended, so no phone can sign in as them"
    else:
        if request.method == "REGISTER" and request.target != request.caller:
            why = f"{request.caller} may not register phones of {request.target}"
            return Outcome(Answer(403, "Not Your Address"), (Step("caller", why),))
        return None
    if person is None and view.config.upstream:
        return Outcome(branch.UNKNOWN, (Step("caller", f"this branch does not know of {request.caller}"),))
    challenge = Answer(401, "Unauthorized") if request.method == "REGISTER" else _CHALLENGE
    return Outcome(challenge, (Step("caller", why),))


def _ending(decision: Decision, site: str, method: str) -> str:
    if isinstance(decision, Local):
        does = {"MESSAGE": "is delivered to the phones of", "REGISTER": "registers a phone of"}.get(method, _RINGS)
        return f"{does} {decision.aor}, at home at {site}"
    if isinstance(decision, Dial):
        return f"goes out to {decision.number} through trunk {decision.trunk} of {site}"
    if isinstance(decision, Relay):
        return f"goes on to {decision.site}"
    if decision.code in (401, 407):
        return f"is challenged by {site} ({decision.code} {decision.reason}), and gets no further"
    return f"is answered {decision.code} {decision.reason} by {site}"


class Entrance(msgspec.Struct, frozen=True):
    """One thing that reaches a target: who calls what, from where, and the way it takes.

    means: of what is dialled by a dial plan, how it is read, in words.
    """

    who: str
    dials: str
    path: Path
    means: str = ""


TrunksElsewhere = Callable[[str], "Sequence[str] | None"]
"""Names of the trunks of a site whose snapshot is not on this machine; None where it can't be asked."""


def reverse(
    target: PersonRecord,
    sites: tuple[str, ...],
    views: Views,
    elsewhere: Elsewhere = lambda site, request: None,
    trunks_elsewhere: TrunksElsewhere = lambda site: None,
    forms: Sequence[Dialled] = (),
) -> Iterator[Entrance]:
    """Everything by which a person is reached: address and number, from phones at each site and from the PSTN.

    forms: what is dialled for their number by a dial plan (asking.forms_of).
    """
    names = [target.aor, *([target.number] if target.number else [])]
    for site in sites:
        upstream = ""
        opened = views(site)
        if opened is None:
            asked = trunks_elsewhere(site)
            if asked is None:
                continue
            trunks = list(asked)
        else:
            with opened as view:
                trunks, upstream = [trunk.name for trunk in view.config.trunks], view.config.upstream
        source = Source.BRANCH if upstream else Source.PHONE
        # A connector knows its own people alone, and decides by itself when it is alone.
        for away in (frozenset[str](), frozenset({upstream})) if upstream else (frozenset[str](),):
            when = f" while {upstream} can't be reached" if away else ""
            for name in names:
                request = Request("INVITE", name, source, target.aor, unreachable=away)
                way = follow(request, site, views, elsewhere)
                yield Entrance(f"a phone registered at {site}{when}", name, way)
                if name == target.number:
                    for form in forms:  # each is that number before anything is decided
                        yield Entrance(f"a phone registered at {site}{when}", form.digits, way, form.why)
            if target.number:
                for trunk in trunks:
                    request = Request("INVITE", target.number, Source.TRUNK, via=trunk, unreachable=away)
                    way = follow(request, site, views, elsewhere)
                    yield Entrance(f"the PSTN by trunk {trunk} of {site}{when}", target.number, way)
        if not upstream and (site != sites[target.home] or len(sites) == 1):
            request = Request(
                "INVITE", target.aor, Source.PHONE, target.aor, unreachable=frozenset({sites[target.home]})
            )
            yield Entrance(
                f"a phone registered at {site} while {sites[target.home]} can't be reached",
                target.aor,
                follow(request, site, views, elsewhere),
            )


def caller_of(text: str, view: View) -> tuple[Source, str, str]:
    """Who a caller given as text is: (source, caller, via). A number that nobody owns calls from the PSTN."""
    if not is_e164(text):
        return Source.PHONE, text, ""
    owner = view.owner_of(text)
    if owner is not None:
        return Source.PHONE, owner.aor, ""
    trunk = view.config.trunks[0].name if view.config.trunks else ""
    return Source.TRUNK, text, trunk
