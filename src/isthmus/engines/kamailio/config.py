"""Kamailio's configuration and the brain's, rendered from the site file. Pure: text in, text out."""

from __future__ import annotations

import sys
from pathlib import Path

import jinja2
import msgspec

from isthmus.addressing import HostPort
from isthmus.addressing.hostport import bracketed
from isthmus.site import internal
from isthmus.site.file import SiteFile, Trunk
from isthmus.trunking.model import Shape

WORKERS = 4
_UPSTREAM_S = 3
_UNANSWERED, _UNANSWERED_S = 2, 5
"""OPTIONS without an answer until a trunk is held for down, and the seconds that each is waited for."""
# Final answers to OPTIONS, besides 2xx and 3xx, that only somebody who is there gives. 408 is what the engine calls
# silence, and 503 means that the gateway can't carry a call just now.
ALIVE = (
    400, 401, 403, 404, 405, 406, 407, 410, 415, 416, 420, 480, 481, 482, 483, 484, 485, 486, 488, 489, 500, 501, 603,
    604, 606,
)  # fmt: skip


SILENT_S = 5.0
"""How long a peer that did not answer is left in peace."""


class PeerSettings(msgspec.Struct, frozen=True):
    """A peer as the brain sees it. host: its name in Path and Record-Route. out_port: where haproxy carries to it.

    probe_set: where the dispatcher module knows whether it answers; 0 where it is not asked. slot: of a connector, to
    which nothing leads but the connection that it opened itself; -1 for any other.
    """

    name: str
    host: str
    out_port: int
    direct_media: bool
    probe_set: int = 0
    slot: int = -1


class RegistrationSettings(msgspec.Struct, frozen=True):
    """An account at a carrier as the brain sees it. address: `user@domain`. contact: URI that calls to it come to."""

    address: str
    auth_user: str
    password_file: str
    expires_s: int
    contact_user: str
    contact: str


class TrunkSettings(msgspec.Struct, frozen=True):
    """A trunk as the brain sees it. uri_tail: what follows `sip:NUMBER@`.

    answer_ms: how long it has to say anything of a call. most_calls, calls_per_s: 0 for any number. probe_set: where
    the dispatcher module knows whether it answers OPTIONS; 0 where it is not asked. location: whether emergency calls
    by it say where the caller is. networks: where its requests come from as well. out_port: haproxy's entrance to it, 0
    for UDP. media, codecs, transcode: see trunkmedia.py. shape: how
    its requests look. seen_as: `host:port` of the name by which it sees this site; empty: by its address. probe_uri:
    the URI by which the dispatcher module asks it. refer: see transferring.py. direct_networks: see routing/bypass.py.
    """

    name: str
    host: str
    uri_tail: str
    answer_ms: int
    most_calls: int
    calls_per_s: int
    probe_set: int
    location: bool = False
    transport: str = "udp"
    networks: tuple[str, ...] = ()
    out_port: int = 0
    media: str = "rtp"
    codecs: tuple[str, ...] = ()
    transcode: bool = False
    registration: RegistrationSettings | None = None
    shape: Shape = Shape()
    seen_as: str = ""
    probe_uri: str = ""
    refer: str = "inside"
    direct_networks: tuple[str, ...] = ()

    @property
    def edge(self) -> str:
        """The listener that it is reached from: `udp`, or one for it alone."""
        return f"trunk:{self.name}" if self.out_port else "udp"


class BrainSettings(msgspec.Struct, frozen=True):
    """All the brain is told, written as JSON beside Kamailio's configuration.

    listeners: Kamailio's local port -> udp, tcp, tls, ws, control, presence, `peer:NAME`, `trunk:NAME`, or
    `slot:N` of a connector.
    sockets: the same names -> Kamailio socket to send from. record_routes: -> URI with `{seal}` to fill in.
    own_hosts: names and addresses by which a phone may call this site instead of a domain.
    upstream: of a connector, the peer that judges for it; else empty. address: of the site. turn_ports: that its TURN
    server relays from; 0 where it has none. settled_s: for how long the engine has to run until whoever never answers
    OPTIONS is held for down.
    """

    site: str
    snapshot: str
    heard: str
    flow_secret: str
    control_secret: str
    activity_socket: str
    records_pipe: str
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
    stir_key: str
    stir_url: str
    stir_verifies: bool
    stir_refuses: bool
    upstream: str = ""
    address: str = ""
    turn_ports: tuple[int, int] = (0, 0)
    messages: bool = False
    settled_s: float = 0.0


