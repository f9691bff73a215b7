"""A gateway that answers 3xx wants the call to go to another number. It is not for the gateway to say whether it may.

The new number is decided about as if the caller had dialled it: what they may not call they are not led to, and what is
no number is nowhere. It never goes to the caller's phone, which would ask the gateway's address for it.
"""

from __future__ import annotations

import time

from isthmus.activity.wire import Kind
from isthmus.addressing import dialled_number
from isthmus.engines.kamailio import contact
from isthmus.engines.kamailio.ksr import KSR, header, text
from isthmus.engines.kamailio.site import Site
from isthmus.routing.model import Request, Source

_MOST = 3  # redirections of one call


def heard(code: int) -> None:
    """Remember where the reply at hand leads to, as long as it can be read."""
    if 300 <= code < 400:
        KSR.pv.sets("$avp(redirect)", contact.first_uri(header("Contact")) or header("Contact"))


def is_redirected() -> bool:
    """Whether the call at hand was sent elsewhere by the trunk, or the other site's trunks, that it was tried on.

    A call that came from another site is that site's to lead on: it knows what the caller may.
    """
    outside = KSR.pv.get("$avp(trunk)") is not None or KSR.pv.get("$avp(outward)") is not None
    code = int(KSR.pv.get("$T_reply_code") or 0)
    return outside and 300 <= code < 400 and text("$avp(source)") != Source.PEER.value


def request(site: Site) -> Request | None:
    """The call at hand to its new number; None where that is none, or it was redirected too often."""
    number = dialled_number(contact.user_of(text("$avp(redirect)")))
    times = int(KSR.pv.get("$avp(redirects)") or 0) + 1
    KSR.pv.unset("$avp(redirect)")
    KSR.pv.seti("$avp(redirects)", times)
    if number is None or times > _MOST or number == text("$avp(target)"):
        return None
    return Request(
        "INVITE",
        number,
        Source(text("$avp(source)")),
        text("$avp(caller)"),
        unreachable=site.unreachable(),
        at_s=int(time.time()),
        lot=int(KSR.pv.get("$avp(lot)") or 0),
        place=text("$avp(at)"),
    )


def tell(site: Site, request: Request) -> None:
    """What accounts call is looked at (docs/activity.md), also where a gateway has led them there."""
    site.activity.tell(
        Kind.CALL,
        request.caller,
        text("$si"),
        header("User-Agent"),
        number=request.target,
        call_id=text("$ci"),
    )
