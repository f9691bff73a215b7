"""Whoever can't be served now is to come again: 503 with Retry-After (RFC 3261 section 21.5.4)."""

from __future__ import annotations

from isthmus.engines.kamailio.ksr import KSR, text
from isthmus.engines.kamailio.site import Site

_LATER_S = "20"
_SILENT = {
    "MESSAGE": "Messages Are Not Available Now",
    "PUBLISH": "Presence Is Not Available Now",
    "SUBSCRIBE": "Presence Is Not Available Now",
}


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
