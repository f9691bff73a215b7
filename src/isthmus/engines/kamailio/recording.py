"""Tells the control service what becomes of calls, for their records (records/), from inside Kamailio's workers.

Never waits (see spool.py), and never stands in a call's way: what goes wrong here is logged, and the call goes on.

A leg is one passage of a call through the site. FLAG_RECORDED marks its transaction: a leg that was said to begin.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from isthmus.engines.kamailio import branches, streaming
from isthmus.engines.kamailio.ksr import FLAG_MEDIA, FLAG_NOTED, FLAG_RECORDED, KSR, text
from isthmus.engines.kamailio.site import Site
from isthmus.records.model import By, Event, Kind, MediaPath, Route
from isthmus.routing.model import Answer, Decision, Dial, Local, Outcome, Relay, Request
from isthmus.sip.sealing import Side

_P = ParamSpec("_P")
_LONGEST = 256
_PASSAGES = {Side.LINK: "link", Side.EDGE: "edge"}
_NOTED = frozenset({"ACK", "INVITE", "UPDATE", "PRACK", "REFER", "INFO"})
_FIGURES = ("mos", "jitter_ms", "loss_percent", "round_trip_ms")
_SAID_BY_PEOPLE = {486: "Busy Here", 600: "Busy Everywhere", 603: "Decline"}  # as in replies


def _harmless(work: Callable[Concatenate[Site, _P], None]) -> Callable[Concatenate[Site, _P], None]:
    def guarded(site: Site, /, *args: _P.args, **more: _P.kwargs) -> None:
        try:
            work(site, *args, **more)
        except Exception as error:
            KSR.err(f"a call is not recorded: {type(error).__name__}: {error}\n")

    return guarded


@_harmless
def begins(site: Site, request: Request, outcome: Outcome) -> None:
    """A request was decided on. Only INVITEs are recorded."""
    if request.method != "INVITE":
        return
    KSR.setflag(FLAG_RECORDED)
    route, way, whom = _way(outcome.decision)
    rule, words = _last(outcome)
    site.records.tell(
        _event(
            Kind.BEGINS,
            text("$ci"),
            branches.side(),
            caller=_cut(request.caller),
            callee=_cut(request.target),
            source=request.source.value,
            via=request.via,
            route=route,
            way=way,
            whom=_cut(whom),
            rule=rule,
            text=_cut(words),
        )
    )


@_harmless
def begins_at_flow(site: Site, peer: str, caller: str) -> None:
    """The home found a phone of ours by its Path: nothing is decided here."""
    if not KSR.is_INVITE():
        return
    KSR.setflag(FLAG_RECORDED)
    callee = f"{text('$tU')}@{text('$td')}".lower()
    site.records.tell(
        _event(
            Kind.BEGINS,
            text("$ci"),
            branches.side(),
            caller=_cut(caller),
            callee=_cut(callee),
            source="peer",
            via=peer,
            route=Route.PHONE,
            rule="path",
            text=f"{peer} says by which connection the phone is reached",
        )
    )


@_harmless
def rerouted(site: Site, outcome: Outcome) -> None:
    """The first way came to nothing; this is the next one."""
    if KSR.isflagset(FLAG_RECORDED) > 0:
        route, way, whom = _way(outcome.decision)
        rule, words = _last(outcome)
        more = {"route": route, "way": way, "whom": whom, "rule": rule, "text": _cut(words)}
        site.records.tell(_event(Kind.REROUTED, text("$ci"), branches.side(), **more))


@_harmless
def replied(site: Site, code: int) -> None:
    """A final reply to a request outside a dialog. One that refuses tells why; the end is told when it is chosen."""
    if not KSR.isflagset(FLAG_RECORDED) > 0:
        return
    if code < 200:
        site.records.tell(_note(Kind.PROGRESS, text("$ci"), branches.side(), code=code, reason=_safe("$rr")))
    elif code < 300:
        # The branch that answers is at hand: whether it was handed to the relay stands with it.
        media = MediaPath.RELAYED if KSR.isbflagset(FLAG_MEDIA) > 0 else MediaPath.PAST
        site.records.tell(_event(Kind.ANSWERED, text("$ci"), branches.side(), media=media))
    elif (cause := _safe("$hdr(Reason)")) or KSR.pv.get("$avp(alone)") is not None:
        KSR.pv.sets("$avp(cause)", cause)
        if KSR.pv.get("$avp(alone)") is not None:
            _tell_end(site, code, _safe("$rr"), By.CALLER if code == 487 else By.CALLEE, cause)


def alone() -> None:
    """The request at hand goes to one phone without a failure route: its reply is the end."""
    KSR.pv.sets("$avp(alone)", "1")


@_harmless
def refused(site: Site, code: int, reason: str) -> None:
    """The site itself gives the final answer to the request at hand."""
    if KSR.isflagset(FLAG_RECORDED) > 0:
        _tell_end(site, code, reason, By.NETWORK)


@_harmless
def failed(site: Site) -> None:
    """The call at hand came to nothing, in the failure route: of several answers the one that the caller gets."""
    if not KSR.isflagset(FLAG_RECORDED) > 0:
        return
    if KSR.tm.t_is_canceled() > 0:
        _tell_end(site, 487, "Request Terminated", By.CALLER)
        return
    silent = KSR.tm.t_branch_timeout() > 0 and KSR.tm.t_branch_replied() < 0
    code, reason = int(KSR.pv.get("$T_reply_code") or 408), _safe("$T_reply_reason")
    said = KSR.pv.get("$avp(said)")
    if said is not None and code in (408, 430):
        code, reason, silent = int(said), _SAID_BY_PEOPLE[int(said)], False
    _tell_end(site, code, reason, By.NETWORK if silent or code == 408 else By.CALLEE, _safe("$avp(cause)"))


@_harmless
def within(site: Site, method: str, call_id: str, side: Side) -> None:
    """A request in a dialog, for what is kept of what was signalled."""
    if method in _NOTED:
        site.records.tell(_note(Kind.WITHIN, call_id, side, method=method, tag=_safe("$ft")))
        _note_answer(method)


@_harmless
def hung_up(site: Site, call_id: str, side: Side) -> None:
    """A BYE. After rtpengine was told: its figures stand in Kamailio's variables then (modparam mos_average_*)."""
    figures = {} if KSR.pv.get("$avp(mos)") is None else {name: _figure(f"$avp({name})") for name in _FIGURES}
    media = MediaPath.PAST_FIRST if streaming.is_relayed_since() else ""
    site.records.tell(_event(Kind.ENDS, call_id, side, cause=_safe("$hdr(Reason)"), media=media, **figures))
    _note_answer("BYE")


