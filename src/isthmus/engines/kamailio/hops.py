"""Where the message at hand goes next, and by which socket."""

from __future__ import annotations

from typing import NamedTuple

from isthmus.addressing.hostport import bracketed
from isthmus.engines.kamailio import contact
from isthmus.engines.kamailio.config import PeerSettings, TrunkSettings
from isthmus.engines.kamailio.ksr import KSR, Refused, header, number, text
from isthmus.engines.kamailio.site import Site, is_marked_silent
from isthmus.sip.sealing import Flow, seal_flow

_SAVED, _REMOVED = frozenset({1, 2}), 3  # what save() gives for a binding that was made, refreshed, removed


def to_peer(site: Site, name: str) -> None:
    """Next hop: haproxy's entrance to that peer; to a connector, the connection by which it came last.

    Raises Refused where a connector has none.
    """
    peer = site.peer(name)
    if peer is None:
        raise Refused(480, "Connector Is Gone")
    if peer.slot < 0:
        KSR.setdsturi(f"sip:{bracketed(site.settings.internal_host)}:{peer.out_port};transport=tcp")
        KSR.pv.sets("$fs", site.settings.sockets[f"peer:{name}"])
        return
    flow = connector_flow(peer)
    if not flow:
        raise Refused(480, "Connector Can't Be Reached")
    KSR.setdsturi(f"sip:{flow};transport=tcp;slot={peer.slot}")
    KSR.pv.sets("$fs", site.settings.sockets[f"slot:{peer.slot}"])
    KSR.set_forward_no_connect()


def connector_flow(peer: PeerSettings) -> str:
    """`host:port` of the connection by which a connector came last; empty where it is gone, or was silent just now."""
    if is_marked_silent(peer.name):
        return ""
    flow, _, connection = str(KSR.htable.sht_get("flow", peer.name) or "").partition("|")
    return flow if connection and KSR.tcpops.tcp_conid_alive(int(connection)) > 0 else ""


def note_connector(name: str) -> None:
    """The message at hand came from that connector: by the same connection it is reached."""
    now = f"{bracketed(text('$si'))}:{number('$sp')}|{number('$conid')}"
    if KSR.htable.sht_get("flow", name) != now:
        KSR.htable.sht_sets("flow", name, now)


class Behind(NamedTuple):
    """A phone at a connector of this site, as its home at another one asks for it. route: the connector's own Path."""

    connector: str
    route: str


def behind_connector(site: Site, routes: str) -> Behind | None:
    """Where Routes lead through us to a phone at a connector. Raises Refused for a connector that is no more.

    routes: from a site, which has them of a Path that we wrote. None where they lead elsewhere.
    """
    uris = contact.uris(routes)
    if len(uris) != 2 or _host_port(uris[0]) != site.settings.link_host:
        return None
    connector = site.peer_of_hop(uris[1])
    # By its name alone: of what else a connector has written into its Path, nothing leads to another one.
    if connector is None or connector.host != _host_port(uris[1]) or not contact.received_of(uris[1]):
        raise Refused(430, "Flow Failed")
    return Behind(connector.name, uris[1])


def _host_port(uri: str) -> str:
    return uri.partition(":")[2].partition(";")[0]


def is_link(arrival: str) -> bool:
    """Whether something came from a peer or a connector."""
    return arrival.startswith(("peer:", "connector:"))


def to_registrar(site: Site) -> None:
    """Next hop: this site's own private listener, which saves bindings that did not come from the phone itself.

    Kamailio ties a binding to the connection its REGISTER came by, and drops it when that is lost: right for a
    phone, wrong for the link or a hand-over. By UDP there is no connection to tie it to.
    """
    KSR.hdr.append(f"X-Isthmus-Control: {site.control_secret}\r\n")
    KSR.setdsturi(f"sip:{site.settings.sockets['control'].partition(':')[2]}")
    KSR.pv.sets("$fs", site.settings.sockets["control"])


def save(site: Site, edge: str) -> None:
    """Save the binding of the REGISTER at hand, answer it, and let the control service know.

    edge: by which the phone is connected, here or at another site; empty where it can't be told.
    """
    became = KSR.registrar.save("location", 0)
    aor = f"{text('$tU')}@{text('$td')}".lower()
    if became in _SAVED:
        site.activity.tell_bound(aor, edge)
    elif became == _REMOVED:
        site.activity.tell_unbound(aor)


def lost(site: Site) -> None:
    """A binding ran out, or its connection is gone: the engine calls this for each as it drops it."""
    site.activity.tell_unbound(text("$ulc(exp=>aor)").lower())


def to_flow(site: Site, uri: str, edge: str) -> None:
    """Next hop: a phone. A connection that is gone is not made anew: nobody would be at its other end."""
    if edge == "trunk":
        trunk = site.trunk_of_hop(uri)
        if trunk is None:  # it is no more in the site file
            raise Refused(481, "Call/Transaction Does Not Exist")
        to_trunk(site, trunk)
        return
    KSR.setdsturi(uri)
    KSR.pv.sets("$fs", site.settings.sockets[edge])
    if edge != "udp":
        KSR.set_forward_no_connect()


def to_trunk(site: Site, trunk: TrunkSettings) -> None:
    """Next hop: a gateway, by TCP and TLS through haproxy's entrance to it."""
    if trunk.out_port:
        KSR.setdsturi(f"sip:{bracketed(site.settings.internal_host)}:{trunk.out_port};transport=tcp")
    else:
        KSR.setdsturi(f"sip:{trunk.uri_tail}")
    KSR.pv.sets("$fs", site.settings.sockets[trunk.edge])


def own_contact(edge: str, device: str) -> str:
    """How the registrar is told to reach the phone that the message at hand came from, and which device that is.

    device: name and generation; empty for a person's own credential. It stays with the binding wherever that goes.
    """
    uri = own_flow(edge).uri
    return f"{uri};device={device}" if device else uri


def own_flow(edge: str) -> Flow:
    """The flow the message at hand came by. edge: the listener it came to."""
    return Flow(edge, text("$si").strip("[]"), number("$sp"))


def _flow(site: Site, edge: str) -> Flow:
    """Where the far end's requests to the sender of the message at hand are to go."""
    kind, _, name = edge.partition(":")
    if kind == "trunk":
        return Flow(kind, site.settings.internal_host, site.trunks[name].out_port)
    return own_flow(edge)


def sealed_contact(site: Site, edge: str) -> str:
    """The Contact of the message at hand with the sender's sealed flow in it, so that the far end's requests find it.

    Empty where the message has no usable one.
    """
    given = header("Contact")
    if not given:
        return ""
    call_id, flow = text("$ci"), _flow(site, edge)
    return contact.with_flow(given, lambda bound: seal_flow(site.secret, call_id, flow, bound)) or ""


def put_contact(value: str) -> None:
    """Let this be the Contact of the message at hand. Once a message: what was put can't be taken away again."""
    KSR.hdr.remove("Contact")
    KSR.hdr.append(f"Contact: {value}\r\n")
