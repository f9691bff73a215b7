"""Calls to the PSTN: which trunks are fit for one more, the call on its way out, and the next trunk where one fails.

What a trunk is like is in memory that all workers share: what its answers to OPTIONS say (dispatcher), whether a call
met with silence or was sent away for a while (`trunk`), how many calls are up on it (dialog profile) and began within
this second (`pace`).
"""

from __future__ import annotations

import re
import time
from typing import Any

import msgspec

from isthmus.engines.kamailio import carriers, ending, hops, manipulating, streaming, vouching
from isthmus.engines.kamailio.config import TrunkSettings
from isthmus.engines.kamailio.ksr import FLAG_PRIVATE, KSR, header, headers, text
from isthmus.engines.kamailio.site import Site
from isthmus.routing import caps
from isthmus.routing.model import SOS, Answer, Decision, Dial, Outcome, Relay, Request, Source, Step
from isthmus.routing.rules import decide
from isthmus.routing.snapshot import View

# What a gateway answers when it can't carry the call, but another one may.
# 401 and 407 are nothing that a caller could answer: their password is not for carriers.
NEXT_TRUNK = frozenset({401, 407, 408, 500, 502, 503, 504})
_RING_MS = 180_000  # after a trunk has said that it rings (RFC 3261 section 16.6 step 11: more than three minutes)
_HELP_MS = 4_000  # of no sign of life at all in an emergency call; who has said 100 Trying has their time
_SILENT_S = 30.0  # how long a trunk that said nothing is tried last; then one call looks whether it is back
_LONGEST_RETRY_S = 300
_ASSERTED = re.compile(r"(?:tel:|sips?:)(\+[1-9][0-9]{1,14})[>;@]")
_PREEMPTED = 'preemption ;cause=1 ;text="Emergency Call"'  # RFC 4411
_PROFILE, _CALLER, _EMERGENCY, _CAPPED = "trunk", "caller", "emergency", "capped"
_BETWEEN = "|"


def decided(site: Site, request: Request, view: View) -> Outcome:
    """What `decide` says, with the caller's calls and the state of this site's trunks where it leads outside."""
    outcome = decide(request, view)
    while (away := _connector_away(site, outcome.decision)) and away not in request.unreachable:
        request = msgspec.structs.replace(request, unreachable=request.unreachable | {away})
        outcome = decide(request, view)
    if view.config.at_once and leads_outside(outcome.decision):
        request, outcome = _capped(request, outcome, view)
    if request.source is Source.PHONE and leads_outside(outcome.decision):
        # A call that looks for another way is counted itself by now.
        calls = _size(_CALLER, request.caller) - (KSR.pv.get("$avp(target)") is not None)
        if calls:
            request = msgspec.structs.replace(request, calls=calls)
            outcome = decide(request, view)
    if not isinstance(outcome.decision, Dial):
        return outcome
    down = frozenset(name for name, trunk in site.trunks.items() if _is_down(trunk))
    full = frozenset(name for name, trunk in site.trunks.items() if is_full(trunk))
    if down or full:
        request = msgspec.structs.replace(request, down=down, full=full)
        outcome = decide(request, view)
    return _spoken(site, request, view, outcome) if site.has_wishes else outcome


def _spoken(site: Site, request: Request, view: View, outcome: Outcome) -> Outcome:
    """The outcome without the trunks that have no codec in common with the caller."""
    deaf: frozenset[str] = frozenset()
    while isinstance(outcome.decision, Dial):
        decision = outcome.decision
        if streaming.fits(site.trunks[decision.trunk], emergency=decision.emergency):
            return outcome
        deaf |= {decision.trunk}
        outcome = decide(msgspec.structs.replace(request, tried=request.tried | deaf), view)
    if deaf and isinstance(outcome.decision, Answer) and deaf >= request.tried:
        step = Step("codecs", f"{', '.join(sorted(deaf))}: no codec in common with the caller")
        return msgspec.structs.replace(
            outcome, decision=Answer(488, "No Codec In Common"), trace=(*outcome.trace, step)
        )
    return outcome


def _connector_away(site: Site, decision: Decision) -> str:
    """The connector that a decision leads to, where it can't be reached now; else empty."""
    if not isinstance(decision, Relay) or decision.site in site.peers:
        return ""
    peer = site.peer(decision.site)
    return decision.site if peer is None or not hops.connector_flow(peer) else ""


