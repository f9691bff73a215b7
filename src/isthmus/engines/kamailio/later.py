"""Whoever can't be served now is to come again: 503 with Retry-After (RFC 3261 section 21.5.4)."""

from __future__ import annotations

from isthmus.engines.kamailio.ksr import KSR, text
from isthmus.engines.kamailio.site import Site

WITHIN_MS = 14_000  # a phone gives up after 32 s, and may be two sites away from who answers
_LATER_S = "20"
_SILENT = {
    "MESSAGE": "Messages Are Not Available Now",
    "SUBSCRIBE": "Presence Is Not Available Now",
    "PUBLISH": "Presence Is Not Available Now",
    "REGISTER": "Home Site Unreachable",
}


def say() -> None:
    """The final answer to the request at hand, which is 503, says when to come again."""
    KSR.hdr.append_to_reply(f"Retry-After: {_LATER_S}\r\n")


def wait() -> None:
    """The request at hand goes to who answers it; should nothing be heard of that, its phone is to come again."""
    KSR.tm.t_set_fr(0, WITHIN_MS)
    KSR.tm.t_on_failure("ksr_failure_later")


def failed(site: Site) -> None:
    """Who was asked did not take it. The engine would make 500 of its 503 (RFC 3261 section 16.7, step 6)."""
    silent = KSR.tm.t_branch_timeout() > 0 and KSR.tm.t_branch_replied() < 0
    if silent:
        _answer(_LATER_S, _SILENT.get(text("$rm"), "Service Unavailable"))
    elif KSR.tm.t_check_status("503") > 0:
        _answer(text("$T_rpl($hdr(Retry-After))") or _LATER_S, text("$T_rpl($rr)") or "Service Unavailable")


def _answer(seconds: str, reason: str) -> None:
    KSR.hdr.append_to_reply(f"Retry-After: {seconds}\r\n")
    KSR.tm.t_reply(503, reason)
