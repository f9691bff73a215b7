"""Keeps in touch with one peer: says hello, and at the authority sends the directory's change feed.

What is committed is sent at once. After an outage it goes on where the peer says that it stopped, by itself. One log
line says that the link is down, one that it is back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from isthmus.addressing import Aor
from isthmus.directory.comparing import Held
from isthmus.directory.model import FeedPage
from isthmus.directory.wire import encode_page
from isthmus.errors import IsthmusError, RefusedError
from isthmus.link.client import LinkDownError, PeerClient

_log = logging.getLogger(__name__)
_PAGE = 500
_HELLO_EVERY_S = 5.0
_COMPARE_S = 60.0  # the peer reads its whole directory
_BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 3.0, 5.0)


class Feed(Protocol):
    """The authority's directory, as far as the link needs it."""

    def last_seq(self) -> int: ...

    def changes_since(self, seq: int, limit: int) -> FeedPage: ...


@dataclass(frozen=True, slots=True)
class LinkHealth:
    """How it stands with a peer.

    since: Unix seconds since when it is up or down. why: what is wrong, empty when up. role: the peer's.
    acknowledged: last directory change that calls at the peer are routed by. pending: changes after that.
    """

    peer: str
    up: bool
    since: float
    why: str
    role: str
    acknowledged: int
    pending: int


