"""Two sites reduced to their edge: haproxy, Kamailio and rtpengine of each, people of two tenants, no control service.

Premises has a third peer, whose only inhabitant the tests play themselves: what a site says to another is seen there.
"""

from __future__ import annotations

import secrets
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from isthmus.addressing import Aor
from isthmus.dialling.plan import Dialling
from isthmus.directory.model import Credentials, Device, Person
from isthmus.engines import haproxy, kamailio, rtpengine
from isthmus.engines.kamailio.registrar import KamailioRegistrar
from isthmus.engines.kamailio.rpc import KamailioRpc
from isthmus.pki.rules import certificate_names
from isthmus.pki.service import CertificateAuthority
from isthmus.registration.model import Binding
from isthmus.routing.compile import configuration
from isthmus.routing.model import Class
from isthmus.routing.snapshot import SnapshotWriter
from isthmus.site import internal
from isthmus.site.file import SiteFile, load
from tests.agents.raw import SIP_PORTS, User
from tests.support import Loopback, Processes, wait_for

OURS, THEIRS = "contoso.example", "fabrikam.example"
TENANTS = {OURS: "main", THEIRS: "fabrikam"}
WATCHED = "watched"
BLOCKED = "blocked"  # an address that online is closed to

# user, domain, home, number, enabled
_PEOPLE = (
    ("alice", OURS, "premises", "+14255550101", True),
    ("bob", OURS, "premises", "+14255550102", True),
    ("carol", OURS, "online", "+14255550103", True),
    ("dave", OURS, "online", "+14255550104", True),
    ("erin", OURS, "premises", None, True),
    ("frank", OURS, WATCHED, None, True),
    ("gina", OURS, "premises", None, True),
    ("hank", OURS, "online", None, True),
    ("nora", OURS, "premises", None, False),
    ("mallory", THEIRS, "premises", "+14255550201", True),
    ("trent", THEIRS, "online", None, True),
)

# Bob's devices: one as they mostly are, one with SHA-256 alone, one whose secret was rotated, and one whose former
# secret's time is over. Nora is disabled.
DEVICES = {
    "dev0000000000": "bob",
    "dev1111111111": "bob",
    "dev2222222222": "bob",
    "dev3333333333": "bob",
    "dev4444444444": "nora",
}
NO_DEVICE = "dev9999999999"
_LATER_MS = 1 << 42

_SITE_FILE = """
[site]
name = "{name}"
role = "{role}"
fqdn = "{name}.contoso.example"
domains = ["contoso.example"]
address = "{address}"
internal_address = "{inner}"
authority = {authority}

[[peer]]
name = "{peer}"
fqdn = "{peer}.contoso.example"
address = "{peer_address}"
authority = {peer_authority}
{more}
[messages]
phones = false

[[trunk]]
name = "carrier"
address = "{carrier}"
ask_every_s = 0
"""
_WATCHED_PEER = """
[[peer]]
name = "watched"
fqdn = "watched.contoso.example"
address = "{address}"
"""
# Online offers no MD5.
_SHA256_ALONE = """
[digest]
md5 = false
"""


def password(user: str) -> str:
    """The password of one of the people here."""
    return f"secret-of-{user}"


def device(name: str) -> Device:
    """One of the devices here. Its password is `password(name)`, and the former one `password(name + "-former")`."""
    aor = Aor(name, OURS)
    secret, former = Credentials.of(aor, password(name)), Credentials.of(aor, password(f"{name}-former"))
    if name == "dev1111111111":
        secret = Credentials(b"", secret.ha1_sha256)
    if name in ("dev2222222222", "dev3333333333"):
        until_ms = _LATER_MS if name == "dev2222222222" else 1
        return Device(name, name, secret, 0, 0, 2, former, until_ms)
    return Device(name, name, secret, 0, 0)


@dataclass
class EdgeSites:
    """Both sites running, and what a test needs to knock at them."""

    files: dict[str, SiteFile]
    authority: CertificateAuthority
    folder: Path
    carrier: str
    watched: str
    blocked: str
    loopback: Loopback
    processes: Processes

    def address(self, site: str = "premises") -> str:
        """Where phones reach a site."""
        return self.files[site].site.address

    def port(self, site: str, transport: str) -> tuple[str, int]:
        """Address and port of a site for a transport."""
        return self.address(site), SIP_PORTS[transport]

    @property
    def ca(self) -> str:
        """File of the CA that signed the sites' certificates."""
        return str(self.folder / "ca" / "ca.pem")

    async def phone(
        self, user: str, at: str = "premises", transport: str = "udp", *, register: bool = True, domain: str = OURS
    ) -> User:
        """A phone of one of the people, on an address of its own."""
        secure = transport in ("tls", "ws")
        phone = await User.open(
            f"sip:{user}@{domain}",
            self.loopback(),
            transport=transport,
            proxy=self.port(at, transport),
            password=password(user),
            ca=self.ca if secure else None,
            server_name=self.files[at].site.fqdn if secure else "",
            hosts={file.site.fqdn: file.site.address for file in self.files.values()},
            media=False,
        )
        if register:
            await phone.registered(60)
        return phone

    def certificate(self, fqdn: str, address: str, *, authority: CertificateAuthority | None = None) -> Path:
        """A certificate with key for this name, of our CA or another."""
        path = self.folder / f"{fqdn}-{secrets.token_hex(4)}.pem"
        path.write_bytes((authority or self.authority).issue(certificate_names(fqdn, address), 2))
        return path

    def tls(self, *, certificate: Path | None = None) -> ssl.SSLContext:
        """A client that trusts our CA, with a certificate of its own if one is given."""
        context = ssl.create_default_context(cafile=self.ca)
        context.check_hostname = False
        if certificate:
            context.load_cert_chain(certificate)
        return context

    def pids(self) -> set[tuple[str, int, str]]:
        """Name, id and start time of every process of the engines, children included."""
        leaders = {process.pid for process in self.processes.started}
        found = set()
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
            except OSError:
                continue
            fields = rest.split()
            if int(fields[3]) in leaders and fields[0] != "Z":
                found.add((name, int(stat.parent.name), fields[19]))
        return found

    def registrar(self, site: str = "premises") -> KamailioRegistrar:
        """The bindings a site holds. (Saving is not for these tests.)"""
        rpc = KamailioRpc(internal.kamailio_rpc_socket(self.files[site]))
        return KamailioRegistrar(rpc, (self.files[site].site.internal_address, 1), lambda: "")

    def bindings(self, user: str, site: str = "premises") -> list[Binding]:
        """Where a site would ring one of the people."""
        return self.registrar(site).bindings(Aor(user, OURS))

    def forget_bindings(self) -> None:
        """Nobody is registered any more."""
        for site in self.files:
            for user, domain, home, _, _ in _PEOPLE:
                if home == site:
                    self.registrar(site).remove_all(Aor(user, domain))

    def log(self, site: str = "premises") -> str:
        """What Kamailio of a site has logged."""
        return next(p.log for p in self.processes.started if p.name == f"kamailio-{site}").read_text(errors="replace")


