"""The doors that are not for the public: control, RPC, the link, and what only haproxy may say."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import ssl
from pathlib import Path

import pytest

from isthmus.pki.service import CertificateAuthority
from isthmus.site import internal
from isthmus.useragent.message import Response
from tests.hostile.sites import OURS, EdgeSites
from tests.hostile.stranger import Draft, Stranger, others_served, quiet

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("proof", [None, "", "wrong", "0" * 64, "é", "\0", "x" * 3000])
@pytest.mark.parametrize("name", ["X-Isthmus-Control", "x-isthmus-control "])
async def test_the_control_listener_wants_its_proof(edge_sites: EdgeSites, proof: str | None, name: str) -> None:
    file = edge_sites.files["premises"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((edge_sites.loopback(), 0))
        client.settimeout(3)
        host, port = client.getsockname()
        own = f"sip:alice@{OURS}"
        headers = [f"Contact: <sip:alice@{host}:{port}>", *([] if proof is None else [f"{name}: {proof}"])]
        draft = Draft("REGISTER", f"sip:{OURS}", own, own, headers=headers)
        via = f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK{secrets.token_hex(6)}"
        client.sendto(draft.bytes(via), (file.site.internal_address, internal.KAMAILIO_CONTROL_UDP))
        assert client.recv(4096).startswith((b"SIP/2.0 403", b"SIP/2.0 400"))
    assert not edge_sites.bindings("alice")


async def test_the_control_proof_is_worth_nothing_in_public(edge_sites: EdgeSites) -> None:
    """Nor does it open a way round the digest."""
    secret = internal.control_secret(edge_sites.files["premises"]).read_text().strip()
    for transport in ("udp", "tcp", "ws"):
        async with await Stranger.open(edge_sites, transport) as stranger:
            own = f"sip:alice@{OURS}"
            headers = [f"X-Isthmus-Control: {secret}", f"Contact: <sip:alice@{stranger.address}>"]
            assert (await stranger.ask(Draft("REGISTER", f"sip:{OURS}", own, own, headers=headers))).code == 401


@pytest.mark.parametrize("proof", [None, "wrong", "SECRET"])
@pytest.mark.parametrize("port", [internal.KAMAILIO_CONTROL_UDP, 5060])
async def test_nobody_else_has_anything_sent_by_the_private_listener(
    edge_sites: EdgeSites, proof: str | None, port: int
) -> None:
    """What the control service asks phones goes wherever it says. In public its proof is worth nothing."""
    file = edge_sites.files["premises"]
    secret = internal.control_secret(file).read_text().strip()
    is_ours = port != 5060 and proof == "SECRET"
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as target,
    ):
        for each in (client, target):
            each.bind((edge_sites.loopback(), 0))
            each.settimeout(10)
        host, at = client.getsockname()
        there = "{}:{}".format(*target.getsockname())
        given = [] if proof is None else [f"X-Isthmus-Control: {secret if proof == 'SECRET' else proof}"]
        headers = [f"X-Isthmus-Hop: sip:{there};transport=udp;edge=udp", *given]
        draft = Draft("OPTIONS", f"sip:phone@{there}", f"sip:{OURS}", f"sip:phone@{there}", headers=headers)
        via = f"SIP/2.0/UDP {host}:{at};branch=z9hG4bK{secrets.token_hex(6)}"
        where = file.site.internal_address if port != 5060 else file.site.address
        client.sendto(draft.bytes(via), (where, port))
        if is_ours:  # so that the others prove what they say
            heard = await asyncio.to_thread(target.recv, 4096)
            assert heard.startswith(b"OPTIONS sip:phone@")
            assert b"X-Isthmus" not in heard
            assert secret.encode() not in heard
            return
        assert (await asyncio.to_thread(client.recv, 4096)).startswith((b"SIP/2.0 40", b"SIP/2.0 430"))
        target.setblocking(False)
        with pytest.raises(BlockingIOError):
            target.recv(4096)


def _http(edge_sites: EdgeSites, lines: list[str], body: bytes = b"", *, at: int = 8443) -> bytes:
    """One HTTP exchange over TLS with the public web port; what came until the other side stopped."""
    context = edge_sites.tls()
    with (
        socket.create_connection((edge_sites.address(), at), 3) as plain,
        context.wrap_socket(plain, server_hostname="premises.contoso.example") as tls,
    ):
        tls.settimeout(2)
        tls.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        got = b""
        try:
            while data := tls.recv(65536):
                got += data
        except (TimeoutError, ssl.SSLError, OSError):
            pass
        return got


@pytest.mark.parametrize(
    "proof", ["", "X-Isthmus-Control: wrong", "x-isthmus-control: SECRET", "X-Isthmus-Control : SECRET"]
)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_rpc_is_not_for_the_public(edge_sites: EdgeSites, proof: str, method: str) -> None:
    """Not even with the right secret: haproxy takes the header away."""
    secret = internal.control_secret(edge_sites.files["premises"]).read_text().strip()
    body = json.dumps({"jsonrpc": "2.0", "method": "core.version", "id": 1}).encode()
    lines = [
        f"{method} /rpc HTTP/1.1",
        "Host: premises.contoso.example",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Content-Length: {len(body)}",
        *([proof.replace("SECRET", secret)] if proof else []),
    ]
    answer = await asyncio.to_thread(_http, edge_sites, lines, body)
    assert b"kamailio" not in answer.lower()
    assert b"result" not in answer
    assert not answer.startswith(b"HTTP/1.1 2")


@pytest.mark.parametrize("path", ["/RPC", "//rpc", "/rpc?x", "/rpc/", "/%72pc", "/../rpc", "http://x/rpc"])
async def test_rpc_by_other_names(edge_sites: EdgeSites, path: str) -> None:
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade", "Content-Length: 0"]
    answer = await asyncio.to_thread(_http, edge_sites, lines)
    assert b"result" not in answer
    assert not answer.startswith(b"HTTP/1.1 2")


async def test_http_on_the_sip_ports_gets_nothing(edge_sites: EdgeSites) -> None:
    body = b'{"jsonrpc":"2.0","method":"core.version","id":1}'
    request = b"POST /rpc HTTP/1.1\r\nHost: sip/\r\nVia: SIP/2.0/TCP x\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )
    reader, writer = await asyncio.open_connection(edge_sites.address(), 5060)
    writer.write(request)
    answer = await asyncio.wait_for(_until_silent(reader), 8)
    assert b"result" not in answer and b"kamailio" not in answer.lower()
    writer.close()


async def _until_silent(reader: asyncio.StreamReader) -> bytes:
    got = b""
    try:
        while data := await asyncio.wait_for(reader.read(65536), 1):
            got += data
    except TimeoutError:
        pass
    return got


@pytest.mark.parametrize("transport", ["tcp", "tls"])
@pytest.mark.parametrize("version", [1, 2])
async def test_a_proxy_header_of_a_client_is_not_believed(edge_sites: EdgeSites, transport: str, version: int) -> None:
    """It would make the client a gateway: INVITE from the trunk's address needs no password."""
    carrier = edge_sites.carrier
    if version == 1:
        header = f"PROXY TCP4 {carrier} {edge_sites.address()} 5060 5060\r\n".encode()
    else:
        addresses = socket.inet_aton(carrier) + socket.inet_aton(edge_sites.address()) + b"\x13\xc4\x13\xc4"
        header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + addresses
    async with await edge_sites.phone("bob") as bob:
        for first in (header, b""):
            async with await Stranger.open(edge_sites, transport) as stranger:
                headers = [f"Contact: <sip:gw@{stranger.address}>"]
                draft = Draft("INVITE", f"sip:bob@{OURS}", f"sip:+12065550123@{OURS}", headers=headers)
                data = draft.bytes(stranger.via())
                stranger.send_bytes(first + data)
                if not first:  # in the middle of a connection that was good
                    await stranger.final(draft.call_id, 1)
                    stranger.send_bytes(
                        header + Draft("INVITE", f"sip:bob@{OURS}", headers=headers).bytes(stranger.via())
                    )
                await quiet(edge_sites)
                codes = {message.code for message in stranger.received if isinstance(message, Response)}
                assert codes <= {100, 400, 407}, codes
        assert not bob.received_requests("INVITE")
        await bob.register(0)


