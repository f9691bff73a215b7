"""A SIP user agent on asyncio: registers, sends requests with digest, hands calls and messages on."""

from __future__ import annotations

import asyncio
import re
import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from isthmus.useragent import auth
from isthmus.useragent.account import Account
from isthmus.useragent.call import Call
from isthmus.useragent.changes import Changes
from isthmus.useragent.dialog import Dialog, DialogId, Hop
from isthmus.useragent.message import Header, Request, Response, parse, response_to
from isthmus.useragent.rtp import Media
from isthmus.useragent.transaction import Action, Answered, Deliver, Flow, GaveUp, Send, Transactions
from isthmus.useragent.wire import Wire

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, REFER, NOTIFY, UPDATE, INFO"
_KEEP_INVITE_S = 40.0  # as long as 2xx to an INVITE may still come again (64 T1 and a bit)
_TOP_VIA = re.compile(rb"^(?:via|v)[ \t]*:[ \t]*([^\r\n,]+)", re.IGNORECASE | re.MULTILINE)
_RPORT = re.compile(rb";\s*rport(?=[;\s]|$)")

OnAnswer = Callable[[Response], None]
Trace = Callable[[str, bytes, Flow], None]


async def _busy(call: Call) -> None:
    call.reject(486, "Busy Here")


class Agent:
    """One user on one wire.

    proxy: where requests outside a dialog are sent; None: to where their URI points.
    hosts: addresses of the names that may stand in URIs (there is no DNS here).
    on_call: told of each incoming call, as a task; the agent has answered 100 to it already.
    follows_refer: whether it calls whom a REFER inside a call names; else it declines.
    on_message: told of each MESSAGE, after it was answered 200.
    on_notify: told of each NOTIFY of a subscription that was made by `request`, after it was answered 200; None: there
    are none, and such a NOTIFY is answered 481.
    trace: sees every message, `"sent"` or `"received"`, as bytes.
    """

    def __init__(
        self,
        wire: Wire,
        account: Account,
        *,
        proxy: tuple[str, int] | None = None,
        hosts: Mapping[str, str] | None = None,
        user_agent: str = "Isthmus agent",
        follows_refer: bool = True,
        trace: Trace | None = None,
    ) -> None:
        self.wire, self.account, self.proxy = wire, account, proxy
        self.hosts = dict(hosts or {})
        self.user_agent, self.follows_refer = user_agent, follows_refer
        self.instance = f"<urn:uuid:{uuid.uuid4()}>"
        self.changes = Changes()
        self.open_media: Callable[[str], Awaitable[Media]] = Media.open
        self.calls: dict[DialogId, Call] = {}
        self.ringing: dict[str, Call] = {}  # incoming, not answered yet, by branch
        self.on_call: Callable[[Call], Awaitable[None]] = _busy
        self.on_message: Callable[[Request], None] = lambda request: None
        self.on_notify: Callable[[Request], None] | None = None
        self._trace = trace
        self._transactions = Transactions()
        self._pending: dict[tuple[str, str], OnAnswer] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._register_id, self._register_cseq = f"{secrets.token_hex(8)}@{wire.local.host}", 0
        self._contact_host = f"{secrets.token_hex(6)}.invalid" if wire.transport.startswith("ws") else ""
        wire.on_bytes = self._received

    async def close(self) -> None:
        """Stop timers, tasks, media and wire; says no good-bye to anybody."""
        if self._timer:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        for call in [*self.calls.values(), *self.ringing.values()]:
            call.close_media()
        await self.wire.close()

    # Requests

    @property
    def contact(self) -> str:
        """Our Contact URI on this wire."""
        host = self._contact_host or str(self.wire.local)
        tail = "" if self.wire.transport == "udp" else f";transport={self.wire.transport.replace('wss', 'ws')}"
        return f"sip:{self.account.user}@{host}{tail}"

    async def register(self, expires_s: int = 300, headers: Iterable[Header] = ()) -> Response:
        """Register our contact, or remove it with 0. Gives the final answer, whatever it is."""
        domain = self.account.uri.partition("@")[2].partition(";")[0]
        flow = await self.flow_for(f"sip:{domain}")

        def make(extra: Sequence[Header]) -> Request:
            self._register_cseq += 1
            return self.build(
                "REGISTER",
                f"sip:{domain}",
                self.account.uri,
                call_id=self._register_id,
                cseq=self._register_cseq,
                headers=(
                    ("Contact", f'<{self.contact}>;+sip.instance="{self.instance}";expires={expires_s}'),
                    ("Expires", str(expires_s)),
                    ("Supported", "path, outbound, gruu"),
                    *headers,
                    *extra,
                ),
            )

        return await self.exchange(make, flow)

    async def request(
        self, method: str, uri: str, *, headers: Sequence[Header] = (), body: bytes = b"", digest: bool = True
    ) -> Response:
        """Send a request outside any dialog to `uri` and give its final answer, digest done on the way."""
        flow = await self.flow_for(uri)
        call_id, cseq = f"{secrets.token_hex(8)}@{self.wire.local.host}", secrets.randbelow(1000)

        def make(extra: Sequence[Header]) -> Request:
            nonlocal cseq
            cseq += 1
            all_headers = (*headers, *extra)
            return self.build(method, uri, uri, call_id=call_id, cseq=cseq, headers=all_headers, body=body)

        return await self.exchange(make, flow, digest=digest)

    async def message(self, uri: str, text: str) -> Response:
        """Send an instant message (RFC 3428)."""
        return await self.request(
            "MESSAGE", uri, headers=[("Content-Type", "text/plain;charset=utf-8")], body=text.encode()
        )

    async def call(
        self,
        uri: str,
        *,
        body: bytes | None = None,
        headers: Sequence[Header] = (),
        sound: bytes | None = None,
        caller: str = "",
    ) -> Call:
        """Send an INVITE and give the call at once.

        body: an SDP offer of another's; None: our own audio. caller: the URI in From, if not the account's.
        """
        call = Call(self, sound=sound)
        flow = await self.flow_for(uri)
        await call.dial(uri, flow, body, headers, caller)
        return call

    def build(
        self,
        method: str,
        uri: str,
        to: str,
        *,
        call_id: str,
        cseq: int,
        from_tag: str = "",
        from_uri: str = "",
        headers: Iterable[Header] = (),
        body: bytes = b"",
    ) -> Request:
        """A request outside a dialog, with a branch of its own."""
        name = f'"{self.account.name}" ' if self.account.name else ""
        fixed = (
            self.via(),
            ("Max-Forwards", "70"),
            ("From", f"{name}<{from_uri or self.account.uri}>;tag={from_tag or secrets.token_hex(6)}"),
            ("To", f"<{to}>"),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"),
            ("User-Agent", self.user_agent),
        )
        return Request((*fixed, *headers), body, method, uri)

    def via(self) -> Header:
        """A Via of ours with a new branch; rport so that answers find us (RFC 3581)."""
        sent_by = self._contact_host or str(self.wire.local)
        return (
            "Via",
            f"SIP/2.0/{self.wire.transport.upper()} {sent_by};branch=z9hG4bK{secrets.token_hex(10)};rport",
        )

    def in_dialog(
        self, dialog: Dialog, method: str, cseq: int, headers: Iterable[Header] = (), body: bytes = b""
    ) -> tuple[Request, str]:
        """A request inside a dialog, and the URI of its next hop (RFC 3261 section 12.2.1.1)."""
        uri, routes, hop = dialog.leads()
        fixed = (
            self.via(),
            ("Max-Forwards", "70"),
            *(("Route", route) for route in routes),
            ("From", dialog.local),
            ("To", dialog.remote),
            ("Call-ID", dialog.id.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("User-Agent", self.user_agent),
        )
        return Request((*fixed, *headers), body, method, uri), hop

    async def flow_for(self, uri: str, dialog: Dialog | None = None) -> Flow:
        """The flow to the next hop. Raises OSError when there is none, as for a hop over another transport."""
        if dialog is None and self.proxy:
            return await self.wire.flow_to(*self.proxy)
        hop = Hop.of(uri)
        if dialog is not None and hop.host.endswith(".invalid"):  # RFC 7118 section 5: only its connection leads there
            return dialog.flow
        if hop.transport.replace("wss", "ws") != self.wire.transport.replace("wss", "ws"):
            raise OSError(f"the next hop {uri} is over {hop.transport}, this agent speaks {self.wire.transport}")
        return await self.wire.flow_to(self.hosts.get(hop.host, hop.host), hop.port)

    async def exchange(
        self,
        make: Callable[[Sequence[Header]], Request],
        flow: Flow,
        *,
        on_answer: Callable[[Request, Response], None] | None = None,
        digest: bool = True,
    ) -> Response:
        """Send what `make` gives, answer one challenge, and give the final answer.

        on_answer: sees each answer as it comes, with its request; 2xx that come again too.
        """
        extra: list[Header] = []
        for attempt in (1, 2, 3):
            request = make(extra)
            done: asyncio.Future[Response] = self._loop.create_future()

            def took(response: Response, request: Request = request, done: asyncio.Future[Response] = done) -> None:
                if on_answer:
                    on_answer(request, response)
                if response.code >= 200 and not done.done():
                    done.set_result(response)

            self.send(request, flow, took)
            response = await done
            if not digest or response.code not in (401, 407) or attempt == 3 or not self.account.password:
                return response
            answer = auth.answer(
                response,
                request.method,
                request.uri,
                self.account.username or self.account.user,
                self.account.password,
                self.account.algorithms,
            )
            stale = (
                "stale=true" in "".join(v for k, v in response.headers if k.lower().endswith("authenticate")).lower()
            )
            if answer is None or (any(name == answer[0] for name, _ in extra) and not stale):
                return response
            extra = [pair for pair in extra if pair[0] != answer[0]] + [answer]
        raise AssertionError("unreachable")

    def send(self, request: Request, flow: Flow, on_answer: OnAnswer | None = None) -> None:
        """Send a request in a transaction of its own (an ACK: in none)."""
        if on_answer:
            self._pending[request.branch, request.method] = on_answer
        self._run(self._transactions.request(request, flow, self._loop.time()))

    def send_bytes(self, data: bytes, flow: Flow) -> None:
        """Send anything, outside all transactions."""
        if self._trace:
            self._trace("sent", data, flow)
        self.wire.send(data, flow)

    def respond(self, request: Request, response: Response) -> None:
        """Answer a request that was delivered."""
        self._run(self._transactions.respond(request, response, self._loop.time()))

    def spawn(self, work: Awaitable[object]) -> None:
        """Run something beside; an exception in it is shown by asyncio."""

        async def run() -> None:
            await work

        task = self._loop.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What comes in

    def _received(self, data: bytes, flow: Flow) -> None:
        if self._trace:
            self._trace("received", data, flow)
        try:
            message = parse(_stamped(data, flow))
            actions = self._transactions.receive(message, flow, self._loop.time())
        except ValueError:
            return  # not a message one could answer
        self._run(actions)
        self.changes.notify()

    def _run(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(message, flow):
                    self.send_bytes(bytes(message), flow if isinstance(message, Request) else _back(message, flow))
                case Deliver(request, flow):
                    self._request(request, flow)
                case Answered(branch, method, response):
                    self._answered(branch, method, response)
                case GaveUp(request):
                    self._gave_up(request)
        self._set_timer()

    def _set_timer(self) -> None:
        due = self._transactions.next_at
        if self._timer and (due is None or self._timer.when() > due):
            self._timer.cancel()
            self._timer = None
        if due is not None and self._timer is None:
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._run(self._transactions.tick(self._loop.time()))
        self.changes.notify()

    def _answered(self, branch: str, method: str, response: Response) -> None:
        on_answer = self._pending.get((branch, method))
        if response.code >= 200 and on_answer:
            if method == "INVITE" and response.code < 300:
                self._loop.call_later(_KEEP_INVITE_S, self._pending.pop, (branch, method), None)
            else:
                del self._pending[branch, method]
        if on_answer:
            on_answer(response)

    def _gave_up(self, request: Request) -> None:
        on_answer = self._pending.pop((request.branch, request.method), None)
        if on_answer:  # section 8.1.3.1: as if 408 had come
            on_answer(response_to(request, 408, "Request Timeout"))
        for call in [call for call in self.calls.values() if call.invite is request]:
            call.unacknowledged()

    def _request(self, request: Request, flow: Flow) -> None:
        call = self.calls.get(DialogId(request.call_id, request.to_tag, request.from_tag))
        if request.method == "CANCEL":
            ringing = self.ringing.get(request.branch)
            code, phrase = (200, "OK") if ringing else (481, "Call/Transaction Does Not Exist")
            self.respond(request, response_to(request, code, phrase, to_tag=ringing.local_tag if ringing else ""))
            if ringing:
                ringing.cancelled()
        elif call is not None:
            call.received(request)
        elif request.to_tag and request.method == "NOTIFY" and self.on_notify is not None:
            self.respond(request, response_to(request, 200, "OK"))
            self.on_notify(request)
        elif request.to_tag:
            if request.method != "ACK":
                self.respond(request, response_to(request, 481, "Call/Transaction Does Not Exist"))
        else:
            self._outside_dialog(request, flow)

    def _outside_dialog(self, request: Request, flow: Flow) -> None:
        tag = secrets.token_hex(6)
        match request.method:
            case "INVITE":
                self.respond(request, response_to(request, 100, "Trying"))
                call = Call(self)
                call.arrive(request, flow)
                self.spawn(self.on_call(call))
            case "MESSAGE":
                self.respond(request, response_to(request, 200, "OK", to_tag=tag))
                self.on_message(request)
            case "OPTIONS":
                self.respond(request, response_to(request, 200, "OK", to_tag=tag, headers=[("Allow", ALLOW)]))
            case "ACK":
                pass
            case _:
                headers = [("Allow", ALLOW)]
                self.respond(request, response_to(request, 405, "Method Not Allowed", to_tag=tag, headers=headers))

    def find(self, call_id: str, local_tag: str, remote_tag: str) -> Call | None:
        """The call with this dialog, as a Replaces header names it (RFC 3891)."""
        return self.calls.get(DialogId(call_id, local_tag, remote_tag))


def _stamped(data: bytes, flow: Flow) -> bytes:
    """The request with received and rport filled in (RFC 3261 section 18.2.1, RFC 3581 section 4)."""
    if data.startswith(b"SIP/2.0"):
        return data
    via = _TOP_VIA.search(data)
    if not via or not _RPORT.search(via.group(1)):
        return data
    host, port = flow.peer
    value = _RPORT.sub(f";rport={port};received={host}".encode(), via.group(1), count=1)
    return data[: via.start(1)] + value + data[via.end(1) :]


def _back(response: Response, flow: Flow) -> Flow:
    """Where an answer goes over UDP: the source port if rport asked for it, else the one in Via (18.2.2)."""
    via = next(iter(response.all("Via")), "")
    if flow.reliable or ";rport=" in via:
        return flow
    sent_by = via.partition(";")[0].split(" ")[-1]
    port = sent_by.rpartition(":")[2] if ":" in sent_by and not sent_by.endswith("]") else ""
    return Flow((flow.peer[0], int(port) if port.isdigit() else 5060), flow.connection, reliable=False)
