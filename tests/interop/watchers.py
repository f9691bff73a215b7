"""A SIP client that watches how somebody is (RFC 3856), and when it was told what."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence

from isthmus.useragent.dialog import Dialog
from isthmus.useragent.message import Header, Request, Response
from tests.agents.raw import User
from tests.interop.conftest import DOMAIN

SLOW_S = 60.0


class Watcher:
    """One phone, and its last subscription. told: when, and the NOTIFY."""

    def __init__(self, phone: User) -> None:
        self.phone = phone
        self.told: list[tuple[float, Request]] = []
        self._dialog: Dialog | None = None
        phone.on_notify = lambda request: self.told.append((time.monotonic(), request))

    async def subscribe(self, user: str, expires_s: int = 600) -> Response:
        """Begin to watch somebody."""
        uri, call_id, tag, sent = f"sip:{user}@{DOMAIN}", secrets.token_hex(8), secrets.token_hex(6), list[Request]()

        def make(extra: Sequence[Header]) -> Request:
            headers = (*self._headers(expires_s), *extra)
            cseq = len(sent) + 1
            sent.append(
                self.phone.build("SUBSCRIBE", uri, uri, call_id=call_id, cseq=cseq, from_tag=tag, headers=headers)
            )
            return sent[-1]

        flow = await self.phone.flow_for(uri)
        answer = await self.phone.exchange(make, flow)
        self._dialog = Dialog.as_caller(sent[-1], answer, flow) if answer.code == 200 else None
        return answer

    async def refresh(self, expires_s: int) -> Response:
        """Ask for it to go on, within its dialog; 0: to end."""
        dialog = self._dialog
        assert dialog is not None
        _, _, hop = dialog.leads()

        def make(extra: Sequence[Header]) -> Request:
            dialog.local_cseq += 1
            headers = (*self._headers(expires_s), *extra)
            return self.phone.in_dialog(dialog, "SUBSCRIBE", dialog.local_cseq, headers)[0]

        return await self.phone.exchange(make, await self.phone.flow_for(hop, dialog))

    async def hears(self, *words: bytes) -> float:
        """Wait until the last that it was told is a document with all of these words; gives when."""
        async with asyncio.timeout(SLOW_S):
            while not (self.told and all(word in self.told[-1][1].body for word in words)):
                await asyncio.sleep(0.01)
        return self.told[-1][0]

    async def hears_not(self, word: bytes) -> None:
        """Wait until it is a document without it."""
        async with asyncio.timeout(SLOW_S):
            while word in self.told[-1][1].body:
                await asyncio.sleep(0.01)

    @property
    def state(self) -> str:
        """What the last NOTIFY said of the subscription."""
        return self.told[-1][1].get("Subscription-State")

    def _headers(self, expires_s: int) -> tuple[Header, ...]:
        return (
            ("Event", "presence"),
            ("Accept", "application/pidf+xml"),
            ("Expires", str(expires_s)),
            ("Contact", f"<{self.phone.contact}>"),
        )