async def test_the_engines_own_ports_are_on_the_internal_address_alone(edge_sites: EdgeSites) -> None:
    for file in edge_sites.files.values():
        for port in (15060, 15061, 15070, 15080, 15170):
            with pytest.raises(OSError):  # noqa: PT011 - refused, whichever error the kernel gives
                await asyncio.open_connection(file.site.address, port)
    listening = _listening()
    public = {file.site.address for file in edge_sites.files.values()}
    assert {port for host, port in listening if host in public} == {5060, 5061, 5062, 8443, 8444}


def _listening() -> set[tuple[str, int]]:
    """All TCP listeners of this machine, IPv4."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, state = line.split()[1], line.split()[3]
        if state == "0A":
            host, port = local.split(":")
            found.add((socket.inet_ntoa(bytes.fromhex(host)[::-1]), int(port, 16)))
    return found


def _knock(sites: EdgeSites, port: int, context: ssl.SSLContext, data: bytes) -> bytes:
    """TLS with this certificate, these bytes; what comes back until the other side closes. Empty: nothing."""
    try:
        with (
            socket.create_connection((sites.address(), port), 3) as plain,
            context.wrap_socket(plain, server_hostname="premises.contoso.example") as tls,
        ):
            tls.settimeout(8)
            tls.sendall(data)
            return tls.recv(65536)
    except OSError:
        return b""


@pytest.mark.parametrize("port", [5062, 8444])
@pytest.mark.parametrize(
    "who", ["nobody", "stranger of our CA", "name of a peer from another CA", "near miss", "itself"]
)
async def test_the_link_is_for_peers(edge_sites: EdgeSites, tmp_path: Path, port: int, who: str) -> None:
    own = edge_sites.loopback()
    other_ca = CertificateAuthority.create(tmp_path / "other")
    certificate = {
        "nobody": lambda: None,
        "stranger of our CA": lambda: edge_sites.certificate("stranger.contoso.example", own),
        "name of a peer from another CA": lambda: edge_sites.certificate(
            "online.contoso.example", own, authority=other_ca
        ),
        "near miss": lambda: edge_sites.certificate("online.contoso.example.evil.example", own),
        "itself": lambda: edge_sites.certificate("premises.contoso.example", own),
    }[who]()
    context = edge_sites.tls(certificate=certificate)
    message = Draft("OPTIONS", f"sip:{edge_sites.address()}").bytes(f"SIP/2.0/TLS {own};branch=z9hG4bK1")
    http = b"GET /link/hello HTTP/1.1\r\nHost: x\r\nX-Isthmus-Peer: online\r\nConnection: close\r\n\r\n"
    assert await asyncio.to_thread(_knock, edge_sites, port, context, message if port == 5062 else http) == b""


async def test_a_peer_gets_in(edge_sites: EdgeSites) -> None:
    """So that the test above proves what it says."""
    own = edge_sites.loopback()
    context = edge_sites.tls(certificate=edge_sites.certificate("online.contoso.example", own))
    message = Draft("OPTIONS", f"sip:{edge_sites.address()}").bytes(f"SIP/2.0/TLS {own};branch=z9hG4bK1")
    assert (await asyncio.to_thread(_knock, edge_sites, 5062, context, message)).startswith(b"SIP/2.0 200")
    http = b"GET /link/hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert (await asyncio.to_thread(_knock, edge_sites, 8444, context, http)).startswith(b"HTTP/1.1 503")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("port", [5061, 5062, 8443, 8444])
async def test_old_tls_is_refused(edge_sites: EdgeSites, port: int) -> None:
    context = edge_sites.tls()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    assert await asyncio.to_thread(_knock, edge_sites, port, context, b"x") == b""


async def test_others_are_served_while_strangers_knock_at_the_link(edge_sites: EdgeSites) -> None:
    own = edge_sites.loopback()
    context = edge_sites.tls(certificate=edge_sites.certificate("stranger.contoso.example", own))
    async with others_served(edge_sites):
        for port in (5062, 8444):
            knocks = (
                asyncio.to_thread(_knock, edge_sites, port, context, b"GET / HTTP/1.1\r\nHost: sip/2.0\r\n\r\n")
                for _ in range(40)
            )
            assert set(await asyncio.gather(*knocks)) == {b""}
