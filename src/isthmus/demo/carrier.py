"""The simulated PSTN of the demo: `python -m isthmus.demo.carrier FILE` (see carrier_file.py).

Numbers of the organisation are carried to the site configured for them, never back to where they came from
when there is another; so the carrier is a way out while the sites can't reach one another. Any other number
rings once, answers, beeps, and echoes what it hears; some behave in their own way (SPECIAL).

`python -m isthmus.demo.carrier FILE call FROM TO` lets the running carrier place a call into the organisation.

It stands on `isthmus.useragent`, not on the library aiosipua 0.7.1, whose source was read for this: there a
client never resends a request over UDP and has no timer to give up by, an INVITE that comes again before the
answer makes a second call, and a refusal is sent once whether it is ACKed or not (RFC 3261 sections 17.1, 17.2).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from isthmus.addressing import is_e164, normalise_number
from isthmus.demo import bridge
from isthmus.demo.carrier_file import CarrierFile, CarrierSite, load
from isthmus.demo.carrier_shop import Shop, serve_shop
from isthmus.errors import IsthmusError, RefusedError, UnavailableError, UsageError
from isthmus.site.private import read_secret
from isthmus.useragent.account import Account
from isthmus.useragent.agent import Agent
from isthmus.useragent.call import Call
from isthmus.useragent.message import uri_of
from isthmus.useragent.rtp import SILENCE, keypad, tone
from isthmus.useragent.wire import UdpWire

BEEP_HZ = 1000.0  # what an ordinary number says before it echoes
BEEP_S = 0.5
EARLY_HZ = 425.0  # heard before the answer of the number with early media
CALLER_HZ = 800.0  # what a caller from the PSTN says
_EARLY_S = 1.0
_OFF_HOOK_S = 180.0

log = logging.getLogger("isthmus.demo.carrier")


class Carrier:
    """One running carrier."""

    def __init__(self, file: CarrierFile, agent: Agent, service: Agent | None = None, shop: Shop | None = None) -> None:
        """service: the service's carrier, which carries what `shop` has sold."""
        self.file, self.agent, self.service, self.shop = file, agent, service, shop
        agent.on_call = self.take
        if service is not None:
            service.on_call = self.take
        self._calls: dict[int, Call] = {}
        self._placed = 0

    @classmethod
    async def open(cls, file: CarrierFile) -> Carrier:
        """Bind the SIP ports. Raises UnavailableError when one is taken."""
        agent = await _agent(file.address, file.port)
        if file.shop is None:
            return cls(file, agent)
        return cls(file, agent, await _agent(file.shop.address, file.port), shop_of(file))

    async def close(self) -> None:
        """End all calls."""
        await self.agent.close()
        if self.service is not None:
            await self.service.close()

    # Calls that come in

    async def take(self, call: Call) -> None:
        """Decide about an incoming call by the number it is for, and see it through."""
        invite = call.invite
        assert invite is not None
        user = uri_of(invite.uri).partition(":")[2].partition("@")[0].partition(";")[0]
        peer = call.peer[0]
        source = self.file.site_at(peer)
        caller = uri_of(invite.get("P-Asserted-Identity") or invite.get("From"))
        if source is None:
            log.warning("%s is no site of ours: %s to %s refused", peer, caller, user)
            call.reject(403, "Forbidden")
            return
        if user in EMERGENCY:
            log.info("%s: %s to emergency number %s: %s", source.name, caller, user, await self._echo(call))
            return
        try:
            number = normalise_number(user, "US")
        except UsageError:
            log.info("%s: %s to %s: not a number", source.name, caller, user)
            call.reject(404, "Not Found")
            return
        outcome = await self._connect(call, number)
        log.info("%s: %s to %s: %s", source.name, caller, number, outcome)

    async def _connect(self, call: Call, number: str) -> str:
        special = SPECIAL.get(number)
        if special:
            return await special(self, call)
        agent, sites = self._way_to(number, self.file.site_at(call.peer[0]))
        if not sites:
            return await self._echo(call)
        targets = [f"sip:{number}@{site.address}:{site.port};user=phone" for site in sites]
        caller = self._caller(call)
        headers = [("P-Asserted-Identity", f"<{caller}>")] if "anonymous" not in caller else []
        return await bridge.carry(agent, call, targets, headers, self.file.silence_s, caller)

    def _way_to(self, number: str, source: CarrierSite | None) -> tuple[Agent, tuple[CarrierSite, ...]]:
        """Who carries a call to a number, and to which sites: what was sold goes to the site that it was sold to."""
        if self.service is not None and self.file.shop is not None and self.shop and self.shop.owner(number):
            wanted = self.file.shop.site
            return self.service, tuple(site for site in self.file.site if site.name == wanted)
        return self.agent, self.file.way_to(number, source)

    def _caller(self, call: Call) -> str:
        """The caller as the telephone network passes it on: a number that was vouched for, or nobody."""
        vouched = call.invite.all("P-Asserted-Identity") if call.invite else []
        for identity in vouched:
            number = uri_of(identity).partition(":")[2].partition("@")[0].partition(";")[0]
            if is_e164(number):
                return f"sip:{number}@{self.file.address};user=phone"
        return "sip:anonymous@anonymous.invalid"

    async def _echo(self, call: Call) -> str:
        call.ring()
        await self._pause(call, self.file.ring_s)
        return await self._answer_and_echo(call)

    async def _early(self, call: Call) -> str:
        call.sound = tone(EARLY_HZ)
        await call.early_media()
        await self._pause(call, _EARLY_S)
        return await self._answer_and_echo(call)

    async def _answer_and_echo(self, call: Call) -> str:
        if call.ended:
            return call.ended
        call.sound = tone(BEEP_HZ)
        await call.answer()
        call.play(call.sound)
        await self._pause(call, BEEP_S)
        if call.media and not call.ended:
            call.play(None)
            call.media.echo = True
        return f"answered, {await call.over(24 * 3600.0)}"

    async def _busy(self, call: Call) -> str:
        call.reject(486, "Busy Here")
        return "486"

    async def _decline(self, call: Call) -> str:
        call.reject(603, "Decline")
        return "603"

    async def _away(self, call: Call) -> str:
        call.reject(503, "Service Unavailable")
        return "503"

    async def _nothing(self, call: Call) -> str:
        await self._pause(call, _OFF_HOOK_S)
        if not call.ended:
            call.reject(480, "Temporarily Unavailable")
        return f"not answered, {call.ended}"

    async def _read_back(self, call: Call) -> str:
        """Say who calls, as tones of the keys; over and over."""
        digits = self._caller(call).partition(":")[2].partition("@")[0].lstrip("+")
        call.sound = (keypad(digits) if digits.isdigit() else tone(EARLY_HZ)) + SILENCE
        call.ring()
        await self._pause(call, self.file.ring_s)
        if call.ended:
            return call.ended
        await call.answer()
        call.play(call.sound)
        return f"answered, {await call.over(24 * 3600.0)}"

    async def _unknown(self, call: Call) -> str:
        call.reject(404, "Not Found")
        return "404"

    async def _silent(self, call: Call) -> str:
        call.ring()
        await self._pause(call, _OFF_HOOK_S)
        if not call.ended:
            call.reject(480, "Temporarily Unavailable")
        return f"not answered, {call.ended}"

    @staticmethod
    async def _pause(call: Call, seconds: float) -> None:
        with suppress(TimeoutError):
            await call.over(seconds)

    # Calls it places

    async def place(self, caller: str, number: str) -> tuple[int, Call]:
        """Call a number of the organisation from `caller`; gives an id for `hang_up`.

        Raises UsageError for what is no number, RefusedError for one that is not the organisation's.
        """
        caller, number = normalise_number(caller, "US"), normalise_number(number, "US")
        agent, sites = self._way_to(number, None)
        if not sites:
            raise RefusedError("no range of the carrier has this number", where=number)
        self._placed += 1
        for site in sites:
            identity = f"sip:{caller}@{self.file.address};user=phone"
            call = await agent.call(
                f"sip:{number}@{site.address}:{site.port};user=phone",
                headers=[("P-Asserted-Identity", f"<{identity}>")],
                caller=identity,
                sound=tone(CALLER_HZ),
            )
            with suppress(TimeoutError):
                await call.until(lambda call=call: call.responses or call.ended, "a word", self.file.silence_s)  # type: ignore[misc]
                break
            call.cancel()
        self._calls[self._placed] = call
        log.info("placed call %d: %s to %s at %s", self._placed, caller, number, site.name)
        return self._placed, call

    async def hang_up(self, call_id: int) -> str:
        """End a call that was placed, and give how it stands."""
        call = self._calls.pop(call_id, None)
        if call is None:
            raise UsageError(f"there is no call {call_id}")
        if call.up:
            await call.hang_up()
        else:
            call.cancel()
        return call.ended or "cancelled"


