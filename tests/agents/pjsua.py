"""pjsua2 as a test phone: one process a registration, audio from a tone file and into recordings.

pjsua2 holds four calls at once, offers the digest algorithm challenged first, and keeps a Route to its proxy.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Self

from tests.agents.phone import Event, Phone
from tests.agents.tones import write_wav


class Pjsua(Phone):
    """One pjsua2 phone. Calls have names, `call1` and so on; `recording(call)` is what was heard in one."""

    @classmethod
    async def open(
        cls,
        uri: str,
        address: str,
        folder: Path,
        *,
        transport: str = "udp",
        port: int = 0,
        proxy: str = "",
        password: str = "",
        username: str = "",
        ca: str = "",
        tone_hz: float = 440,
    ) -> Self:
        """Start one. proxy: host:port that all goes to."""
        name = f"pjsua-{uri.partition(':')[2].partition('@')[0]}-{address}"
        phone = cls(name, folder)
        options: dict[str, Any] = {
            "name": name,
            "uri": uri,
            "address": address,
            "port": port,
            "folder": str(folder),
            "transport": transport,
            "proxy": proxy,
            "password": password,
            "username": username,
            "ca": ca,
            "tone": str(write_wav(folder / f"{name}-tone.wav", tone_hz)),
        }
        await phone.start(
            [sys.executable, "-m", "tests.agents.pjsua_worker", json.dumps(options)],
            {"PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        phone.spawn(phone._read())
        await phone.until(lambda event: event["event"] == "ready", "ready", 20)
        return phone

    async def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        while line := await self._process.stdout.readline():
            if line.startswith(b"{"):
                self.tell(json.loads(line))

    def do(self, order: str, **options: Any) -> None:
        """Give an order, see pjsua_worker.Worker.obey."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": order, **options}).encode() + b"\n")

    async def registered(self) -> None:
        """Register and wait for the 200."""
        since = len(self.events)
        self.do("register", on=True)
        event = await self.until(lambda event: event["event"] == "registration", "an answer to REGISTER", since=since)
        assert event["code"] == 200, f"{self.name} REGISTER: {event}"

    async def dial(self, uri: str) -> str:
        """Call and wait for the answer; gives the call's name."""
        call = self.call(uri)
        await self.state(call, "CONFIRMED")
        return call

    def call(self, uri: str) -> str:
        """Call; gives the call's name at once."""
        name = f"{self.name}-out{len(self.events)}"
        self.do("call", uri=uri, name=name)
        return name

    async def called(self, since: int = 0) -> str:
        """Wait for an incoming call and give its name."""
        return str((await self.until(lambda e: e["event"] == "incoming", "an incoming call", since=since))["call"])

    async def state(self, call: str, state: str, since: int = 0) -> Event:
        """Wait for a state of a call: CALLING, EARLY, CONNECTING, CONFIRMED, DISCONNECTED."""

        def reached(event: Event) -> bool:
            return event["event"] == "state" and event["call"] == call and event["state"] == state

        return await self.until(reached, f"{call} {state}", since=since)

    async def over(self, call: str) -> int:
        """Wait for the end of a call and give its code."""
        return int((await self.state(call, "DISCONNECTED"))["code"])

    def recording(self, call: str) -> Path:
        """What was heard in a call."""
        return self.folder / f"{call}.wav"

    async def hears(self, call: str, frequency_hz: float) -> None:
        """Wait until this tone is heard in the call."""
        await self.hears_in(self.recording(call), frequency_hz)
