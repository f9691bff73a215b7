"""What is no SIP, or nearly: over every transport it is refused or ignored, and the engine lives on."""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket

import pytest

from isthmus.useragent.message import Response
from tests.agents.raw import TRANSPORTS
from tests.hostile.sites import OURS, EdgeSites, password
from tests.hostile.stranger import SDP, Draft, Stranger, credentials, others_served, quiet

pytestmark = pytest.mark.engine

_REFUSED = {400, 401, 403, 404, 405, 407, 413, 414, 416, 420, 480, 481, 483, 484, 505, 513}

DIGESTS: tuple[str | bytes, ...] = (
    "",
    "Digest",
    "Digest ",
    "Digest ,,,,",
    "Basic YWxpY2U6c2VjcmV0",
    "Bearer x",
    "NTLM " + "A" * 500,
    "Digest username",
    "Digest username=",
    'Digest username="',
    'Digest username="alice',
    'Digest username="alice\\',
    'Digest username="alice", username="bob", realm="contoso.example", nonce="x", uri="x", response="00"',
    'Digest username="alice", realm="contoso.example"',
    f'Digest username="alice", realm="{OURS}", nonce="x", uri="sip:{OURS}", response=""',
    f'Digest username="alice", realm="{OURS}", nonce="x", uri="sip:{OURS}", response="zz"',
    f'Digest username="alice", realm="{OURS}", nonce="x", uri="sip:{OURS}", response="00", algorithm=MD4',
    f'Digest username="alice", realm="{OURS}", nonce="x", uri="sip:{OURS}", response="00", algorithm=MD5-sess',
    f'Digest username="alice", realm="{OURS}", nonce="x", uri="sip:{OURS}", response="00", qop=auth-int, nc=1, cnonce=x',
    f'Digest username="alice", realm="{OURS}", nonce="x", uri="sip:{OURS}", response="00", qop=auth, nc=-1, cnonce="x"',
    f'Digest username="alice", realm="{OURS}", nonce="x", uri="sip:{OURS}", response="00", qop=auth, nc=00000001',
    f'Digest username="alice", realm="elsewhere.example", nonce="x", uri="sip:{OURS}", response="00"',
    f'Digest username="", realm="{OURS}", nonce="x", uri="", response="00"',
    f'Digest username="a@b@c", realm="{OURS}", nonce="x", uri="sip:{OURS}", response="00"',
    f'Digest username="{"u" * 1000}", realm="{OURS}", nonce="x", uri="sip:{OURS}", response="00"',
    f'Digest username="alice", realm="{OURS}", nonce="{"n" * 60000}", uri="x", response="00"',
    f'Digest username="alice", realm="{OURS}", nonce="x", uri="sip:[", response="00"',
    f'Digest username="alice", realm="{OURS}", nonce="x", uri="sip:%00@{OURS}", response="00"',
    f'Digest username="\u00e9\U0001f600", realm="{OURS}", nonce="\u00e9", uri="sip:\u00e9", response="\u00e9"',
    b'Digest username="al\xffice", realm="contoso.example", nonce="\xfe", uri="sip:\xc3", response="00"',
    b'Digest username="al\0ice", realm="contoso.example", nonce="x", uri="sip:x", response="00"',
    "Digest " + 'x="y",' * 300,
    "Digest " + "," * 5000,
    "Digest " + '\\"' * 1000,
)


@pytest.mark.parametrize("value", DIGESTS, ids=range(len(DIGESTS)))
async def test_malformed_digest_is_a_challenge(edge_sites: EdgeSites, value: str | bytes) -> None:
    data = value if isinstance(value, bytes) else value.encode()
    async with await Stranger.open(edge_sites, "tcp") as stranger:
        for method, header in (("REGISTER", b"Authorization"), ("INVITE", b"Proxy-Authorization")):
            uri = f"sip:{OURS}" if method == "REGISTER" else f"sip:bob@{OURS}"
            draft = Draft(method, uri, f"sip:alice@{OURS}", f"sip:alice@{OURS}")
            draft.headers = [header + b": " + data, f"Contact: <sip:alice@{stranger.address}>"]
            assert (await stranger.ask(draft)).code in (400, 401, 407)


async def test_hostile_digest_parses_fast(edge_sites: EdgeSites) -> None:
    """No value makes a worker think for long: all of them, from many sides, while others are served."""
    async with others_served(edge_sites), await Stranger.open(edge_sites) as stranger:
        for number, pattern in enumerate(('a="' * 600, "a=b" * 600, 'a="\\' * 400, "a =\t" * 500, '"' * 2000)):
            for _ in range(20):
                draft = Draft("REGISTER", f"sip:{OURS}", to=f"sip:alice@{OURS}", call_id=f"slow-{number}-{_}")
                draft.headers = ["Authorization: Digest " + pattern]
                assert (await stranger.ask(draft)).code in (400, 401)


