"""The one write path of conversations, and what people ask of them.

Every site takes what its own people say at once, whether the link is up or not, and stamps it (see model). It keeps
the conversations of those who are at home there, tells its peers of what changed here by an ordered feed, and applies
theirs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine

from isthmus.addressing import Aor
from isthmus.database import reading, writing
from isthmus.directory import journal
from isthmus.errors import ForbiddenError, NotFoundError, RefusedError, TooManyError, UnavailableError, UsageError
from isthmus.identity.throttle import Rate
from isthmus.messaging import rules, store
from isthmus.messaging.change import Change, mark_json, public
from isthmus.messaging.model import (
    DELETED,
    DELIVERED,
    GROUP,
    MOST_MEMBERS,
    PAIR,
    READ,
    Chat,
    File,
    Limits,
    Mark,
    Member,
    Message,
    Page,
    Who,
)

_T = TypeVar("_T")
_DAY_MS = 86_400_000
_PAGE = 200
_REMOVED_AT_ONCE = 1000
_MOST_FOUND = 50


def _nobody(people: Iterable[str], event: Mapping[str, Any], key: str) -> None:
    return None


class Messaging:
    """Conversations at one site. site: its name. clock: Unix seconds.

    told: who is to be told what, after a commit. committed: called when peers are to hear of something.
    present: whether somebody (stable id) has a page open. phones: whether messages wait for phones here, too; waiting:
    called when one does.
    """

    def __init__(
        self, engine: Engine, site: str, limits: Limits | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.engine, self.site, self.limits, self._clock = engine, site, limits or Limits(), clock
        self.told: Callable[[Iterable[str], Mapping[str, Any], str], object] = _nobody
        self.committed: Callable[[], object] = lambda: None
        self.present: Callable[[str], bool] = lambda person: False
        self.phones = False
        self.waiting: Callable[[], object] = lambda: None
        self._rate = Rate(self.limits.per_s, self.limits.burst)

    # What people do

    def open_pair(self, me: str, aor: str) -> Chat:
        """The conversation with somebody; the same whoever opens it. Raises NotFoundError, UsageError."""

        def work(change: Change) -> Chat:
            mine, (other,) = self._people(change.connection, me, [aor])
            if other.id == me:
                raise UsageError("you can't talk to yourself here", where="aor")
            chat = Chat(rules.pair_id(mine.tenant, me, other.id), mine.tenant, PAIR, "", 0, change.at_ms)
            known = store.one_chat(change.connection, chat.id)
            if known is None:
                change.make(chat)
                for person in sorted((me, other.id)):
                    change.make(Member(chat.id, person, True, 0))
            return known or chat

        return self._write(work)

    def create_group(self, me: str, id_: object, title: object, aors: Sequence[str]) -> Chat:
        """Begin a group. id_: made by the client; who sends it again gets the same group."""
        chat_id, name = rules.checked_id(id_), rules.checked_title(title)

        def work(change: Change) -> Chat:
            known = store.one_chat(change.connection, chat_id)
            if known is not None:
                return self._seen(change.connection, chat_id, me)
            mine, others = self._people(change.connection, me, aors)
            everybody = sorted({me, *(each.id for each in others)})
            _not_too_many(len(everybody))
            stamp = change.stamp()
            chat = Chat(chat_id, mine.tenant, GROUP, name, stamp, change.at_ms, me)
            change.make(chat)
            for person in everybody:
                change.make(Member(chat_id, person, True, stamp))
            return chat

        return self._write(work)

    def rename(self, me: str, chat_id: str, title: object) -> None:
        """Give a group another name."""
        name = rules.checked_title(title)

        def work(change: Change) -> None:
            chat = self._seen(change.connection, chat_id, me)
            rules.may_change_members(chat)
            change.make(msgspec.structs.replace(chat, title=name, changed=change.stamp()))

        self._write(work)

    def add(self, me: str, chat_id: str, aors: Sequence[str]) -> None:
        """Take others into a group. They see what was said before."""

        def work(change: Change) -> None:
            chat = self._seen(change.connection, chat_id, me)
            rules.may_change_members(chat)
            _, others = self._people(change.connection, me, aors)
            before = {m.person for m in store.members(change.connection, [chat_id]) if m.joined}
            news = [each for each in others if each.id not in before]
            _not_too_many(len(before) + len(news))
            knowing = {each.home for each in store.people(change.connection, before).values()}
            heads = store.heads(change.connection, chat_id)
            for who in news:
                change.make(Member(chat_id, who.id, True, change.stamp()))
                for site, stamp in heads.items():  # not all that was said before is news to them
                    change.make(Mark(chat_id, who.id, READ, site, stamp))
            if {each.home for each in news} - knowing:
                self._introduce(change, chat)

        self._write(work)

    def _introduce(self, change: Change, chat: Chat) -> None:
        """Tell a site that has not known the conversation all of it."""
        change.again([chat, *store.members(change.connection, [chat.id])])
        change.resend_messages(chat.id)
        change.again(store.marks(change.connection, [chat.id]))

    def leave(self, me: str, chat_id: str) -> None:
        """Go out of a group."""

        def work(change: Change) -> None:
            rules.may_change_members(self._seen(change.connection, chat_id, me))
            change.make(Member(chat_id, me, False, change.stamp()))

        self._write(work)

    def remove(self, me: str, chat_id: str, person: str) -> None:
        """Take somebody (stable id) out of a group. For its owner. Raises ForbiddenError, NotFoundError, UsageError."""

        def work(change: Change) -> None:
            self._owned(change.connection, me, chat_id, person)
            change.make(Member(chat_id, person, False, change.stamp()))

        self._write(work)

    def hand_over(self, me: str, chat_id: str, person: str) -> None:
        """Let another member (stable id) be the owner of a group. Raises as `remove` does."""

        def work(change: Change) -> None:
            chat = self._owned(change.connection, me, chat_id, person)
            change.make(msgspec.structs.replace(chat, owner=person, changed=change.stamp()))

        self._write(work)

    def _owned(self, connection: Connection, me: str, chat_id: str, other: str) -> Chat:
        """A group of mine that somebody else is in."""
        chat = self._seen(connection, chat_id, me)
        rules.may_change_members(chat)
        if _owner(connection, chat) != me:
            raise ForbiddenError("only the owner of the group may do that")
        if other == me:
            raise UsageError("that is you", where="person", do="Leave the group.")
        if not store.is_member(connection, chat_id, other):
            raise NotFoundError("nobody of that id is in this group", where="person")
        return chat

    def send(self, me: str, chat_id: str, id_: object, text: object, file: File | None = None) -> Message:
        """Say something. id_: made by the client; who sends it again gets what was stored the first time.

        Raises UsageError, NotFoundError, TooManyError.
        """
        id_, text = rules.checked_id(id_), rules.checked_text(text, empty=file is not None)
        if wait := self._rate.take(me):
            raise TooManyError("you write too fast", retry_after_s=wait, do=f"Try again in {wait:.1f} s.")

        def work(change: Change) -> Message:
            self._seen(change.connection, chat_id, me)
            known = store.message(change.connection, id_)
            if known is not None:
                if (known.chat, known.author) != (chat_id, me):
                    raise UsageError("that id is another message's", where="id")
                return known
            stamp = change.stamp()
            message = Message(id_, chat_id, self.site, stamp, me, change.at_ms, text, stamp, "", file)
            change.make(message)
            return message

        return self._write(work)

    def edit(self, me: str, id_: str, text: object) -> Message:
        """Say something else instead. Raises NotFoundError, ForbiddenError, RefusedError for what was deleted."""

        def work(change: Change) -> Message:
            message = self._own(change.connection, me, id_)
            if message.state == DELETED:
                raise RefusedError("this message was deleted")
            wanted = rules.checked_text(text, empty=message.file is not None)
            now = rules.edited(message, wanted, change.stamp())
            if message.text != wanted:
                change.make(now)
                return now
            return message

        return self._write(work)

    def delete(self, me: str, id_: str) -> Message:
        """Take it back. That there was a message stays."""

        def work(change: Change) -> Message:
            message = self._own(change.connection, me, id_)
            if message.state == DELETED:
                return message
            now = rules.deleted(message, change.stamp())
            change.make(now)
            return now

        return self._write(work)

    def mark(self, me: str, chat_id: str, up_to: object, kind: str = READ) -> int:
        """Somebody has read what is there up to these stamps, by site. Gives how much is unread still."""
        given = rules.marks_of(up_to)

        def work(change: Change) -> int:
            self._seen(change.connection, chat_id, me)
            heads = store.heads(change.connection, chat_id)
            for site, stamp in given.items():
                if site in heads:
                    change.make(Mark(chat_id, me, kind, site, min(stamp, heads[site])))
            return store.unread(change.connection, me, chat_id).get(chat_id, 0)

        return self._write(work)

    # What people see

    def chats(self, me: str) -> list[dict[str, Any]]:
        """All conversations somebody is in, the one with the latest message first. They count as delivered then."""
        with reading(self.engine) as connection:
            found = store.chats_of(connection, me)
            unread = store.unread(connection, me)
            members = [each for each in store.members(connection, [c.id for c in found]) if each.joined]
            people = store.people(connection, {each.person for each in members})
            shown = []
            for chat in found:
                last = store.history(connection, chat.id, limit=1)
                if chat.kind == PAIR and not last:
                    continue
                inside = [each.person for each in members if each.chat == chat.id]
                shown.append(
                    {
                        **_chat_json(chat),
                        "unread": unread.get(chat.id, 0),
                        "last": public(last[0]) if last else None,
                        "members": [who_json(people.get(each), each) for each in inside[:_SHOWN_MEMBERS]],
                        "size": len(inside),
                    }
                )
        self._delivered(me, [each["id"] for each in shown if each["unread"]])
        return sorted(shown, key=lambda each: each["last"]["stamp"] if each["last"] else each["at"] * 1e6, reverse=True)

    def info(self, me: str, chat_id: str) -> dict[str, Any]:
        """One conversation: who is in it and how far everybody is."""
        with reading(self.engine) as connection:
            chat = self._seen(connection, chat_id, me)
            members = [each.person for each in store.members(connection, [chat_id]) if each.joined]
            people = store.people(connection, members)
            marks = [each for each in store.marks(connection, [chat_id]) if each.person in people]
            return {
                **_chat_json(chat),
                "members": [who_json(people.get(each), each) for each in members],
                "owner": _owner(connection, chat) if chat.kind == GROUP else "",
                "marks": [mark_json(each) for each in marks],
                "unread": store.unread(connection, me, chat_id).get(chat_id, 0),
            }

    def history(
        self, me: str, chat_id: str, before: tuple[int, str] | None = None, limit: int = 50
    ) -> list[dict[str, Any]]:
        """A page of what was said, the oldest first, up to a place (stamp and site)."""
        with reading(self.engine) as connection:
            self._seen(connection, chat_id, me)
            return [public(each) for each in store.history(connection, chat_id, before=before, limit=limit)]

    def history_after(self, me: str, chat_id: str, after: tuple[int, str], limit: int = 50) -> list[dict[str, Any]]:
        """A page of what was said from behind a place on, the oldest first."""
        with reading(self.engine) as connection:
            self._seen(connection, chat_id, me)
            return [public(each) for each in store.in_order(connection, chat_id, after, limit)]

    def search(
        self, me: str, text: object, chat_id: str | None = None, before: tuple[int, str] | None = None
    ) -> list[dict[str, Any]]:
        """The newest messages that have words beginning with all of these."""
        wanted = sorted(rules.words(text)) if isinstance(text, str) and len(text) <= 200 else []
        if not wanted:
            raise UsageError("say what to look for", where="text")
        with reading(self.engine) as connection:
            found = store.search(connection, me, wanted, chat_id=chat_id, before=before, limit=_MOST_FOUND)
            return [public(each) for each in found]

    def exported(self, person: str) -> Iterator[dict[str, Any]]:
        """All conversations that somebody is in, each followed by its messages, the oldest first; page by page."""
        with reading(self.engine) as connection:
            chats = store.chats_of(connection, person)
        for chat in chats:
            with reading(self.engine) as connection:
                inside = [each.person for each in store.members(connection, [chat.id]) if each.joined]
                people = store.people(connection, inside)
            yield {"conversation": {**_chat_json(chat), "members": [who_json(people.get(p), p) for p in inside]}}
            after = (-1, "")
            while True:
                with reading(self.engine) as connection:
                    page = store.in_order(connection, chat.id, after, _PAGE)
                yield from ({"message": public(each)} for each in page)
                if len(page) < _PAGE:
                    break
                after = (page[-1].stamp, page[-1].origin)

    def others(self, me: str, chat_id: str) -> dict[str, list[str]]:
        """Who else is in a conversation, by home: for what is only told, and kept nowhere."""
        with reading(self.engine) as connection:
            self._seen(connection, chat_id, me)
            ids = {each.person for each in store.members(connection, [chat_id]) if each.joined} - {me}
            found: dict[str, list[str]] = {}
            for who in store.people(connection, ids).values():
                found.setdefault(who.home, []).append(who.id)
            return found

    def wait_again(self, me: str, messages: Sequence[str]) -> None:
        """These wait for phones of somebody who is at home here, and no more at the site that says so.

        Raises UnavailableError where one is not here yet.
        """

        if not self.phones:
            return

        def work(change: Change) -> None:
            for id_ in messages:
                message = store.message(change.connection, id_)
                if message is None:
                    raise UnavailableError("this message has not come here yet", do="Try again.")
                reached = [
                    mark.stamp
                    for mark in store.marks(change.connection, [message.chat])
                    if (mark.person, mark.site) == (me, message.origin)
                ]
                if max(reached, default=0) >= message.stamp:
                    continue
                if store.is_member(change.connection, message.chat, me) and message.author != me:
                    change.waits(message, [me])

        self._write(work)

    def person_of(self, aor: str) -> str:
        """The stable id of whose address that is. Raises NotFoundError."""
        with reading(self.engine) as connection:
            found = store.people_by_aor(connection, [aor]).get(aor)
        if found is None:
            raise NotFoundError("this person is not in the directory")
        return found.id

    def ids(self, people: Sequence[Aor]) -> dict[Aor, str]:
        """The stable ids of these people, of those who are in the directory."""
        with reading(self.engine) as connection:
            found = store.people_by_aor(connection, map(str, people))
        return {aor: found[str(aor)].id for aor in people if str(aor) in found}

    def file_of(self, me: str, message_id: str) -> File:
        """The file of a message in a conversation that somebody is in. Raises NotFoundError."""
        with reading(self.engine) as connection:
            message = store.message(connection, message_id)
            if message is None or message.file is None or not store.is_member(connection, message.chat, me):
                raise NotFoundError("there is no such file")
            return message.file

    def home_of(self, person: str) -> str:
        """Where somebody (stable id) is at home, as this site knows it. Raises NotFoundError."""
        with reading(self.engine) as connection:
            found = store.people(connection, [person])
        if person not in found:
            raise NotFoundError("this person is not in the directory any more")
        return found[person].home

    def homes_of(self, people: Iterable[str]) -> dict[str, str]:
        """Where people (stable ids) are at home, of those who are in the directory."""
        with reading(self.engine) as connection:
            return {id_: who.home for id_, who in store.people(connection, people).items()}

    def is_home(self, person: str) -> bool:
        """Whether somebody is at home here."""
        try:
            return self.home_of(person) == self.site
        except NotFoundError:
            return False

    # What sites tell each other

    def page(self, peer: str, after: int, limit: int = _PAGE) -> Page:
        """What is next for a peer."""
        with reading(self.engine) as connection:
            stream, _ = journal.head(connection)
            rows = store.feed_after(connection, peer, after, limit)
            last = rows[-1][0] if len(rows) == limit else max(after, store.last_seq(connection))
            found = (store.item(connection, chat, kind, key) for _, chat, kind, key in rows)
            return Page(stream, after, last, tuple(each for each in found if each is not None))

    def position(self, peer: str) -> tuple[str, int]:
        """How far the feed of a peer is applied here."""
        with reading(self.engine) as connection:
            return store.position(connection, peer)

    def apply(self, page: Page, peer: str) -> tuple[str, int]:
        """Take over what a peer told, once and without a gap. Gives how far its feed is applied then."""

        def work(change: Change) -> tuple[str, int]:
            stream, reached = store.position(change.connection, peer)
            if page.stream != stream:  # its database was made anew, or this one: from the beginning
                reached = 0
            if page.after > reached or page.last <= reached:
                return page.stream, reached
            self._take(change, page.items, peer)
            store.set_position(change.connection, peer, page.stream, page.last)
            return page.stream, page.last

        return self._write(work)

    def take(self, items: Iterable[Any], source: str) -> None:
        """Take over what was asked for (a move), beside the feed."""

        self._write(lambda change: self._take(change, items, source))

    def _take(self, change: Change, items: Iterable[Any], source: str) -> None:
        oldest = int(self._clock() * 1000) - self.limits.keep_days * _DAY_MS if self.limits.keep_days else 0
        for each in items:
            if isinstance(each, Message) and each.at_ms < oldest:
                change.saw(max(each.stamp, each.changed))
            elif change.take(each) and isinstance(each, Member) and each.joined:
                # A third site that learns of this conversation by it has to have what was said here, too.
                who = store.people(change.connection, [each.person]).get(each.person)
                if who is not None and who.home not in (self.site, source):
                    change.resend_messages(each.chat, self.site)

    def part(self, chat_id: str, after: tuple[int, str], limit: int = _PAGE) -> dict[str, Any]:
        """A conversation for a site that somebody moves to: who is in it, and messages behind a place by change."""
        with reading(self.engine) as connection:
            chat = store.one_chat(connection, chat_id)
            messages = store.by_change(connection, chat_id, after, limit)
            items: list[Any] = [chat, *store.members(connection, [chat_id])] if chat else []
            items += messages
            if len(messages) < limit:
                items += store.marks(connection, [chat_id])
            return {"items": items, "more": len(messages) == limit}

    # What is removed

    def purge(self) -> int:
        """Remove messages that are too old by this site's setting. Gives how many."""
        if not self.limits.keep_days:
            return 0
        before_ms, gone = int(self._clock() * 1000) - self.limits.keep_days * _DAY_MS, 0
        while True:
            with writing(self.engine) as connection:
                store.lock(connection)
                removed = store.purge(connection, before_ms, _REMOVED_AT_ONCE)
            gone += removed
            if removed < _REMOVED_AT_ONCE:
                return gone

    def sweep(self, acknowledged: int, chats: Iterable[str] | None = None, kept: Collection[str] = ()) -> list[str]:
        """Remove copies of conversations that nobody is in any more who is at home here, unless a peer has still to be
        told of them. acknowledged: the number up to which all peers have this site's feed. kept: not these. Gives the
        ids of what was removed."""
        with writing(self.engine) as connection:
            store.lock(connection)
            found = store.without_residents(connection, self.site, chats)
            done = [each for each in found if each not in kept and store.last_told(connection, each) <= acknowledged]
            for each in done:
                store.forget(connection, each)
            return done

    def _delivered(self, me: str, chats: Iterable[str]) -> None:
        wanted = list(chats)
        if not wanted:
            return

        def work(change: Change) -> None:
            for chat_id in wanted:
                for site, stamp in store.heads(change.connection, chat_id).items():
                    change.make(Mark(chat_id, me, DELIVERED, site, stamp))

        self._write(work)

    def _write(self, work: Callable[[Change], _T]) -> _T:
        with writing(self.engine) as connection:
            now_us = int(self._clock() * 1_000_000)
            change = Change(connection, self.site, now_us, self.present, phones=self.phones)
            result = work(change)
            told = change.flush()
        for people, event, key in told:
            self.told(people, event, key)
        if change.tells_others:
            self.committed()
        if change.waited:
            self.waiting()
        return result

    def _seen(self, connection: Connection, chat_id: str, me: str) -> Chat:
        chat = store.one_chat(connection, chat_id)
        if chat is None or not store.is_member(connection, chat_id, me):
            raise NotFoundError("there is no such conversation")
        return chat

    def _own(self, connection: Connection, me: str, id_: str) -> Message:
        message = store.message(connection, id_)
        if message is None or not store.is_member(connection, message.chat, me):
            raise NotFoundError("there is no such message")
        if message.author != me:
            raise ForbiddenError("this message is somebody else's")
        return message

    def _people(self, connection: Connection, me: str, aors: Sequence[str]) -> tuple[Who, list[Who]]:
        """Who asks, and who is named: people of the same tenant. Raises NotFoundError."""
        _not_too_many(len(aors))
        mine = store.people(connection, [me]).get(me)
        if mine is None:
            raise NotFoundError("you are not in the directory")
        found = store.people_by_aor(connection, aors)
        for aor in aors:
            if aor not in found or found[aor].tenant != mine.tenant or not found[aor].enabled:
                raise NotFoundError(f"nobody is called {aor[:300]}", where="aor")
        return mine, [found[aor] for aor in dict.fromkeys(aors)]


_SHOWN_MEMBERS = 6


def _owner(connection: Connection, chat: Chat) -> str:
    """The owner of a group, of those in it who are in the directory."""
    inside = [each for each in store.members(connection, [chat.id]) if each.joined]
    known = store.people(connection, [each.person for each in inside])
    return rules.owner_of(chat, [each for each in inside if each.person in known])


def _not_too_many(count: int) -> None:
    if count > MOST_MEMBERS:
        raise UsageError(f"a group has {MOST_MEMBERS} members at most, and this would be {count}", where="members")


def _chat_json(chat: Chat) -> dict[str, Any]:
    return {"id": chat.id, "kind": chat.kind, "title": chat.title, "at": chat.at_ms / 1000}


def who_json(who: Who | None, id_: str) -> dict[str, Any]:
    """Somebody as clients see them; who is gone from the directory has no name any more."""
    return {"id": id_, "aor": who.aor if who else "", "name": who.name if who else ""}
