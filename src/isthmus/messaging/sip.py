"""SIP for messages: a listener on the site's internal address, to which Kamailio hands MESSAGE of phones, and from
which it gets those for them. It has a thread and an event loop of its own, and others for the database.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, TypeVar

from isthmus.errors import IsthmusError
from isthmus.messaging import gateway, texts
from isthmus.messaging.gateway import CONTROL, Gateway
from isthmus.messaging.phones import Outgoing, Phone, Waiting
from isthmus.useragent.message import Request, Response, parse
from isthmus.useragent.transaction import Answered, Deliver, Flow, GaveUp, Send, Transactions
from isthmus.useragent.wire import UdpWire

_log = logging.getLogger(__name__)
HOP = "X-Isthmus-Hop"
_TICK_S = 0.25
_LOOK_S = 2.0
_AGAIN_S = 2.0
_STOP_S = 10.0
_MOST_INSIDE = 200  # requests of phones that are being dealt with
_MOST_ASIDE = 50_000
_MOST_TALKS = 5_000
_PEOPLE_AT_ONCE = 40
_LOOKED_AT = 300  # people at one look
_FIRST_S, _LONGEST_S = 4.0, 30.0  # until somebody's phones are looked for again
_TALK_S = 600.0  # after a message, that its conversation counts as under way
_WRITES_S = 15.0  # after a sign of it, that somebody counts as writing (RFC 3994 section 3.2)
_TOLD_S = 50.0  # sooner than the phone would take it for over
_SOON_S = 0.3  # until it is handed to somebody's home again, which may have it in a moment
# What says that this phone takes no messages, and will not before it is another one (RFC 3261 section 21.4).
_NEVER = frozenset({400, 403, 404, 405, 406, 415, 420, 481, 488, 489, 501, 505, 513, 603, 606})

_T = TypeVar("_T")


@dataclass(slots=True)
class _Aside:
    """Somebody whose phones did not take it."""

    until: float
    pause_s: float
    aor: str = ""


@dataclass(slots=True)
class _Talk:
    """Phones that have just got something of a conversation. last: what they got. active_until: until when somebody
    else in it counts as writing, 0 if nobody does; told: when the phones were told so."""

    last: Outgoing
    phones: list[Phone]
    until: float
    active_until: float = 0.0
    told: float = 0.0


class SipMessages:
    """`start` begins, `stop` ends. address: where to listen. proxy: Kamailio's listener for what comes from here.

    phones: gives the phones that are registered for an address; raises UnavailableError. secret: by which Kamailio and
    this service know each other. trouble: why it does not listen.
    """

    def __init__(
        self,
        gate: Gateway,
        waiting: Waiting,
        phones: Callable[[str], Sequence[Phone]],
        *,
        address: tuple[str, int],
        proxy: tuple[str, int],
        secret: Callable[[], str],
    ) -> None:
        self._gate, self._waiting, self._phones = gate, waiting, phones
        self._address, self._proxy, self._secret = address, proxy, secret
        self._serving: _Serving | None = None
        self._stop = threading.Event()
        self.trouble = ""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="messages by SIP", daemon=True)

    def start(self) -> None:
        """Listen, now or as soon as that can be."""
        self._thread.start()

    def stop(self) -> None:
        """End. What waits goes on waiting."""
        self._stop.set()
        self._pass_on(lambda serving: serving.stopping.set())
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def wake(self) -> None:
        """Something new waits."""
        self._pass_on(lambda serving: serving.look.set())

    def registered(self, aor: str) -> None:
        """A phone of somebody who is at home here has registered, or done so anew. Returns at once."""
        serving = self._serving
        if serving is not None and serving.waits_for_phone(aor):
            self._pass_on(lambda each: each.registered(aor))

    def typing(self, people: Iterable[str], chat: str) -> None:
        """Somebody writes in a conversation. People who are at home here see it on phones that have got some of it."""
        serving = self._serving
        for person in people if serving is not None else ():
            if serving is not None and serving.talks(person, chat):
                self._pass_on(lambda each, person=person: each.typing(person, chat))  # type: ignore[misc]

    @property
    def idle(self) -> bool:
        """Whether nobody is given something at the moment."""
        return self._serving is not None and not self._serving.delivering

    def _pass_on(self, work: Callable[[_Serving], object]) -> None:
        serving = self._serving
        if serving is not None and not serving.loop.is_closed():
            serving.loop.call_soon_threadsafe(work, serving)

    async def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                wire = await UdpWire.open(*self._address)
            except OSError as error:
                # Nothing else of the service waits for it: pages have their messages all the same.
                self._fail(error.strerror or str(error))
                await asyncio.sleep(_AGAIN_S)
                continue
            self.trouble = ""
            with ThreadPoolExecutor(4, "messages from phones") as inward, ThreadPoolExecutor(4, "to phones") as outward:
                self._serving = _Serving(
                    wire, self._proxy, self._secret, self._gate, self._waiting, self._phones, inward, outward
                )
                if not self._stop.is_set():
                    await self._serving.run()
            await wire.close()
            return

    def _fail(self, why: str) -> None:
        if why != self.trouble:
            _log.warning("messages by SIP: can't listen at %s:%s: %s", *self._address, why)
        self.trouble = why


class _Serving:
    """The listener while it runs. Everything is its event loop's alone."""

    def __init__(
        self,
        wire: UdpWire,
        proxy: tuple[str, int],
        secret: Callable[[], str],
        gate: Gateway,
        waiting: Waiting,
        phones: Callable[[str], Sequence[Phone]],
        inward: ThreadPoolExecutor,
        outward: ThreadPoolExecutor,
    ) -> None:
        self.loop, self.stopping, self.look = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self._wire, self._proxy, self._secret = wire, Flow(proxy, None, reliable=False), secret
        self._gate, self._waiting, self._phones = gate, waiting, phones
        self._inward, self._outward = inward, outward
        self._transactions = Transactions()
        self._answers: dict[str, asyncio.Future[Response | None]] = {}  # by branch
        self._inside = 0
        self._busy: set[str] = set()  # people whose phones get something now
        self._again: set[str] = set()  # and for whom more has come meanwhile
        self._aside: dict[str, _Aside] = {}
        self._by_aor: dict[str, str] = {}  # who is aside, or gets something now, by address
        self._given: dict[str, str] = {}  # the addresses of those who get something now
        self._bound: set[str] = set()  # whose phones registered while they were given something
        self._refused: dict[str, None] = {}  # keys of phones that take no messages
        self._deaf: dict[str, None] = {}  # of those that take no word of somebody writing
        self._talks: dict[tuple[str, str], _Talk] = {}  # by person and conversation
        self._tasks: set[asyncio.Task[None]] = set()
        wire.on_bytes = self._hear

    def waits_for_phone(self, aor: str) -> bool:
        """Whether something is here for somebody's phones. Of any thread, and cheap: every refresh of a phone asks."""
        return aor in self._by_aor

    def talks(self, person: str, chat: str) -> bool:
        """Whether a phone of theirs has just got something of a conversation. Of any thread."""
        return (person, chat) in self._talks

    def typing(self, person: str, chat: str) -> None:
        """Somebody else in a conversation is writing; of a group a phone sees that the group is."""
        talk, now = self._talks.get((person, chat)), self.loop.time()
        if talk is None:
            return
        if not talk.active_until or now - talk.told > _TOLD_S:
            talk.told = now
            self._spawn(self._tell_writing(talk, active=True))
        talk.active_until = now + _WRITES_S

    def _end_writing(self) -> None:
        """Who has not been writing for a while is not, and who said nothing for long does not talk."""
        now = self.loop.time()
        for key, talk in list(self._talks.items()):
            if 0 < talk.active_until < now:
                talk.active_until = 0.0
                self._spawn(self._tell_writing(talk, active=False))
            if talk.until < now:
                del self._talks[key]

    async def _tell_writing(self, talk: _Talk, *, active: bool) -> None:
        for phone in talk.phones:
            if phone.key not in self._deaf:
                name, body = f"{secrets.token_hex(10)}.writing", texts.composing(active=active)
                code = await self._exchange(self._request(phone, talk.last, name, texts.COMPOSING, body))
                if code in _NEVER:
                    _remember(self._deaf, phone.key)

    @property
    def delivering(self) -> bool:
        """Whether somebody is given something now."""
        return bool(self._busy)

    def registered(self, aor: str) -> None:
        """Their phones are looked for again now."""
        person = self._by_aor.get(aor, "")
        if person in self._busy:
            self._bound.add(person)
        elif self._drop_aside(person):
            self.look.set()

    def _drop_aside(self, person: str) -> bool:
        aside = self._aside.pop(person, None)
        if aside is not None:
            self._by_aor.pop(aside.aor, None)
        return aside is not None

    async def run(self) -> None:
        """Until `stopping` is set."""
        self._spawn(self._keep_looking())
        while not self.stopping.is_set():
            try:
                self._act(self._transactions.tick(self.loop.time()))
                self._end_writing()
            except Exception:
                _log.exception("messages by SIP")
            try:
                async with asyncio.timeout(_TICK_S):
                    await self.stopping.wait()
            except TimeoutError:
                continue
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # What comes

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
                case Deliver(request, _) if request.method != "ACK":
                    self._requested(request)
                case Answered(branch, _, response) if response.code >= 200:
                    self._answered(branch, response)
                case GaveUp(request):
                    self._answered(request.branch, None)

    def _requested(self, request: Request) -> None:
        if self._inside >= _MOST_INSIDE:
            self._respond(request, gateway.busy(request))
            return
        self._inside += 1
        self._spawn(self._answer(request))

    async def _answer(self, request: Request) -> None:
        try:
            response = await self.loop.run_in_executor(self._inward, self._gate.answer, request)
        except Exception:
            _log.exception("messages by SIP: a message of a phone")
            response = gateway.failed(request)
        finally:
            self._inside -= 1
        self._respond(request, response)

    def _respond(self, request: Request, response: Response) -> None:
        self._act(self._transactions.respond(request, response, self.loop.time()))

    # What goes out

    async def _keep_looking(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self.look.wait()
            except TimeoutError:
                pass
            woken = self.look.is_set()
            self.look.clear()
            try:
                await self._look(woken)
            except IsthmusError as error:
                _log.warning("messages by SIP: %s", error)
            except Exception:
                _log.exception("messages by SIP")

    async def _look(self, woken: bool) -> None:
        people = await self._in_thread(self._waiting.people)
        now = self.loop.time()
        for gone in self._aside.keys() - set(people):
            self._drop_aside(gone)
        looked = 0
        for person in people:
            if person in self._busy:
                if woken:
                    self._again.add(person)
                continue
            aside = self._aside.get(person)
            # Who is known to have no phone now is looked for less often, though something new has come for them.
            if aside is not None and aside.until > now and (not woken or aside.pause_s >= _LONGEST_S):
                continue
            if looked >= _LOOKED_AT or len(self._busy) >= _PEOPLE_AT_ONCE:
                self.loop.call_later(_TICK_S, self.look.set)
                break
            looked += 1
            self._busy.add(person)
            self._spawn(self._deliver(person))

    async def _deliver(self, person: str) -> None:
        """What waits for somebody, one after the other, to all phones that they have."""
        left, first_s = True, _FIRST_S
        try:
            left = await self._deliver_all(person)
        except IsthmusError:
            first_s = _SOON_S  # their home, or the registrar, does not answer now, or does not have it yet
        except Exception:
            _log.exception("messages by SIP: for phones")
        finally:
            self._busy.discard(person)
            if person in self._again:
                self._again.discard(person)
                self.look.set()
        before = self._aside.get(person)
        self._drop_aside(person)
        aor = self._given.pop(person, "" if before is None else before.aor)
        bound = person in self._bound
        self._bound.discard(person)
        if not left:
            self._by_aor.pop(aor, None)
            return
        if aor:
            self._by_aor[aor] = person
        if bound:  # which phones there are was asked before
            self.look.set()
            return
        pause_s = first_s if before is None else min(before.pause_s * 2, _LONGEST_S)
        self._aside[person] = _Aside(self.loop.time() + pause_s, pause_s, aor)
        while len(self._aside) > _MOST_ASIDE:
            self._drop_aside(next(iter(self._aside)))

    async def _deliver_all(self, person: str) -> bool:
        """Whether something is left."""
        found = await self._in_thread(self._waiting.of, person)
        if not found:
            return False
        self._given[person] = found[0].to
        self._by_aor[found[0].to] = person
        registered = await self._in_thread(self._phones, found[0].to)
        phones = [each for each in registered if each.takes and each.key not in self._refused]
        left = False
        for message in found:
            answers = await asyncio.gather(*(self._send_to(phone, message) for phone in phones))
            # A phone that did not take this one gets no later one before it.
            phones = [phone for phone, code in zip(phones, answers, strict=True) if 200 <= code < 300]
            if phones:
                self._talks_now(person, message, phones)  # before its author hears that it has come, and goes on
                await self._in_thread(self._waiting.taken, person, message)
            elif message.seen:
                await self._in_thread(self._waiting.over, person, [message.id])
            else:
                left = True
        return left

    def _talks_now(self, person: str, message: Outgoing, phones: list[Phone]) -> None:
        self._talks.pop((person, message.chat), None)  # so that the oldest is the first
        self._talks[person, message.chat] = _Talk(message, phones, self.loop.time() + _TALK_S)
        while len(self._talks) > _MOST_TALKS:
            del self._talks[next(iter(self._talks))]

    async def _send_to(self, phone: Phone, message: Outgoing) -> int:
        """The code that it ends with."""
        code = 200
        for number, text in enumerate(texts.pieces(message.text, whole=phone.whole)):
            request = self._request(phone, message, f"{message.id}.{number}", texts.PLAIN, text.encode())
            code = await self._exchange(request)
            if code >= 300:
                break
        if code in _NEVER:
            _remember(self._refused, phone.key)
        return code

    def _request(self, phone: Phone, message: Outgoing, call_id: str, kind: str, body: bytes) -> Request:
        name = "".join(each for each in message.name if each.isprintable()).replace("\\", "").replace('"', "")
        author = f'"{name}" <sip:{message.author}>' if name else f"<sip:{message.author}>"
        headers = (
            ("Via", f"SIP/2.0/UDP {self._wire.local};branch=z9hG4bK{secrets.token_hex(10)}"),
            ("Max-Forwards", "20"),
            *([("Route", phone.route)] if phone.route else []),
            ("From", f"{author};tag={secrets.token_hex(6)}"),
            ("To", f"<sip:{message.to}>"),
            ("Call-ID", call_id),
            ("CSeq", "1 MESSAGE"),
            *([("Date", formatdate(message.at_s, usegmt=True))] if kind == texts.PLAIN else []),
            ("P-Asserted-Identity", author),
            ("Content-Type", kind),
            (HOP, phone.hop),
            (CONTROL, self._secret()),
        )
        return Request(headers, body, "MESSAGE", phone.uri)

    async def _exchange(self, request: Request) -> int:
        answer: asyncio.Future[Response | None] = self.loop.create_future()
        self._answers[request.branch] = answer
        try:
            self._act(self._transactions.request(request, self._proxy, self.loop.time()))
            response = await answer
        finally:
            self._answers.pop(request.branch, None)
        return 408 if response is None else response.code

    def _answered(self, branch: str, response: Response | None) -> None:
        waits = self._answers.get(branch)
        if waits is not None and not waits.done():
            waits.set_result(response)

    async def _in_thread(self, work: Callable[..., _T], *given: Any) -> _T:
        return await self.loop.run_in_executor(self._outward, work, *given)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _remember(keys: dict[str, None], key: str) -> None:
    """Of too many the oldest are forgotten."""
    keys[key] = None
    while len(keys) > _MOST_ASIDE:
        del keys[next(iter(keys))]