def _capped(request: Request, outcome: Outcome, view: View) -> tuple[Request, Outcome]:
    """With the limits of calls at once under which this one would be too many. Remembers under which it counts."""
    if KSR.pv.get("$avp(capped)") is not None:
        return request, outcome  # counted already: the call looks for another way
    keys = caps.keys_of(request, view)
    if not keys:
        return request, outcome
    KSR.pv.sets("$avp(capped)", _BETWEEN.join(keys))
    spent = frozenset(key for key, most in keys.items() if _size(_CAPPED, key) >= most)
    if not spent:
        return request, outcome
    request = msgspec.structs.replace(request, spent=spent)
    return request, decide(request, view)


def leads_outside(decision: Decision) -> bool:
    """Whether a call goes to the PSTN by the caller's wish, from here or from the peer that has the trunks."""
    if isinstance(decision, Dial):
        return not decision.instead_of
    return isinstance(decision, Relay) and not decision.aor


def is_full(trunk: TrunkSettings) -> bool:
    """Whether it has as many calls as it may, or as many have begun within this second."""
    if trunk.most_calls and _size(_PROFILE, trunk.name) >= trunk.most_calls:
        return True
    return bool(trunk.calls_per_s) and int(KSR.htable.sht_get("pace", _second(trunk)) or 0) >= trunk.calls_per_s


def count_caller(request: Request) -> None:
    """The call at hand is one of this person's calls outside, and of their tenant's, as long as its dialog is up."""
    for key in filter(None, text("$avp(capped)").split(_BETWEEN)):
        KSR.dialog.set_dlg_profile(_CAPPED, key)
    if request.source is Source.PHONE and not request.target.startswith(SOS):
        KSR.dialog.set_dlg_profile(_CALLER, request.caller)


def count(trunk: TrunkSettings, *, emergency: bool = False) -> None:
    """The call at hand is one of this trunk's now, as long as its dialog is up."""
    KSR.dialog.set_dlg_profile(_PROFILE, trunk.name)
    if emergency:
        KSR.dialog.set_dlg_profile_static(_EMERGENCY)
    if trunk.calls_per_s:
        KSR.htable.sht_inc("pace", _second(trunk))


def dial(site: Site, decision: Dial) -> None:
    """Settle where the call at hand goes: to the trunk, which has its time to answer in."""
    trunk = site.trunks[decision.trunk]
    leave()
    if _is_marked(trunk.name):
        # Half open: this call looks whether it is back; as long as that may take others go another way.
        _leave_alone(trunk.name, trunk.answer_ms / 1000)
    if decision.emergency and is_full(trunk):
        _make_room(site, trunk)
    count(trunk, emergency=decision.emergency)
    KSR.pv.sets("$avp(trunk)", trunk.name)
    KSR.pv.sets("$avp(dialled)", decision.number)
    KSR.pv.unset("$avp(proved)")
    _send_to(site, trunk, decision.number, emergency=decision.emergency)


def again(site: Site) -> None:
    """Settle that the call at hand goes to the same trunk once more, with what it wants to be told."""
    KSR.tm.t_reset_fr()
    KSR.pv.unset("$avp(rings)")
    _send_to(site, site.trunks[text("$avp(trunk)")], text("$avp(dialled)"), emergency=False)


def _send_to(site: Site, trunk: TrunkSettings, number: str, *, emergency: bool) -> None:
    uri = manipulating.request_uri(site, trunk, number)
    KSR.seturi(uri)
    carriers.goes_to(trunk, uri)
    hops.to_trunk(site, trunk)
    # Both: a gateway that says 100 Trying and then nothing is as good as silent.
    KSR.tm.t_set_fr(trunk.answer_ms, min(trunk.answer_ms, _HELP_MS) if emergency else trunk.answer_ms)


def leave() -> None:
    """The call at hand is no more one of the trunk's that it was tried on, if it was on any."""
    trunk = KSR.pv.get("$avp(trunk)")
    if trunk is not None:
        KSR.dialog.unset_dlg_profile(_PROFILE, str(trunk))
        KSR.pv.unset("$avp(trunk)")


def relayed(site: str) -> None:
    """The call at hand goes by the trunks of another site."""
    leave()
    carriers.goes_to(None, "")
    KSR.pv.sets("$avp(outward)", f"@{site}")


def show(number: str) -> None:
    """The number that the called see, and no other identity; empty: none."""
    KSR.pv.sets("$avp(shown)", number or "-")


def tell_trunk(site: Site) -> bool:
    """Whether the branch at hand goes to a trunk; if so it is told what it wants, and of the caller no more than that.

    A trunk hears the number alone: what people are called inside is nothing that the PSTN needs to know.
    """
    name = KSR.pv.get("$avp(trunk)")
    if name is None:
        return False
    shown = (text("$avp(shown)") or _asserted_number() or "-").strip("-")
    number = text("$avp(dialled)")
    manipulating.show(site, site.trunks[str(name)], number, shown)
    if shown and KSR.isflagset(FLAG_PRIVATE) <= 0:
        signature = vouching.signed(site, shown, number, text("$avp(caller)"))
        if signature:
            KSR.hdr.append(signature)
    return True


