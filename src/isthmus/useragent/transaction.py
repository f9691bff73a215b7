"""SIP transactions (RFC 3261 section 17, RFC 6026), without I/O: messages and time in, actions out.

The rules, one line a state. "resend" is doubled each time; none of it happens on a reliable transport.

    client INVITE    calling     resend from T1; give up after 64 T1
                     proceeding  a provisional came: wait for ever (the user cancels)
                     accepted    a 2xx came: hand up each 2xx (they are ACKed by the user), 64 T1
                     completed   another final came: ACK it, and again each time it comes, 64 T1
    client other     trying      resend from T1 up to T2; give up after 64 T1
                     completed   swallow answers that come again, T4
    server INVITE    proceeding  the request again: the last provisional again
                     accepted    2xx sent: resend from T1 up to T2 until its ACK; give up after 64 T1
                     completed   other final sent: the same, the ACK ends it
                     confirmed   swallow ACKs and INVITEs that come again, T4
    server other     trying      the request again: the last answer again, for 64 T1 after the final one
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum
from itertools import count

from isthmus.useragent.message import Request, Response

T1_S = 0.5
T2_S = 4.0
T4_S = 5.0
_GIVE_UP = 64


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a message goes or came from: `peer` is the address, `connection` what carries it."""

    peer: tuple[str, int]
    connection: Hashable
    reliable: bool


@dataclass(frozen=True, slots=True)
class Send:
    """Write this to the flow."""

    message: Request | Response
    flow: Flow


@dataclass(frozen=True, slots=True)
class Deliver:
    """A request that was not seen before (an ACK to a 2xx too), for the user."""

    request: Request
    flow: Flow


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to the request sent under this branch; a 2xx to INVITE may come several times."""

    branch: str
    method: str
    response: Response


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No final answer (client) or no ACK (server) within 64 T1."""

    request: Request


Action = Send | Deliver | Answered | GaveUp


class _State(Enum):
    WAITING = "calling, trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"


@dataclass(slots=True)
class _Transaction:
    request: Request
    flow: Flow
    client: bool
    state: _State = _State.WAITING
    last: Response | None = None
    interval_s: float = 0.0
    serial: int = 0  # timers set under an older serial are void
    keys: list[Hashable] = field(default_factory=list)

    @property
    def invite(self) -> bool:
        return self.request.method == "INVITE"


