"""What browser tabs are told of presence, and ask about it: see live/api.py for the WebSocket.

`presence.watch` follows people, `presence.unwatch` ends that, `presence.device` says that this tab is a device of its
person and whether it is used, `presence.mine` and `presence.set` are one's own. Told are `presence` (people's states),
`presence.mine` (one's own is another now: ask) and `presence.homes` (which of them are heard of).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool

from isthmus.errors import NotFoundError, TooManyError, UsageError
from isthmus.live.hub import Hub, Session
from isthmus.presence import rules
from isthmus.presence.here import Here
from isthmus.presence.model import Known, Level, Who
from isthmus.presence.owning import Owning
from isthmus.presence.service import Presence

MOST_AT_ONCE = 1000
MOST_WATCHED = 500_000
_HOMES = "presence.homes"
_LEVELS = tuple(Level)


class Telling:
    """Between the hub and presence. most_watched: people followed by all tabs of the site together."""

    def __init__(
        self, hub: Hub, presence: Presence, here: Here, owning: Owning, *, most_watched: int = MOST_WATCHED
    ) -> None:
        self._hub, self._presence, self._here, self._owning = hub, presence, here, owning
        self._most = most_watched
        self._watched: dict[Session, dict[str, str]] = {}  # person to topic; the event loop's alone
        self._count = 0
        self._levels: dict[str, tuple[Level, tuple[str, ...]]] = {}
        hub.handle("presence.watch", self._watch)
        hub.handle("presence.unwatch", self._unwatch)
        hub.handle("presence.device", self._device)
        hub.handle("presence.mine", self._mine)
        hub.handle("presence.set", self._set)
        hub.on_leave(self._left)
        presence.told.append(self._told)
        presence.reached.append(self._reached)

    @property
    def watched(self) -> int:
        """How many people all tabs follow, together."""
        return self._count

    # Asked

    async def _watch(self, session: Session, body: Mapping[str, Any]) -> dict[str, Any]:
        aors = _aors(body)
        mine = self._watched.setdefault(session, {})
        if self._count + len(aors) > self._most:
            raise TooManyError("too many people are watched at this site now", retry_after_s=30.0)
        people = await run_in_threadpool(self._presence.people.by_aor, aors)
        found = []
        for aor in aors:
            who = people.get(aor)
            if who is None or who.tenant != session.member.tenant or not who.enabled:
                continue
            # Followed before it is read: what happens in between is told, and the version says which is newer.
            known = self._presence.of(who)
            level = rules.level_for(known, str(session.member.aor))
            self._follow(session, mine, who, level)
            found.append(rules.shown(self._presence.of(who), level))
        self._hub.follow(session, _HOMES)
        return {"people": found, "homes": self._presence.sites()}

    def _follow(self, session: Session, mine: dict[str, str], who: Who, level: Level) -> None:
        topic = _topic(who.id, level)
        before = mine.get(who.id)
        if before == topic:
            return
        if before is not None:
            self._hub.unfollow(session, before)
            self._count -= 1
        self._hub.follow(session, topic)
        mine[who.id] = topic
        self._count += 1

    async def _unwatch(self, session: Session, body: Mapping[str, Any]) -> None:
        people = await run_in_threadpool(self._presence.people.by_aor, _aors(body))
        mine = self._watched.get(session, {})
        for who in people.values():
            topic = mine.pop(who.id, None)
            if topic is not None:
                self._hub.unfollow(session, topic)
                self._count -= 1

    async def _device(self, session: Session, body: Mapping[str, Any]) -> None:
        active = body.get("active")
        if not isinstance(active, bool):
            raise UsageError("active must be true or false", where="active")
        await run_in_threadpool(self._here.tab, session.member.person, session, active=active)

    async def _mine(self, session: Session, body: Mapping[str, Any]) -> dict[str, Any]:
        return await run_in_threadpool(self._own, session.member.person)

    async def _set(self, session: Session, body: Mapping[str, Any]) -> dict[str, Any]:
        person = session.member.person
        await run_in_threadpool(self._owning.choose, person, dict(body))
        return await run_in_threadpool(self._own, person)

    def _own(self, person: str) -> dict[str, Any]:
        who = self._presence.people.by_id([person]).get(person)
        if who is None:
            raise NotFoundError("you are not in the directory any more")
        state = rules.shown(self._presence.of(who), Level.EVERYTHING)
        return {"state": state, "chosen": msgspec.to_builtins(self._owning.chosen(person))}

    def _left(self, session: Session) -> None:
        self._count -= len(self._watched.pop(session, ()))
        self._here.tab_gone(session.member.person, session)

    # Told

    def _told(self, known: Known) -> None:
        sees = (known.shows, known.trusted)
        if self._levels.get(known.person, (Level.EVERYTHING, ())) != sees:
            self._levels[known.person] = sees
            # Before it is told: who may see less from now on is told less.
            self._hub.soon(self._relevel, known)
        for level in _LEVELS:
            topic = _topic(known.person, level)
            if self._hub.follows(topic):
                self._hub.publish(topic, {"event": "presence", **rules.shown(known, level)}, key=_key(known))
        self._hub.tell(known.person, {"event": "presence.mine"}, key="presence.mine")

    def _relevel(self, known: Known) -> None:
        """What people may see of somebody is another now."""
        for session, mine in self._watched.items():
            before = mine.get(known.person)
            topic = _topic(known.person, level := rules.level_for(known, str(session.member.aor)))
            if before is None or before == topic:
                continue
            self._hub.unfollow(session, before)
            self._hub.follow(session, topic)
            mine[known.person] = topic
            session.send({"event": "presence", **rules.shown(known, level)}, _key(known))

    def _reached(self, site: str, up: bool) -> None:
        event = {"event": _HOMES, "homes": self._presence.sites()}
        self._hub.publish(_HOMES, event, key=_HOMES)


def _key(known: Known) -> str:
    return f"presence {known.person}"


def _topic(person: str, level: Level) -> str:
    return f"presence {level} {person}"


def _aors(body: Mapping[str, Any]) -> list[str]:
    people = body.get("people")
    if not isinstance(people, list) or not all(isinstance(each, str) for each in people):
        raise UsageError("people must be a list of addresses", where="people")
    if len(people) > MOST_AT_ONCE:
        raise UsageError(f"at most {MOST_AT_ONCE} people at a time", where="people", do="Ask several times.")
    return list(dict.fromkeys(each.lower() for each in people))
