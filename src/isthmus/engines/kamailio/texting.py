"""MESSAGE of phones (messaging/sip.py): from them to the control service, and from that to each phone it names."""

from __future__ import annotations

from collections.abc import Callable

from isthmus.addressing import is_e164
from isthmus.addressing.hostport import bracketed
from isthmus.engines.kamailio.auth import Authenticator
from isthmus.engines.kamailio.ksr import (
    CREDENTIALS,
    IDENTITY,
    INTERNAL,
    KSR,
    PERSON,
    Refused,
    header,
    strip,
    text,
)
from isthmus.engines.kamailio.site import Site
from isthmus.messaging.rules import group_of
from isthmus.routing.model import PersonRecord
from isthmus.routing.snapshot import View
from isthmus.site.internal import MESSAGES_UDP

HOP = "X-Isthmus-Hop"
_MOST_BYTES = 32 * 1024  # of a body
_WITHIN_MS = 14_000  # the service may have to ask the sender's home, and clients give up after 32 s


def handle(
    site: Site,
    auth: Authenticator,
    arrival: str,
    realm: Callable[[View], str],
    target: Callable[[Site, View, str, PersonRecord], str],
) -> bool:
    """A phone's MESSAGE outside a dialog; whether it was dealt with. One to nobody of ours is for others to refuse.

    realm: the domain to prove it in. target: what the Request-URI means to a person.
    """
    with site.snapshot.view() as view:
        if site.bars(view, text("$si")):
            raise Refused(403, "Blocked")
        domain = realm(view)
        proved = auth.authenticate(view, "MESSAGE", domain, lambda who: False)
        if proved is None:
            return True  # challenged
        person, device = proved
        if f"{text('$fU')}@{text('$fd')}".lower() != person.aor:
            raise Refused(403, "From Is Not You")
        meant = target(site, view, domain, person)
        whom = view.owner_of(meant) if is_e164(meant) else view.person(meant)
        # Who may write to a group, and whether there is one, is for the control service to say.
        to = whom.aor if whom is not None else meant
        if whom is None and not (group_of(meant) and meant.partition("@")[2] in view.config.domains):
            return False
        if device:
            site.activity.tell_device(device, text("$si"), arrival, lambda: header("User-Agent"))
    if int(KSR.pv.get("$bs") or 0) > _MOST_BYTES:
        raise Refused(413, "Message Too Long")
    strip(*INTERNAL, *IDENTITY, *CREDENTIALS, "Route")
    KSR.seturi(f"sip:{to}")
    KSR.hdr.append(f"{PERSON}: {person.aor}\r\n")
    KSR.hdr.append(f"X-Isthmus-Control: {site.control_secret}\r\n")
    KSR.setdsturi(f"sip:{bracketed(site.settings.internal_host)}:{MESSAGES_UDP};transport=udp")
    KSR.pv.sets("$fs", site.settings.sockets["presence"])
    KSR.tm.t_set_fr(0, _WITHIN_MS)
    KSR.tm.t_on_failure("ksr_failure_later")
    if KSR.tm.t_relay() < 0:
        raise Refused(503, "Messages Are Not Available Now")
    return True


def deliver(site: Site) -> None:
    """From the control service: a message to one phone, by the way that its binding says."""
    hop = header(HOP)
    if not site.is_control(header("X-Isthmus-Control")) or not hop:
        raise Refused(403, "Forbidden")
    strip(*INTERNAL)
    KSR.setdsturi(hop)
    KSR.tm.t_on_branch("ksr_branch_out")
    KSR.tm.t_on_reply("ksr_reply_in")
    if KSR.tm.t_relay() < 0:
        raise Refused(430, "Flow Failed")
