"""Gives signed-in people what their browser needs to reach this site's STUN and TURN server."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from isthmus.access.model import Principal
from isthmus.errors import ForbiddenError, TooManyError
from isthmus.identity.throttle import Rate
from isthmus.turn import rules

_PER_S, _BURST = 0.1, 30  # a phone asks once in half a lifetime, a self-test of its own accord


class IceServers:
    """server: None where this site has none. secret: reads what credentials are made of. clock: Unix seconds."""

    def __init__(
        self,
        server: rules.Server | None,
        secret: Callable[[], str],
        lifetime_s: int,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server, self._secret, self._lifetime_s, self._clock = server, secret, lifetime_s, clock
        self._rate = Rate(_PER_S, _BURST, monotonic)

    def given(self, who: Principal) -> Mapping[str, Any]:
        """`iceServers` as RTCPeerConnection takes them (W3C WebRTC section 4.2.2), and how long they hold.

        Raises ForbiddenError for who is no person or shows a limited token, TooManyError.
        """
        if not who.person or who.limit is not None:
            raise ForbiddenError("this is for people with an account of their own")
        if wait := self._rate.take(who.person):
            raise TooManyError("too many credentials", retry_after_s=wait, do=f"Try again in {wait:.0f} s.")
        if self._server is None:
            return {"iceServers": [], "lifetime_s": self._lifetime_s}
        made = rules.credential(self._secret(), who.person, int(self._clock()) + self._lifetime_s)
        turn = {"urls": list(self._server.turn), "username": made.username, "credential": made.password}
        return {"iceServers": [{"urls": [self._server.stun]}, turn], "lifetime_s": self._lifetime_s}