HEADERS = (
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Max-Forwards",
    "Route",
    "Record-Route",
    "Expires",
    "User-Agent",
    "Subject",
    "Content-Type",
    "Content-Length",
    "Supported",
    "Require",
    "Privacy",
    "Session-Expires",
    "Min-SE",
    "Replaces",
    "Path",
    "P-Asserted-Identity",
    "X-Isthmus-Epoch",
    "X-Isthmus-Control",
    "Authorization",
    "Proxy-Authorization",
    "Event",
    "Date",
)
BYTES = {"not UTF-8": b"\xff\xfe\x80caf\xe9", "NUL": b"a\0b", "controls": bytes(range(1, 9)), "cut UTF-8": b"x\xc3"}


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("bad", BYTES.values(), ids=BYTES.keys())
async def test_odd_bytes_in_a_header(edge_sites: EdgeSites, header: str, bad: bytes) -> None:
    """From a stranger and from a phone that proved who it is; nothing stumbles, whatever the answer."""
    async with await edge_sites.phone("bob"), await Stranger.open(edge_sites) as hand:
        for method in ("REGISTER", "INVITE", "MESSAGE", "BYE"):
            for signed in (False, True):
                uri = f"sip:{OURS}" if method == "REGISTER" else f"sip:bob@{OURS}"
                to = f"sip:alice@{OURS}" if method == "REGISTER" else uri
                draft = Draft(method, uri, f"sip:alice@{OURS}", to, headers=[f"Contact: <sip:alice@{hand.address}>"])
                if signed and method != "BYE":
                    challenge = await hand.ask(draft)
                    draft.cseq = 2
                    draft.headers = [*draft.headers, credentials(challenge, draft, "alice", password("alice"))]
                _spoil(draft, header, bad, hand)
                hand.send(draft)
        await quiet(edge_sites)
        assert not [m for m in hand.received if isinstance(m, Response) and m.code in (500, 503)], hand.received


def _spoil(draft: Draft, header: str, bad: bytes, hand: Stranger) -> None:
    good = {
        "Via": hand.via().encode() + b";x=",
        "From": b"<sip:alice@contoso.example>;tag=1;x=",
        "To": b"<sip:alice@contoso.example>;x=",
        "CSeq": b"%d %s " % (draft.cseq, draft.method.encode()),
        "Contact": b"<sip:alice@127.0.0.1>;x=",
        "Call-ID": b"odd-",
    }.get(header, b"")
    if header in ("Via", "From", "To", "CSeq", "Call-ID", "Max-Forwards", "Content-Length"):
        draft.replaced = {header: good + bad}
    else:
        draft.headers = [*draft.headers, header.encode() + b": " + good + bad]


@pytest.mark.parametrize("uri", [b"sip:b\xff\xfeb@contoso.example", b"sip:b\0b@contoso.example", b"sip:bob@cont\xe9so.example",
                                 b"sip:" + b"u" * 30000 + b"@contoso.example", b"sip:" + b"u" * 600 + b"@contoso.example",
                                 b"sip:@contoso.example", b"sip:", b"", b"sip:bob@", b"sip:bob@[", b"sip:bob@[::::]", b"tel:", b"tel:+1",
                                 b"sip:%00@contoso.example", b"sip:%ff@contoso.example", b"sip:bob@contoso.example:99999",
                                 b"sip:bob@contoso.example:-1", b"sip:+" + b"1" * 400 + b"@contoso.example", b"urn:service:sos",
                                 b"sip:bob@contoso.example;" + b"a=b;" * 2000, b"sip:bob:pass@contoso.example",
                                 b"sip:'; DROP TABLE person;--@contoso.example", b"sip:$(ru)@contoso.example"])  # fmt: skip
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_odd_request_uris(edge_sites: EdgeSites, uri: bytes, transport: str) -> None:
    async with await edge_sites.phone("bob") as bob, await Stranger.open(edge_sites, transport) as hand:
        challenge = await hand.ask(Draft("MESSAGE", f"sip:x@{OURS}", f"sip:alice@{OURS}"))
        for method in ("MESSAGE", "INVITE", "REGISTER", "OPTIONS"):
            draft = Draft(
                method, uri, f"sip:alice@{OURS}", f"sip:bob@{OURS}", headers=[f"Contact: <sip:a@{hand.address}>"]
            )
            draft.headers = [*draft.headers, _signed(challenge, draft)]
            hand.send(draft)
        await quiet(edge_sites)
        codes = {message.code for message in hand.received if isinstance(message, Response)}
        assert codes <= _REFUSED | {100, 180, 200}, codes
        if b"sip:bob:pass@" not in uri:
            assert not bob.messages and not bob.incoming


