"""Who calls from and to the telephone network, signed and verified by real sites."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from isthmus.demo.provision import Demo
from isthmus.pki.service import CertificateAuthority, Names
from isthmus.site.file import load
from isthmus.stir import authority, certificates, identity, passport, rules
from isthmus.stir.model import Authority, Claim, Passport, Range, Verstat
from tests.agents.raw import User
from tests.interop.conftest import DOMAIN, Sites, lay_out
from tests.stir.conftest import Signer
from tests.stir.serving import serve
from tests.support import Loopback, Processes, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

OWN, OUTSIDE = "+14255550171", "+12065550123"
URL = "https://certificates.contoso.example/contoso.pem"


@dataclass
class Vouched:
    """Two sites; premises signs and verifies by a test authority."""

    sites: Sites
    gateway: str
    signer: Signer
    theirs: str  # where the outside signer's certificate is

    def trunk_is_up(self) -> bool:
        with self.sites.api("premises") as api:
            return all(each["state"] == "up" for each in api.get("/v1/trunks"))

    def header(self, *, caller: str = OUTSIDE, called: str = OWN, iat: int | None = None, url: str = "") -> str:
        """What the outside signer says of a call."""
        url = url or self.theirs
        said = Passport(caller[1:], (called[1:],), int(time.time()) if iat is None else iat, url, "B", "them")
        return str(identity.of_token(passport.sign(said, self.signer.key), url))


@pytest.fixture(scope="module")
def vouched(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Vouched]:
    folder = tmp_path_factory.mktemp("v")
    authority.init(folder / "stir", "test", 30)
    authority.issue(folder / "stir", "own", Authority((), (Range(OWN[1:]),)), 30)
    _, key = authority.issue(folder / "stir", "contoso", Authority((), (Range(OUTSIDE[1:]),)), 30)
    signer = Signer(folder / "stir", passport.load_key(key.read_bytes()))
    ca = CertificateAuthority.create(folder / "ca")
    (folder / "ca.pem").write_bytes(ca.pem)
    (folder / "server.pem").write_bytes(ca.issue(Names("localhost", ("127.0.0.1",)), 30))
    demo = lay_out(folder / "d", loopback)
    with demo.sites[0].path.open("a") as file:
        file.write(_stir(folder))
    demo = Demo(demo.plan, demo.directory, tuple(load(s.path) for s in demo.sites), demo.accounts, demo.fresh_passwords)
    processes = Processes(folder)
    sites = Sites(demo, processes, loopback)
    try:
        with serve({"/them.pem": signer.pem}, folder / "server.pem") as address:
            for name in ("premises", "online"):
                sites.start(name)
            sites.create("vera", "premises", OWN)
            sites.wait_until_known(["vera"])
            yield Vouched(sites, demo.plan.carrier_address, signer, f"{address}/them.pem")
    finally:
        processes.close()


def _stir(folder: Path) -> str:
    return f"""
[stir]
key_file = "{folder}/stir/own.key"
certificate_url = "{URL}"
trusted_file = "{folder}/stir/root.pem"
fetch_from = ["localhost"]
fetch_ca_file = "{folder}/ca.pem"
"""


async def test_a_call_out_is_signed_with_the_number_that_is_shown(vouched: Vouched):
    async with (
        await vouched.sites.phone("vera", "premises") as vera,
        await User.open(f"sip:gateway@{vouched.gateway}", vouched.gateway, port=5060) as gateway,
    ):
        # Nobody was there until now: while premises takes its trunk for down, calls go out at online, which has no key.
        await asyncio.to_thread(wait_for, vouched.trunk_is_up, 60, "premises has a trunk")
        call = await vera.dial(f"sip:{OUTSIDE}@{DOMAIN}")
        invite = gateway.incoming[0].invite
        assert invite is not None
        claim = Claim(tuple(invite.all("Identity")), OWN[1:], (OUTSIDE[1:],))
        pem = (vouched.signer.folder / "own.pem").read_bytes()
        now_s = int(time.time())
        roots = vouched.signer.roots
        verdict = rules.verify(claim, now_s, lambda url: certificates.judge(url, pem, roots, now_s))
        assert (verdict.verstat, verdict.attest) == (Verstat.PASSED, "A"), verdict.why
        await call.hang_up()
        await vera.register(0)


async def test_the_called_are_told_what_became_of_a_signature(vouched: Vouched):
    site = vouched.sites.address("premises")
    async with (
        await vouched.sites.phone("vera", "premises") as vera,
        await User.open(f"sip:gateway@{vouched.gateway}", vouched.gateway, port=5060) as gateway,
    ):

        async def told(*headers: str, caller: str = OUTSIDE) -> str:
            """The verstat that vera's phone gets."""
            identities = [("Identity", header) for header in headers]
            call = await gateway.call(f"sip:{OWN}@{site}", headers=identities, caller=f"sip:{caller}@{vouched.gateway}")
            await call.answered()
            invite = vera.incoming[-1].invite
            assert invite is not None
            assert invite.get("Identity") == ""
            await call.hang_up()
            return invite.get("P-Asserted-Identity").partition("verstat=")[2].rstrip(">")

        assert await told() == "No-TN-Validation"
        # The first call with a certificate that is not known yet asks for it.
        assert await told(vouched.header()) == "No-TN-Validation"
        wait_for(lambda: _known(vouched) == 1, 60, "the certificate is known")
        assert await told(vouched.header()) == "TN-Validation-Passed"
        for wrong in (
            vouched.header(iat=int(time.time()) - 300),
            vouched.header(called="+14255559999"),
            vouched.header(caller="+12065559999"),
            vouched.header().replace("ppt=shaken", "ppt=shaken;alg=none").replace(";alg=ES256", ""),
            vouched.header()[:-40] + ";" + vouched.header().partition(";")[2],
        ):
            assert await told(wrong) == "TN-Validation-Failed"
        # Somebody else's number, with a signature for it by who may not speak for it.
        assert await told(vouched.header(caller="+12065559999"), caller="+12065559999") == "TN-Validation-Failed"
        assert await told(vouched.header(url="https://169.254.169.254/x.pem")) == "No-TN-Validation"
        await vera.register(0)


def _known(vouched: Vouched) -> int:
    with vouched.sites.api("premises") as api:
        return int(api.get("/v1/health")["signers"]["known"])