def launch(
    folder: Path, loopback: Loopback, processes: Processes, *, trunk: str = "", plan: Dialling | None = None
) -> EdgeSites:
    """Render, start and wait for both sites. trunk: more lines of the trunk's section. plan: by which people dial."""
    authority = CertificateAuthority.create(folder / "ca")
    address = {name: loopback() for name in ("premises", "online", WATCHED, BLOCKED)}
    carrier = loopback()
    files = {
        name: _lay_out(folder / name, name, peer, address, loopback(), carrier, authority, trunk, plan)
        for name, peer in (("premises", "online"), ("online", "premises"))
    }
    sites = EdgeSites(files, authority, folder, carrier, address[WATCHED], address[BLOCKED], loopback, processes)
    for name, file in files.items():
        for engine in (rtpengine, kamailio, haproxy):
            kind = engine.__name__.rpartition(".")[2]
            processes.start(engine.command(file), name=f"{kind}-{name}")
    for name in files:
        probe = loopback()
        wait_for(_answers(probe, sites.port(name, "udp")), 60, f"Kamailio of {name}")
        for port in (5060, 5061, 5062, 8443, 8444):
            wait_for(_accepts((sites.address(name), port)), 60, f"haproxy of {name} on {port}")
    return sites


def _lay_out(
    folder: Path,
    name: str,
    peer: str,
    address: dict[str, str],
    inner: str,
    carrier: str,
    ca: CertificateAuthority,
    trunk: str,
    plan: Dialling | None,
) -> SiteFile:
    first = name == "premises"
    folder.mkdir()
    (folder / "site.toml").write_text(
        _SITE_FILE.format(
            name=name,
            role=name,
            address=address[name],
            inner=inner,
            authority=str(first).lower(),
            peer=peer,
            peer_address=address[peer],
            peer_authority=str(not first).lower(),
            more=_WATCHED_PEER.format(address=address[WATCHED]) + ("" if first else _SHA256_ALONE),
            carrier=carrier,
        )
        + trunk
    )
    file = load(folder / "site.toml")
    for needed in (file.state_dir, file.run_dir, file.pki_dir, file.log_dir, internal.link_out_dir(file)):
        needed.mkdir(parents=True, exist_ok=True)
    for secret in (internal.control_secret(file), internal.flow_secret(file)):
        secret.write_text(secrets.token_hex(32))
    internal.site_certificate(file).write_bytes(ca.issue(certificate_names(file.site.fqdn, file.site.address), 2))
    internal.ca_certificate(file).write_bytes(ca.pem)
    haproxy.prepare(file)
    writer = SnapshotWriter(file.snapshot_dir)
    barred = () if first else (f"{address[BLOCKED]}/32",)
    config = configuration(file, TENANTS, None, barred_networks=barred)
    writer.rebuild(config, _people(), 1)
    if plan is not None:
        writer.set_config(msgspec.structs.replace(config, classes=(Class(plan),)))
    writer.close()
    kamailio.prepare(file)
    return file


def _people() -> list[Person]:
    people = []
    for user, domain, home, number, enabled in _PEOPLE:
        aor = Aor(user, domain)
        secret = Credentials.of(aor, password(user))
        devices = tuple(device(name) for name, owner in DEVICES.items() if aor == Aor(owner, OURS))
        people.append(Person(aor, TENANTS[domain], user.title(), number, home, 1, secret, enabled, devices=devices))
    return sorted(people, key=lambda person: str(person.aor).encode())


def _answers(address: str, site: tuple[str, int]) -> Callable[[], bool]:
    """Whether Kamailio answers OPTIONS by UDP."""

    def ask() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
            probe.settimeout(0.3)
            port = probe.getsockname()[1]
            probe.sendto(
                f"OPTIONS sip:{site[0]} SIP/2.0\r\nVia: SIP/2.0/UDP {address}:{port};branch=z9hG4bKready\r\n"
                f"From: <sip:a@b.example>;tag=1\r\nTo: <sip:{site[0]}>\r\nCall-ID: ready\r\nCSeq: 1 OPTIONS\r\n"
                "Max-Forwards: 5\r\nContent-Length: 0\r\n\r\n".encode(),
                site,
            )
            return probe.recv(4096).startswith(b"SIP/2.0 200")

    return ask


def _accepts(place: tuple[str, int]) -> Callable[[], bool]:
    def ask() -> bool:
        with socket.create_connection(place, 0.5):
            return True

    return ask
