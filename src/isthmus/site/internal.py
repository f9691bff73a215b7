"""Where the parts of one site meet: ports on the site's internal address, sockets and files in its folders.

Nothing here is for the outside: the address is a loopback one, the folders are 0700.
"""

from __future__ import annotations

from pathlib import Path

from isthmus.site.file import SiteFile

# On `site.internal_address`. Each is one hop between engines of the same site.
KAMAILIO_TCP = 15060  # SIP over TCP from phones, behind haproxy (PROXY v2)
KAMAILIO_TLS = 15061  # SIP over TLS from phones, decrypted by haproxy (PROXY v2)
KAMAILIO_WS = 15080  # SIP over WebSocket, decrypted by haproxy (PROXY v2)
KAMAILIO_CONTROL_UDP = 15160  # private SIP listener: hand-over of bindings
KAMAILIO_PRESENCE_UDP = 15161  # private SIP listener: what the control service sends to phones (presence, messages)
MESSAGES_UDP = 15163  # the control service: MESSAGE of phones, from Kamailio alone
PRESENCE_UDP = 15162  # the control service: SIP of presence, from Kamailio alone
RTPENGINE_NG = 22222  # rtpengine's control protocol, UDP
_LINK_IN = 15070  # + index of the peer in the site file: SIP from that peer, its certificate verified
_LINK_OUT = 15170  # + index of the peer: haproxy carries SIP from here to that peer by mutual TLS
_TRUNK_IN = 15270  # + index of the trunk in the site file: SIP over TLS from it, decrypted by haproxy (PROXY v2)
_TRUNK_OUT = 15370  # + index of the trunk: haproxy carries SIP from here to it by TCP or TLS
MAX_TRUNKS = 100
MAX_PEERS = 10  # keeps the two ranges above clear of their neighbours
_CONNECTOR_IN = 15200  # + slot: SIP from the connector that has the slot, its certificate verified


def link_in_port(index: int) -> int:
    """The TCP port on which Kamailio hears SIP from peer number `index` of the site file."""
    return _LINK_IN + _checked(index)


def link_out_port(index: int) -> int:
    """The TCP port on which haproxy takes SIP for peer number `index` of the site file."""
    return _LINK_OUT + _checked(index)


def connector_in_port(slot: int) -> int:
    """The TCP port on which Kamailio hears SIP from the connector that has this slot."""
    return _CONNECTOR_IN + slot


def trunk_in_port(index: int) -> int:
    """The TCP port on which Kamailio hears SIP from trunk number `index` of the site file, which speaks TLS."""
    return _TRUNK_IN + _checked_trunk(index)


def trunk_out_port(index: int) -> int:
    """The TCP port on which haproxy takes SIP for trunk number `index` of the site file."""
    return _TRUNK_OUT + _checked_trunk(index)


def _checked_trunk(index: int) -> int:
    if not 0 <= index < MAX_TRUNKS:
        raise ValueError(f"trunk {index}: a site has at most {MAX_TRUNKS} trunks")
    return index


def _checked(index: int) -> int:
    if not 0 <= index < MAX_PEERS:
        raise ValueError(f"peer {index}: a site has at most {MAX_PEERS} peers")
    return index


def status_path(site: SiteFile) -> Path:
    """What the supervisor says of its processes, as JSON."""
    return site.run_dir / "status.json"


def pids_path(site: SiteFile) -> Path:
    """The processes the supervisor started, so that its successor can end those that outlived it."""
    return site.run_dir / "children.json"


def control_socket(site: SiteFile) -> Path:
    """HTTP of the control service for people on this machine."""
    return site.run_dir / "control.sock"


def link_socket(site: SiteFile) -> Path:
    """HTTP of the control service for peers, reached through haproxy alone."""
    return site.run_dir / "link.sock"


def web_socket(site: SiteFile) -> Path:
    """HTTP for pages and API, reached through haproxy alone."""
    return site.run_dir / "web.sock"


def link_out_dir(site: SiteFile) -> Path:
    """Folder of the sockets that lead to the peers."""
    return site.run_dir / "link-out"


def link_out_socket(site: SiteFile, peer: str) -> Path:
    """Plain HTTP that haproxy carries to the peer's link API by mutual TLS."""
    return link_out_dir(site) / f"{peer}.sock"


def kamailio_rpc_socket(site: SiteFile) -> Path:
    """Kamailio's JSON-RPC datagram socket."""
    return site.run_dir / "kamailio.rpc.sock"


def activity_socket(site: SiteFile) -> Path:
    """Where Kamailio's workers tell the control service what accounts do (activity/wire.py)."""
    return site.run_dir / "activity.sock"


def records_pipe(site: SiteFile) -> Path:
    """Where Kamailio's workers tell the control service what becomes of calls (records/wire.py)."""
    return site.run_dir / "records.pipe"


def haproxy_socket(site: SiteFile) -> Path:
    """haproxy's runtime socket, level admin."""
    return site.run_dir / "haproxy.sock"


def connectors_map(site: SiteFile) -> Path:
    """Which connectors haproxy lets in: lines `FQDN SLOT`, as it reads them at its start."""
    return site.run_dir / "connectors.map"


def haproxy_config(site: SiteFile) -> Path:
    """haproxy's configuration as rendered at the last start."""
    return site.run_dir / "haproxy.cfg"


def coturn_config(site: SiteFile) -> Path:
    """coturn's configuration as rendered at the last start; it holds the secret."""
    return site.run_dir / "coturn.conf"


def turn_secret(site: SiteFile) -> Path:
    """Secret that credentials for TURN are made of; hex, 0600."""
    return site.state_dir / "turn.secret"


def identity_key(site: SiteFile) -> Path:
    """The key by which secrets of accounts are sealed. To be kept with the database's backup, but not beside it."""
    return site.state_dir / "identity.key"


def control_secret(site: SiteFile) -> Path:
    """Secret by which the control service proves itself to Kamailio's private listener; hex, 0600."""
    return site.state_dir / "control.secret"


def flow_secret(site: SiteFile) -> Path:
    """Secret that signs what Kamailio hands out for in-dialog requests; hex, 0600."""
    return site.state_dir / "flow.secret"


def trunk_authorities(site: SiteFile) -> Path:
    """Authorities of the trunks that show a certificate, in one file, as haproxy wants it."""
    return site.run_dir / "trunk-ca.pem"


def heard_dir(site: SiteFile) -> Path:
    """What Kamailio's workers keep for calls for help (emergency/heard.py)."""
    return site.state_dir / "heard"


def site_certificate(site: SiteFile) -> Path:
    """Certificate, chain and key in one file, as haproxy wants it."""
    return site.pki_dir / "site.pem"


def ca_certificate(site: SiteFile) -> Path:
    """Certificate of the CA that all sites of the hybrid share."""
    return site.pki_dir / "ca.pem"


def connector_packages(site: SiteFile) -> Path:
    """Folder of the versions that connectors can bring themselves to: `VERSION.tar.gz`."""
    return site.state_dir / "connector-packages"
