"""Trunks by TCP and TLS, with encrypted media and codecs of their own, on both ends of real engines."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from isthmus.pki import store
from isthmus.pki.model import Names
from isthmus.pki.service import CertificateAuthority
from isthmus.useragent.call import Call
from tests.agents.baresip import Baresip
from tests.agents.raw import User
from tests.interop.conftest import DOMAIN
from tests.interop.trunks import Trunked, with_trunks
from tests.support import Loopback, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SEATTLE = "+12065550123"
ANNA = "+14255550171"
TLS = {
    "secure": "",
    "stranger": "",
    "open": "shows_certificate = false\n",
    "srtp": "",
    "dtls": "",
}
# baresip calls from 127.0.0.1, whatever its address: its certificate then says which trunk it is.
ELSEWHERE = 'networks = ["127.0.0.1/32"]\n'
MEDIA = {"srtp": f'media = "srtp"\n{ELSEWHERE}', "dtls": f'media = "dtls-srtp"\n{ELSEWHERE}'}
PLAIN = {
    "tcp": 'transport = "tcp"\n',
    "german": 'codecs = ["PCMA", "PCMU"]\n',
    "narrow": 'codecs = ["PCMA"]\n',
    "speaks": 'codecs = ["PCMA"]\ntranscode = true\n',
    "mikey": 'media = "srtp"\n',
}


@dataclass
class Secured(Trunked):
    """Trunks, and what their gateways show."""

    folder: Path
    ca: CertificateAuthority

    def certificate(self, name: str) -> Path:
        """A certificate with this name, its key beside it."""
        path = self.folder / f"{name}.pem"
        if not path.exists():
            store.write_private(path, self.ca.issue(Names(name), 30))
        return path

    def context(self, certificate: str, *, server: bool) -> ssl.SSLContext:
        """What a gateway with this certificate does by TLS; empty: it shows none."""
        purpose = ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH
        found = ssl.create_default_context(purpose, cafile=None if server else self.sites.ca)
        if certificate:
            found.load_cert_chain(self.certificate(certificate))
        return found

    async def gateway(
        self, name: str, tone_hz: float, certificate: str = "", transport: str = "udp", *, user: str = "gateway"
    ) -> User:
        """A gateway where that trunk leads, which answers every call and plays this."""
        host, secure = self.hosts[name], transport == "tls"
        found = await User.open(
            f"sip:{user}@{host}",
            host,
            port=5061 if secure else 5060,
            transport=transport,
            ca=self.sites.ca if secure else None,
            server_name="premises.contoso.example",
            listen=transport != "udp",
            server_tls=self.context(certificate, server=True) if secure else None,
            tone_hz=tone_hz,
        )
        if secure:
            found.wire._tls = self.context(certificate, server=False)  # type: ignore[attr-defined]
        return found


@pytest.fixture(scope="module")
def trunked(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("m")
    ca = CertificateAuthority.create(folder / "ca", "Gateways")
    trunks = {name: f"answer_s = 2\nask_every_s = 1\n{more}" for name, more in PLAIN.items()}
    for name, more in TLS.items():
        tls = f'[trunk.tls]\nname = "{name}.gateways.example"\nca_file = "{folder}/ca/ca.pem"\n{more}'
        trunks[name] = f'answer_s = 2\nask_every_s = 1\ntransport = "tls"\n{MEDIA.get(name, "")}{tls}'
    with with_trunks(folder, loopback, trunks, {"anna": ("premises", ANNA)}) as found:
        yield Secured(found.sites, found.hosts, found.homes, folder, ca)


@pytest.fixture
def anna(trunked: Secured) -> AbstractAsyncContextManager[User]:
    return trunked.phone("anna")


def site_of(trunked: Secured) -> str:
    return trunked.sites.address("premises")


async def there_and_back(trunked: Secured, phone: User, gateway: User, name: str, to_site: str) -> None:
    """A call out and a call in, heard both ways, held, resumed, and ended by the gateway."""
    trunked.route(name)
    call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
    out = gateway.incoming[-1]
    await phone.hears(call, 600)
    await gateway.hears(out, 440)
    assert (await call.hold()).code == 200
    assert (await call.resume()).code == 200
    assert (await out.reinvite()).code == 200
    await phone.hears(call, 600)
    assert (await out.hang_up()).code == 200
    assert await call.over() == "BYE"
    incoming = await gateway.dial(to_site)
    ringing = phone.incoming[-1]
    await gateway.hears(incoming, 440)
    await phone.hears(ringing, 600)
    assert (await ringing.hang_up()).code == 200
    assert await incoming.over() == "BYE"


async def test_a_trunk_by_tcp(trunked: Secured, anna: Any):
    async with anna as phone, await trunked.gateway("tcp", 600, transport="tcp") as gateway:
        await there_and_back(trunked, phone, gateway, "tcp", f"sip:{ANNA}@{site_of(trunked)}:5060;transport=tcp")


async def test_a_trunk_by_tls_that_proves_its_name(trunked: Secured, anna: Any):
    async with anna as phone, await trunked.gateway("secure", 600, "secure.gateways.example", "tls") as gateway:
        await there_and_back(trunked, phone, gateway, "secure", f"sip:{ANNA}@{site_of(trunked)}:5067;transport=tls")
        await asyncio.to_thread(wait_for, lambda: _state(trunked, "secure") == "up", 60, "it is known to be up")


def _state(trunked: Secured, name: str) -> str:
    with trunked.sites.api("premises") as api:
        return next(each["state"] for each in api.get("/v1/trunks") if each["name"] == name)


@pytest.mark.parametrize(("name", "transport"), [("tcp", "tcp"), ("secure", "tls")])
async def test_what_a_gateway_says_by_the_connection_that_was_opened_to_it(
    trunked: Secured, anna: Any, name: str, transport: str
):
    """Many never open one of their own (RFC 5923)."""
    trunked.route(name)
    async with anna as phone, await trunked.gateway(name, 600, f"{name}.gateways.example", transport) as gateway:
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        out = gateway.incoming[-1]

        async def by_that(uri: str, dialog: Any = None) -> Any:
            return out._the_flow

        gateway.flow_for = by_that  # type: ignore[method-assign]
        assert (await out.reinvite()).code == 200
        await phone.hears(call, 600)
        assert (await out.hang_up()).code == 200
        assert await call.over() == "BYE"
        incoming = await gateway.dial(f"sip:{ANNA}@{site_of(trunked)}")
        await phone.hears(phone.incoming[-1], 600)
        assert (await phone.incoming[-1].hang_up()).code == 200
        assert await incoming.over() == "BYE"


@pytest.mark.parametrize(("name", "transport"), [("tcp", "tcp"), ("secure", "tls")])
async def test_a_gateway_whose_connections_are_gone_hears_the_end_by_a_new_one(
    trunked: Secured, anna: Any, name: str, transport: str
):
    trunked.route(name)
    async with anna as phone, await trunked.gateway(name, 600, f"{name}.gateways.example", transport) as gateway:
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        for connection in list(gateway.wire.connections.values()):  # type: ignore[attr-defined]
            connection.socket.abort()
        await asyncio.sleep(0.2)
        assert (await call.hang_up()).code == 200
        assert await gateway.incoming[-1].over() == "BYE"


async def test_a_gateway_that_wants_a_certificate_sees_the_sites(trunked: Secured, anna: Any):
    trunked.route("secure")
    async with anna as phone, await trunked.gateway("secure", 600, "secure.gateways.example", "tls") as gateway:
        wire = gateway.wire
        wire._server.close()  # type: ignore[attr-defined]
        wants = trunked.context("secure.gateways.example", server=True)
        wants.verify_mode = ssl.CERT_REQUIRED
        wants.load_verify_locations(trunked.sites.ca)
        await wire.listen(5061, wants)  # type: ignore[attr-defined]
        for connection in list(wire.connections.values()):  # type: ignore[attr-defined]
            connection.socket.abort()
        await asyncio.sleep(0.2)
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        shown = gateway.incoming[-1]._the_flow.connection.socket.get_extra_info("peercert")  # type: ignore[attr-defined]
        assert ("DNS", "premises.contoso.example") in shown["subjectAltName"]
        await call.hang_up()


async def test_a_trunk_whose_certificate_has_another_name_gets_no_call(trunked: Secured, anna: Any):
    trunked.route("secure")
    async with anna as phone, await trunked.gateway("secure", 600, "stranger.gateways.example", "tls") as gateway:
        assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 503
        assert gateway.record == []  # not even OPTIONS
        wait_for(lambda: _state(trunked, "secure") == "down", 60, "it is known to be down")


@pytest.mark.parametrize("shown", ["", "stranger.gateways.example"])
async def test_who_comes_from_a_trunks_address_without_its_name_is_shown_out(trunked: Secured, shown: str):
    async with await trunked.gateway("secure", 600, "secure.gateways.example", "tls") as gateway:
        gateway.wire._tls = trunked.context(shown, server=False)  # type: ignore[attr-defined]
        call = await gateway.call(f"sip:{ANNA}@{site_of(trunked)}:5067;transport=tls")
        await asyncio.sleep(1)
        assert not call.responses


async def test_a_trunk_that_need_not_show_a_certificate_is_known_by_its_address(trunked: Secured, anna: Any):
    async with anna as phone, await trunked.gateway("open", 600, "open.gateways.example", "tls") as gateway:
        gateway.wire._tls = trunked.context("", server=False)  # type: ignore[attr-defined]
        await there_and_back(trunked, phone, gateway, "open", f"sip:{ANNA}@{site_of(trunked)}:5067;transport=tls")


async def test_a_name_that_another_authority_has_signed_is_worth_nothing(trunked: Secured, tmp_path: Path):
    forged = tmp_path / "forged.pem"
    forger = CertificateAuthority.create(tmp_path / "ca", "Gateways")
    store.write_private(forged, forger.issue(Names("secure.gateways.example"), 30))
    async with await trunked.gateway("secure", 600, "secure.gateways.example", "tls") as gateway:
        context = trunked.context("", server=False)
        context.load_cert_chain(forged)
        gateway.wire._tls = context  # type: ignore[attr-defined]
        call = await gateway.call(f"sip:{ANNA}@{site_of(trunked)}:5067;transport=tls")
        await asyncio.sleep(1)
        assert not call.responses


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_address_of_a_trunk_by_tls_proves_nothing_over_another_transport(trunked: Secured, transport: str):
    host = trunked.hosts["secure"]
    async with await User.open(f"sip:+12065550100@{host}", host, transport=transport) as somebody:
        assert await somebody.refused(f"sip:{ANNA}@{site_of(trunked)}:5060;transport={transport}") in (401, 403, 407)


async def test_a_stranger_finds_no_trunk_at_the_trunks_port(trunked: Secured, loopback: Loopback):
    host = loopback()
    trust = ssl.create_default_context(cafile=trunked.sites.ca)
    trust.load_cert_chain(trunked.certificate("secure.gateways.example"))
    reader, writer = await asyncio.open_connection(
        site_of(trunked), 5067, ssl=trust, server_hostname="premises.contoso.example", local_addr=(host, 0)
    )
    writer.write(b"OPTIONS sip:x SIP/2.0\r\nCall-ID: 1\r\n\r\n")
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(("name", "encryption"), [("srtp", "srtp-mand"), ("dtls", "dtls_srtp")])
async def test_a_trunk_with_encrypted_media_and_a_phone_without(
    trunked: Secured, anna: Any, tmp_path: Path, name: str, encryption: str
):
    """The gateway is baresip: a stranger's SRTP, not ours."""
    trunked.route(name)
    host = trunked.hosts[name]
    gateway = await Baresip.open(
        f"sip:{SEATTLE}@{host}",  # else it knows no such account
        host,
        tmp_path,
        certificate=trunked.certificate(f"{name}.gateways.example"),
        ca=trunked.sites.ca,
        encryption=encryption,
        transport="tls",
        tone_hz=620,
    )
    try:
        async with anna as phone:
            since = len(gateway.events)
            call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", sound=phone._sound)
            await gateway.answer(since)
            await call.answered()
            await phone.hears(call, 620)
            await gateway.hears(440)
            await gateway.hang_up()
            assert await call.over() == "BYE"
            await gateway.dial(f"sip:{ANNA}@{site_of(trunked)}:5067;transport=tls")
            await phone.hears(phone.incoming[-1], 620)
            assert (await phone.incoming[-1].hang_up()).code == 200
    finally:
        await gateway.close()