EMERGENCY = frozenset({"911", "112"})  # a simulated dispatcher: rings, answers, beeps, and echoes

BEHAVIOURS: tuple[tuple[str, Callable[[Carrier, Call], Awaitable[str]], str], ...] = (
    ("+14255550990", Carrier._busy, "is busy (486)"),
    ("+14255550991", Carrier._silent, "rings, and is never answered"),
    ("+14255550992", Carrier._early, "is heard before it answers (early media, 183)"),
    ("+14255550993", Carrier._unknown, "is not in service (404)"),
    ("+14255550994", Carrier._decline, "declines (603)"),
    ("+14255550995", Carrier._away, "can't be carried (503): the next trunk is tried"),
    ("+14255550996", Carrier._nothing, "neither rings nor answers: after 10 s the next trunk is tried"),
    ("+14255550997", Carrier._read_back, "answers, and reads the caller's number back as the tones of a keypad"),
)
"""Numbers that behave in their own way: what is done, and in words."""

SPECIAL = {number: action for number, action, _ in BEHAVIOURS}


async def _agent(address: str, port: int) -> Agent:
    try:
        wire = await UdpWire.open(address, port)
    except OSError as error:
        raise UnavailableError(
            f"the carrier can't listen ({error.strerror})",
            where=f"{address}:{port}",
            do="Stop what holds the port, or give the carrier another address in its file.",
        ) from error
    return Agent(wire, Account(f"sip:carrier@{address}"), user_agent="Isthmus carrier", follows_refer=False)