def _note_answer(method: str) -> None:
    """Have the final answer to the request at hand noted, by whichever reply route it gets."""
    if method != "ACK":
        KSR.setflag(FLAG_NOTED)
        KSR.tm.t_on_reply("ksr_reply_noted")


@_harmless
def answered_within(site: Site) -> None:
    """A reply to a request in a dialog. The tag is still that of who sent the request."""
    if not KSR.isflagset(FLAG_NOTED) > 0:
        return
    code = int(KSR.pv.get("$rs"))
    if code >= 200:
        method, tag = text("$rm"), _safe("$ft")
        more = {"method": method, "tag": tag, "code": code, "reason": _safe("$rr")}
        site.records.tell(_note(Kind.WITHIN, text("$ci"), branches.side(), **more))


def _tell_end(site: Site, code: int, reason: str, by: By, cause: str = "") -> None:
    KSR.resetflag(FLAG_RECORDED)
    more = {"code": code, "reason": _cut(reason), "by": by, "cause": cause}
    site.records.tell(_event(Kind.ENDS, text("$ci"), branches.side(), **more))


def _note(kind: Kind, call_id: str, side: Side, **more: Any) -> Event:
    """As little as can be read: there are several a call. What strangers wrote is cut by whoever hands it over."""
    return Event(time.time(), kind, _cut(call_id), _PASSAGES[side], **more)


def _event(kind: Kind, call_id: str, side: Side, **more: Any) -> Event:
    """Likewise, with who sent what this tells of."""
    agent = _safe("$ua") or (_safe("$hdr(Server)") if kind is Kind.ANSWERED else "")
    return Event(time.time(), kind, _cut(call_id), _PASSAGES[side], tag=_safe("$ft"), agent=agent, **more)


def _way(decision: Decision) -> tuple[str, str, str]:
    """Route, site or trunk, and whose phones."""
    match decision:
        case Local(aor):
            return Route.LOCAL, "", aor
        case Relay(site, aor):
            return Route.RELAY, site, aor
        case Dial(trunk):
            return Route.DIAL, trunk, ""
        case Answer():
            return Route.REFUSE, "", ""


def _last(outcome: Outcome) -> tuple[str, str]:
    step = outcome.trace[-1] if outcome.trace else None
    return (step.rule, step.text) if step else ("", "")


def _safe(variable: str) -> str:
    """A pseudo-variable that somebody else wrote, which may be no UTF-8."""
    try:
        return _cut(text(variable))
    except UnicodeDecodeError:
        return ""


def _cut(value: str) -> str:
    return value.replace("\0", "")[:_LONGEST]


def _figure(variable: str) -> float | None:
    try:
        figure = float(text(variable))
    except ValueError:
        return None
    return round(figure, 3) if math.isfinite(figure) else None
