"""Between a connector and the site that it belongs to (routing/branch.py has the rules).

A connector passes on what phones at the branch ask for, as it came and with their own credentials, and what comes from
its trunks, marked as such. The site judges both as if they had come to itself, but for one tenant alone: whatever a
connector says, it can reach nobody else's people, and speak for none.
"""

from __future__ import annotations

import time
from urllib.parse import unquote

from isthmus.engines.kamailio import carry, contact, ending, hops, later, naming, outward, recording, serving
from isthmus.engines.kamailio.ksr import (
    COUNTRY,
    IDENTITY,
    INTERNAL,
    KSR,
    PHONE,
    TRUNK,
    Refused,
    header,
    headers,
    strip,
    text,
)
from isthmus.engines.kamailio.site import Site
from isthmus.routing import branch
from isthmus.routing.model import SOS, Request, Source
from isthmus.routing.rules import decide
from isthmus.routing.snapshot import View
from isthmus.sip import digest

MARKS = (TRUNK, PHONE, COUNTRY)


def passes_on(site: Site, arrival: str, method: str, target: str, country: str) -> bool:
    """At a connector: hand what a phone asks for to the site that judges.

    Returns False where that can't be reached: this branch then judges itself, but lets anybody call for help.
    target: what the Request-URI means by the dial plan of the branch (see Request.target). country: of that plan.
    """
    request = Request(method, target, Source.BRANCH, unreachable=site.unreachable(), at_s=int(time.time()))
    away = site.settings.upstream in request.unreachable
    if away and not (method == "INVITE" and target.startswith(SOS)):
        return False
    if method == "REGISTER":
        if header("Path"):
            raise Refused(403, "Path Is Not For Phones")
        if not contact.may_register(headers("Contact")):
            raise Refused(400, "Bad Contact")
        site.activity.tell_registered(f"{text('$tU')}@{text('$td')}".lower(), text("$si"), header("User-Agent"), "")
    with site.snapshot.view() as view:
        outcome = decide(request, view)
    if away or header("Proxy-Authorization"):  # what is only going to be challenged is no call yet
        recording.begins(site, request, outcome)
    strip(*INTERNAL, *MARKS, *IDENTITY, "Route")
    if away:
        outward.show("")  # nobody vouches for any number of theirs
    else:
        KSR.hdr.append(f"{PHONE}: {text('$si')}\r\n")
        if target.startswith(SOS):
            KSR.hdr.append(f"{COUNTRY}: {country}\r\n")
    if method in ("INVITE", "SUBSCRIBE"):
        sealed = hops.sealed_contact(site, arrival)
        if not sealed:
            raise Refused(400, "Bad Contact")
        naming.begin(site, sealed)
        ending.begins(sealed)
        KSR.pv.sets("$avp(arrival)", arrival)
    if method in serving.SERVED:
        serving.wait_at_connector()
    carry.out(site, request, outcome.decision, arrival)
    return True


def check_known(view: View, method: str) -> None:
    """At a connector that is alone: who names somebody of whom it does not know is not told that the password is wrong.

    Phones give up on that, and those of visitors, of whom nobody tells a branch, are right. Raises Refused.
    """
    given = header("Authorization" if method == "REGISTER" else "Proxy-Authorization")
    credentials = digest.parse_credentials(given) if given else None
    if view.config.domains and credentials is None:
        return  # is challenged first
    name = "" if credentials is None else credentials.username.lower()
    if credentials is None or (view.person(f"{name}@{credentials.realm}") is None and view.device(name) is None):
        later.say()
        raise Refused(branch.UNKNOWN.code, branch.UNKNOWN.reason)


def tenant_of(site: Site, name: str) -> int:
    """At the site: position in `Config.tenants` of the tenant whose connector this is."""
    return site.connectors.tenant.get(name, -1)


def admitted(site: Site, view: View, name: str, domain: str) -> str:
    """At the site: the domain in which a phone's request that is no call has to be proved. Raises Refused.

    name: of the connector that the phone is at; empty for none. domain: whose people may be asking.
    """
    if name:
        check_realm(view, domain, tenant_of(site, name))
    elif site.bars(view, text("$si")):
        raise Refused(403, "Blocked")
    return domain


def check_realm(view: View, domain: str, tenant: int) -> None:
    """At the site: who is at a connector is of its tenant. Raises Refused."""
    if view.config.domains.get(domain, -1) != tenant:
        raise Refused(branch.NOT_ITS.code, branch.NOT_ITS.reason)


def check_path(site: Site, name: str) -> None:
    """At the site: a binding made through a connector leads back to that connector and nowhere else. Raises Refused."""
    peer = site.peer(name)
    paths = contact.uris(headers("Path"))
    if peer is None or len(paths) != 1 or paths[0].partition(":")[2].partition(";")[0] != peer.host:
        raise Refused(403, "Path Is Not This Connector's")
    if contact.edge_of(contact.received_of(paths[0])) == "":
        raise Refused(403, "Path Leads To No Phone")
    # Which device it is says the credential, and not the connector.
    if ";device=" in unquote(paths[0]):
        raise Refused(403, "Path Is Not This Connector's")
    if not contact.may_register(headers("Contact")):
        raise Refused(400, "Bad Contact")