class PeerLink:
    """One peer. `start` begins, `stop` ends; in between everything happens in one thread of its own.

    feed: the directory at the authority; None elsewhere, where only hellos are sent.
    """

    def __init__(
        self,
        client: PeerClient,
        feed: Feed | None,
        *,
        hello_every_s: float = _HELLO_EVERY_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._feed, self._hello_every_s, self._clock = client, feed, hello_every_s, clock
        self._condition = threading.Condition()
        self._stopping = False
        self._wanted = 0  # send up to here now
        self._hurry = False  # somebody waits: don't sit out the back-off
        self._acknowledged = -1  # -1: unknown, ask the peer
        self._up = False
        self._why = "not tried yet"
        self._role = ""
        self._since = clock()
        self._failures = 0
        self._thread: threading.Thread | None = None

    @property
    def peer(self) -> str:
        """The peer's site name."""
        return self._client.peer

    def start(self) -> None:
        """Begin to keep in touch."""
        self._thread = threading.Thread(target=self._run, name=f"link-{self.peer}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; waits for the exchange under way."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(15)
        self._client.close()

    def notify(self, seq: int) -> None:
        """Change `seq` is committed: send it. Returns at once."""
        with self._condition:
            self._wanted = max(self._wanted, seq)
            self._condition.notify_all()

    def flush(self, seq: int, timeout_s: float = 3.0) -> None:
        """Return when calls at the peer are routed by change `seq`. Raises LinkDownError when they aren't in time."""
        deadline = time.monotonic() + timeout_s
        with self._condition:
            self._wanted = max(self._wanted, seq)
            failures = self._failures
            self._hurry = True
            self._condition.notify_all()
            while self._acknowledged < seq:
                left = deadline - time.monotonic()
                if left <= 0 or self._failures > failures or not self._runs():
                    raise LinkDownError(self.peer, self._why or "no answer in time")
                self._condition.wait(left)

    def summary(self) -> list[str]:
        """The digests of the peer's directory by ranges (directory.comparing). Raises LinkDownError."""
        return [str(each) for each in self._client.get("/link/digests", timeout_s=_COMPARE_S)["digests"]]

    def held(self, ranges: Collection[int]) -> dict[Aor, Held]:
        """What the peer holds in some of the ranges. Raises LinkDownError."""
        answer = self._client.post("/link/digests", {"ranges": sorted(ranges)}, timeout_s=_COMPARE_S)["people"]
        return {Aor.parse(aor): Held(str(digest), int(epoch)) for aor, (digest, epoch) in answer.items()}

    def ask(self, path: str, body: Any, *, timeout_s: float = 3.0) -> Any:
        """Ask the peer's link API something that can be asked twice. Raises LinkDownError, and what it answers."""
        return self._client.post(path, body, timeout_s=timeout_s)

    def down(self) -> str:
        """Why the peer can't be reached, in one line; empty when it can. Asks now when it is not known to be up."""
        with self._condition:
            if self._up:
                return ""
            if self._thread is None:  # nobody would ever answer
                return f"the link to {self.peer} is down ({self._why})"
            failures = self._failures
            self._hurry = True
            self._condition.notify_all()
            self._condition.wait_for(lambda: self._up or self._failures > failures or not self._runs(), 3.0)
            return "" if self._up else f"the link to {self.peer} is down ({self._why})"

    @property
    def role(self) -> str:
        """The peer's role as it said itself; empty before the first hello."""
        return self._role

    def health(self) -> LinkHealth:
        """How it stands now. Asks nobody."""
        last = self._feed.last_seq() if self._feed else 0
        with self._condition:
            reached = max(self._acknowledged, 0)
            pending = max(0, last - reached) if self._feed else 0
            return LinkHealth(
                self.peer, self._up, self._since, "" if self._up else self._why, self._role, reached, pending
            )

    def _runs(self) -> bool:
        """Whether there is anybody to wait for."""
        return self._thread is not None and not self._stopping

    def _run(self) -> None:
        while True:
            try:
                self._exchange()
            except IsthmusError as error:
                self._went_down(error.reason if isinstance(error, LinkDownError) else str(error))
            except Exception as error:
                _log.exception("link to %s", self.peer)
                self._went_down(f"{type(error).__name__}: {error}")
            with self._condition:
                if not self._stopping and not self._hurry:
                    self._condition.wait_for(self._has_work, self._pause_s())
                self._hurry = False
                if self._stopping:
                    return

    def _pause_s(self) -> float:
        if self._up:
            return self._hello_every_s
        return _BACK_OFF_S[min(self._failures, len(_BACK_OFF_S)) - 1]

    def _has_work(self) -> bool:
        behind = self._feed is not None and self._wanted > self._acknowledged
        return self._stopping or self._hurry or (self._up and behind)

    def _exchange(self) -> None:
        """One round: hello (and resume point) when needed, then all pages that are due."""
        if not self._up or self._nothing_due():
            hello = self._client.get("/link/hello", timeout_s=3.0)
            self._role = str(hello.get("role", ""))
            if self._feed is not None and self._acknowledged < 0:
                self._resume()
        if self._feed is not None:
            self._send_pages(self._feed)
        self._is_up()

    def _nothing_due(self) -> bool:
        with self._condition:
            return self._wanted <= self._acknowledged

    def _resume(self) -> None:
        """Ask the peer where it stopped; it has compiled all of that when it answers."""
        self._acknowledge(int(self._client.get("/link/position")["position"]))

    def _send_pages(self, feed: Feed) -> None:
        wanted = self._wanted
        while not self._stopping:
            page = feed.changes_since(self._acknowledged, _PAGE)
            if page.to_seq <= self._acknowledged:
                self._all_sent(wanted)
                return
            try:
                answer = self._client.post_bytes("/link/feed", encode_page(page), timeout_s=15.0)
            except RefusedError:
                # The peer is elsewhere than we think (restored, made anew): ask, and go on from there next time.
                self._acknowledged = -1
                raise
            self._acknowledge(int(answer["position"]))

    def _all_sent(self, wanted: int) -> None:
        """Nothing is due, whatever was asked for; what was asked for meanwhile is not forgotten."""
        with self._condition:
            if self._wanted == wanted:
                self._wanted = self._acknowledged

    def _acknowledge(self, seq: int) -> None:
        with self._condition:
            self._acknowledged = seq
            self._condition.notify_all()

    def _is_up(self) -> None:
        with self._condition:
            if not self._up:
                _log.info("link to %s: up", self.peer)
                self._up, self._why, self._since, self._failures = True, "", self._clock(), 0
            self._condition.notify_all()

    def _went_down(self, why: str) -> None:
        with self._condition:
            if self._up or self._failures == 0:
                _log.warning("link to %s: down (%s)", self.peer, why)
                self._since = self._clock()
            self._up, self._why = False, why
            self._failures += 1
            # Whether the last page arrived is not known; the peer will say.
            self._acknowledged = -1
            self._condition.notify_all()
