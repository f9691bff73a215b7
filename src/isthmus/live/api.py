"""The WebSocket of a browser tab: /live on the site's web port.

The tab shows an access token in its first frame (a browser can't set headers, and addresses end up in logs). Then each
frame asks for something: `{"do": NAME, "id": N, ...}`, answered by `{"answer": N, "value": ...}` or `{"refused": N,
"what": ..., "do": ...}`; what happens meanwhile comes as `{"event": NAME, ...}`. The site sends lists of such objects.
Questions of one tab are answered in their order.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from isthmus.errors import IsthmusError, TooManyError, UnauthenticatedError, UsageError
from isthmus.identity.throttle import Rate
from isthmus.live.hub import Hub, Member, Session

_log = logging.getLogger(__name__)

PATH = "/live"
# Close codes for applications are 4000 to 4999 (RFC 6455 section 7.4.2); ours follow HTTP's numbers.
UNAUTHENTICATED, FORBIDDEN, SLOW, TOO_MANY = 4401, 4403, 4408, 4429
MOST_FRAME = 64 * 1024  # characters
HELLO_S = 10.0
BATCH_S = 0.05
LOOK_AGAIN_S = 60.0  # how soon a session that was ended ends here, too


@dataclass(frozen=True, slots=True)
class Settings:
    """identify: whose access token it is, shown from an address; raises IsthmusError. origin: of the site's own pages.

    build: of the web application, for tabs that are older. per_s, burst: questions of one tab.
    """

    identify: Callable[[str, str], Member]
    origin: str
    build: str = ""
    per_s: float = 20.0
    burst: int = 200
    look_again_s: float = LOOK_AGAIN_S


def route(hub: Hub, settings: Settings) -> WebSocketRoute:
    """The route. It asks who comes by itself: the gate is for requests."""

    async def endpoint(socket: WebSocket) -> None:
        if socket.headers.get("origin") != settings.origin:
            # Any page may open a WebSocket to anywhere: its origin is all that tells (RFC 6455 section 10.2).
            await socket.close(FORBIDDEN)
            return
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            await _Tab(socket, hub, settings).run()

    return WebSocketRoute(PATH, endpoint)


class _Tab:
    def __init__(self, socket: WebSocket, hub: Hub, settings: Settings) -> None:
        self._socket, self._hub, self._settings = socket, hub, settings
        self._rate = Rate(settings.per_s, settings.burst, time.monotonic)
        self._token = ""

    async def run(self) -> None:
        try:
            async with asyncio.timeout(HELLO_S):
                hello = await self._frame()
            member = await self._identify(hello)
            session = self._hub.join(member)
        except TimeoutError:
            await self._socket.close(SLOW)
            return
        except IsthmusError as error:
            await self._refuse(error)
            return
        session.send({"event": "welcome", "aor": str(member.aor), "build": self._settings.build})
        try:
            await self._until_one_ends(self._write(session), self._read(session), self._look_again())
        finally:
            self._hub.leave(session)

    async def _until_one_ends(self, *jobs: Any) -> None:
        tasks = [asyncio.ensure_future(job) for job in jobs]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except IsthmusError as error:
            await self._refuse(error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _identify(self, hello: Mapping[str, Any]) -> Member:
        token = hello.get("token")
        if not isinstance(token, str):
            raise UnauthenticatedError("sign in first", do="Show an access token in the first frame.")
        member = await run_in_threadpool(self._settings.identify, token, self._address())
        self._token = token
        return member

    def _address(self) -> str:
        # haproxy writes the last one, which nobody else can.
        return self._socket.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()

    async def _frame(self) -> dict[str, Any]:
        text = await self._socket.receive_text()
        if len(text) > MOST_FRAME:
            raise TooManyError(f"a frame is longer than {MOST_FRAME} characters", retry_after_s=1.0)
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError):
            raise UsageError("a frame is no JSON") from None
        if not isinstance(frame, dict):
            raise UsageError("a frame is no JSON object")
        return frame

    async def _read(self, session: Session) -> None:
        while True:
            frame = await self._frame()
            if wait := self._rate.take(""):
                await asyncio.sleep(wait)  # who floods is slowed down by not being read
            number, do = frame.pop("id", None), frame.pop("do", "")
            if not isinstance(do, str) or not isinstance(number, int):
                raise UsageError('a frame needs "do" (a text) and "id" (an integer)')
            session.send(await self._answer(session, number, do, frame))

    async def _answer(self, session: Session, number: int, do: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            if do == "alive":
                return {"answer": number, "value": None}
            if do == "renew":
                if await self._identify(body) != session.member:
                    raise UnauthenticatedError("that token is somebody else's")
                return {"answer": number, "value": None}
            return {"answer": number, "value": await self._hub.ask(session, do, body)}
        except IsthmusError as error:
            return {"refused": number, "what": error.what, "where": error.where, "do": error.do}
        except Exception:
            _log.exception("live: %s", do[:80])
            return {"refused": number, "what": "something went wrong here", "where": "", "do": "Try again."}

    async def _write(self, session: Session) -> None:
        while True:
            events = await session.take(BATCH_S)
            await self._socket.send_text(json.dumps(events, ensure_ascii=False, separators=(",", ":")))

    async def _look_again(self) -> None:
        """Who was signed out, disabled or shut out meanwhile is let go."""
        while True:
            await asyncio.sleep(self._settings.look_again_s)
            await run_in_threadpool(self._settings.identify, self._token, self._address())

    async def _refuse(self, error: IsthmusError) -> None:
        code = {UnauthenticatedError: UNAUTHENTICATED, TooManyError: TOO_MANY}.get(type(error), FORBIDDEN)
        reason = str(error).encode()[:120].decode(errors="ignore")  # RFC 6455 section 5.5: 125 bytes with the code
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._socket.close(code, reason)
