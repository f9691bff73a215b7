"""The brain inside Kamailio's workers: what Kamailio calls for each message (KEMI).

One method a route. Each is wrapped, since an exception that escapes leaves the request unanswered. The work is in
`requests` (who asks for what, out of dialog), `carry` (taking it there), `dialogs` (in dialog), `branches` (on the
way out), `replies` and `http`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import msgspec

from isthmus.engines.kamailio import (
    branches,
    carriers,
    carry,
    ending,
    given_up,
    hops,
    http,
    later,
    locating,
    naming,
    recording,
    replies,
    requests,
    waiting,
)
from isthmus.engines.kamailio.auth import Authenticator
from isthmus.engines.kamailio.config import BrainSettings
from isthmus.engines.kamailio.ksr import KSR, Refused, answer
from isthmus.engines.kamailio.site import Site


class Brain:
    """Kamailio makes one before it forks; each worker then has its own copy."""

    def __init__(self, settings_file: str) -> None:
        settings = msgspec.json.decode(Path(settings_file).read_bytes(), type=BrainSettings)
        self._site = Site(settings)
        self._auth = Authenticator(settings, self._site.secret, self._site.activity)

    def child_init(self, rank: int) -> int:
        """Called in each process, and once before the fork: so nothing is opened here."""
        gc.freeze()  # what is loaded by now stays: no collection need look at it again
        return 0

    def ksr_request_route(self, message: object) -> int:
        """Every request."""
        self._site.records.flush()
        try:
            requests.handle(self._site, self._auth)
        except Refused as refused:
            recording.refused(self._site, refused.code, refused.reason)
            answer(refused.code, refused.reason)
        except UnicodeDecodeError:
            answer(400, "Not UTF-8")
        except BaseException as error:
            KSR.err(f"request not routed: {type(error).__name__}: {error}\n")
            answer(500, "Server Internal Error")
        return 1

    def ksr_reply(self, message: object) -> int:
        """Every reply, before its transaction is looked for; where there are trunks by UDP."""
        return self._guarded("any reply", given_up.hear)

    def ksr_reply_in(self, message: object) -> int:
        """Every reply of a transaction that asked for it."""
        return self._guarded("reply", replies.handle)

    def ksr_branch_out(self, message: object) -> int:
        """Each branch of an out-of-dialog request, on its way out."""
        return self._guarded("branch", branches.handle)

    def ksr_failure(self, message: object) -> int:
        """A call that ended without 2xx: another way out, or the end of its media."""
        return self._guarded("failure", lambda site: carry.handle_failure(site, self._auth))

    def ksr_reply_within(self, message: object) -> int:
        """Replies to requests in a dialog with a carrier that may want them proved."""
        return self._guarded("reply", carriers.noted)

    def ksr_reply_noted(self, message: object) -> int:
        """Replies to requests in a dialog of which nothing but that has to be known."""
        return self._guarded("reply", recording.answered_within)

    def ksr_reply_bound(self, message: object) -> int:
        """Replies to the REGISTER of a phone here whose person is at home at the other site."""
        return self._guarded("reply", locating.hear_home)

    def ksr_failure_within(self, message: object) -> int:
        """Such a request that was refused."""
        return self._guarded("failure", carriers.within)

    def ksr_failure_bye(self, message: object) -> int:
        """A BYE of a connector's, to the site that it belongs to, that failed."""
        return self._guarded("failure", ending.unheard)

    def ksr_failure_later(self, message: object) -> int:
        """A phone's request that was not taken by who was asked, and is no call."""
        return self._guarded("failure", later.failed)

    def ksr_unbound(self, message: object, event: str) -> int:
        """A binding ran out, or lost its connection."""
        return self._guarded("lost binding", hops.lost)

    def ksr_second(self, message: object, event: str) -> int:
        """Once a second, in a process of its own."""
        if self._site.has_accounts:
            self._guarded("carriers", carriers.tick)
        self._guarded("given up", given_up.tick)
        return self._guarded("waiting", waiting.tick)

    def ksr_carrier_answers(self, message: object, event: str) -> int:
        """The final answer to a request of our own."""
        return self._guarded("carrier's answer", carriers.answered)

    def ksr_own_request(self, message: object, event: str) -> int:
        """A request of the engine's own, on its way out, where trunks see this site by a name."""
        return self._guarded("own request", naming.own_request)

    def ksr_xhttp_event(self, message: object, event: str) -> int:
        """HTTP: the WebSocket handshake (RFC 7118), and questions of our own control service."""
        return self._guarded("http", http.handle)

    def _guarded(self, what: str, work: Callable[[Site], None]) -> int:
        try:
            work(self._site)
        except BaseException as error:
            KSR.err(f"{what} route failed: {type(error).__name__}: {error}\n")
        return 1
