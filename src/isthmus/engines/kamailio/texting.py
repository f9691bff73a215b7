"""MESSAGE of phones (messaging/sip.py): from them to the control service, and from that to each phone it names."""

from __future__ import annotations

from collections.abc import Callable

from isthmus.addressing import is_e164
from isthmus.engines.kamailio import connecting, locating, serving
from isthmus.engines.kamailio.asking import NOT_OURS
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
    connector = arrival[10:] if arrival.startswith("connector:") else ""
    with site.snapshot.view() as view:
        domain = connecting.admitted(site, view, connector, realm(view))
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
            site.activity.tell_device(device, locating.address_of(connector), arrival, lambda: header("User-Agent"))
    if int(KSR.pv.get("$bs") or 0) > _MOST_BYTES:
        raise Refused(413, "Message Too Long")
    strip(*INTERNAL, *connecting.MARKS, *IDENTITY, *CREDENTIALS, "Route")
    KSR.seturi(f"sip:{to}")
    KSR.hdr.append(f"{PERSON}: {person.aor}\r\n")
    serving.to_service(site, MESSAGES_UDP)
    return True


def deliver(site: Site, within_ms: int = 0) -> None:
    """From the control service: a message to one phone, or whether it is there, by the way that its binding says.

    within_ms: how long an answer may take; 0: as long as any.
    """
    hop = header(HOP)
    if not site.is_control(header("X-Isthmus-Control")) or not hop:
        raise Refused(403, NOT_OURS)
    strip(*INTERNAL)
    KSR.setdsturi(hop)
    KSR.tm.t_on_branch("ksr_branch_out")
    KSR.tm.t_on_reply("ksr_reply_in")
    if within_ms:
        KSR.tm.t_set_fr(0, within_ms)
    if KSR.tm.t_relay() < 0:
        raise Refused(430, "Flow Failed")