def brain_settings(site: SiteFile) -> BrainSettings:
    """The brain's settings for this site."""
    own, inner, ports = bracketed(site.site.address), bracketed(site.site.internal_address), site.ports
    listeners = {
        ports.sip: "udp",
        internal.KAMAILIO_TCP: "tcp",
        internal.KAMAILIO_TLS: "tls",
        internal.KAMAILIO_WS: "ws",
        internal.KAMAILIO_CONTROL_UDP: "control",
        **({} if site.upstream else {internal.KAMAILIO_PRESENCE_UDP: "presence"}),
    }
    sockets = {
        "udp": f"udp:{own}:{ports.sip}",
        "tcp": f"tcp:{inner}:{internal.KAMAILIO_TCP}",
        "tls": f"tcp:{inner}:{internal.KAMAILIO_TLS}",
        "ws": f"tcp:{inner}:{internal.KAMAILIO_WS}",
        "control": f"udp:{inner}:{internal.KAMAILIO_CONTROL_UDP}",
        "presence": f"udp:{inner}:{internal.KAMAILIO_PRESENCE_UDP}",
    }
    for index, peer in enumerate(site.peer):
        listeners[internal.link_in_port(index)] = f"peer:{peer.name}"
        sockets[f"peer:{peer.name}"] = f"tcp:{inner}:{internal.link_in_port(index)}"
    for slot in range(site.connector_slots):
        listeners[internal.connector_in_port(slot)] = f"slot:{slot}"
        sockets[f"slot:{slot}"] = f"tcp:{inner}:{internal.connector_in_port(slot)}"
    routes = {
        "udp": f"sip:{own}:{ports.sip};lr;isd={{seal}}",
        "tcp": f"sip:{own}:{ports.sip};transport=tcp;lr;isd={{seal}}",
        "tls": f"sip:{own}:{ports.sips};transport=tls;lr;isd={{seal}}",
        "ws": f"sip:{own}:{ports.web};transport=ws;lr;isd={{seal}}",
        "peer": f"sip:{link_host(site)};transport=tls;lr;isd={{seal}}",
    }
    for index, trunk in enumerate(site.trunk):
        if trunk.transport == "tcp":
            sockets[f"trunk:{trunk.name}"], routes[f"trunk:{trunk.name}"] = sockets["tcp"], routes["tcp"]
        elif trunk.transport == "tls":
            listeners[internal.trunk_in_port(index)] = f"trunk:{trunk.name}"
            sockets[f"trunk:{trunk.name}"] = f"tcp:{inner}:{internal.trunk_in_port(index)}"
            host = seen_as(site, trunk) or f"{own}:{ports.trunk_sips}"
            routes[f"trunk:{trunk.name}"] = f"sip:{host};transport=tls;lr;isd={{seal}}"
    return BrainSettings(
        site=site.site.name,
        snapshot=str(site.snapshot_dir),
        heard=str(internal.heard_dir(site)),
        flow_secret=str(internal.flow_secret(site)),
        control_secret=str(internal.control_secret(site)),
        activity_socket=str(internal.activity_socket(site)),
        records_pipe=str(internal.records_pipe(site)),
        link_host=link_host(site),
        internal_host=site.site.internal_address,
        listeners=listeners,
        sockets=sockets,
        record_routes=routes,
        own_hosts=(site.site.address, site.site.fqdn, *names_shown(site)),
        peers=tuple(
            PeerSettings(
                peer.name,
                f"{peer.fqdn}:{peer.link_sip}",
                internal.link_out_port(index),
                peer.direct_media,
                len(site.trunk) + 1 if site.upstream else 0,
            )
            for index, peer in enumerate(site.peer)
        ),
        trunks=tuple(
            TrunkSettings(
                trunk.name,
                trunk.address,
                uri_tail(trunk),
                round(trunk.answer_s * 1000),
                trunk.most_calls,
                trunk.calls_per_s,
                index if trunk.ask_every_s else 0,
                trunk.emergency_location,
                trunk.transport,
                trunk.networks,
                internal.trunk_out_port(index - 1) if trunk.transport != "udp" else 0,
                trunk.media,
                trunk.codecs,
                trunk.transcode,
                _registration(site, trunk),
                shape=trunk.compiled(),
                seen_as=seen_as(site, trunk),
                probe_uri=probe_uri(trunk),
                refer=trunk.refer,
                direct_networks=trunk.direct_networks,
            )
            for index, trunk in enumerate(site.trunk, 1)
        ),
        relay=site.media.relay,
        direct_networks=site.media.direct_networks,
        exempt_networks=site.protection.exempt_networks,
        link_timeout_ms=site.link.timeout_ms,
        nonce_lifetime_s=site.digest.nonce_lifetime_s,
        md5=site.digest.md5,
        md5_only_user_agents=site.digest.md5_only_user_agents,
        failed_logins_per_minute=site.protection.failed_logins_per_minute,
        stir_key=str(site.path.parent / site.stir.key_file) if site.stir.key_file else "",
        stir_url=site.stir.certificate_url,
        stir_verifies=site.stir.trusted_file is not None,
        stir_refuses=site.stir.refuse,
        upstream=site.upstream,
        address=site.site.address,
        turn_ports=(site.turn.relay_low, site.turn.relay_high) if site.turn.enabled else (0, 0),
        messages=site.messages.phones and not site.upstream,
        # Asked twice (ds_probing_threshold), with the time that each may take (fr_timer), and as much again.
        settled_s=2.0 * (_UNANSWERED * ask_every_s(site) + _UNANSWERED_S),
    )


