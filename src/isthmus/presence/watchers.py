"""Subscriptions of SIP clients (RFC 6665, RFC 3856) and what they publish (RFC 3903). No I/O: requests, answers and
time in, messages out.

One NOTIFY of a subscription is under way at a time. What changes meanwhile is told by the next one, which says how it
is then: a slow client misses steps, and never the end. Whoever does not answer, or knows the subscription no more, has
none any longer.
"""

from __future__ import annotations

import heapq
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from isthmus.errors import UsageError
from isthmus.presence import pidf, rules
from isthmus.presence.here import Here
from isthmus.presence.model import Published, Who
from isthmus.presence.people import People
from isthmus.presence.service import Presence
from isthmus.useragent.dialog import Dialog
from isthmus.useragent.message import Header, Request, Response, response_to
from isthmus.useragent.transaction import Flow

PERSON, CONTROL = "X-Isthmus-Person", "X-Isthmus-Control"
CONTACT = "sip:presence@presence.invalid"
LONGEST_S, SHORTEST_S = 3600, 60
_PACKAGE = "presence"
_TAGS_OF_A_PERSON = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """subscriptions: of a person, and of the site. per_s, burst: new ones that the site takes."""

    of_person: int = 2000
    of_site: int = 100_000
    per_s: float = 500.0
    burst: float = 5000.0


@dataclass(slots=True, eq=False)
class _Subscription:
    dialog: Dialog
    watcher: Who
    target: Who
    event: str
    until: float
    under_way: bool = False
    due: bool = False
    ended: str = ""  # why, once it is to end


@dataclass(frozen=True, slots=True)
class Notify:
    """A NOTIFY to be sent; what comes of it is for `answered`."""

    request: Request
    key: tuple[str, str]


Out = Response | Notify


