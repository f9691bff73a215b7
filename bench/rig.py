"""Engines to measure: whole sites without their control service, and a Kamailio in its own language beside them."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from tests.support import Loopback, Processes

from bench import cpu
from isthmus.addressing import Aor
from isthmus.directory.model import Credentials, Device, Person
from isthmus.engines import haproxy, kamailio, rtpengine
from isthmus.engines.kamailio import config as kamailio_config
from isthmus.pki.rules import certificate_names
from isthmus.pki.service import CertificateAuthority
from isthmus.routing.compile import configuration
from isthmus.routing.snapshot import SnapshotWriter
from isthmus.site import internal, limits
from isthmus.site.file import SiteFile, load

DOMAIN = "contoso.example"
TENANT = "main"
PREMISES, ONLINE = "premises", "online"
PASSWORD = "bench"
# Not asked whether it is there: SIPp would take the question for a call.
_TRUNK = '[[trunk]]\nname = "gateway"\naddress = "{}"\nask_every_s = 0\ndirect_networks = ["{}/32"]\n'
_SCHEMA = Path("/usr/share/kamailio/db_sqlite")


@dataclass(frozen=True, slots=True)
class Target:
    """Something that takes SIP. sessions: of all engines whose CPU counts."""

    name: str
    address: str
    sessions: tuple[int, ...]

    def cpu_s(self) -> float:
        """CPU seconds all its engines have used so far."""
        return cpu.seconds(self.sessions)


@dataclass(frozen=True, slots=True)
class Rig:
    """Two sites and the baseline, running. trunk: address of a gateway of premises, where nobody is yet; reached: one
    whose phones it reaches without a relay.
    """

    processes: Processes
    addresses: Callable[[], str]
    native: Target
    premises: Target
    online: Target
    callers: tuple[Person, ...]
    near: tuple[Person, ...]
    far: tuple[Person, ...]
    trunk: str
    reached: str

    @property
    def both(self) -> Target:
        """Both sites as one, reached at premises."""
        return Target("both sites", self.premises.address, self.premises.sessions + self.online.sessions)


@contextlib.contextmanager
def running(folder: Path, *, accounts: int, relay: bool) -> Iterator[Rig]:
    """Both sites and the baseline under `folder`; all is stopped in the end.

    accounts: people; half of them call, the others are called, in turn at home in premises and online.
    relay: whether media goes through rtpengine.
    """
    loopback = Loopback()
    processes = Processes(folder)
    people = [_person(index) for index in range(accounts)]
    try:
        inside = {PREMISES: free_address(loopback), ONLINE: free_address(loopback)}
        outside = {PREMISES: free_address(loopback), ONLINE: free_address(loopback)}
        authority = CertificateAuthority.create(folder / "ca")
        trunk, reached = free_address(loopback), free_address(loopback)
        gateway = _TRUNK.format(trunk, reached)
        sites = [_write_site(folder, name, outside, inside, relay=relay, trunk=gateway) for name in (PREMISES, ONLINE)]
        for site in sites:
            _prepare(site, authority, people)
        native = _start_native(processes, folder / "native", free_address(loopback), people, sites[0])
        premises, online = (_start_site(processes, site) for site in sites)
        half = accounts // 2
        yield Rig(
            processes,
            lambda: free_address(loopback),
            native,
            premises,
            online,
            tuple(person for person in people[:half] if person.home == PREMISES),
            tuple(person for person in people[half:] if person.home == PREMISES),
            tuple(person for person in people[half:] if person.home == ONLINE),
            trunk,
            reached,
        )
    finally:
        processes.close()
        loopback.close()


@contextlib.contextmanager
def native_alone(folder: Path, *, accounts: int) -> Iterator[tuple[Processes, Callable[[], str], Target]]:
    """The baseline by itself, media relay included: its processes, addresses for phones, and where it is."""
    loopback, processes = Loopback(), Processes(folder)
    people = [_person(index) for index in range(accounts)]
    places = {PREMISES: free_address(loopback), ONLINE: free_address(loopback)}
    try:
        site = _write_site(folder, PREMISES, places, places, relay=True)
        _prepare(site, CertificateAuthority.create(folder / "ca"), people)
        target = _start_native(processes, folder / "native", free_address(loopback), people, site)
        yield processes, lambda: free_address(loopback), target
    finally:
        processes.close()
        loopback.close()


def free_address(loopback: Loopback) -> str:
    """An address for engines or phones, held until `loopback` is closed."""
    # 127.99.x.x is where people try things out by hand.
    while (found := loopback()).startswith("127.99."):
        pass
    return found


def _person(index: int) -> Person:
    aor = Aor(f"p{index:05}", DOMAIN)
    home = PREMISES if index % 2 == 0 else ONLINE
    number, own = f"+1425{index:07}", Credentials.of(aor, PASSWORD)
    phone = Device(device(aor), "phone", Credentials.of(Aor(device(aor), DOMAIN), PASSWORD), 0, 0)
    return Person(aor, TENANT, f"Person {index}", number, home, 1, own, devices=(phone,))


def device(aor: Aor) -> str:
    """The name of a person's device, whose password is that of all."""
    return f"dev00000{aor.user[1:]}"