def _registration(site: SiteFile, trunk: Trunk) -> RegistrationSettings | None:
    account = trunk.registration
    if account is None:
        return None
    domain = account.domain or (trunk.tls.name if trunk.tls else bracketed(trunk.address))
    user = account.contact_user or account.user
    port = site.ports.trunk_sips if trunk.tls else site.ports.sip
    transport = "" if trunk.transport == "udp" else f";transport={trunk.transport}"
    return RegistrationSettings(
        address=f"{account.user}@{domain}",
        auth_user=account.auth_user or account.user,
        password_file=str(site.path.parent / account.password_file),
        expires_s=account.expires_s,
        contact_user=user,
        contact=f"sip:{user}@{seen_as(site, trunk) or f'{bracketed(site.site.address)}:{port}'}{transport}",
    )


def seen_as(site: SiteFile, trunk: Trunk) -> str:
    """`host:port` of the name by which a trunk sees this site; empty where it sees its address."""
    return f"{trunk.shape.from_host or site.site.fqdn}:{site.ports.trunk_sips}" if trunk.shape.by_name else ""


def names_shown(site: SiteFile) -> tuple[str, ...]:
    """Names besides its own by which trunks see this site."""
    shown = dict.fromkeys(trunk.shape.from_host for trunk in site.trunk if trunk.shape.by_name)
    return tuple(name for name in shown if name and name != site.site.fqdn)


def uri_tail(trunk: Trunk) -> str:
    """What follows `sip:NUMBER@` in a URI of that trunk: by its name, where it has to prove one."""
    host = trunk.tls.name if trunk.tls else trunk.address
    return f"{HostPort(host, trunk.port)}" + ("" if trunk.transport == "udp" else f";transport={trunk.transport}")


def probe_uri(trunk: Trunk) -> str:
    """The URI by which a trunk is asked whether it is there, and known to the dispatcher module."""
    # By its address, since a name would be looked up; and TLS is haproxy's.
    return f"sip:{HostPort(trunk.address, trunk.port)}" + ("" if trunk.transport == "udp" else ";transport=tcp")


def peer_uri(site: SiteFile, peer: PeerSettings) -> str:
    """The URI by which a connector asks the site it belongs to: haproxy's entrance to it."""
    return f"sip:{bracketed(site.site.internal_address)}:{peer.out_port};transport=tcp"


def probes(site: SiteFile) -> str:
    """Who is asked by OPTIONS whether they are there, as the dispatcher module reads it: trunks; by a connector also
    the site it belongs to, which thereby learns how to reach it (see connecting.py).
    """
    settings, inner = brain_settings(site), bracketed(site.site.internal_address)
    lines: list[str] = []
    for trunk, seen in zip(site.trunk, settings.trunks, strict=True):
        entrance = f';obproxy="sip:{inner}:{seen.out_port};transport=tcp"' if seen.out_port else ""
        if seen.probe_set:
            lines.append(f"{seen.probe_set} {probe_uri(trunk)} 0 0 socket={settings.sockets[seen.edge]}{entrance}\n")
    lines += [
        f"{peer.probe_set} {peer_uri(site, peer)} 0 0 socket={settings.sockets[f'peer:{peer.name}']}\n"
        for peer in settings.peers
        if peer.probe_set
    ]
    return "".join(lines)


def ask_every_s(site: SiteFile) -> int:
    """How often they are asked. A connector's connection has to be known soon after it broke."""
    return _UPSTREAM_S if site.upstream else max((trunk.ask_every_s for trunk in site.trunk), default=0)


def ticks(site: SiteFile) -> bool:
    """Whether there is something to be done each second: what calls wait for may die, a gateway may ring for nobody."""
    return bool(site.peer or site.connector_slots or site.trunk)


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


def probes_file(site: SiteFile) -> Path:
    """The trunks that are asked whether they are there."""
    return site.run_dir / "dispatcher.list"


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
        probes=probes_file(site) if probes(site) else None,
        alive_codes=ALIVE,
        unanswered=_UNANSWERED,
        unanswered_s=_UNANSWERED_S,
        registers=any(trunk.registration for trunk in site.trunk),
        ticks=ticks(site),
        by_udp=any(trunk.transport == "udp" for trunk in site.trunk),
        names_shown=names_shown(site),
        asks_by_name=any(trunk.shape.by_name and trunk.ask_every_s for trunk in site.trunk),
        ask_every_s=ask_every_s(site),
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
