"""What every room of the brain knows of its site: settings, secrets, the snapshot, and where messages came from."""

from __future__ import annotations

import hmac
import time
from pathlib import Path

from isthmus.addressing.networks import Networks
from isthmus.emergency.heard import KINDS, Heard
from isthmus.emergency.mapfile import MapFile
from isthmus.engines.kamailio import trunkmedia
from isthmus.engines.kamailio.config import SILENT_S, BrainSettings, PeerSettings, TrunkSettings
from isthmus.engines.kamailio.ksr import KSR, number, text
from isthmus.engines.kamailio.reporting import Reporter
from isthmus.engines.kamailio.spool import Spool
from isthmus.engines.kamailio.vouching import Voucher
from isthmus.routing.model import ConnectorRecord
from isthmus.routing.snapshot import LmdbSnapshot, View

_NONE: frozenset[str] = frozenset()


class Site:
    """One a worker. Everything in it but the snapshot is fixed at start."""

    def __init__(self, settings: BrainSettings) -> None:
        self.settings = settings
        self.secret = bytes.fromhex(Path(settings.flow_secret).read_text().strip())
        self.control_secret = Path(settings.control_secret).read_text().strip()
        self.peers = {peer.name: peer for peer in settings.peers}
        self._peer_by_host = {peer.host: peer for peer in settings.peers}
        self._peer_by_out_port = {str(peer.out_port): peer for peer in settings.peers}
        self.connectors = Connectors(())
        self.trunks = {trunk.name: trunk for trunk in settings.trunks}
        # Whoever has to come by TLS proves more than an address.
        self._trunk_by_host = {trunk.host: trunk for trunk in settings.trunks if trunk.transport != "tls"}
        self._trunk_by_out_port = {str(trunk.out_port): trunk for trunk in settings.trunks if trunk.out_port}
        self._trunk_networks = [
            (Networks(trunk.networks), trunk)
            for trunk in settings.trunks
            if trunk.networks and trunk.transport != "tls"
        ]
        self.has_accounts = any(trunk.registration for trunk in settings.trunks)
        self.has_names = any(trunk.seen_as for trunk in settings.trunks)
        self.has_wishes = any(map(trunkmedia.has_wishes, settings.trunks))
        # Trunks whose media may go directly to phones in these networks.
        self.direct_of = {
            trunk.name: Networks(trunk.direct_networks)
            for trunk in settings.trunks
            if trunk.direct_networks and settings.relay != "never"
        }
        self.minds_media = self.has_wishes or bool(self.direct_of)
        self.direct = Networks(settings.direct_networks)
        self.exempt = Networks(settings.exempt_networks)
        self._barred: tuple[tuple[str, ...], Networks] = ((), Networks())
        self.activity = Reporter(settings.activity_socket)
        self.records = Spool(settings.records_pipe)
        self.locations = MapFile(Path(settings.snapshot))
        self.choices, self.loans = (Heard(Path(settings.heard) / kind) for kind in KINDS)
        self.voucher = Voucher(settings)
        self._snapshot: LmdbSnapshot | None = None

    @property
    def snapshot(self) -> LmdbSnapshot:
        """Opened at first use: LMDB must not be carried across Kamailio's fork."""
        if self._snapshot is None:
            self._snapshot = LmdbSnapshot.open(Path(self.settings.snapshot))
        return self._snapshot

    def bars(self, view: View, address: str) -> bool:
        """Whether the site is closed to this address."""
        barred = view.config.barred_networks
        if barred != self._barred[0]:
            self._barred = (barred, Networks(barred))
        return bool(barred) and self._barred[1].hold(address)

    def arrival(self) -> str:
        """Where the message at hand came from: udp, tcp, tls, ws, control, `peer:NAME`, `trunk:NAME`
        (of trunks by TCP or TLS, also by the connection that was opened to them), or `connector:NAME`.

        Empty for a connection that this site does not know, and for a connector that it knows no more.
        """
        found = self.settings.listeners.get(number("$Rp"), "")
        if found.startswith("slot:"):
            connector = self._known_connectors().by_slot.get(int(found[5:]))
            return f"connector:{connector.name}" if connector is not None else ""
        if found == "tcp" and self.settings.upstream and self.sent_by_peer():
            # By the connection that this connector opened: the engine names its first TCP listener. No phone has this
            # address, which haproxy would have to have seen.
            return f"peer:{self.settings.upstream}"
        if found not in ("", "tcp") or not self._trunk_by_out_port:
            return found
        # A connection that the engine has opened itself counts as one to its first listener on that address.
        trunk = self.trunk_behind_haproxy() or self.trunk_at(text("$si"))
        return trunk.edge if trunk is not None and trunk.out_port else found

    def peer(self, name: str) -> PeerSettings | None:
        """A peer, or a connector, by its name."""
        found = self.peers.get(name)
        return found if found is not None else self._known_connectors().by_name.get(name)

    def _known_connectors(self) -> Connectors:
        """As the snapshot says now."""
        if self.settings.upstream:
            return self.connectors
        with self.snapshot.view() as view:
            if view.config.connectors is not self.connectors.records:
                self.connectors = Connectors(view.config.connectors)
        return self.connectors

    def trunk_at(self, host: str) -> TrunkSettings | None:
        """The trunk with this address, which is enough to know it by."""
        found = self._trunk_by_host.get(host)
        if found is None and self._trunk_networks:
            return next((trunk for networks, trunk in self._trunk_networks if networks.hold(host)), None)
        return found

    def trunk_here(self, arrival: str) -> TrunkSettings | None:
        """The trunk that the request at hand came from. arrival: see there."""
        kind, _, name = arrival.partition(":")
        if kind == "trunk":
            return self.trunks[name]
        return None if name or kind == "peer" else self.trunk_at(text("$si"))

    def trunk_behind_haproxy(self) -> TrunkSettings | None:
        """The trunk whose message has come by a connection that we opened to it, through haproxy."""
        if not self._trunk_by_out_port or text("$si").strip("[]") != self.settings.internal_host:
            return None
        return self._trunk_by_out_port.get(str(number("$sp")))

    def trunk_of_hop(self, uri: str) -> TrunkSettings | None:
        """The trunk that a next hop leads to: by haproxy's entrance to it, or over UDP by its own address."""
        host, _, port = uri.partition(":")[2].partition(";")[0].rpartition("@")[2].rpartition(":")
        host = host.strip("[]")
        if host == self.settings.internal_host:
            return self._trunk_by_out_port.get(port)
        found = self.trunk_at(host)
        return found if found is not None and not found.out_port else None

    def peer_of_hop(self, uri: str) -> PeerSettings | None:
        """The peer a next hop means: by its name in Path and Record-Route, or by haproxy's port towards it."""
        hop = uri.partition(":")[2].partition(";")[0]
        found = self._peer_by_host.get(hop) or (self._known_connectors().by_host.get(hop) if _is_named(hop) else None)
        if found is not None:
            return found
        if ";slot=" in uri:  # as `hops` wrote it
            return self._known_connectors().by_slot.get(int(uri.rpartition(";slot=")[2]))
        host, _, port = hop.rpartition(":")
        return self._peer_by_out_port.get(port) if host.strip("[]") == self.settings.internal_host else None

    def sent_by_peer(self) -> bool:
        """Whether the message at hand came over the link, by the connection that we opened (haproxy's end of it)."""
        return text("$si") == self.settings.internal_host and str(number("$sp")) in self._peer_by_out_port

    def answerer(self) -> str:
        """Who sent the reply at hand: `peer`, `connector`, `trunk:NAME` by a connection that we opened, `control` for
        this site itself, else the listener that a phone or gateway is at (udp, tcp, tls, ws).
        """
        found = self.settings.listeners.get(number("$Rp"), "tcp")
        if found in ("udp", "control"):  # which nobody else answers by, and most do
            return found
        if found.startswith("slot:"):
            return "connector"
        if self.sent_by_peer():
            return "peer"
        trunk = self.trunk_behind_haproxy()
        if trunk is not None:
            return trunk.edge
        protocol = text("$pr").lower()
        if protocol.startswith("ws"):
            return "ws"
        return "udp" if protocol == "udp" else found

    def unreachable(self) -> frozenset[str]:
        """Peers that did not answer within the last seconds; shared by all workers, forgotten by itself."""
        down = [name for name, peer in self.peers.items() if _is_down(peer)]
        return frozenset(down) if down else _NONE

    def mark_unreachable(self, peer: str) -> bool:
        """Remember that `peer` is silent. Whether this was news."""
        news = not is_marked_silent(peer)
        KSR.htable.sht_sets("down", peer, str(time.monotonic()))
        return news

    def is_control(self, proof: str) -> bool:
        """Whether `proof` is the secret of this site's own control service."""
        return hmac.compare_digest(proof.encode(), self.control_secret.encode())


