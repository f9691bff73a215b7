"""linphone 5.1 as a test phone: `linphonec`, steered on its standard input, speaking and hearing by files.

It makes its database only where the folder for it is there. A port that is 0 switches all of them off, UDP too: -2 says
"none". It offers presence by itself, and asks for that of its friends.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self

from tests.agents.phone import Phone
from tests.agents.tones import write_wav

_CONFIG = """\
[sip]
bind_address={address}
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port=-2
use_ipv6=0
default_proxy=0
guess_hostname=0
contact=<sip:{user}@{address}>

[rtp]
bind_address={address}
audio_rtp_port=17078

[video]
capture=0
display=0

[proxy_0]
reg_proxy=<sip:{proxy};transport={transport}>
reg_route=<sip:{proxy};transport={transport};lr>
reg_identity=<{uri}>
reg_expires=300
reg_sendregister=1
publish=1

[auth_info_0]
username={user}
passwd={password}
realm={domain}
domain={domain}
algorithm=SHA-256
"""


class Linphone(Phone):
    """One linphone with one account. What it prints are its events, a line each as `{"said": ...}`."""

    recording: Path

    @classmethod
    async def open(
        cls, uri: str, address: str, folder: Path, *, proxy: str, password: str, transport: str = "udp", tone_hz: float
    ) -> Self:
        """Start one and wait until it is registered. proxy: host:port; transport: udp or tcp."""
        user, _, domain = uri.partition(":")[2].partition("@")
        phone = cls(f"linphone-{user}", folder)
        home = folder / phone.name
        (home / ".local" / "share" / "linphone").mkdir(parents=True)
        phone.recording = home / "heard.wav"
        config = _CONFIG.format(
            address=address,
            udp=5060 if transport == "udp" else -2,
            tcp=5060 if transport == "tcp" else -2,
            user=user,
            domain=domain,
            uri=uri,
            proxy=proxy,
            transport=transport,
            password=password,
        )
        (home / "linphonerc").write_text(config)
        await phone.start(
            ["/usr/bin/linphonec", "-c", str(home / "linphonerc")],
            {"HOME": str(home), "COLUMNS": "1000"},
            cwd=home,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        phone.spawn(phone._read())
        write_wav(home / "tone.wav", tone_hz, 120)
        for line in ("soundcard use files", "play tone.wav", f"record {phone.recording.name}"):
            phone.command(line)
        try:
            await phone.registered()
        except BaseException:
            await phone.close()
            raise
        return phone

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self.log.open("a") as log:
            while line := (await self._process.stdout.readline()).decode(errors="replace"):
                log.write(line)
                log.flush()
                self.tell({"said": line.strip()})

    def command(self, line: str) -> None:
        """Give a command as on its console."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    async def registered(self) -> None:
        """Ask until it is; it does not tell by itself."""
        async with asyncio.timeout(30):
            while not any("registered, identity" in event["said"] for event in self.events):
                self.command("status register")
                await asyncio.sleep(0.3)

    async def says(self, *words: str, since: int = 0) -> None:
        """Wait until it prints a line with all these in it."""
        await self.until(lambda event: all(word in event["said"] for word in words), " ".join(words), since=since)

    async def hears(self, frequency_hz: float) -> None:
        """Wait until this tone is heard, from now on."""
        await self.hears_in(self.recording, frequency_hz)
