"""Our own user agent for tests: one user on UDP, TCP, TLS or WebSocket, with rules for what comes in.

Built on `isthmus.useragent`, which follows Record-Route strictly and matches answers by branch, Call-ID and CSeq.
Every message sent and received is kept with its time. Hundreds fit in one process.

    async with await User.open("sip:alice@contoso.example", address, proxy=(site, 5060), password=...) as alice:
        await alice.registered()
        call = await alice.dial("sip:bob@contoso.example")
        await alice.hears(call, 620)
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar, Self
from weakref import WeakSet

import numpy as np

from isthmus.useragent.account import Account
from isthmus.useragent.agent import Agent
from isthmus.useragent.call import Call
from isthmus.useragent.message import Request, Response, parse
from isthmus.useragent.rtp import tone
from isthmus.useragent.sdp import Audio
from isthmus.useragent.transaction import Flow
from isthmus.useragent.wire import StreamWire, UdpWire, Wire
from tests.agents.tones import decode_ulaw, tone_seconds
from tests.agents.websocket import WebSocketWire

TRANSPORTS = ("udp", "tcp", "tls", "ws")
SIP_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 8443}


@dataclass(frozen=True, slots=True)
class Record:
    """One message: when (monotonic seconds), `sent` or `received`, its bytes, the other's address."""

    at_s: float
    direction: str
    data: bytes
    peer: tuple[str, int]

    @property
    def message(self) -> Request | Response | None:
        """The message, None if it is not one."""
        try:
            return parse(self.data)
        except ValueError:
            return None

    @property
    def start(self) -> str:
        """The first line."""
        return self.data.partition(b"\r\n")[0].decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do with a call: ring (or not), wait, then give this answer. code 0: none."""

    code: int = 200
    phrase: str = "OK"
    after_s: float = 0.0
    ring: bool = True


ANSWER = Rule()
BUSY = Rule(486, "Busy Here", ring=False)
DECLINE = Rule(603, "Decline")
NO_ANSWER = Rule(0)


class User(Agent):
    """An agent with an answer rule, a memory, and ears."""

    all: ClassVar[WeakSet[User]] = WeakSet()

    def __init__(self, wire: Wire, account: Account, **options: object) -> None:
        User.all.add(self)
        self.record: list[Record] = []
        self.incoming: list[Call] = []
        self.messages: list[Request] = []
        self.rule = ANSWER
        self.tone_hz: float | None = None
        self.deaf: frozenset[str] = frozenset()  # methods that get no answer outside of a dialog
        self.media = True  # False: SDP only, no RTP port; for calls by the thousand
        super().__init__(wire, account, trace=self._remember, **options)  # type: ignore[arg-type]
        self.on_call = self._take
        self.on_message = self._keep

    @classmethod
    async def open(
        cls,
        uri: str,
        address: str,
        *,
        transport: str = "udp",
        port: int = 0,
        proxy: tuple[str, int] | None = None,
        password: str = "",
        username: str = "",
        algorithms: Sequence[str] = ("SHA-256", "MD5"),
        ca: str | None = None,
        server_name: str = "",
        server_tls: ssl.SSLContext | None = None,
        listen: bool = False,
        tone_hz: float | None = None,
        media: bool = True,
        hosts: Mapping[str, str] | None = None,
        user_agent: str = "Isthmus test agent",
    ) -> Self:
        """Bind, and connect to the proxy if there is one.

        ca: file of the CA that signs the proxy's certificate, for TLS and WebSocket; listen: take connections,
        for agents that call one another directly; server_tls: our certificate then. media: whether calls have
        RTP; without, they cost little.
        """
        trust = ssl.create_default_context(cafile=ca) if ca else None
        wire: Wire
        if transport == "udp":
            wire = await UdpWire.open(address, port)
        elif transport == "ws":
            wire = socket = WebSocketWire(address, tls=trust, server_name=server_name)
            if listen:
                await socket.listen(port)
        else:
            wire = stream = StreamWire(address, tls=trust if transport == "tls" else None, server_name=server_name)
            if listen:
                await stream.listen(port, server_tls)
        if proxy:
            await wire.flow_to(*proxy)
        account = Account(uri, username, password, algorithms)
        user = cls(wire, account, proxy=proxy, hosts=hosts, user_agent=user_agent)
        user.tone_hz, user.media = tone_hz, media
        return user

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    # Doing

    async def registered(self, expires_s: int = 300) -> Response:
        """Register; an answer other than 200 is an AssertionError."""
        response = await self.register(expires_s)
        assert response.code == 200, f"{self.account.uri} REGISTER: {response.code} {response.phrase}"
        return response

    async def dial(self, uri: str, *, timeout_s: float = 45.0) -> Call:
        """Call and wait for the answer; a refusal is a ConnectionError."""
        call = await self.call(uri, sound=self._sound, body=self._no_media)
        await call.answered(timeout_s)
        return call

    async def ring(self, uri: str, *, timeout_s: float = 45.0) -> Call:
        """Call and wait until it rings there.

        Who answers at once may never be heard to ring: their 180 and 200 go through a proxy side by side, and a 180
        that comes after a 200 is dropped.
        """
        call = await self.call(uri, sound=self._sound, body=self._no_media)
        rings_or_is_done = lambda: any(r.code == 180 for r in call.responses) or call.up or call.ended  # noqa: E731
        await call.until(rings_or_is_done, "ringing", timeout_s)
        assert not call.ended, f"the call ended with {call.ended}"
        return call

    async def refused(self, uri: str, *, timeout_s: float = 45.0) -> int:
        """Call and give the code it is refused with."""
        call = await self.call(uri)
        await call.until(lambda: call.up or call.ended, "a final answer", timeout_s)
        assert not call.up, "the call was answered"
        assert call.final is not None
        return call.final.code

    async def called(self, count: int = 1, *, timeout_s: float = 45.0) -> Call:
        """Wait for the nth call that comes in and give it."""
        await self.changes.until(lambda: len(self.incoming) >= count, f"incoming call {count}", timeout_s)
        return self.incoming[count - 1]

    # Hearing

    async def hears(self, call: Call, frequency_hz: float, *, seconds: float = 0.3, timeout_s: float = 45.0) -> None:
        """Wait until this tone was heard for so long, from now on."""
        await call.until(lambda: call.media, "audio in the call", timeout_s)
        assert call.media is not None
        media, since = call.media, time.monotonic()
        end = since + timeout_s
        while (heard := self.tone_heard(call, frequency_hz, since)) < seconds:
            if time.monotonic() > end:
                frames = sum(frame.at_s >= since for frame in media.heard)
                raise AssertionError(
                    f"{self.account.uri} heard {heard:.2f} s of {frequency_hz} Hz in {frames} frames, not {seconds}"
                )
            await asyncio.sleep(0.05)

    async def hears_nothing(self, call: Call, *, seconds: float = 0.3) -> None:
        """See that no audio comes in for so long."""
        assert call.media is not None, "the call has no audio"
        await asyncio.sleep(0.1)  # what is under way
        since = time.monotonic()
        await asyncio.sleep(seconds)
        frames = [frame for frame in call.media.heard if frame.at_s >= since]
        samples = decode_ulaw(b"".join(frame.payload for frame in frames))
        loud = len(samples) and float(np.sqrt((samples**2).mean())) > 200
        assert not loud, f"{self.account.uri} heard {len(frames)} frames"

    @staticmethod
    def tone_heard(call: Call, frequency_hz: float, since: float = 0.0) -> float:
        """Seconds of this tone heard since then."""
        assert call.media is not None
        return tone_seconds(
            decode_ulaw(b"".join(frame.payload for frame in call.media.heard if frame.at_s >= since)),
            frequency_hz,
        )

    # Remembering

    def remembered(self, since: float, *, most: int = 60) -> str:
        """The newest messages sent and received since then, a line each."""
        return "\n".join(
            f"{r.at_s - since:8.3f} {r.direction:8} {r.peer[0]}:{r.peer[1]} {r.start}"
            for r in [r for r in self.record if r.at_s >= since][-most:]
        )

    def received_requests(self, method: str, *, again: bool = False) -> list[Request]:
        """The requests of this method that came in. again: also what an impatient sender repeated."""
        came = [
            m
            for r in self.record
            if r.direction == "received" and isinstance(m := r.message, Request) and m.method == method
        ]
        if again:
            return came
        first: dict[tuple[str, tuple[int, str]], Request] = {}
        for request in came:
            first.setdefault((request.branch, request.cseq), request)
        return list(first.values())

    @property
    def _no_media(self) -> bytes | None:
        return None if self.media else bytes(Audio(self.wire.local.host, 9))

    @property
    def _sound(self) -> bytes | None:
        return tone(self.tone_hz) if self.tone_hz else None

    def _remember(self, direction: str, data: bytes, flow: Flow) -> None:
        self.record.append(Record(time.monotonic(), direction, data, flow.peer))

    def _outside_dialog(self, request: Request, flow: Flow) -> None:
        if request.method not in self.deaf:
            super()._outside_dialog(request, flow)

    def _keep(self, request: Request) -> None:
        self.messages.append(request)
        self.changes.notify()

    async def _take(self, call: Call) -> None:
        call.sound = self._sound
        self.incoming.append(call)
        self.changes.notify()
        rule = self.rule
        if call.invite is not None and call.invite.get("Replaces"):
            await call.answer(self._no_media)
            return
        if rule.ring:
            call.ring()
        if rule.after_s:
            await asyncio.sleep(rule.after_s)
        if rule.code == 200:
            await call.answer(self._no_media)
        elif rule.code:
            call.reject(rule.code, rule.phrase)
