"""Whoever knocks at a site: sends hand-made bytes over any transport and sees every byte that comes back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from isthmus.useragent import auth
from isthmus.useragent.message import Request, Response, parse
from isthmus.useragent.transaction import Flow
from isthmus.useragent.wire import StreamWire, UdpWire, Wire
from tests.agents.websocket import WebSocketWire
from tests.hostile.sites import OURS, EdgeSites, password

Lines = Sequence[str | bytes]
# A request by UDP may be lost in a storm, so it is sent again (RFC 3261, 17.1.2.2), but later than the RFC's 0.5 s: what
# a busy machine answers late must not be counted twice.
AGAIN_S = 3.0
SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"


def _line(line: str | bytes) -> bytes:
    return line if isinstance(line, bytes) else line.encode("utf-8", "surrogateescape")


@dataclass
class Draft:
    """A request in the making. Each header can be left out (None) or be given as any bytes."""

    method: str
    uri: str | bytes
    sender: str = f"sip:somebody@{OURS}"
    to: str = ""
    to_tag: str = ""
    call_id: str = field(default_factory=lambda: secrets.token_hex(8))
    cseq: int = 1
    headers: Lines = ()
    body: bytes = b""
    replaced: dict[str, str | bytes | None] = field(default_factory=dict)

    def bytes(self, via: str, extra: Lines = ()) -> bytes:
        """The message. via: value of the Via header, its branch included."""
        to = self.to or (self.uri if isinstance(self.uri, str) else f"sip:bob@{OURS}")
        tail = f";tag={self.to_tag}" if self.to_tag else ""
        fixed: dict[str, str | bytes | None] = {
            "Via": via,
            "Max-Forwards": "70",
            "From": f"<{self.sender}>;tag={self.call_id[:6]}",
            "To": f"<{to}>{tail}",
            "Call-ID": self.call_id,
            "CSeq": f"{self.cseq} {self.method}",
            "Content-Length": str(len(self.body)),
        } | self.replaced
        start = self.method.encode() + b" " + _line(self.uri) + b" SIP/2.0"
        lines = [_line(name) + b": " + _line(value) for name, value in fixed.items() if value is not None]
        more = [_line(line) for line in (*self.headers, *extra)]
        return b"\r\n".join([start, *lines, *more]) + b"\r\n\r\n" + self.body


class Stranger:
    """One address, one transport, towards one site."""

    def __init__(self, wire: Wire, flow: Flow) -> None:
        self._wire, self._flow = wire, flow
        self.received: list[Request | Response | bytes] = []
        self._news = asyncio.Event()
        wire.on_bytes = self._take

    @classmethod
    async def open(
        cls, sites: EdgeSites, transport: str = "udp", *, at: str = "premises", address: str = "", port: int = 0
    ) -> Self:
        """Bind, and connect where the transport does."""
        own, file = address or sites.loopback(), sites.files[at]
        wire: Wire
        if transport == "udp":
            wire = await UdpWire.open(own, port)
        elif transport == "ws":
            wire = WebSocketWire(own, tls=sites.tls(), server_name=file.site.fqdn)
        else:
            wire = StreamWire(own, tls=sites.tls() if transport == "tls" else None, server_name=file.site.fqdn)
        return cls(wire, await wire.flow_to(*sites.port(at, transport)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._wire.close()

    @property
    def address(self) -> str:
        """Our own `host:port`."""
        return str(self._wire.local)

    def via(self) -> str:
        """A Via of ours with a new branch."""
        return f"SIP/2.0/{self._wire.transport.upper()} {self.address};branch=z9hG4bK{secrets.token_hex(8)};rport"

    def send_bytes(self, data: bytes) -> None:
        """Send anything."""
        self._wire.send(data, self._flow)

    def send(self, draft: Draft, extra: Lines = (), *, via: str = "") -> None:
        """Send a request, wait for nothing."""
        self.send_bytes(draft.bytes(via or self.via(), extra))

    async def ask(self, draft: Draft, extra: Lines = (), *, via: str = "", timeout_s: float = 45.0) -> Response:
        """Send a request and give its final answer; a 2xx or more to an INVITE is acknowledged where that is due."""
        before, via = len(self.received), via or self.via()
        self.send(draft, extra, via=via)
        again = asyncio.create_task(self._repeat(draft.bytes(via, extra)))
        try:
            answer = await self.final(draft.call_id, draft.cseq, since=before, timeout_s=timeout_s)
        finally:
            again.cancel()
        if draft.method == "INVITE" and answer.code >= 300:
            self.send_bytes(_ack(draft, answer, via))
        return answer

    async def _repeat(self, data: bytes) -> None:
        """Send again and again what a datagram may have lost."""
        wait_s = AGAIN_S
        while self._wire.transport == "udp":
            await asyncio.sleep(wait_s)
            self.send_bytes(data)
            wait_s *= 2

    async def signed(self, draft: Draft, user: str, domain: str = OURS, *, secret: str = "") -> Response:
        """The same with the digest of one of the people, after a challenge."""
        answer = await self.ask(draft)
        if answer.code not in (401, 407):
            return answer
        draft.cseq += 1
        return await self.ask(draft, [credentials(answer, draft, user, secret or password(user))])

    async def final(self, call_id: str, cseq: int, *, since: int = 0, timeout_s: float = 45.0) -> Response:
        """The final answer to a request."""

        def found() -> Response | None:
            for message in self.received[since:]:
                if not isinstance(message, Response) or message.code < 200:
                    continue
                if (message.call_id, message.cseq[0]) == (call_id, cseq):
                    return message
            return None

        await self.until(lambda: found() is not None, f"an answer to {call_id}", timeout_s)
        answer = found()
        assert answer is not None
        return answer

    async def until(self, condition: Callable[[], object], what: str, timeout_s: float = 45.0) -> None:
        """Wait until something has come in."""

        async def wait() -> None:
            while not condition():
                self._news.clear()
                await self._news.wait()

        try:
            await asyncio.wait_for(wait(), timeout_s)
        except TimeoutError:
            raise AssertionError(f"{what}: not within {timeout_s} s; came: {self.received}") from None

    def requests(self) -> list[Request]:
        """The requests that came in."""
        return [message for message in self.received if isinstance(message, Request)]

    def _take(self, data: bytes, _flow: Flow) -> None:
        try:
            self.received.append(parse(data))
        except ValueError:
            self.received.append(data)
        self._news.set()


def credentials(challenge: Response, draft: Draft, user: str, secret: str) -> str:
    """The header line that answers a challenge."""
    uri = draft.uri if isinstance(draft.uri, str) else draft.uri.decode("latin-1")
    made = auth.answer(challenge, draft.method, uri, user, secret)
    assert made is not None
    return f"{made[0]}: {made[1]}"


def _ack(draft: Draft, answer: Response, via: str) -> bytes:
    ack = Draft("ACK", draft.uri, draft.sender, draft.to, answer.to_tag, draft.call_id, draft.cseq)
    return ack.bytes(via)


async def quiet(sites: EdgeSites, at: str = "premises") -> None:
    """Whatever was sent to a site before has been dealt with: every UDP worker has answered since."""
    async with await Stranger.open(sites, at=at) as stranger:
        for _ in range(12):
            await stranger.ask(Draft("OPTIONS", f"sip:{sites.address(at)}"))
    await asyncio.sleep(0.05)


@asynccontextmanager
async def others_served(sites: EdgeSites) -> AsyncIterator[None]:
    """While this lasts, and right after, Gina at premises writes to Hank online, and each message arrives."""
    gina, hank = await sites.phone("gina", "premises", "tcp"), await sites.phone("hank", "online", "udp")
    async with gina, hank:
        stop = asyncio.Event()

        async def write() -> None:
            sent = 0
            while not stop.is_set() or sent < 2:
                sent += 1
                answer = await gina.message(f"sip:hank@{OURS}", f"number {sent}")
                assert answer.code == 200, f"message {sent}: {answer.code} {answer.phrase}"
                await asyncio.sleep(0.05)

        writing = asyncio.create_task(write())
        try:
            yield
        finally:
            stop.set()
            await writing
        assert (await gina.register(60)).code == 200
        await gina.register(0)
        await hank.register(0)