async def test_what_is_offered_to_an_encrypted_trunk_has_keys_and_no_way_around_them(trunked: Secured, anna: Any):
    trunked.route("mikey")
    async with anna as phone, await trunked.gateway("mikey", 600) as gateway:
        call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", sound=phone._sound)
        offered = (await gateway.called()).invite.body.decode()
        assert "m=audio" in offered
        assert "RTP/SAVP " in offered
        suites = " ".join(re.findall(r"a=crypto:\d+ (\S+)", offered))  # the keys behind them may spell anything
        assert not any(name in suites for name in ("NULL", "GCM", "F8"))
        assert "AES_CM_128_HMAC_SHA1_80" in suites
        call.cancel()


async def test_what_has_to_be_encrypted_and_is_not_is_refused(trunked: Secured, anna: Any):
    async with anna as phone, await trunked.gateway("mikey", 600) as gateway:
        assert await gateway.refused(f"sip:{ANNA}@{site_of(trunked)}") == 488
        assert phone.incoming == []


ENCRYPTED = b"""v=0\r
o=- 1 1 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
m=audio 40000 RTP/SAVP 0\r
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r
"""


async def test_an_encrypted_call_stays_so(trunked: Secured, anna: Any):
    trunked.route("mikey")
    async with anna as phone, await trunked.gateway("mikey", 600) as gateway:

        async def encrypted(call: Call) -> None:
            gateway.incoming.append(call)
            await call.answer(ENCRYPTED)

        gateway.on_call = encrypted
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        out = gateway.incoming[0]
        assert (await out.reinvite(body=OFFER)).code == 488
        assert (await out.reinvite(body=ENCRYPTED.replace(b"1 1 IN", b"1 2 IN"))).code == 200
        assert call.up
        await call.hang_up()


