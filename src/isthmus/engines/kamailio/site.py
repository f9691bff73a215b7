"""What every room of the brain knows of its site: settings, secrets, the snapshot, and where messages came from."""

from __future__ import annotations

import hmac
import time
from pathlib import Path

from isthmus.addressing.networks import Networks
from isthmus.engines.kamailio.config import BrainSettings, PeerSettings, TrunkSettings
from isthmus.engines.kamailio.ksr import KSR, text
from isthmus.engines.kamailio.reporting import Reporter
from isthmus.routing.snapshot import LmdbSnapshot, View

_NONE: frozenset[str] = frozenset()
_SILENT_S = 5.0  # how long a peer that did not answer is left in peace


class Site:
    """One a worker. Everything in it but the snapshot is fixed at start."""

    def __init__(self, settings: BrainSettings) -> None:
        self.settings = settings
        self.secret = bytes.fromhex(Path(settings.flow_secret).read_text().strip())
        self.control_secret = Path(settings.control_secret).read_text().strip()
        self.peers = {peer.name: peer for peer in settings.peers}
        self._peer_by_host = {peer.host: peer for peer in settings.peers}
        self._peer_by_out_port = {str(peer.out_port): peer for peer in settings.peers}
        self.trunks = {trunk.name: trunk for trunk in settings.trunks}
        self._trunk_by_host = {trunk.host: trunk for trunk in settings.trunks}
        self.direct = Networks(settings.direct_networks)
        self.exempt = Networks(settings.exempt_networks)
        self._barred: tuple[tuple[str, ...], Networks] = ((), Networks())
        self.activity = Reporter(settings.activity_socket)
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
        """Which listener the request at hand came to: udp, tcp, tls, ws, control or `peer:NAME`."""
        return self.settings.listeners.get(int(KSR.pv.get("$Rp") or 0), "")

    def trunk_at(self, host: str) -> TrunkSettings | None:
        """The trunk with this address."""
        return self._trunk_by_host.get(host)

    def peer_of_hop(self, uri: str) -> PeerSettings | None:
        """The peer a next hop means: by its name in Path and Record-Route, or by haproxy's port towards it."""
        hop = uri.partition(":")[2].partition(";")[0]
        found = self._peer_by_host.get(hop)
        if found is not None:
            return found
        host, _, port = hop.rpartition(":")
        return self._peer_by_out_port.get(port) if host.strip("[]") == self.settings.internal_host else None

    def sent_by_peer(self) -> bool:
        """Whether the reply at hand came over the link (haproxy's end of our connection to it)."""
        return text("$si") == self.settings.internal_host and text("$sp") in self._peer_by_out_port

    def unreachable(self) -> frozenset[str]:
        """Peers that did not answer within the last seconds; shared by all workers, forgotten by itself."""
        down = [name for name in self.peers if _is_recent(KSR.htable.sht_get("down", name))]
        return frozenset(down) if down else _NONE

    def mark_unreachable(self, peer: str) -> bool:
        """Remember that `peer` is silent. Whether this was news."""
        news = not _is_recent(KSR.htable.sht_get("down", peer))
        KSR.htable.sht_sets("down", peer, str(time.monotonic()))
        return news

    def is_control(self, proof: str) -> bool:
        """Whether `proof` is the secret of this site's own control service."""
        return hmac.compare_digest(proof.encode(), self.control_secret.encode())


def _is_recent(marked: object) -> bool:
    """Whether a mark is of the last seconds. The table's own expiry goes by the wall clock, which can be set back."""
    return marked is not None and time.monotonic() - float(str(marked)) < _SILENT_S