class Transactions:
    """All transactions of one user agent. Times are seconds on any clock that only grows."""

    def __init__(self, t1_s: float = T1_S, t2_s: float = T2_S, t4_s: float = T4_S) -> None:
        self._t1, self._t2, self._t4 = t1_s, t2_s, t4_s
        self._table: dict[Hashable, _Transaction] = {}
        self._timers: list[tuple[float, int, str, int, _Transaction]] = []
        self._order = count()

    @property
    def next_at(self) -> float | None:
        """When `tick` has to be called next."""
        return self._timers[0][0] if self._timers else None

    # The user's side

    def request(self, request: Request, flow: Flow, now: float) -> list[Action]:
        """Send a request. An ACK to a 2xx has no transaction and is only sent (section 13.2.2.4)."""
        if request.method != "ACK":
            transaction = _Transaction(request, flow, client=True, interval_s=self._t1)
            self._enter(transaction, ("c", request.branch, request.method))
            self._set(transaction, "give up", now + _GIVE_UP * self._t1)
            if not flow.reliable:
                self._set(transaction, "resend", now + self._t1)
        return [Send(request, flow)]

    def respond(self, request: Request, response: Response, now: float) -> list[Action]:
        """Answer a request that was delivered. An answer after the final one is dropped."""
        transaction = self._table.get(_server_key(request))
        if transaction is None or transaction.state not in (_State.WAITING, _State.PROCEEDING):
            return []
        transaction.last = response
        if response.code < 200:
            transaction.state = _State.PROCEEDING
            return [Send(response, transaction.flow)]
        transaction.state = _State.ACCEPTED if transaction.invite and response.code < 300 else _State.COMPLETED
        if not transaction.invite:
            self._set(transaction, "end", now + (0 if transaction.flow.reliable else _GIVE_UP * self._t1))
            return [Send(response, transaction.flow)]
        if transaction.state is _State.ACCEPTED:
            self._enter(transaction, _ack_key(request, response.to_tag))
        self._set(transaction, "give up", now + _GIVE_UP * self._t1)
        # A 2xx is resent on reliable transports too: a hop further on may not be one (section 13.3.1.4).
        if not transaction.flow.reliable or transaction.state is _State.ACCEPTED:
            transaction.interval_s = self._t1
            self._set(transaction, "resend", now + self._t1)
        return [Send(response, transaction.flow)]

    # The wire's side

    def receive(self, message: Request | Response, flow: Flow, now: float) -> list[Action]:
        """Take what came from the network. Raises ValueError when CSeq can't be read."""
        if isinstance(message, Response):
            return self._response(message, now)
        if message.method == "ACK":
            return self._ack(message, flow, now)
        transaction = self._table.get(_server_key(message))
        if transaction is not None:
            resend = transaction.last is not None and transaction.state is not _State.CONFIRMED
            return [Send(transaction.last, transaction.flow)] if resend and transaction.last else []
        transaction = _Transaction(message, flow, client=False)
        self._enter(transaction, _server_key(message))
        return [Deliver(message, flow)]

    def tick(self, now: float) -> list[Action]:
        """Let the timers run that are due."""
        actions: list[Action] = []
        while self._timers and self._timers[0][0] <= now:
            _, _, kind, serial, transaction = heapq.heappop(self._timers)
            if serial == transaction.serial:
                actions += self._due(transaction, kind, now)
        return actions

    # Within

    def _response(self, response: Response, now: float) -> list[Action]:
        method = response.cseq[1]
        transaction = self._table.get(("c", response.branch, method))
        if transaction is None or transaction.request.call_id != response.call_id:
            return []
        answered = Answered(response.branch, method, response)
        if transaction.state is _State.ACCEPTED:
            return [answered] if 200 <= response.code < 300 else []
        if transaction.state is _State.COMPLETED:
            return [self._failure_ack(transaction, response)] if transaction.invite else []
        if response.code < 200:
            if transaction.invite and transaction.state is _State.WAITING:
                self._void(transaction)
            transaction.state = _State.PROCEEDING
            return [answered]
        self._void(transaction)
        linger = _GIVE_UP * self._t1 if transaction.invite else self._t4
        self._set(transaction, "end", now + (0 if transaction.flow.reliable and response.code >= 300 else linger))
        if transaction.invite and response.code < 300:
            transaction.state = _State.ACCEPTED
            return [answered]
        transaction.state = _State.COMPLETED
        return [self._failure_ack(transaction, response), answered] if transaction.invite else [answered]

    @staticmethod
    def _failure_ack(transaction: _Transaction, response: Response) -> Send:
        """The ACK of section 17.1.1.3: same branch, same Route, To of the answer."""
        request = transaction.request
        kept = [(k, v) for k, v in request.headers if k.lower() in ("from", "call-id", "route", "max-forwards")]
        via = next(value for key, value in request.headers if key.lower() == "via")
        headers = (("Via", via), *kept, ("To", response.get("To")), ("CSeq", f"{request.cseq[0]} ACK"))
        return Send(Request(headers, b"", "ACK", request.uri), transaction.flow)

    def _ack(self, ack: Request, flow: Flow, now: float) -> list[Action]:
        transaction = self._table.get(_server_key(ack))
        if transaction is not None and transaction.state is not _State.ACCEPTED:
            if transaction.state is _State.COMPLETED:
                self._confirm(transaction, now)
            return []
        transaction = self._table.get(_ack_key(ack, ack.to_tag))
        if transaction is None or transaction.state is _State.CONFIRMED:
            return []
        self._confirm(transaction, now)
        return [Deliver(ack, flow)]

    def _confirm(self, transaction: _Transaction, now: float) -> None:
        self._void(transaction)
        transaction.state = _State.CONFIRMED
        # A resent 2xx may still be under way and be ACKed once more; an INVITE may still be on its way too.
        self._set(transaction, "end", now + self._t4)

    def _due(self, transaction: _Transaction, kind: str, now: float) -> list[Action]:
        if kind == "resend":
            top = self._t2 if transaction.client is False or not transaction.invite else float("inf")
            if transaction.client and transaction.state is _State.PROCEEDING:
                transaction.interval_s = self._t2
            else:
                transaction.interval_s = min(2 * transaction.interval_s, top)
            self._set(transaction, "resend", now + transaction.interval_s)
            message = transaction.request if transaction.client else transaction.last
            return [Send(message, transaction.flow)] if message else []
        self._void(transaction)
        for key in transaction.keys:
            self._table.pop(key, None)
        return [GaveUp(transaction.request)] if kind == "give up" else []

    def _enter(self, transaction: _Transaction, key: Hashable) -> None:
        transaction.keys.append(key)
        self._table[key] = transaction

    def _set(self, transaction: _Transaction, kind: str, at: float) -> None:
        heapq.heappush(self._timers, (at, next(self._order), kind, transaction.serial, transaction))

    @staticmethod
    def _void(transaction: _Transaction) -> None:
        transaction.serial += 1


def _server_key(request: Request) -> Hashable:
    """Section 17.2.3: branch, sent-by and method; the Call-ID guards against a branch chosen twice."""
    via = next(iter(request.all("Via")), "").partition(";")[0]
    return "s", request.branch, via, "INVITE" if request.method == "ACK" else request.method, request.call_id


def _ack_key(request: Request, to_tag: str) -> Hashable:
    """The ACK to a 2xx has a branch of its own: it is known by its dialog and CSeq number."""
    return "a", request.call_id, request.from_tag, to_tag, request.cseq[0]