def _write_site(
    folder: Path, name: str, outside: dict[str, str], inside: dict[str, str], *, relay: bool, trunk: str = ""
) -> SiteFile:
    peer = ONLINE if name == PREMISES else PREMISES
    path = folder / name / "site.toml"
    path.parent.mkdir()
    path.write_text(
        f"""\
[site]
name = "{name}"
role = "{name}"
fqdn = "{name}.{DOMAIN}"
domains = ["{DOMAIN}"]
tenant = "{TENANT}"
address = "{outside[name]}"
internal_address = "{inside[name]}"
authority = {str(name == PREMISES).lower()}
[media]
relay = "{"always" if relay else "never"}"
[digest]
md5_only_user_agents = ["SIPp"]
[protection]
requests_per_2s = 1000000
exempt_networks = ["127.0.0.0/8"]
[[peer]]
name = "{peer}"
fqdn = "{peer}.{DOMAIN}"
address = "{outside[peer]}"
authority = {str(peer == PREMISES).lower()}
"""
        + (trunk if name == PREMISES else "")
    )
    return load(path)


def _prepare(site: SiteFile, authority: CertificateAuthority, people: Sequence[Person]) -> None:
    """What the supervisor and the control service would have written before the engines start."""
    for directory in (site.state_dir, site.pki_dir, site.log_dir, site.run_dir, internal.link_out_dir(site)):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for secret in (internal.control_secret(site), internal.flow_secret(site)):
        secret.write_text(secrets.token_hex(32))
    names = certificate_names(site.site.fqdn, site.site.address)
    internal.site_certificate(site).write_bytes(authority.issue(names, 2))
    internal.ca_certificate(site).write_bytes(authority.pem)
    haproxy.prepare(site, fd_limit=limits.allow_files())
    writer = SnapshotWriter(site.snapshot_dir)
    writer.rebuild(configuration(site, {DOMAIN: TENANT}, None), people, 1)
    writer.close()
    kamailio.prepare(site)
    rtpengine.prepare(site)


def _start_site(processes: Processes, site: SiteFile) -> Target:
    name, address = site.site.name, site.site.address
    started = []
    if site.media.relay != "never":
        ng = (site.site.internal_address, internal.RTPENGINE_NG)
        started.append(processes.start(rtpengine.command(site), name=f"{name}-rtpengine", ready=lambda: answers_ng(ng)))
    started += [
        processes.start(kamailio.command(site), name=f"{name}-kamailio", ready=lambda: answers_sip(address)),
        processes.start(haproxy.command(site), name=f"{name}-haproxy", ready=lambda: _accepts(address, 5062)),
    ]
    return Target(name, address, tuple(process.pid for process in started))


def _start_native(processes: Processes, home: Path, address: str, people: Sequence[Person], site: SiteFile) -> Target:
    """site: one that is prepared, not started: whose command lines and empty table of bindings serve here, too."""
    home.mkdir()
    relay = site.media.relay != "never"
    started = []
    ng = (address, internal.RTPENGINE_NG)
    if relay:
        there = site.site.model_copy(update={"address": address, "internal_address": address})
        argv = rtpengine.command(site.model_copy(update={"site": there}))
        started.append(processes.start(argv, name="native-rtpengine", ready=lambda: answers_ng(ng)))
    template = Path(__file__).parent / "native" / "kamailio.cfg.j2"
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)
    shutil.copyfile(kamailio_config.location_file(site), home / "location.db")
    accounts = _write_accounts(home / "accounts.db", people)
    (home / "kamailio.cfg").write_text(
        environment.from_string(template.read_text()).render(
            address=address,
            workers=kamailio_config.WORKERS,
            location=home / "location.db",
            accounts=accounts,
            ng=f"{ng[0]}:{ng[1]}" if relay else "",
        )
    )
    argv = [word.replace(str(site.run_dir), str(home)) for word in kamailio.command(site)]
    started.append(processes.start(argv, name="native-kamailio", ready=lambda: answers_sip(address)))
    return Target("native", address, tuple(process.pid for process in started))


def _write_accounts(path: Path, people: Sequence[Person]) -> Path:
    """The secrets that the baseline reads into memory when it starts."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        for name in ("standard-create.sql", "htable-create.sql"):
            database.executescript((_SCHEMA / name).read_text(encoding="utf-8"))
        rows = [(person.aor.user, person.credentials.ha1_md5.hex()) for person in people]
        # Type 0 of key and value: a single value, a string.
        database.executemany("INSERT INTO htable (key_name, key_type, value_type, key_value) VALUES (?, 0, 0, ?)", rows)
        database.commit()
    return path


def answers_sip(address: str, timeout_s: float = 0.2) -> bool:
    """Whether somebody answers OPTIONS there by UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(timeout_s)
        probe.bind(("127.0.0.1", 0))
        host, port = probe.getsockname()
        token = secrets.token_hex(8)
        request = (
            f"OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{token};rport\r\n"
            f"From: <sip:bench@{host}>;tag={token}\r\nTo: <sip:{address}>\r\nCall-ID: {token}\r\n"
            "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            probe.sendto(request.encode(), (address, 5060))
            return probe.recv(4096).startswith(b"SIP/2.0 200")
    return False


def answers_ng(at: tuple[str, int]) -> bool:
    """Whether an rtpengine answers there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.2)
        with contextlib.suppress(OSError):
            probe.sendto(b"bench d7:command4:pinge", at)
            return b"pong" in probe.recv(4096)
    return False


def _accepts(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), 0.2):
        return True
    return False
