"""Kamailio's configuration and the brain's, rendered from the site file. Pure: text in, text out."""

from __future__ import annotations

import sys
from pathlib import Path

import jinja2
import msgspec

from isthmus.addressing import HostPort
from isthmus.addressing.hostport import bracketed
from isthmus.site import internal
from isthmus.site.file import SiteFile

WORKERS = 4


class PeerSettings(msgspec.Struct, frozen=True):
    """A peer as the brain sees it. host: its name in Path and Record-Route. out: where haproxy carries to it."""

    name: str
    host: str
    out_port: int
    direct_media: bool


class TrunkSettings(msgspec.Struct, frozen=True):
    """A trunk as the brain sees it. uri_tail: what follows `sip:NUMBER@`."""

    name: str
    host: str
    uri_tail: str


class BrainSettings(msgspec.Struct, frozen=True):
    """All the brain is told, written as JSON beside Kamailio's configuration.

    listeners: Kamailio's local port -> udp, tcp, tls, ws, control, or `peer:NAME`.
    sockets: the same names -> Kamailio socket to send from. record_routes: -> URI with `{seal}` to fill in.
    own_hosts: names and addresses by which a phone may call this site instead of a domain.
    """

    site: str
    snapshot: str
    flow_secret: str
    control_secret: str
    activity_socket: str
    link_host: str
    internal_host: str
    listeners: dict[int, str]
    sockets: dict[str, str]
    record_routes: dict[str, str]
    own_hosts: tuple[str, ...]
    peers: tuple[PeerSettings, ...]
    trunks: tuple[TrunkSettings, ...]
    relay: str
    direct_networks: tuple[str, ...]
    exempt_networks: tuple[str, ...]
    link_timeout_ms: int
    nonce_lifetime_s: int
    md5: bool
    md5_only_user_agents: tuple[str, ...]
    failed_logins_per_minute: int


def brain_settings(site: SiteFile) -> BrainSettings:
    """The brain's settings for this site."""
    own, inner, ports = bracketed(site.site.address), bracketed(site.site.internal_address), site.ports
    listeners = {
        ports.sip: "udp",
        internal.KAMAILIO_TCP: "tcp",
        internal.KAMAILIO_TLS: "tls",
        internal.KAMAILIO_WS: "ws",
        internal.KAMAILIO_CONTROL_UDP: "control",
    }
    sockets = {
        "udp": f"udp:{own}:{ports.sip}",
        "tcp": f"tcp:{inner}:{internal.KAMAILIO_TCP}",
        "tls": f"tcp:{inner}:{internal.KAMAILIO_TLS}",
        "ws": f"tcp:{inner}:{internal.KAMAILIO_WS}",
        "control": f"udp:{inner}:{internal.KAMAILIO_CONTROL_UDP}",
    }
    for index, peer in enumerate(site.peer):
        listeners[internal.link_in_port(index)] = f"peer:{peer.name}"
        sockets[f"peer:{peer.name}"] = f"tcp:{inner}:{internal.link_in_port(index)}"
    return BrainSettings(
        site=site.site.name,
        snapshot=str(site.snapshot_dir),
        flow_secret=str(internal.flow_secret(site)),
        control_secret=str(internal.control_secret(site)),
        activity_socket=str(internal.activity_socket(site)),
        link_host=link_host(site),
        internal_host=site.site.internal_address,
        listeners=listeners,
        sockets=sockets,
        record_routes={
            "udp": f"sip:{own}:{ports.sip};lr;isd={{seal}}",
            "tcp": f"sip:{own}:{ports.sip};transport=tcp;lr;isd={{seal}}",
            "tls": f"sip:{own}:{ports.sips};transport=tls;lr;isd={{seal}}",
            "ws": f"sip:{own}:{ports.web};transport=ws;lr;isd={{seal}}",
            "peer": f"sip:{link_host(site)};transport=tls;lr;isd={{seal}}",
        },
        own_hosts=(site.site.address, site.site.fqdn),
        peers=tuple(
            PeerSettings(peer.name, f"{peer.fqdn}:{peer.link_sip}", internal.link_out_port(index), peer.direct_media)
            for index, peer in enumerate(site.peer)
        ),
        trunks=tuple(
            TrunkSettings(
                trunk.name,
                trunk.address,
                f"{HostPort(trunk.address, trunk.port)}" + (";transport=tcp" if trunk.transport == "tcp" else ""),
            )
            for trunk in site.trunk
        ),
        relay=site.media.relay,
        direct_networks=site.media.direct_networks,
        exempt_networks=site.protection.exempt_networks,
        link_timeout_ms=site.link.timeout_ms,
        nonce_lifetime_s=site.digest.nonce_lifetime_s,
        md5=site.digest.md5,
        md5_only_user_agents=site.digest.md5_only_user_agents,
        failed_logins_per_minute=site.protection.failed_logins_per_minute,
    )


def link_host(site: SiteFile) -> str:
    """`host:port` by which this site stands in Path and Record-Route towards its peers."""
    return f"{site.site.fqdn}:{site.ports.link_sip}"


def brain_file(site: SiteFile) -> Path:
    """The brain's settings, JSON."""
    return site.run_dir / "brain.json"


def shim_file(site: SiteFile) -> Path:
    """The Python file that Kamailio loads; it only leads to the brain."""
    return site.run_dir / "brain_shim.py"


def config_file(site: SiteFile) -> Path:
    """Kamailio's configuration."""
    return site.run_dir / "kamailio.cfg"


def location_file(site: SiteFile) -> Path:
    """Where bindings survive a restart (SQLite, written by Kamailio every second)."""
    return site.state_dir / "location.db"


def render(site: SiteFile) -> str:
    """Kamailio's configuration file."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("isthmus.engines.kamailio", "."),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - this is no HTML
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("kamailio.cfg.j2").render(
        site=site,
        own=bracketed(site.site.address),
        inner=bracketed(site.site.internal_address),
        internal=internal,
        link_host=link_host(site),
        workers=WORKERS,
        rpc_socket=internal.kamailio_rpc_socket(site),
        shim=shim_file(site),
        location=location_file(site),
    )


def render_shim(site: SiteFile) -> str:
    """The file Kamailio's Python loads. Never changed while running: reloading one with an error kills Kamailio."""
    paths = [path for path in sys.path if path and not path.endswith(".zip")]
    source = str(Path(__file__).resolve().parents[3])
    return (
        f"import sys\n"
        f"sys.path[:] = {[source, *(p for p in paths if p != source)]!r}\n"
        f"from isthmus.engines.kamailio.brain import Brain\n\n\n"
        f"def mod_init():\n"
        f"    return Brain({str(brain_file(site))!r})\n"
    )