def shop_of(file: CarrierFile) -> Shop | None:
    """What the service's carrier sells. Raises UsageError where its token can't be read."""
    if file.shop is None:
        return None
    token = read_secret(file.path.parent / file.shop.token_file, "token")
    return Shop(file.path.parent / "shop.json", {token: file.shop.site})


async def serve_control(carrier: Carrier) -> asyncio.Server:
    """Take lines on the control socket: `call FROM TO`, `hangup ID`; each answer is a line, an end too."""
    path = carrier.file.control_path
    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(lambda r, w: _control(carrier, r, w), path)
    path.chmod(0o600)
    return server


async def _control(carrier: Carrier, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            async for answer in _do(carrier, line.decode(errors="replace").split()):
                writer.write(f"{answer}\n".encode())
                await writer.drain()
    except ConnectionError:
        log.debug("whoever gave the order has gone")
    finally:
        writer.close()


async def _do(carrier: Carrier, words: list[str]) -> AsyncIterator[str]:
    """One order; what comes of it, line by line."""
    try:
        match words:
            case ["call", caller, number]:
                call_id, call = await carrier.place(caller, number)
                yield f"calling {call_id}"
                await call.until(lambda: call.up or call.ended, "an answer", 180.0)
                if call.up:
                    yield f"answered {call_id}"
                    await call.over(24 * 3600.0)
                yield f"ended {call_id} {call.ended}"
            case ["hangup", call_id] if call_id.isdigit():
                yield f"ended {call_id} {await carrier.hang_up(int(call_id))}"
            case _:
                yield "error say: call FROM TO, or: hangup ID"
    except (IsthmusError, TimeoutError) as error:
        yield f"error {error}"


async def run(file: CarrierFile) -> None:
    """Serve until SIGTERM or SIGINT."""
    carrier = await Carrier.open(file)
    control = await serve_control(carrier)
    selling = serve_shop(carrier.shop, file.address, file.shop.port) if carrier.shop and file.shop else None
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    log.info("ready on %s:%d/udp", file.address, file.port)
    await stop.wait()
    control.close()
    if selling is not None:
        selling.should_exit = True
    await carrier.close()
    file.control_path.unlink(missing_ok=True)


def order(file: CarrierFile, words: Sequence[str]) -> Iterator[str]:
    """Give the running carrier an order; what comes of it, line by line, until the call has ended."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        try:
            line.connect(str(file.control_path))
        except OSError as error:
            raise UnavailableError(
                "the carrier does not run", where=str(file.control_path), do="`make run` starts it."
            ) from error
        line.sendall((" ".join(words) + "\n").encode())
        for answer in line.makefile():
            yield answer.rstrip("\n")
            if answer.startswith(("ended", "error")):
                return


def main(arguments: Sequence[str]) -> int:
    """FILE runs the carrier, FILE WORD... gives the running one an order. Gives the exit code."""
    try:
        if not arguments:
            raise UsageError("say which file the carrier is to read", do="It is var/demo/carrier/carrier.toml.")
        file = load(Path(arguments[0]))
        if arguments[1:]:
            for answer in order(file, arguments[1:]):
                print(answer, flush=True)
            return 0
        handlers: list[logging.Handler] = [logging.FileHandler(file.log_path), logging.StreamHandler()]
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers)
        asyncio.run(run(file))
    except IsthmusError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        print(f"the carrier can't run: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