async def test_late_offers_to_and_by_an_encrypted_trunk_are_encrypted(trunked: Secured, anna: Any, tmp_path: Path):
    async with anna as phone, await trunked.gateway("mikey", 600) as gateway:
        call = await gateway.call(f"sip:{ANNA}@{site_of(trunked)}", body=b"", sound=gateway._sound)
        await call.answered()
        assert "RTP/SAVP " in call.final.body.decode()
        assert "RTP/AVP " in phone.incoming[0].final.body.decode()
        await call.hang_up()
    trunked.route("mikey")
    host = trunked.hosts["mikey"]
    baresip = await Baresip.open(f"sip:{SEATTLE}@{host}", host, tmp_path, encryption="srtp-mand", tone_hz=620)
    try:
        async with trunked.phone("anna") as phone:
            since = len(baresip.events)
            call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", body=b"", sound=phone._sound)
            await baresip.answer(since)
            await phone.hears(call, 620)
            await baresip.hears(440)
            await call.hang_up()
    finally:
        await baresip.close()


async def test_an_answer_in_the_clear_to_an_encrypted_offer_ends_the_call_unheard(trunked: Secured, anna: Any):
    trunked.route("mikey")
    async with anna as phone, await trunked.gateway("mikey", 600) as gateway:
        call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", sound=phone._sound)
        await call.until(lambda: call.up or call.ended, "an end")
        await asyncio.sleep(1)
        answered = gateway.incoming[-1]
        assert not answered.media.heard
        assert not call.media.heard
        assert call.ended
        assert answered.ended


