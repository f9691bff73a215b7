"""Where the message at hand goes next, and by which socket."""

from __future__ import annotations

from isthmus.addressing.hostport import bracketed
from isthmus.engines.kamailio import contact
from isthmus.engines.kamailio.ksr import KSR, header, text
from isthmus.engines.kamailio.site import Site
from isthmus.sip.sealing import Flow, seal_flow


def to_peer(site: Site, name: str) -> None:
    """Next hop: haproxy's entrance to that peer."""
    KSR.setdsturi(f"sip:{bracketed(site.settings.internal_host)}:{site.peers[name].out_port};transport=tcp")
    KSR.pv.sets("$fs", site.settings.sockets[f"peer:{name}"])


def to_registrar(site: Site) -> None:
    """Next hop: this site's own private listener, which saves bindings that did not come from the phone itself.

    Kamailio ties a binding to the connection its REGISTER came by, and drops it when that is lost: right for a
    phone, wrong for the link or a hand-over. By UDP there is no connection to tie it to.
    """
    KSR.hdr.append(f"X-Isthmus-Control: {site.control_secret}\r\n")
    KSR.setdsturi(f"sip:{site.settings.sockets['control'].partition(':')[2]}")
    KSR.pv.sets("$fs", site.settings.sockets["control"])


def to_flow(site: Site, uri: str, edge: str) -> None:
    """Next hop: a phone. A connection that is gone is not made anew: nobody would be at its other end."""
    KSR.setdsturi(uri)
    KSR.pv.sets("$fs", site.settings.sockets[edge])
    if edge != "udp":
        KSR.set_forward_no_connect()


def own_contact(edge: str, device: str) -> str:
    """How the registrar is told to reach the phone that the message at hand came from, and which device that is.

    device: name and generation; empty for a person's own credential. It stays with the binding wherever that goes.
    """
    uri = own_flow(edge).uri
    return f"{uri};device={device}" if device else uri


def own_flow(edge: str) -> Flow:
    """The flow the message at hand came by. edge: the listener it came to."""
    return Flow(edge, text("$si").strip("[]"), int(text("$sp")))


def seal_contact(site: Site, edge: str) -> bool:
    """Put the sender's sealed flow into the Contact of the message at hand, so that the far end's requests find it.

    Returns False where the message has no usable Contact.
    """
    given = header("Contact")
    if not given:
        return False
    call_id, flow = text("$ci"), own_flow(edge)
    sealed = contact.with_flow(given, lambda bound: seal_flow(site.secret, call_id, flow, bound))
    if sealed is None:
        return False
    KSR.hdr.remove("Contact")
    KSR.hdr.append(f"Contact: {sealed}\r\n")
    return True