class Connectors:
    """The connectors of one state of the snapshot, as next hops."""

    def __init__(self, records: tuple[ConnectorRecord, ...]) -> None:
        self.records = records
        known = [PeerSettings(each.name, each.host, 0, False, slot=each.slot) for each in records]
        self.by_name = {peer.name: peer for peer in known}
        self.by_host = {peer.host: peer for peer in known}
        self.by_slot = {peer.slot: peer for peer in known}
        self.tenant = {each.name: each.tenant for each in records}


def _is_named(hop: str) -> bool:
    """Whether a host may be a name: those of peers are, and phones' flows are not."""
    return hop[:1].isalpha()


def _is_down(peer: PeerSettings) -> bool:
    """Marked by a call that met with silence, or known by OPTIONS not to answer."""
    if is_marked_silent(peer.name):
        return True
    return peer.probe_set > 0 and KSR.dispatcher.ds_is_active(peer.probe_set) < 0


def is_marked_silent(name: str) -> bool:
    """Whether a call to that peer or connector met with silence within the last seconds."""
    return _is_recent(KSR.htable.sht_get("down", name))


def _is_recent(marked: object) -> bool:
    """Whether a mark is of the last seconds. The table's own expiry goes by the wall clock, which can be set back."""
    return marked is not None and time.monotonic() - float(str(marked)) < SILENT_S