def _signed(challenge: Response, draft: Draft) -> bytes:
    """Credentials for a URI of any bytes."""
    found = re.search(r'nonce="([^"]+)"', challenge.get("Proxy-Authenticate"))
    assert found
    uri = draft.uri if isinstance(draft.uri, bytes) else draft.uri.encode()
    ha1 = hashlib.sha256(f"alice:{OURS}:{password('alice')}".encode()).hexdigest().encode()
    ha2 = hashlib.sha256(draft.method.encode() + b":" + uri).hexdigest().encode()
    nonce, count = found[1].encode(), b"%08x" % (hash(draft.call_id) % 2**30 + 1)
    response = hashlib.sha256(b":".join((ha1, nonce, count, b"c", b"auth", ha2))).hexdigest().encode()
    return (
        b'Proxy-Authorization: Digest username="alice", realm="contoso.example", nonce="'
        + nonce
        + b'", uri="'
        + uri
        + b'", '
        b'response="' + response + b'", algorithm=SHA-256, qop=auth, nc=' + count + b', cnonce="c"'
    )


LENGTHS = (
    "-1",
    "-2147483648",
    "99999999999999999999",
    "4294967296",
    "2147483647",
    "65536",
    "1e3",
    "0x10",
    "abc",
    "",
    "1 1",
    "7, 9",
)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_odd_content_lengths(edge_sites: EdgeSites, transport: str, length: str) -> None:
    async with await Stranger.open(edge_sites, transport) as stranger:
        draft = Draft("MESSAGE", f"sip:bob@{OURS}", body=b"short", replaced={"Content-Length": length})
        stranger.send(draft)
        await quiet(edge_sites)
        codes = {message.code for message in stranger.received if isinstance(message, Response)}
        assert codes <= {400, 407, 413, 513}, codes
    async with await Stranger.open(edge_sites, transport) as next_one:
        assert (await next_one.ask(Draft("OPTIONS", f"sip:bob@{OURS}"))).code == 407