def _asserted_number() -> str:
    found = _ASSERTED.search(headers("P-Asserted-Identity"))
    return "" if found is None else found[1]


def heard(code: int) -> None:
    """A reply of the trunk that was tried: it is there, and what it says may take its time from now on."""
    trunk = KSR.pv.get("$avp(trunk)")
    if trunk is None:
        if code < 200 and KSR.pv.get("$avp(outward)") is not None:
            KSR.pv.sets("$avp(rings)", "1")
        return
    if code < 200:
        if KSR.pv.get("$avp(rings)") is None:
            KSR.pv.sets("$avp(rings)", "1")
            KSR.tm.t_set_fr(_RING_MS, _RING_MS)
        _is_back(str(trunk))
    elif code == 503 and (wait := header("Retry-After")):
        seconds = wait.strip().partition(" ")[0].partition(";")[0].partition("(")[0]
        if seconds.isascii() and seconds.isdigit() and len(seconds) < 10:
            # RFC 3261 section 21.5.4: nothing more to it until then. Not for ever, whatever it says.
            _leave_alone(str(trunk), min(int(seconds), _LONGEST_RETRY_S))
    elif code not in NEXT_TRUNK:
        _is_back(str(trunk))


def failed(*, gone: bool) -> str:
    """The way on which the call at hand came to nothing for which the caller is not to blame; empty where none did.

    A trunk that said nothing is left alone for a while. A site that has tried all its trunks says so itself.
    gone: the connection to it is, whatever it had said.
    """
    trunk = KSR.pv.get("$avp(trunk)")
    way = trunk if trunk is not None else KSR.pv.get("$avp(outward)")
    if way is None or KSR.pv.get("$avp(rings)") is not None:
        return ""
    name = str(way)
    if trunk is not None and (gone or KSR.tm.t_branch_timeout() > 0):
        if not _is_marked(name):
            KSR.warn(f"trunk {name} does not answer: calls try others first\n")
        _leave_alone(name, _SILENT_S)
        return name
    return name if int(KSR.pv.get("$T_reply_code") or 0) in NEXT_TRUNK else ""


def tried(*more: str) -> frozenset[str]:
    """The ways on which the call at hand was tried, `more` among them from now on."""
    before = KSR.pv.get("$avp(tried)")
    names = [*(str(before).split(" ") if before is not None else ()), *more]
    if more:
        KSR.pv.sets("$avp(tried)", " ".join(names))
    return frozenset(names)


def _is_down(trunk: TrunkSettings) -> bool:
    if trunk.probe_set and KSR.dispatcher.ds_is_active(trunk.probe_set) < 0:
        return True
    marked = KSR.htable.sht_get("trunk", trunk.name)
    if marked is None:
        return False
    return time.monotonic() < float(str(marked))


def _is_marked(name: str) -> bool:
    """Whether something is held against it, though its time may be over."""
    return KSR.htable.sht_get("trunk", name) is not None


def _leave_alone(name: str, seconds: float) -> None:
    KSR.htable.sht_sets("trunk", name, str(time.monotonic() + seconds))


def _is_back(name: str) -> None:
    if KSR.htable.sht_get("trunk", name) is not None:
        KSR.htable.sht_rm("trunk", name)


def _size(profile: str, value: str) -> int:
    KSR.dialog.get_profile_size(profile, value, "$var(calls)")
    return int(KSR.pv.get("$var(calls)") or 0)


def _second(trunk: TrunkSettings) -> str:
    return f"{trunk.name}:{int(time.monotonic())}"


def _make_room(site: Site, trunk: TrunkSettings) -> None:
    """End the youngest call on a full trunk that is no emergency call itself."""
    emergencies = {each["call-id"] for each in _dialogs(_EMERGENCY)}
    others = [each for each in _dialogs(_PROFILE, trunk.name) if each["call-id"] not in emergencies]
    if not others:
        return
    victim = max(others, key=lambda each: int(each.get("start_ts") or each.get("init_ts") or 0))
    KSR.warn(f"trunk {trunk.name} is full: a call ends for an emergency call\n")
    ending.end(site, victim, _PREEMPTED)


def _dialogs(profile: str, *value: str) -> list[dict[str, Any]]:
    found = ending.rpc("dlg.profile_list", profile, *value)
    return found if isinstance(found, list) else []
