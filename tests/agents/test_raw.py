"""Two of our own agents call one another directly, over each transport."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from isthmus.useragent.message import Request, parse, response_to
from tests.agents.raw import BUSY, DECLINE, NO_ANSWER, TRANSPORTS, Rule, User
from tests.support import Loopback


def self_signed(folder: Path, address: str) -> tuple[str, ssl.SSLContext]:
    """A certificate for an address that is its own CA: file for the client, context for the server."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{address}.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return str(path), context


async def pair(transport: str, loopback: Loopback, folder: Path) -> tuple[User, User]:
    """Alice and Bob on an address each, with each other's certificate."""
    one, two = loopback(), loopback()
    options: list[dict] = [{}, {}]
    if transport == "tls":
        (ca_one, tls_one), (ca_two, tls_two) = self_signed(folder, one), self_signed(folder, two)
        options = [{"ca": ca_two, "server_tls": tls_one}, {"ca": ca_one, "server_tls": tls_two}]
    alice = await User.open("sip:alice@a.example", one, transport=transport, listen=True, tone_hz=440, **options[0])
    bob = await User.open("sip:bob@b.example", two, transport=transport, listen=True, tone_hz=620, **options[1])
    return alice, bob


def reach(user: User) -> str:
    """A URI that leads straight to the user."""
    transport = user.wire.transport
    return f"sip:{user.account.user}@{user.wire.local};transport={transport}"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_they_talk_hold_and_hang_up(transport: str, loopback: Loopback, tmp_path: Path):
    alice, bob = await pair(transport, loopback, tmp_path)
    async with alice, bob:
        call = await alice.dial(reach(bob))
        answered = await bob.called()
        await asyncio.gather(alice.hears(call, 620), bob.hears(answered, 440))
        assert (await call.hold()).code == 200
        assert answered.remote_audio.direction == "sendonly"
        await alice.hears_nothing(call)
        assert (await call.resume()).code == 200
        await asyncio.gather(alice.hears(call, 620), bob.hears(answered, 440))
        assert (await answered.reinvite()).code == 200
        assert (await answered.hang_up()).code == 200
        assert await call.over() == "BYE"
        assert answered.acknowledged


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_messages_and_refusals(transport: str, loopback: Loopback, tmp_path: Path):
    alice, bob = await pair(transport, loopback, tmp_path)
    async with alice, bob:
        assert (await alice.message(reach(bob), "grüße")).code == 200
        assert bob.messages[0].body.decode() == "grüße"
        bob.rule = BUSY
        assert await alice.refused(reach(bob)) == 486
        bob.rule = DECLINE
        assert await alice.refused(reach(bob)) == 603
        bob.rule = NO_ANSWER
        call = await alice.ring(reach(bob))
        call.cancel()
        assert await call.over() == "487 Request Terminated"
        assert await bob.incoming[-1].over() == "CANCEL"


async def test_what_udp_loses_is_sent_again_and_taken_once(loopback: Loopback, tmp_path: Path):
    alice, bob = await pair("udp", loopback, tmp_path)
    async with alice, bob:
        lost: set[str] = set()
        send = bob.wire.send

        def lossy(data: bytes, flow: object) -> None:
            first = data.partition(b"\r\n")[0].decode()
            if first in lost:
                send(data, flow)
            lost.add(first)  # the first of each kind is lost

        bob.wire.send = lossy
        call = await alice.dial(reach(bob))
        assert (await call.hang_up()).code == 200
        assert len(bob.incoming) == 1
        assert len(bob.received_requests("INVITE", again=True)) > 1 == len(bob.received_requests("INVITE"))
        assert await bob.incoming[0].over() == "BYE"


@pytest.mark.parametrize("attended", [False, True], ids=["blind", "attended"])
async def test_a_transfer_brings_the_others_together(attended: bool, loopback: Loopback, tmp_path: Path):
    alice, bob = await pair("udp", loopback, tmp_path)
    carol = await User.open("sip:carol@c.example", loopback(), tone_hz=1000)
    async with alice, bob, carol:
        call = await alice.dial(reach(bob))
        consult = await alice.dial(reach(carol)) if attended else None
        assert (await call.refer(reach(carol), consult)).code == 202
        await call.until(lambda: any(b"200" in n.body for n in call.notifies), "the transfer's success")
        transferred = (await bob.called()).transferred
        await asyncio.gather(bob.hears(transferred, 1000), carol.hears(carol.incoming[-1], 620))
        if consult:
            assert await consult.over() == "BYE"


async def test_an_answer_that_waits(loopback: Loopback, tmp_path: Path):
    alice, bob = await pair("udp", loopback, tmp_path)
    async with alice, bob:
        bob.rule = Rule(after_s=0.2)
        call = await alice.ring(reach(bob))
        assert not call.up
        await call.answered()
        starts = [r.start for r in alice.record if r.direction == "received"]
        assert starts == ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"]


async def test_bytes_made_by_hand_are_answered(loopback: Loopback, tmp_path: Path):
    alice, bob = await pair("udp", loopback, tmp_path)
    async with alice, bob:
        flow = await alice.wire.flow_to(bob.wire.local.host, bob.wire.local.port)
        data = (
            f"OPTIONS sip:bob@b.example SIP/2.0\r\nv: SIP/2.0/UDP {alice.wire.local};branch=z9hG4bKx\r\n"
            "f: <sip:x@a>;tag=1\r\nt: <sip:b@b>\r\ni: \xff\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n"
        ).encode("latin-1")
        alice.send_bytes(data, flow)
        await alice.changes.until(lambda: any(r.start == "SIP/2.0 200 OK" for r in alice.record), "an answer")
        assert b"\xff" in alice.record[-1].data
        assert isinstance(bob.record[0].message, Request)


async def test_an_answer_that_comes_twice_at_once_is_of_one_answerer(loopback: Loopback):
    """As where the way to the caller was slow: the second 200 is there before the ACK to the first is out."""
    address, heard = loopback(), list[str]()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                request = parse(head)
                assert isinstance(request, Request)
                body = await reader.readexactly(int(request.get("Content-Length") or 0))
                heard.append(request.method)
                if request.method == "ACK":
                    continue
                headers = ("Contact", f"<sip:bob@{address}:{port};transport=tcp>"), ("Content-Type", "application/sdp")
                answer = bytes(response_to(request, 200, "OK", to_tag="b", headers=headers, body=body))
                writer.write(answer * 2 if request.method == "INVITE" else answer)

    server = await asyncio.start_server(peer, address, 0)
    port = server.sockets[0].getsockname()[1]
    async with await User.open(
        "sip:alice@a.example", loopback(), transport="tcp", proxy=(address, port), media=False
    ) as alice:
        call = await alice.dial("sip:bob@b.example")
        assert (await call.hang_up()).code == 200
    server.close()
    await server.wait_closed()
    assert heard == ["INVITE", "ACK", "BYE"]
