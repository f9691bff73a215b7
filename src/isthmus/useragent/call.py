"""One call of a user agent: INVITE to BYE, with hold, transfer and audio (RFC 3261, 3264, 3515, 3891)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol
from urllib.parse import quote, unquote

from isthmus.useragent.account import Account
from isthmus.useragent.changes import Changes
from isthmus.useragent.dialog import Dialog, DialogId
from isthmus.useragent.message import Header, Request, Response, response_to, uri_of
from isthmus.useragent.rtp import Media
from isthmus.useragent.sdp import Audio
from isthmus.useragent.transaction import Flow
from isthmus.useragent.wire import Wire

_SDP: Header = ("Content-Type", "application/sdp")
OnOffer = Callable[["Call", bytes], Awaitable[tuple[int, bytes]]]


class Line(Protocol):
    """What a call needs of the agent it belongs to (see `isthmus.useragent.agent.Agent`)."""

    wire: Wire
    account: Account
    follows_refer: bool
    changes: Changes
    open_media: Callable[[str], Awaitable[Media]]
    calls: dict[DialogId, Call]
    ringing: dict[str, Call]

    @property
    def contact(self) -> str:
        """Our Contact URI."""

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
        """A request outside a dialog."""

    def in_dialog(
        self, dialog: Dialog, method: str, cseq: int, headers: Iterable[Header] = (), body: bytes = b""
    ) -> tuple[Request, str]:
        """A request inside a dialog, and the URI of its next hop."""

    async def flow_for(self, uri: str, dialog: Dialog | None = None) -> Flow:
        """The flow to the next hop."""

    async def exchange(
        self,
        make: Callable[[Sequence[Header]], Request],
        flow: Flow,
        *,
        on_answer: Callable[[Request, Response], None] | None = None,
    ) -> Response:
        """Send a request, digest included, and give its final answer."""

    async def call(self, uri: str, *, headers: Sequence[Header] = (), sound: bytes | None = None) -> Call:
        """Send an INVITE."""

    def send(self, request: Request, flow: Flow, on_answer: Callable[[Response], None] | None = None) -> None:
        """Send a request in a transaction of its own."""

    def respond(self, request: Request, response: Response) -> None:
        """Answer a request."""

    def spawn(self, work: Awaitable[object]) -> None:
        """Run something beside."""

    def find(self, call_id: str, local_tag: str, remote_tag: str) -> Call | None:
        """The call a Replaces header names."""


class Call:
    """A call, either way.

    final: the final answer to the INVITE, sent or received. up: answered and not over. ended: why it is over.
    on_offer: gives (code, SDP) to a re-INVITE or UPDATE; by default our own audio, mirrored.
    """

    def __init__(self, agent: Line, *, sound: bytes | None = None) -> None:
        self.agent, self.sound = agent, sound
        self.local_tag = secrets.token_hex(6)
        self.invite: Request | None = None
        self.dialog: Dialog | None = None
        self.early: dict[str, Dialog] = {}
        self.responses: list[Response] = []
        self.final: Response | None = None
        self.ended = ""
        self.acknowledged = False
        self.media: Media | None = None
        self.audio: Audio | None = None  # ours
        self.remote_audio: Audio | None = None
        self.notifies: list[Request] = []
        self.requests: list[Request] = []  # those received inside the dialog
        self.transferred: Call | None = None  # the call made because we were asked to by REFER
        self.on_offer: OnOffer = _own_audio
        self.incoming = False
        self._flow: Flow | None = None
        # By tag and CSeq of the 2xx; None while the ACK is on its way.
        self._acks: dict[tuple[str, int], tuple[Request, Flow] | None] = {}
        self._renegotiating = False
        self._wants_cancel = False

    # State

    @property
    def up(self) -> bool:
        """Whether both sides agree that they talk."""
        return self.dialog is not None and not self.ended

    async def until(self, condition: Callable[[], object], what: str, timeout_s: float = 15.0) -> None:
        """Wait until something about this call is true. Raises TimeoutError."""
        await self.agent.changes.until(condition, what, timeout_s)

    async def answered(self, timeout_s: float = 15.0) -> None:
        """Wait for the call to be up. Raises ConnectionError naming the answer if it is refused."""
        await self.until(lambda: self.up or self.ended, "an answer to the call", timeout_s)
        if not self.up:
            raise ConnectionError(f"the call was not answered: {self.ended}")

    async def over(self, timeout_s: float = 15.0) -> str:
        """Wait for the end of the call and give its reason."""
        await self.until(lambda: self.ended, "the end of the call", timeout_s)
        return self.ended

    # Outgoing

    async def dial(self, uri: str, flow: Flow, body: bytes | None, headers: Sequence[Header], caller: str = "") -> None:
        """Send the INVITE; the answers come in beside."""
        offer = bytes(await self._own_offer()) if body is None else body
        agent, call_id, cseq = self.agent, f"{secrets.token_hex(8)}@{self.agent.wire.local.host}", 0

        def make(extra: Sequence[Header]) -> Request:
            nonlocal cseq
            cseq += 1
            fixed = (("Contact", f"<{agent.contact}>"), ("Supported", "replaces"), *([_SDP] if offer else []))
            self.invite = agent.build(
                "INVITE",
                uri,
                uri,
                call_id=call_id,
                cseq=cseq,
                from_tag=self.local_tag,
                from_uri=caller,
                headers=(*fixed, *headers, *extra),
                body=offer,
            )
            return self.invite

        self._flow = flow

        async def run() -> None:
            final = await agent.exchange(make, flow, on_answer=self._answer)
            if final.code >= 300:
                self.final = final
                self._end(f"{final.code} {final.phrase}")

        agent.spawn(run())

    def _answer(self, request: Request, response: Response) -> None:
        """One answer to our INVITE, provisional or 2xx; several branches may answer (section 13.2.2)."""
        self.responses.append(response)
        if self._wants_cancel and 100 <= response.code < 200:
            self.cancel()
        if not response.to_tag or response.code == 100 or response.code >= 300 or self._flow is None:
            return
        if response.code < 200:
            self.early.setdefault(response.to_tag, Dialog.as_caller(request, response, self._flow))
            self._heard_sdp(response.body)
            return
        key = response.to_tag, response.cseq[0]
        if key in self._acks:  # the same one again, and no second answerer
            if known := self._acks[key]:
                self.agent.send(*known)
            return
        self._acks[key] = None
        dialog = Dialog.as_caller(request, response, self._flow)
        first = self.dialog is None and not self.ended
        if first:
            self.final, self.dialog = response, dialog
            self.agent.calls[dialog.id] = self
            self._heard_sdp(response.body)
        self.agent.spawn(self._acknowledge(dialog, request, response, hang_up=not first))

    async def _acknowledge(self, dialog: Dialog, request: Request, response: Response, *, hang_up: bool) -> None:
        """ACK a 2xx, with the credentials of the INVITE (section 13.2.2.4); a second answerer is let go."""
        headers = [pair for pair in request.headers if pair[0].lower().endswith("authorization")]
        body = b""
        has_audio = self.sound is not None or self.audio is not None  # a bridge has none of its own
        if not request.body and response.body and has_audio:  # the offer came with the answer (section 13.2.1)
            body = bytes(await self._own_answer())
            headers.append(_SDP)
        ack, hop = self.agent.in_dialog(dialog, "ACK", request.cseq[0], headers, body)
        flow = await self.agent.flow_for(hop, dialog)
        self._acks[response.to_tag, request.cseq[0]] = ack, flow
        self.agent.send(ack, flow)
        if hang_up:
            await self._in_dialog(dialog, "BYE")

    def cancel(self) -> None:
        """Cancel our INVITE; waits for a first provisional answer if there is none yet (section 9.1)."""
        self._wants_cancel = True
        if self.invite is None or self._flow is None or self.final or not self.responses:
            return
        self._wants_cancel = False
        invite = self.invite
        kept = [(k, v) for k, v in invite.headers if k.lower() in ("from", "to", "call-id", "route", "max-forwards")]
        via = next(value for key, value in invite.headers if key.lower() == "via")
        headers = (("Via", via), *kept, ("CSeq", f"{invite.cseq[0]} CANCEL"))
        self.agent.send(Request(headers, b"", "CANCEL", invite.uri), self._flow, lambda response: None)

    # Incoming

    def arrive(self, invite: Request, flow: Flow) -> None:
        """Take an INVITE that was delivered."""
        self.incoming, self.invite, self._flow = True, invite, flow
        self.agent.ringing[invite.branch] = self
        self._heard_sdp(invite.body)

    def ring(self) -> None:
        """Send 180."""
        self._reply(180, "Ringing")

    async def early_media(self) -> None:
        """Send 183 with our audio."""
        if self._invite.body and not self.ended:
            self._reply(183, "Session Progress", bytes(await self._own_answer()))

    def progress(self, code: int, phrase: str, body: bytes = b"") -> None:
        """Send any provisional answer."""
        self._reply(code, phrase, body)

    async def answer(self, body: bytes | None = None) -> None:
        """Send 200. body: an SDP answer of another's; None: our own audio."""
        if self.final or self.ended:
            return
        if body is None:
            own = await (self._own_answer() if self.remote_audio else self._own_offer())
            body = bytes(own)
        self.dialog = Dialog.as_callee(self._invite, self.local_tag, self._the_flow)
        self.agent.calls[self.dialog.id] = self
        self._finish(200, "OK", body)
        replaced = self._replaced()
        if replaced and replaced.up:
            await replaced.hang_up()

    def reject(self, code: int, phrase: str, headers: Sequence[Header] = ()) -> None:
        """Refuse the call."""
        if not self.final:
            self._finish(code, phrase, b"", headers)
            self._end(f"{code} {phrase}")

    def cancelled(self) -> None:
        """The caller gave up."""
        if not self.final:
            self._finish(487, "Request Terminated")
            self._end("CANCEL")

    def unacknowledged(self) -> None:
        """Our 200 was never ACKed: the call is hung up (section 13.3.1.4)."""
        if self.incoming and self.up and not self.acknowledged:
            self.agent.spawn(self.hang_up("no ACK"))

    def _replaced(self) -> Call | None:
        value = self._invite.get("Replaces")
        call_id, *tags = [part.strip() for part in value.split(";")]
        given = dict(tag.split("=", 1) for tag in tags if "=" in tag)
        return self.agent.find(call_id, given.get("to-tag", ""), given.get("from-tag", "")) if value else None

    def _reply(self, code: int, phrase: str, body: bytes = b"", headers: Sequence[Header] = ()) -> Response:
        content = (_SDP,) if body else ()
        # A redirection has Contacts of its own (section 8.3).
        contact = () if 300 <= code < 400 else (("Contact", f"<{self.agent.contact}>"),)
        invite = self._invite
        response = response_to(
            invite, code, phrase, to_tag=self.local_tag, headers=(*contact, *content, *headers), body=body
        )
        self.agent.respond(invite, response)
        return response

    def _finish(self, code: int, phrase: str, body: bytes = b"", headers: Sequence[Header] = ()) -> None:
        self.final = self._reply(code, phrase, body, headers)
        self.agent.ringing.pop(self._invite.branch, None)
        self.agent.changes.notify()

    # In the dialog

    def received(self, request: Request) -> None:
        """A request inside our dialog (section 12.2.2)."""
        dialog = self._the_dialog
        if request.method == "ACK":
            self.acknowledged = True
            self._heard_sdp(request.body)
            return
        if request.cseq[0] <= dialog.remote_cseq:
            self.agent.respond(request, response_to(request, 500, "CSeq Out of Order"))
            return
        dialog.remote_cseq = request.cseq[0]
        self.requests.append(request)
        match request.method:
            case "INVITE" | "UPDATE":
                self.agent.spawn(self._offered(request))
            case "BYE":
                self.agent.respond(request, response_to(request, 200, "OK"))
                self._end("BYE")
            case "REFER" if not self.agent.follows_refer:
                self.agent.respond(request, response_to(request, 603, "Decline"))
            case "REFER":
                self.agent.spawn(self._referred(request))
            case "NOTIFY":
                self.agent.respond(request, response_to(request, 200, "OK"))
                self.notifies.append(request)
            case "INFO" | "MESSAGE" | "OPTIONS":
                self.agent.respond(request, response_to(request, 200, "OK"))
            case _:
                self.agent.respond(request, response_to(request, 405, "Method Not Allowed"))

    async def _offered(self, request: Request) -> None:
        if self._renegotiating:  # section 14.2
            self.agent.respond(request, response_to(request, 491, "Request Pending"))
            return
        self._the_dialog.refresh(request)
        code, body = 200, b""
        if request.body or request.method == "INVITE":
            code, body = await self.on_offer(self, request.body)
        headers = [("Contact", f"<{self.agent.contact}>"), *([_SDP] if body else [])]
        phrase = "OK" if code == 200 else "Not Acceptable Here"
        self.agent.respond(request, response_to(request, code, phrase, headers=headers, body=body))

    async def reinvite(self, direction: str = "sendrecv", body: bytes | None = None) -> Response:
        """Offer again inside the call. body: another's SDP, empty to let the other side make the offer; None: our audio
        in this direction.
        """
        if body is None:
            if self.audio is None:
                raise RuntimeError("this call has no audio of its own")
            # What was refused once stays a stream of the description (RFC 3264 section 8).
            streams = self.remote_audio.streams if self.remote_audio else self.audio.streams
            self.audio = replace(self.audio, direction=direction, version=self.audio.version + 1, streams=streams)
            body = bytes(self.audio)
        self._renegotiating = True
        try:
            headers = [("Contact", f"<{self.agent.contact}>"), *([_SDP] if body else [])]
            response = await self._in_dialog(self._the_dialog, "INVITE", headers, body)
        finally:
            self._renegotiating = False
        if response.code < 300:
            self._the_dialog.refresh(response)
            self._heard_sdp(response.body)
        return response

    async def hold(self) -> Response:
        """Put the other side on hold (RFC 3264 section 8.4)."""
        return await self.reinvite("sendonly")

    async def resume(self) -> Response:
        """Take the other side off hold."""
        return await self.reinvite("sendrecv")

    async def hang_up(self, reason: str = "hung up") -> Response:
        """Send BYE. The call is over for us whatever the answer."""
        dialog = self._the_dialog
        self._end(reason)
        return await self._in_dialog(dialog, "BYE")

    async def refer(self, uri: str, replaces: Call | None = None) -> Response:
        """Ask the other side to call `uri`; in place of our call `replaces` if given (attended transfer)."""
        tail = ""
        if replaces:
            other = replaces._the_dialog.id
            value = f"{other.call_id};to-tag={other.remote_tag};from-tag={other.local_tag}"
            tail = f"?Replaces={quote(value, safe='')}"
        headers = [
            ("Refer-To", f"<{uri}{tail}>"),
            ("Referred-By", f"<{self.agent.account.uri}>"),
            ("Contact", f"<{self.agent.contact}>"),
        ]
        return await self._in_dialog(self._the_dialog, "REFER", headers)

    async def _referred(self, request: Request) -> None:
        """Do as a REFER says and tell how it went (RFC 3515 section 2.4)."""
        contact = ("Contact", f"<{self.agent.contact}>")
        self.agent.respond(request, response_to(request, 202, "Accepted", headers=[contact]))
        target, _, query = uri_of(request.get("Refer-To")).partition("?")
        given = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair)
        headers: list[Header] = [("Referred-By", request.get("Referred-By"))]
        if "Replaces" in given:
            headers.append(("Replaces", unquote(given["Replaces"])))
        await self._notify("100 Trying", "active;expires=60")
        self.transferred = await self.agent.call(target, headers=headers, sound=self.sound)
        new = self.transferred
        await new.until(lambda: new.up or new.ended, "an answer to the transferred call", 60)
        final = new.final
        if not self.ended:
            await self._notify(f"{final.code} {final.phrase}" if final else new.ended, "terminated;reason=noresource")

    async def _notify(self, status: str, state: str) -> None:
        headers = [
            ("Event", "refer"),
            ("Subscription-State", state),
            ("Contact", f"<{self.agent.contact}>"),
            ("Content-Type", "message/sipfrag;version=2.0"),
        ]
        await self._in_dialog(self._the_dialog, "NOTIFY", headers, f"SIP/2.0 {status}\r\n".encode())

    async def request(self, method: str, headers: Sequence[Header] = (), body: bytes = b"") -> Response:
        """Send any other request inside the call."""
        return await self._in_dialog(self._the_dialog, method, headers, body)

    async def _in_dialog(
        self, dialog: Dialog, method: str, headers: Sequence[Header] = (), body: bytes = b""
    ) -> Response:
        _, _, hop = dialog.leads()
        flow = await self.agent.flow_for(hop, dialog)

        def make(extra: Sequence[Header]) -> Request:
            dialog.local_cseq += 1
            return self.agent.in_dialog(dialog, method, dialog.local_cseq, (*headers, *extra), body)[0]

        def took(request: Request, response: Response) -> None:
            if method == "INVITE" and 200 <= response.code < 300:
                known = self._acks.get((response.to_tag, request.cseq[0]))
                if known:
                    self.agent.send(*known)
                else:
                    self.agent.spawn(self._acknowledge(dialog, request, response, hang_up=False))

        return await self.agent.exchange(make, flow, on_answer=took)

    # Audio

    def play(self, sound: bytes | None) -> None:
        """Send this sound from now on."""
        self.sound = sound
        if self.media:
            self.media.play(sound)

    def close_media(self) -> None:
        """Give the RTP port back."""
        if self.media:
            self.media.close()

    async def _own_offer(self) -> Audio:
        if self.audio is None:
            host = self.agent.wire.local.host
            self.media = await self.agent.open_media(host)
            self.media.play(self.sound)
            self.audio = Audio(host, self.media.local[1], session=secrets.randbits(30))
            self._aim()
        return self.audio

    async def _own_answer(self) -> Audio:
        own = await self._own_offer()
        return own.answering(self.remote_audio) if self.remote_audio else own

    def _heard_sdp(self, body: bytes) -> None:
        if body:
            try:
                self.remote_audio = Audio.parse(body)
            except ValueError:
                return
            self._aim()

    def _aim(self) -> None:
        if self.media and self.remote_audio:
            to = self.remote_audio
            self.media.remote = None if to.held or not to.port else (to.address, to.port)

    def _end(self, reason: str) -> None:
        if not self.ended:
            self.ended = reason
            self.close_media()
            if self.dialog:
                self.agent.calls.pop(self.dialog.id, None)
            self.agent.changes.notify()

    @property
    def _invite(self) -> Request:
        if self.invite is None:
            raise RuntimeError("the call has no INVITE yet")
        return self.invite

    @property
    def _the_flow(self) -> Flow:
        if self._flow is None:
            raise RuntimeError("the call has no INVITE yet")
        return self._flow

    @property
    def _the_dialog(self) -> Dialog:
        if self.dialog is None:
            raise RuntimeError("the call is not up")
        return self.dialog

    @property
    def peer(self) -> tuple[str, int]:
        """Address the INVITE came from or went to."""
        return self._the_flow.peer

    @property
    def id(self) -> DialogId:
        """The dialog's identifiers."""
        return self._the_dialog.id


async def _own_audio(call: Call, offer: bytes) -> tuple[int, bytes]:
    call._heard_sdp(offer)
    if call.audio is None:
        return 488, b""
    call.audio = replace(call.audio, version=call.audio.version + 1)
    answer = call.audio.answering(call.remote_audio) if offer and call.remote_audio else call.audio
    return 200, bytes(answer)
