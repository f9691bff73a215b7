"""baresip 1.0 as a test phone, steered through its ctrl_tcp module; MD5 only, no attended transfer.

It ignores loopback unless `net_interface` is an address, sends RTP from 127.0.0.1, and registers before its
control port can be read: so the account is made by `uanew` once we listen. Its recording stops at a hold, and its
module sndfile cuts file names at 127 characters: so it runs in its own folder and records to `.`.
"""

from __future__ import annotations

import asyncio
import json
import time
from itertools import count
from pathlib import Path
from typing import Any, Self

from tests.agents.phone import Phone
from tests.agents.tones import write_wav

CONTROL_PORT = 4444
_CONFIG = """\
poll_method epoll
sip_listen {address}:{port}
{cafile}
{certificate}
call_local_timeout 120
call_max_calls 4
audio_player aubridge,sink
snd_path .
audio_source aufile,{tone}
audio_alert aufile,{folder}/alert.wav
rtp_tos 184
rtp_stats no
jitter_buffer_delay 1-5
net_interface {address}
module_path /usr/lib/baresip/modules
module g711.so
module srtp.so
module dtls_srtp.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app contact.so
module_app ctrl_tcp.so
ctrl_tcp_listen {address}:{control}
"""


class Baresip(Phone):
    """One baresip; its module sndfile records each call in `home`."""

    uri: str
    address: str
    home: Path
    _writer: asyncio.StreamWriter

    @classmethod
    async def open(
        cls,
        uri: str,
        address: str,
        folder: Path,
        *,
        transport: str = "udp",
        port: int = 5060,
        proxy: str = "",
        password: str = "",
        username: str = "",
        ca: str = "",
        tone_hz: float = 440,
        auto_answer: bool = False,
        certificate: Path | None = None,
        encryption: str = "",
        codecs: str = "PCMU",
        contact: str = "",
    ) -> Self:
        """Start one and make its account; it registers at once if it has a password. proxy: host:port.

        certificate: PEM with key; it then takes calls by TLS at the port above `port`, and shows it. encryption: of
        media, `srtp-mand` or `dtls_srtp`. codecs: comma-separated. contact: URI of whom `message` writes to.
        """
        user, _, _ = uri.partition(":")[2].partition("@")
        phone = cls(f"baresip-{user}-{address}", folder)
        phone.uri, phone.address, home = uri, address, folder / f"baresip-{user}-{address}"
        home.mkdir()
        phone.home = home
        text = _CONFIG.format(
            address=address,
            port=port,
            cafile=f"sip_cafile {ca}" if ca else "",
            certificate=f"sip_certificate {certificate}" if certificate else "",
            tone=write_wav(home / "tone.wav", tone_hz, 120),
            folder=home,
            control=CONTROL_PORT,
        )
        (home / "config").write_text(text)
        (home / "accounts").write_text("")
        (home / "contacts").write_text(f"<{contact}>\n" if contact else "")
        (home / "uuid").write_text(f"00000000-0000-0000-0000-{abs(hash(phone.name)) % 10**12:012d}")
        await phone.start(["/usr/bin/baresip", "-4", "-s", "-f", str(home)], cwd=home)
        await phone._connect()
        outbound = f'outbound="sip:{proxy};transport={transport}"' if proxy else ""
        secret = f"auth_user={username or user};auth_pass={password}" if password else "regint=0"
        mode = "auto" if auto_answer else "manual"
        # The URI's transport rules in calls without a proxy.
        account = f"<{uri};transport={transport}>;{outbound};{secret};answermode={mode};audio_codecs={codecs}"
        account += f";mediaenc={encryption}" if encryption else ""
        await phone.command("uanew", account.replace(";;", ";"))
        return phone

    async def _connect(self) -> None:
        end = time.monotonic() + 10
        while True:
            try:
                reader, self._writer = await asyncio.open_connection(self.address, CONTROL_PORT)
                break
            except OSError:
                if time.monotonic() > end:
                    raise AssertionError(f"{self.name} has no control port:\n{self.tail()}") from None
                await asyncio.sleep(0.05)
        self.spawn(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Netstrings of JSON."""
        while True:
            size = await reader.readuntil(b":")
            data = await reader.readexactly(int(size[:-1]) + 1)
            self.tell(json.loads(data[:-1]))

    async def close(self) -> None:
        if hasattr(self, "_writer"):
            self._writer.close()
        await super().close()

    _tokens = count(1)

    async def command(self, name: str, parameters: str = "") -> str:
        """Give a command as on its console; gives what it printed."""
        token = f"t{next(self._tokens)}"
        message = json.dumps({"command": name, "params": parameters, "token": token})
        self._writer.write(f"{len(message)}:{message},".encode())
        answer = await self.until(lambda event: event.get("token") == token, f"an answer to {name}")
        return str(answer.get("data", ""))

    async def event(self, kind: str, since: int = 0, timeout_s: float = 45.0) -> dict[str, Any]:
        """Wait for an event: REGISTER_OK, CALL_INCOMING, CALL_RINGING, CALL_ESTABLISHED, CALL_CLOSED ..."""
        return await self.until(lambda event: event.get("type") == kind, kind, timeout_s, since)

    async def registered(self) -> None:
        """Wait for the registration it began by itself."""

        def done(event: dict[str, Any]) -> bool:
            return event.get("type") in ("REGISTER_OK", "REGISTER_FAIL")

        event = await self.until(done, "an answer to REGISTER")
        assert event["type"] == "REGISTER_OK", f"{self.name}: {event}\n{self.tail()}"

    async def dial(self, uri: str) -> None:
        """Call and wait for the answer."""
        since = len(self.events)
        await self.command("dial", uri)
        await self.event("CALL_ESTABLISHED", since)

    async def answer(self, since: int = 0) -> None:
        """Wait for a call and take it."""
        await self.event("CALL_INCOMING", since)
        await self.command("accept")
        await self.event("CALL_ESTABLISHED", since)

    async def hang_up(self) -> None:
        """End the current call."""
        await self.command("hangup")

    async def hears(self, frequency_hz: float) -> None:
        """Wait until this tone is heard in the latest call."""
        end = time.monotonic() + 5
        while not (found := sorted(self.home.glob("dump-*-dec.wav"))):
            assert time.monotonic() < end, f"{self.name} records nothing:\n{self.tail()}"
            await asyncio.sleep(0.05)
        await self.hears_in(found[-1], frequency_hz)
