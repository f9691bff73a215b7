"""Many SIP requests over UDP at once, each sent again until it is answered (RFC 3261 section 17.1.2).

`Requests` is the state of all the transactions, without I/O: time and answers in, datagrams out. `send_all` moves
them through a socket.
"""

from __future__ import annotations

import heapq
import re
import socket
import time
from collections.abc import Generator, Mapping
from typing import cast

from isthmus.errors import UnavailableError

_T1_S, _T2_S = 0.5, 4.0
Answers = dict[str, tuple[int, str] | None]
"""By the branch: status and reason, None where there was no answer."""
_STATUS = re.compile(rb"SIP/2\.0 ([1-6]\d\d) ([^\r\n]*)")
_BRANCH = re.compile(rb"\n(?:via|v)[ \t]*:[^\r\n]*?;[ \t]*branch=([^;,\s]+)", re.IGNORECASE)


class Requests:
    """Non-INVITE client transactions. At most `window` are under way; the others wait for their turn.

    requests: Via branch -> datagram. give_up_s: how long one is tried (timer F).
    """

    def __init__(self, requests: Mapping[str, bytes], *, window: int = 64, give_up_s: float = 8.0) -> None:
        self._waiting = list(reversed(list(requests.items())))
        self._window, self._give_up_s = window, give_up_s
        self._open: dict[str, tuple[bytes, float]] = {}  # branch -> datagram, when to give up
        self._timers: list[tuple[float, float, str]] = []  # due, interval, branch
        self.answers: Answers = {}

    @property
    def done(self) -> bool:
        """Whether each has a final answer (`answers`: status and reason) or was given up (None)."""
        return not self._waiting and not self._open

    @property
    def next_at(self) -> float:
        """When `due` has to be called next."""
        return self._timers[0][0] if self._timers else 0.0

    def due(self, now: float) -> list[bytes]:
        """What has to be sent now."""
        out: list[bytes] = []
        while self._timers and self._timers[0][0] <= now:
            _, interval, branch = heapq.heappop(self._timers)
            if branch not in self._open:
                continue
            datagram, until = self._open[branch]
            if now >= until:
                del self._open[branch]
                self.answers[branch] = None
                continue
            out.append(datagram)
            self._arm(branch, now, min(2 * interval, _T2_S), until)
        while self._waiting and len(self._open) < self._window:
            branch, datagram = self._waiting.pop()
            until = now + self._give_up_s
            self._open[branch] = (datagram, until)
            out.append(datagram)
            self._arm(branch, now, _T1_S, until)
        return out

    def received(self, datagram: bytes) -> None:
        """Take in an answer. Provisional ones, strangers and answers that come again change nothing."""
        status, branch = _STATUS.match(datagram), _BRANCH.search(datagram)
        if status is None or branch is None or int(status[1]) < 200:
            return
        name = branch[1].decode("ascii", "replace")
        if self._open.pop(name, None) is not None:
            self.answers[name] = (int(status[1]), status[2].decode("utf-8", "replace"))

    def _arm(self, branch: str, now: float, interval: float, until: float) -> None:
        heapq.heappush(self._timers, (min(now + interval, until), interval, branch))


def open_socket(host: str) -> socket.socket:
    """A UDP socket on a free port of `host`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.bind((host, 0))
    except OSError as error:
        opened.close()
        raise UnavailableError(f"no UDP port to send from ({error})", where=host) from error
    return opened


def send_all(
    opened: socket.socket, requests: Mapping[str, bytes], to: tuple[str, int], *, give_up_s: float = 8.0
) -> Answers:
    """Send every request and wait for all final answers. Returns branch -> (status, reason), None: no answer."""
    under_way = sending(opened, requests, to, give_up_s=give_up_s)
    while True:
        try:
            next(under_way)
        except StopIteration as end:
            return cast(Answers, end.value)


def sending(
    opened: socket.socket,
    requests: Mapping[str, bytes],
    to: tuple[str, int],
    *,
    window: int = 64,
    give_up_s: float = 8.0,
) -> Generator[int, None, Answers]:
    """The same, step by step: yields how many are settled by now, each time that more are."""
    state, settled = Requests(requests, window=window, give_up_s=give_up_s), 0
    while not state.done:
        for datagram in state.due(time.monotonic()):
            opened.sendto(datagram, to)
        if not state.done:
            opened.settimeout(max(0.001, state.next_at - time.monotonic()))
            try:
                state.received(opened.recv(65535))
            except TimeoutError:
                pass
            except ConnectionError:
                # ICMP port unreachable from an earlier datagram: nobody listens now; the timers decide.
                time.sleep(0.02)
        if len(state.answers) > settled:
            settled = len(state.answers)
            yield settled
    return state.answers
