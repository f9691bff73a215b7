"""One site on ::1, with calls over every transport. Run by test_ipv6.py in a network namespace of its own.

python -m tests.interop.ipv6_site FOLDER
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from itertools import pairwise
from pathlib import Path

from isthmus.addressing import Aor
from isthmus.directory.model import Credentials, Person
from isthmus.engines import haproxy, kamailio, rtpengine
from isthmus.pki.service import CertificateAuthority, Names
from isthmus.routing.compile import configuration
from isthmus.routing.snapshot import SnapshotWriter
from isthmus.site import internal
from isthmus.site.file import SiteFile, load
from tests.agents.raw import SIP_PORTS, TRANSPORTS, User
from tests.support import Processes, wait_for

_FILE = """
[site]
name = "premises"
role = "premises"
fqdn = "premises.contoso.example"
domains = ["contoso.example"]
address = "::1"
internal_address = "::1"
authority = true

[[peer]]
name = "online"
fqdn = "online.contoso.example"
address = "2001:db8::2"

[[trunk]]
name = "carrier"
address = "2001:db8::9"
"""


def prepare(folder: Path) -> SiteFile:
    """Site file, certificate, secrets, people and the engines' configuration."""
    path = folder / "site.toml"
    path.write_text(_FILE)
    site = load(path)
    for made in (site.state_dir, site.run_dir, site.pki_dir, site.log_dir, internal.link_out_dir(site)):
        made.mkdir(parents=True, exist_ok=True)
    internal.control_secret(site).write_text(secrets.token_hex(32))
    internal.flow_secret(site).write_text(secrets.token_hex(32))
    authority = CertificateAuthority.create(folder / "ca")
    internal.site_certificate(site).write_bytes(authority.issue(Names(site.site.fqdn, (site.site.address,)), 30))
    internal.ca_certificate(site).write_bytes(authority.pem)
    haproxy.prepare(site)
    people = [Person(aor, "main", aor.user, None, "premises", 1, Credentials.of(aor, "pw")) for aor in PEOPLE]
    writer = SnapshotWriter(site.snapshot_dir)
    writer.rebuild(configuration(site, {"contoso.example": "main"}, None), people, 1)
    writer.close()
    kamailio.prepare(site)
    rtpengine.prepare(site)
    return site


PEOPLE = (Aor("alice", "contoso.example"), Aor("bob", "contoso.example"))


async def phone(site: SiteFile, aor: Aor, transport: str, tone_hz: float) -> User:
    """A registered phone on ::1."""
    user = await User.open(
        aor.uri,
        "::1",
        transport=transport,
        proxy=("::1", SIP_PORTS[transport]),
        password="pw",
        ca=str(internal.ca_certificate(site)),
        server_name=site.site.fqdn,
        tone_hz=tone_hz,
    )
    await user.registered()
    return user


async def talk(site: SiteFile, one: str, two: str) -> None:
    """A call between two transports, heard both ways, with a re-INVITE and a BYE from the called."""
    async with await phone(site, PEOPLE[0], one, 440) as alice, await phone(site, PEOPLE[1], two, 620) as bob:
        call = await alice.dial(PEOPLE[1].uri)
        answered = await bob.called()
        await asyncio.gather(alice.hears(call, 620), bob.hears(answered, 440))
        assert (await answered.reinvite()).code == 200
        await answered.hang_up()
        assert await call.over() == "BYE"
        await alice.register(0)
        await bob.register(0)


def main() -> None:
    """Run the site, and calls in it."""
    site = prepare(Path(sys.argv[1]))
    processes = Processes(Path(sys.argv[1]))
    try:
        for name, engine in (("haproxy", haproxy), ("kamailio", kamailio), ("rtpengine", rtpengine)):
            processes.start(engine.command(site), name=name)
        wait_for(lambda: internal.kamailio_rpc_socket(site).exists(), 60, "Kamailio is up")
        wait_for(lambda: internal.haproxy_socket(site).exists(), 60, "haproxy is up")
        for one, two in pairwise((*TRANSPORTS, TRANSPORTS[0])):
            asyncio.run(talk(site, one, two))
            print(f"{one} to {two}: heard both ways", flush=True)
    finally:
        processes.close()


if __name__ == "__main__":
    main()
