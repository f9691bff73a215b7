"""SIP for presence: a listener on the site's internal address, to which Kamailio hands requests (see watchers.py).

It has a thread and an event loop of its own: a storm of subscriptions is nobody else's.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import Callable, Iterable

from isthmus.presence.here import Here
from isthmus.presence.people import People
from isthmus.presence.service import Presence
from isthmus.presence.watchers import Limits, Notify, Out, Watchers
from isthmus.useragent.message import Header, Request, parse, response_to
from isthmus.useragent.transaction import Answered, Deliver, Flow, GaveUp, Send, Transactions
from isthmus.useragent.wire import UdpWire

_log = logging.getLogger(__name__)
_TICK_S = 0.25
_AGAIN_S = 2.0
_STOP_S = 10.0


class SipPresence:
    """`start` begins, `stop` ends. address: where to listen. proxy: Kamailio's listener for what comes from here.

    secret: gives that by which both know each other; empty while there is none. trouble: why it does not listen.
    """

    def __init__(
        self,
        presence: Presence,
        here: Here,
        people: People,
        *,
        address: tuple[str, int],
        proxy: tuple[str, int],
        secret: Callable[[], str],
        limits: Limits = Limits(),  # noqa: B008 (frozen)
    ) -> None:
        self._address = address

        def make(wire: UdpWire) -> _Serving:
            return _Serving(
                wire, proxy, lambda via: Watchers(presence, here, people, secret=secret, via=via, limits=limits)
            )

        self._make = make
        self._serving: _Serving | None = None
        self._stop = threading.Event()
        self.trouble = ""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="presence by SIP", daemon=True)
        presence.told.append(lambda known: self._pass_on(lambda serving: serving.told(known.person)))
        presence.reached.append(lambda site, up: self._pass_on(lambda serving: serving.reached(site)))

    def start(self) -> None:
        """Listen, now or as soon as that can be."""
        self._thread.start()

    def stop(self) -> None:
        """End, with all subscriptions: their watchers ask anew."""
        self._stop.set()
        self._pass_on(lambda serving: serving.stopping.set())
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    @property
    def subscriptions(self) -> int:
        """How many there are."""
        return 0 if self._serving is None else len(self._serving.watchers)

    def _pass_on(self, work: Callable[[_Serving], object]) -> None:
        serving = self._serving
        if serving is not None and not serving.loop.is_closed():
            serving.loop.call_soon_threadsafe(serving.guarded, lambda: work(serving))

    async def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                wire = await UdpWire.open(*self._address)
            except OSError as error:
                # Nothing else of the service waits for it: browsers are told all the same.
                self._fail(error.strerror or str(error))
                await asyncio.sleep(_AGAIN_S)
                continue
            self.trouble = ""
            self._serving = self._make(wire)
            if not self._stop.is_set():
                await self._serving.run()
            await wire.close()
            return

    def _fail(self, why: str) -> None:
        if why != self.trouble:
            _log.warning("presence by SIP can't listen at %s:%s: %s", *self._address, why)
        self.trouble = why


class _Serving:
    """The listener while it runs. Everything is its event loop's alone."""

    def __init__(self, wire: UdpWire, proxy: tuple[str, int], make: Callable[[Callable[[], Header]], Watchers]) -> None:
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        self._wire, self._proxy = wire, Flow(proxy, None, reliable=False)
        self._transactions = Transactions()
        self._pending: dict[str, tuple[str, str]] = {}  # branch of a NOTIFY to its subscription
        self.watchers = make(self._via)
        wire.on_bytes = lambda data, flow: self.guarded(lambda: self._hear(data, flow))

    async def run(self) -> None:
        """Until `stopping` is set."""
        while not self.stopping.is_set():
            self.guarded(self._tick)
            try:
                async with asyncio.timeout(_TICK_S):
                    await self.stopping.wait()
            except TimeoutError:
                continue

    def told(self, person: str) -> None:
        """How somebody is, is another now."""
        self._put(self.watchers.changed(person, self.loop.time()))

    def reached(self, site: str) -> None:
        """Whether a home can be heard is another now."""
        self._put(self.watchers.changed_at(site, self.loop.time()))

    @staticmethod
    def guarded(work: Callable[[], object]) -> None:
        """Do it; what goes wrong is logged."""
        try:
            work()
        except Exception:
            _log.exception("presence by SIP")

    def _via(self) -> Header:
        return ("Via", f"SIP/2.0/UDP {self._wire.local};branch=z9hG4bK{secrets.token_hex(10)}")

    def _hear(self, data: bytes, flow: Flow) -> None:
        try:
            actions = self._transactions.receive(parse(data), flow, self.loop.time())
        except ValueError:
            return  # nothing that could be answered
        self._act(actions)

    def _act(self, actions: Iterable[object]) -> None:
        for action in actions:
            match action:
                case Send(message, flow):
                    self._wire.send(bytes(message), flow)
                case Deliver(request, flow):
                    self._requested(request, flow)
                case Answered(branch, _, response) if response.code >= 200:
                    self._answered(branch, response.code)
                case GaveUp(request):
                    self._answered(request.branch, 408)

    def _requested(self, request: Request, flow: Flow) -> None:
        if request.method == "ACK":
            return
        try:
            outs = self.watchers.request(request, flow, self.loop.time())
        except Exception:
            _log.exception("presence: %s", request.method)
            outs = [response_to(request, 500, "Server Internal Error", to_tag=secrets.token_hex(6))]
        self._put(outs, request)

    def _answered(self, branch: str, code: int) -> None:
        key = self._pending.pop(branch, None)
        if key is not None:
            self._put(self.watchers.answered(key, code, self.loop.time()))

    def _put(self, outs: Iterable[Out], request: Request | None = None) -> None:
        now = self.loop.time()
        for out in outs:
            if isinstance(out, Notify):
                self._pending[out.request.branch] = out.key
                self._act(self._transactions.request(out.request, self._proxy, now))
            elif request is not None:
                self._act(self._transactions.respond(request, out, now))

    def _tick(self) -> None:
        now = self.loop.time()
        self._act(self._transactions.tick(now))
        self._put(self.watchers.tick(now))