OFFER = b"""v=0\r
o=- 1 1 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
m=audio 40000 RTP/AVP 18 9 0 8 101\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-15\r
a=ptime:20\r
m=video 40002 RTP/AVP 96\r
a=rtpmap:96 H264/90000\r
"""


def audio_line(call: Call) -> str:
    assert call.invite is not None
    return next(line for line in call.invite.body.decode().splitlines() if line.startswith("m=audio")).split(" ", 3)[3]


async def test_a_trunk_is_offered_its_codecs_in_its_order_and_offers_no_others(trunked: Secured, anna: Any):
    trunked.route("german")
    async with anna as phone, await trunked.gateway("german", 600) as gateway:
        call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", body=OFFER)
        await call.answered()
        assert audio_line(gateway.incoming[0]) == "8 0 101"
        assert (await call.hang_up()).code == 200
        call = await gateway.call(f"sip:{ANNA}@{site_of(trunked)}", body=OFFER)
        await call.answered()
        assert audio_line(phone.incoming[0]) == "8 0 101"
        await call.hang_up()


async def test_a_call_without_a_codec_in_common_takes_another_trunk_or_is_refused(trunked: Secured, anna: Any):
    async with anna as phone, await trunked.gateway("narrow", 600) as narrow, await trunked.gateway("german", 800):
        trunked.route("narrow")
        assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 488
        assert await narrow.refused(f"sip:{ANNA}@{site_of(trunked)}") == 488
        trunked.route("narrow", "german")
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        await phone.hears(call, 800)
        await call.hang_up()
        assert narrow.incoming == []


async def test_where_it_is_allowed_codecs_are_translated(trunked: Secured, anna: Any, tmp_path: Path):
    trunked.route("speaks")
    host = trunked.hosts["speaks"]
    gateway = await Baresip.open(f"sip:{SEATTLE}@{host}", host, tmp_path, codecs="PCMA", tone_hz=620)
    try:
        async with anna as phone:
            since = len(gateway.events)
            call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", sound=phone._sound)
            await gateway.answer(since)
            await phone.hears(call, 620)
            await gateway.hears(440)
            assert (await call.hang_up()).code == 200
            await gateway.dial(f"sip:{ANNA}@{site_of(trunked)}")
            await phone.hears(phone.incoming[-1], 620)
            await gateway.hears(440)
            assert (await phone.incoming[-1].hang_up()).code == 200
    finally:
        await gateway.close()
