"""Presence by SIP (presence/watchers.py): requests of phones go to the control service, and its NOTIFYs to them.

Each site serves who is connected to it, wherever the watched are at home: it knows how they all are, and goes on
knowing how they were while the other site can't be reached.
"""

from __future__ import annotations

from collections.abc import Callable

from isthmus.engines.kamailio import connecting, contact, dialogs, hops, locating, serving
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
from isthmus.routing.snapshot import View
from isthmus.sip.sealing import Pass, Side, open_pass, seal_pass
from isthmus.site.internal import PRESENCE_UDP

METHODS = frozenset({"SUBSCRIBE", "PUBLISH"})


def handle(site: Site, auth: Authenticator, arrival: str, method: str, realm: Callable[[View], str]) -> None:
    """One request of a phone outside a dialog: who sends it is proved, and told. realm: the domain to prove it in."""
    connector = arrival[10:] if arrival.startswith("connector:") else ""
    with site.snapshot.view() as view:
        domain = connecting.admitted(site, view, connector, realm(view))
        proved = auth.authenticate(view, method, domain, lambda who: False)
        if proved is None:
            return  # challenged
        person, device = proved
        if device:
            site.activity.tell_device(device, locating.address_of(connector), arrival, lambda: header("User-Agent"))
        if f"{text('$fU')}@{text('$fd')}".lower() != person.aor:
            raise Refused(403, "From Is Not You")
        host = text("$rd").lower()
        if host not in view.config.domains and host not in site.settings.own_hosts:
            raise Refused(404, "Not Found")
        target = f"{text('$rU')}@{domain if host in site.settings.own_hosts else host}".lower()
    strip(*INTERNAL, *connecting.MARKS, *IDENTITY, *CREDENTIALS, "Route")
    KSR.seturi(f"sip:{target}")
    if method == "SUBSCRIBE":
        _seal_contact(site, arrival)
        seal = seal_pass(site.secret, text("$ci"), Pass(Side.LINK if connector else Side.EDGE, False))
        route = site.settings.record_routes["peer" if connector else arrival]
        KSR.hdr.insert(f"Record-Route: <{route.replace('{seal}', seal)}>\r\n")
    KSR.hdr.append(f"{PERSON}: {person.aor}\r\n")
    serving.to_service(site, PRESENCE_UDP)


def refresh(site: Site, arrival: str) -> None:
    """A SUBSCRIBE within a dialog. Only who has the dialog has the seal."""
    if open_pass(site.secret, text("$ci"), contact.route_seal(contact.first_uri(header("Route")))) is None:
        raise Refused(481, "Subscription Does Not Exist")
    if KSR.tm.t_check_trans() == 0:
        return
    strip(*INTERNAL, *connecting.MARKS, *IDENTITY, *CREDENTIALS, "Route")
    if header("Contact"):
        _seal_contact(site, arrival)
    serving.to_service(site, PRESENCE_UDP)


def _seal_contact(site: Site, arrival: str) -> None:
    """Let NOTIFYs find the phone. A connector has sealed what its phones are reached by. Raises Refused."""
    if hops.is_link(arrival):
        if not header("Contact"):
            raise Refused(400, "Bad Contact")
        return
    sealed = hops.sealed_contact(site, arrival)
    if not sealed:
        raise Refused(400, "Bad Contact")
    hops.put_contact(sealed)


def notify(site: Site, method: str) -> None:
    """From the control service, by its own listener: what a watcher is told."""
    if method != "NOTIFY" or not site.is_control(header("X-Isthmus-Control")):
        raise Refused(403, "Forbidden")
    dialogs.handle(site, "presence", method)