@pytest.mark.parametrize("size", [8_000, 60_000, 70_000, 1_000_000])
@pytest.mark.parametrize("transport", ["tcp", "tls", "ws"])
@pytest.mark.parametrize("what", ["one header", "many headers", "body", "no end"])
async def test_huge_messages_on_a_connection(edge_sites: EdgeSites, transport: str, size: int, what: str) -> None:
    draft = Draft("MESSAGE", f"sip:bob@{OURS}")
    if what == "one header":
        draft.headers = ["Subject: " + "x" * size]
    elif what == "many headers":
        draft.headers = [f"X-{number}: y" for number in range(size // 9)]
    elif what == "body":
        draft.body = b"x" * size
    async with await Stranger.open(edge_sites, transport) as stranger:
        data = draft.bytes(stranger.via())
        stranger.send_bytes(data if what != "no end" else data.partition(b"\r\n\r\n")[0] + b"x" * size)
        await quiet(edge_sites)
        codes = {message.code for message in stranger.received if isinstance(message, Response)}
        assert codes <= {400, 407, 413, 513}, codes
    async with await Stranger.open(edge_sites, transport) as next_one:
        assert (await next_one.ask(Draft("OPTIONS", f"sip:bob@{OURS}"))).code == 407


async def test_the_largest_datagrams(edge_sites: EdgeSites) -> None:
    async with others_served(edge_sites), await Stranger.open(edge_sites) as stranger:
        for filler in (b"x" * 64_000, b"\r\n" * 32_000, b"\0" * 65_000, bytes(range(256)) * 250):
            stranger.send_bytes(filler)
            head = Draft("REGISTER", f"sip:{OURS}", body=filler[:64_000]).bytes(stranger.via())
            stranger.send_bytes(head[:65_000])
            stranger.send(
                Draft("INVITE", f"sip:bob@{OURS}", headers=[b"Subject: " + filler[:60_000].replace(b"\r\n", b"  ")])
            )
        await quiet(edge_sites)


RUBBISH = (
    b"",
    b"\0" * 100,
    b"\r\n\r\n" * 100,
    b"INVITE",
    b"SIP/2.0 200 OK\r\n\r\n",
    b"SIP/2.0 99999999999999999999 OK\r\nVia: SIP/2.0/UDP x\r\n\r\n",
    b"INVITE sip:x SIP/2.0\r\n" + b"Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\n" * 900 + b"\r\n",
    b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP " + b"a," * 5000 + b"\r\n\r\n",
    b"INVITE sip:x SIP/2.0\r\nTo: " + b"<" * 20000 + b"\r\n\r\n",
    b"INVITE sip:x SIP/2.0\r\nFrom: " + b'"' * 20001 + b"\r\n\r\n",
    b"A" * 60000 + b" sip:x SIP/2.0\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # a TLS hello
    b"GET / HTTP/1.1\r\nHost: sip/2.0\r\n\r\n",
    b"PROXY UNKNOWN\r\n",
    b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),  # STUN
    b"KDMQ sip:usrloc@x SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKk\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"
    b"Call-ID: k\r\nCSeq: 1 KDMQ\r\nMax-Forwards: 5\r\nContent-Length: 0\r\n\r\n",
)


@pytest.mark.parametrize("data", RUBBISH, ids=range(len(RUBBISH)))
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_rubbish(edge_sites: EdgeSites, transport: str, data: bytes) -> None:
    async with await Stranger.open(edge_sites, transport) as stranger:
        stranger.send_bytes(data)
        stranger.send_bytes(data + b"sip/2.0\r\n\r\n")
        await quiet(edge_sites)
        assert not [m for m in stranger.received if isinstance(m, Response) and 200 <= m.code < 300]
    async with await Stranger.open(edge_sites, transport) as next_one:
        assert (await next_one.ask(Draft("OPTIONS", f"sip:bob@{OURS}"))).code == 407


FRAMES = (
    b"\x81\x05hello",  # not masked (RFC 6455 section 5.1: must be)
    b"\x81\xff" + b"\xff" * 8 + b"\0\0\0\0",  # 2^64-1 bytes to come
    b"\x81\xff" + b"\x7f" + b"\xff" * 7 + b"\0\0\0\0x",
    b"\x01\x81\0\0\0\0x" * 500,  # fragments without end
    b"\x89\x80\0\0\0\0" * 2000,  # pings
    b"\x89\xfe\xff\xff\0\0\0\0" + b"p" * 65535,  # a ping too long
    b"\x88\x80\0\0\0\0" * 50,  # closing again and again
    b"\xf1\x80\0\0\0\0",  # reserved bits
    b"\x8f\x80\0\0\0\0",  # reserved opcode
    b"\x82\x84\0\0\0\0\0\0\0\0",  # binary
    b"\x81\xfe\xff\xff\0\0\0\0" + b"\xff" * 65535,
)


@pytest.mark.parametrize("frame", FRAMES, ids=range(len(FRAMES)))
async def test_odd_websocket_frames(edge_sites: EdgeSites, frame: bytes) -> None:
    async with others_served(edge_sites):
        await asyncio.to_thread(_frame, edge_sites, frame)
    async with await Stranger.open(edge_sites, "ws") as next_one:
        assert (await next_one.ask(Draft("OPTIONS", f"sip:bob@{OURS}"))).code == 407


def _frame(sites: EdgeSites, frame: bytes) -> None:
    handshake = (
        b"GET /sip HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
    )
    with (
        socket.create_connection((sites.address(), 8443), 5) as plain,
        sites.tls().wrap_socket(plain, server_hostname="premises.contoso.example") as tls,
    ):
        tls.sendall(handshake)
        assert tls.recv(4096).startswith(b"HTTP/1.1 101")
        tls.settimeout(1)
        try:
            tls.sendall(frame)
            while tls.recv(65536):
                pass
        except OSError:
            pass


async def test_sdp_that_is_none(edge_sites: EdgeSites) -> None:
    """Through to the media relay, from a caller in good standing."""
    bodies = (b"", b"\0" * 50, b"v=0\r\n", b"m=audio\r\n" * 500, b"v=0\r\nm=audio 99999999 RTP/AVP 0\r\n", SDP * 100,
              b"v=0\r\no=- 1 1 IN IP4 999.1.1.1\r\ns=-\r\nc=IN IP4 x\r\nt=0 0\r\nm=audio -1 RTP/AVP 0\r\n", b"a=" + b"x" * 20000)  # fmt: skip
    async with (
        await edge_sites.phone("bob") as bob,
        await Stranger.open(edge_sites, "tcp") as alice,
        others_served(edge_sites),
    ):
        for body in bodies:
            for kind in ("application/sdp", "multipart/mixed;boundary=x", "multipart/mixed", "APPLICATION/SDP ; x"):
                headers = [f"Contact: <sip:a@{alice.address}>", f"Content-Type: {kind}"]
                draft = Draft("INVITE", f"sip:bob@{OURS}", f"sip:alice@{OURS}", headers=headers, body=body)
                code = (await alice.signed(draft, "alice")).code
                assert code in (200, 400, 415, 488), code
        assert bob.incoming