class Watchers:
    """The subscriptions and publications of one site. via: gives a Via of ours. All of it is one thread's."""

    def __init__(
        self,
        presence: Presence,
        here: Here,
        people: People,
        *,
        secret: Callable[[], str],
        via: Callable[[], Header],
        limits: Limits = Limits(),
    ) -> None:
        self._presence, self._here, self._people = presence, here, people
        self._secret, self._via, self._limits = secret, via, limits
        self._subscriptions: dict[tuple[str, str], _Subscription] = {}
        self._of_target: dict[str, set[_Subscription]] = {}
        self._of_watcher: dict[str, int] = {}
        self._ends: list[tuple[float, int, tuple[str, str]]] = []
        self._order = count()
        self._tags: dict[str, dict[str, float]] = {}  # of a person: entity tag, until when
        self._places: dict[str, str] = {}  # of an entity tag: what Here knows it by
        self._tokens, self._at = limits.burst, 0.0

    def __len__(self) -> int:
        return len(self._subscriptions)

    # What comes

    def request(self, request: Request, flow: Flow, now: float) -> list[Out]:
        """A request that Kamailio has let through. now: seconds on a clock that only grows."""
        secret = self._secret()
        if not secret or not secrets.compare_digest(request.get(CONTROL).encode(), secret.encode()):
            return [response_to(request, 403, "Forbidden", to_tag=_tag())]
        if request.method not in ("SUBSCRIBE", "PUBLISH"):
            return [
                response_to(
                    request, 405, "Method Not Allowed", to_tag=_tag(), headers=[("Allow", "SUBSCRIBE, PUBLISH")]
                )
            ]
        package, _, _ = request.get("Event").partition(";")
        if package.strip().lower() != _PACKAGE:
            headers = [("Allow-Events", _PACKAGE)]
            return [response_to(request, 489, "Bad Event", to_tag=request.to_tag or _tag(), headers=headers)]
        if request.method == "PUBLISH":
            return [self._published(request, now)]
        return self._refreshed(request, now) if request.to_tag else self._subscribed(request, flow, now)

    def _subscribed(self, request: Request, flow: Flow, now: float) -> list[Out]:
        expires = _expires(request)
        if expires is None or 0 < expires < SHORTEST_S:
            return [_too_brief(request)]
        accept = [each.partition(";")[0].strip().lower() for each in request.all("Accept")]
        if accept and not {pidf.KIND, "application/*", "*/*"} & set(accept):
            return [response_to(request, 406, "Not Acceptable", to_tag=_tag(), headers=[("Accept", pidf.KIND)])]
        watcher_aor, target_aor = request.get(PERSON), _aor(request.uri)
        people = self._people.by_aor([watcher_aor, target_aor])
        watcher, target = people.get(watcher_aor), people.get(target_aor)
        if watcher is None:
            return [response_to(request, 403, "Forbidden", to_tag=_tag())]
        if target is None or not target.enabled or target.tenant != watcher.tenant:
            return [response_to(request, 404, "Not Found", to_tag=_tag())]
        if not self._takes(watcher, now):
            # Not all at once again: each is told another time.
            wait = str(5 + secrets.randbelow(56))
            return [response_to(request, 503, "Too Many Subscriptions", to_tag=_tag(), headers=[("Retry-After", wait)])]
        try:
            dialog = Dialog.as_callee(request, _tag(), flow)
        except ValueError:
            return [response_to(request, 400, "Bad Request", to_tag=_tag())]
        made = _Subscription(dialog, watcher, target, request.get("Event"), now + min(expires, LONGEST_S))
        made.ended = "" if expires else "timeout"
        self._add(made)
        return [self._accepted(request, made, expires), *self._tell(made, now)]

    def _refreshed(self, request: Request, now: float) -> list[Out]:
        found = self._subscriptions.get((request.call_id, request.to_tag))
        if found is None or found.dialog.id.remote_tag != request.from_tag or found.ended:
            return [response_to(request, 481, "Subscription Does Not Exist")]
        expires = _expires(request)
        if expires is None or 0 < expires < SHORTEST_S:
            return [_too_brief(request)]
        if request.cseq[0] <= found.dialog.remote_cseq:
            return [response_to(request, 500, "CSeq Out Of Order")]
        found.dialog.remote_cseq = request.cseq[0]
        found.dialog.refresh(request)
        found.until = now + min(expires, LONGEST_S)
        found.ended = "" if expires else "timeout"
        heapq.heappush(self._ends, (found.until, next(self._order), _key(found)))
        return [self._accepted(request, found, expires), *self._tell(found, now)]

    def _accepted(self, request: Request, one: _Subscription, expires: int) -> Response:
        headers = [("Expires", str(min(expires, LONGEST_S))), ("Contact", f"<{CONTACT}>")]
        return response_to(request, 200, "OK", to_tag=one.dialog.id.local_tag, headers=headers)

    def _takes(self, watcher: Who, now: float) -> bool:
        limits = self._limits
        self._tokens = min(limits.burst, self._tokens + (now - self._at) * limits.per_s) if self._at else limits.burst
        self._at = now
        if self._tokens < 1 or len(self._subscriptions) >= limits.of_site:
            return False
        if self._of_watcher.get(watcher.id, 0) >= limits.of_person:
            return False
        self._tokens -= 1
        return True

    def _published(self, request: Request, now: float) -> Response:
        person = self._people.by_aor([request.get(PERSON)]).get(request.get(PERSON))
        if person is None or _aor(request.uri) != person.aor:
            return response_to(request, 403, "Not Your Presence", to_tag=_tag())
        expires = _expires(request)
        if expires is None or 0 < expires < SHORTEST_S:
            return _too_brief(request)
        tags = self._tags.setdefault(person.id, {})
        for old in [tag for tag, until in tags.items() if until <= now]:
            del tags[old]
            self._places.pop(old, None)
        before = request.get("SIP-If-Match").strip()
        if before and before not in tags:
            return response_to(request, 412, "Conditional Request Failed", to_tag=_tag())
        if not before and not request.body:
            return response_to(request, 400, "Nothing Is Published", to_tag=_tag())
        what = None
        if request.body:
            if request.get("Content-Type").partition(";")[0].strip().lower() != pidf.KIND:
                headers = [("Accept", pidf.KIND)]
                return response_to(request, 415, "Unsupported Media Type", to_tag=_tag(), headers=headers)
            if len(request.body) > pidf.MOST_BYTES:
                return response_to(request, 413, "Request Entity Too Large", to_tag=_tag())
            try:
                what = pidf.published(request.body)
            except UsageError:
                return response_to(request, 400, "Bad Presence Document", to_tag=_tag())
        if not before and expires and len(tags) >= _TAGS_OF_A_PERSON:
            return response_to(
                request, 503, "Too Many Publications", to_tag=_tag(), headers=[("Retry-After", str(SHORTEST_S))]
            )
        expires = min(expires, LONGEST_S)
        tag = self._keep(person, before, what, expires, now)
        headers = [("SIP-ETag", tag), ("Expires", str(expires))]
        return response_to(request, 200, "OK", to_tag=_tag(), headers=headers)

    def _keep(self, person: Who, before: str, what: Published | None, expires: int, now: float) -> str:
        """Under a new tag, as RFC 3903 wants it each time; gives that."""
        tags, tag = self._tags[person.id], secrets.token_hex(8)
        # One place for what a client says, whatever tag it has now: so that it is never twice there, nor gone between.
        place = self._places.pop(before, tag)
        tags.pop(before, None)
        if expires:
            tags[tag] = now + expires
            self._places[tag] = place
        self._here.publish(person.id, place, what, expires)
        return tag

    # What has changed

    def changed(self, person: str, now: float) -> list[Out]:
        """How somebody is, or what is seen of them, is another now."""
        return [out for one in list(self._of_target.get(person, ())) for out in self._tell(one, now)]

    def changed_at(self, home: str, now: float) -> list[Out]:
        """Whether a home can be heard is another now."""
        found = [one for one in self._subscriptions.values() if one.target.home == home]
        return [out for one in found for out in self._tell(one, now)]

    def answered(self, key: tuple[str, str], code: int, now: float) -> list[Out]:
        """The final answer to a NOTIFY; 408 for none."""
        one = self._subscriptions.get(key)
        if one is None:
            return []
        one.under_way = False
        # RFC 6665 section 4.2.2: 481 and silence end it; whoever refuses in another way does not want it either.
        if code >= 300 or (one.ended and not one.due):
            self._remove(one)
            return []
        return self._tell(one, now) if one.due else []

    def tick(self, now: float) -> list[Out]:
        """What has ended by now ends."""
        outs: list[Out] = []
        while self._ends and self._ends[0][0] <= now:
            _, _, key = heapq.heappop(self._ends)
            one = self._subscriptions.get(key)
            if one is not None and one.until <= now and not one.ended:
                one.ended = "timeout"
                outs += self._tell(one, now)
        return outs

    # Within

    def _tell(self, one: _Subscription, now: float) -> list[Out]:
        if one.under_way:
            one.due = True
            return []
        one.under_way, one.due = True, False
        target = self._people.by_id([one.target.id]).get(one.target.id)
        if target is None or not target.enabled:
            one.ended = "noresource"
        else:
            one.target = target
        known = self._presence.of(one.target)
        level = rules.level_for(known, one.watcher.aor)
        current = self._presence.sites().get(known.home, False)
        state = f"terminated;reason={one.ended}" if one.ended else f"active;expires={max(0, round(one.until - now))}"
        one.dialog.local_cseq += 1
        uri, routes, _ = one.dialog.leads()
        headers = (
            self._via(),
            ("Max-Forwards", "20"),
            *(("Route", route) for route in routes),
            ("From", one.dialog.local),
            ("To", one.dialog.remote),
            ("Call-ID", one.dialog.id.call_id),
            ("CSeq", f"{one.dialog.local_cseq} NOTIFY"),
            ("Contact", f"<{CONTACT}>"),
            ("Event", one.event),
            ("Subscription-State", state),
            ("Content-Type", pidf.KIND),
            (CONTROL, self._secret()),
        )
        body = pidf.document(known, level, current=current)
        return [Notify(Request(headers, body, "NOTIFY", uri), _key(one))]

    def _add(self, one: _Subscription) -> None:
        self._subscriptions[_key(one)] = one
        self._of_target.setdefault(one.target.id, set()).add(one)
        self._of_watcher[one.watcher.id] = self._of_watcher.get(one.watcher.id, 0) + 1
        heapq.heappush(self._ends, (one.until, next(self._order), _key(one)))

    def _remove(self, one: _Subscription) -> None:
        del self._subscriptions[_key(one)]
        those = self._of_target[one.target.id]
        those.discard(one)
        if not those:
            del self._of_target[one.target.id]
        left = self._of_watcher[one.watcher.id] - 1
        if left:
            self._of_watcher[one.watcher.id] = left
        else:
            del self._of_watcher[one.watcher.id]


def _key(one: _Subscription) -> tuple[str, str]:
    return one.dialog.id.call_id, one.dialog.id.local_tag


def _tag() -> str:
    return secrets.token_hex(6)


def _aor(uri: str) -> str:
    """The address in a Request-URI, which Kamailio has brought to its one form."""
    return uri.partition(":")[2].partition(";")[0].partition("?")[0].lower()


def _expires(request: Request) -> int | None:
    """Seconds; the default where nothing is said, None for what is no number."""
    given = request.get("Expires").strip()
    if not given:
        return LONGEST_S
    return min(int(given), 1 << 31) if given.isascii() and given.isdigit() and len(given) < 12 else None


def _too_brief(request: Request) -> Response:
    headers = [("Min-Expires", str(SHORTEST_S))]
    return response_to(request, 423, "Interval Too Brief", to_tag=request.to_tag or _tag(), headers=headers)
