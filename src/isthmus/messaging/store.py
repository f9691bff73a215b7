"""The SQL of conversations. Functions of a connection; each of the `put_` functions keeps the later of two versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, literal, or_, select, update

from isthmus.directory.batches import in_batches, upsert
from isthmus.directory.tables import person
from isthmus.messaging import rules
from isthmus.messaging.model import DELETED, READ, Chat, File, Item, Mark, Member, Message, Who
from isthmus.messaging.tables import (
    chat,
    chat_clock,
    chat_feed,
    chat_file,
    chat_mark,
    chat_member,
    chat_message,
    chat_position,
    chat_waiting,
    chat_word,
)

CHAT, MEMBER, MESSAGE, CHANGE, MARK = "chat", "member", "message", "change", "mark"
_LAST = "\U0010ffff"


# The clock and the feed


def lock(connection: Connection) -> tuple[int, int]:
    """Keep other writers out until this transaction ends. Gives the last stamp and the last number of the feed."""
    row = connection.execute(select(chat_clock).where(chat_clock.c.id == 1).with_for_update()).one()
    return int(row.stamp), int(row.seq)


def set_clock(connection: Connection, stamp: int, seq: int) -> None:
    """What `lock` gives from now on."""
    connection.execute(update(chat_clock).where(chat_clock.c.id == 1).values(stamp=stamp, seq=seq))


def last_seq(connection: Connection) -> int:
    """The last number of the feed."""
    return int(connection.execute(select(chat_clock.c.seq)).scalar_one())


def feed(connection: Connection, first: int, rows: Sequence[tuple[str, str, str]]) -> None:
    """Add to the feed (chat, kind, key), from number `first` on.

    A message is told where it came in, so that what comes from one site comes in the order of its stamps. Of what
    changes again and again the latest place is enough.
    """
    for chat_id, kind, key in rows:
        if kind != MESSAGE:
            connection.execute(
                delete(chat_feed).where(chat_feed.c.chat == chat_id, chat_feed.c.kind == kind, chat_feed.c.key == key)
            )
    if rows:
        connection.execute(
            insert(chat_feed),
            [{"seq": first + i, "chat": c, "kind": kind, "key": key} for i, (c, kind, key) in enumerate(rows)],
        )


def feed_after(connection: Connection, peer: str, after: int, limit: int) -> list[tuple[int, str, str, str]]:
    """What is next for a peer: seq, chat, kind, key. That is what conversations of people who live there are about;
    of those whom they left, that they did."""
    lives = _lives(chat_feed.c.chat, peer)
    left = and_(chat_feed.c.kind == MEMBER, person.c.id == chat_feed.c.key, person.c.home == peer)
    query = (
        select(chat_feed)
        .where(chat_feed.c.seq > after, or_(lives, exists(select(literal(1)).select_from(person).where(left))))
        .order_by(chat_feed.c.seq)
        .limit(limit)
    )
    return [(int(row.seq), row.chat, row.kind, row.key) for row in connection.execute(query)]


def _lives(chat_id: ColumnElement[str], site: str) -> ColumnElement[bool]:
    """Whether somebody who is at home at a site is in the conversation."""
    return exists(
        select(literal(1))
        .select_from(chat_member)
        .join(person, person.c.id == chat_member.c.person)
        .where(chat_member.c.chat == chat_id, chat_member.c.joined, person.c.home == site)
    )


def item(connection: Connection, chat_id: str, kind: str, key: str) -> Item | None:
    """What a row of the feed tells of, as it is now; None where it is gone."""
    if kind == CHAT:
        return one_chat(connection, chat_id)
    if kind == MEMBER:
        return next((each for each in members(connection, [chat_id]) if each.person == key), None)
    if kind == MARK:
        who, what, site = key.split("\n")
        return next(
            (m for m in marks(connection, [chat_id]) if (m.person, m.kind, m.site) == (who, what, site)),
            None,
        )
    return message(connection, key)


def position(connection: Connection, peer: str) -> tuple[str, int]:
    """Up to where the feed of a peer is applied here: its stream and number."""
    row = connection.execute(select(chat_position).where(chat_position.c.peer == peer)).one_or_none()
    return ("", 0) if row is None else (row.stream, int(row.seq))


def set_position(connection: Connection, peer: str, stream: str, seq: int) -> None:
    """Remember it."""
    upsert(connection, chat_position, [{"peer": peer, "stream": stream, "seq": seq}], ("stream", "seq"))


# Values


def put(connection: Connection, value: Item) -> bool:
    """Keep the later of this and what is here. Gives whether anything is different now."""
    if isinstance(value, Message):
        return _put_message(connection, value)
    if isinstance(value, Mark):
        return _put_mark(connection, value)
    if isinstance(value, Member):
        present = next((m for m in members(connection, [value.chat]) if m.person == value.person), None)
        if present is not None and rules.later_member(present, value) == present:
            return False
        row = msgspec.structs.asdict(value)
        upsert(connection, chat_member, [row], ("joined", "changed"))
        return True
    known = one_chat(connection, value.id)
    if known is not None and rules.later_chat(known, value) == known:
        return False
    upsert(connection, chat, [msgspec.structs.asdict(value)], ("title", "changed", "owner"))
    return True


def _put_message(connection: Connection, value: Message) -> bool:
    present = message(connection, value.id)
    if present is None:
        connection.execute(insert(chat_message), _message_row(value))
    elif rules.later_message(present, value) == present:
        return False
    else:
        row = _message_row(value)
        changes = {name: row[name] for name in ("text", "changed", "state", "file")}
        connection.execute(update(chat_message).where(chat_message.c.id == value.id).values(**changes))
        connection.execute(delete(chat_word).where(chat_word.c.message == value.id))
    found = rules.words(value.text) | (rules.words(value.file.name) if value.file else set())
    rows = [{"chat": value.chat, "word": word, "message": value.id} for word in sorted(found)]
    if rows:
        connection.execute(insert(chat_word), rows)
    return True


def _put_mark(connection: Connection, value: Mark) -> bool:
    where = and_(
        chat_mark.c.chat == value.chat,
        chat_mark.c.person == value.person,
        chat_mark.c.kind == value.kind,
        chat_mark.c.site == value.site,
    )
    present = connection.execute(select(chat_mark.c.stamp).where(where)).scalar_one_or_none()
    if present is None:
        connection.execute(insert(chat_mark), msgspec.structs.asdict(value))
    elif present >= value.stamp:
        return False
    else:
        connection.execute(update(chat_mark).where(where).values(stamp=value.stamp))
    return True


def _message_row(value: Message) -> dict[str, Any]:
    row = msgspec.structs.asdict(value)
    row["file"] = msgspec.json.encode(value.file).decode() if value.file else ""
    return row


def _message(row: Any) -> Message:
    file = msgspec.json.decode(row.file, type=File) if row.file else None
    return Message(
        row.id,
        row.chat,
        row.origin,
        int(row.stamp),
        row.author,
        int(row.at_ms),
        row.text,
        int(row.changed),
        row.state,
        file,
    )


def message(connection: Connection, id_: str) -> Message | None:
    """The message of that id."""
    row = connection.execute(select(chat_message).where(chat_message.c.id == id_)).one_or_none()
    return None if row is None else _message(row)


def one_chat(connection: Connection, id_: str) -> Chat | None:
    """The conversation of that id."""
    row = connection.execute(select(chat).where(chat.c.id == id_)).one_or_none()
    return None if row is None else _chat(row)


def _chat(row: Any) -> Chat:
    return Chat(row.id, row.tenant, row.kind, row.title, int(row.changed), int(row.at_ms), row.owner)


def chats_of(connection: Connection, person_id: str) -> list[Chat]:
    """The conversations that somebody is in."""
    mine = select(chat_member.c.chat).where(chat_member.c.person == person_id, chat_member.c.joined)
    return [_chat(row) for row in connection.execute(select(chat).where(chat.c.id.in_(mine)))]


def members(connection: Connection, chats: Iterable[str]) -> list[Member]:
    """Who is or was in some conversations."""
    found: list[Member] = []
    for batch in in_batches(chats):
        query = select(chat_member).where(chat_member.c.chat.in_(batch))
        found += [Member(r.chat, r.person, bool(r.joined), int(r.changed)) for r in connection.execute(query)]
    return found


def is_member(connection: Connection, chat_id: str, person_id: str) -> bool:
    """Whether somebody is in a conversation now."""
    query = select(chat_member.c.joined).where(chat_member.c.chat == chat_id, chat_member.c.person == person_id)
    return bool(connection.execute(query).scalar_one_or_none())


def marks(connection: Connection, chats: Iterable[str]) -> list[Mark]:
    """How far everybody is with some conversations."""
    found: list[Mark] = []
    for batch in in_batches(chats):
        query = select(chat_mark).where(chat_mark.c.chat.in_(batch))
        found += [Mark(r.chat, r.person, r.kind, r.site, int(r.stamp)) for r in connection.execute(query)]
    return found


def heads(connection: Connection, chat_id: str) -> dict[str, int]:
    """The last stamp of each site whose messages are in a conversation."""
    query = (
        select(chat_message.c.origin, func.max(chat_message.c.stamp))
        .where(chat_message.c.chat == chat_id)
        .group_by(chat_message.c.origin)
    )
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def history(
    connection: Connection, chat_id: str, *, before: tuple[int, str] | None = None, limit: int = 50
) -> list[Message]:
    """The latest messages of a conversation that stand before a place (stamp and origin); the oldest first."""
    query = select(chat_message).where(chat_message.c.chat == chat_id)
    if before is not None:
        stamp, origin = before
        query = query.where(
            or_(
                chat_message.c.stamp < stamp,
                and_(chat_message.c.stamp == stamp, chat_message.c.origin < origin),
            )
        )
    query = query.order_by(chat_message.c.stamp.desc(), chat_message.c.origin.desc()).limit(limit)
    return [_message(row) for row in connection.execute(query)][::-1]


def in_order(connection: Connection, chat_id: str, after: tuple[int, str], limit: int) -> list[Message]:
    """The messages of a conversation in its order, from behind a place on."""
    stamp, origin = after
    behind = or_(chat_message.c.stamp > stamp, and_(chat_message.c.stamp == stamp, chat_message.c.origin > origin))
    query = select(chat_message).where(chat_message.c.chat == chat_id, behind)
    query = query.order_by(chat_message.c.stamp, chat_message.c.origin).limit(limit)
    return [_message(row) for row in connection.execute(query)]


def by_change(connection: Connection, chat_id: str, after: tuple[int, str], limit: int) -> list[Message]:
    """The messages of a conversation in the order in which they changed last, behind a place in that."""
    changed, id_ = after
    query = (
        select(chat_message)
        .where(
            chat_message.c.chat == chat_id,
            or_(
                chat_message.c.changed > changed,
                and_(chat_message.c.changed == changed, chat_message.c.id > id_),
            ),
        )
        .order_by(chat_message.c.changed, chat_message.c.id)
        .limit(limit)
    )
    return [_message(row) for row in connection.execute(query)]


def summaries(connection: Connection, chats: Iterable[str]) -> dict[str, tuple[int, int]]:
    """How many messages conversations have here, and the stamp of the last change of one."""
    found = dict.fromkeys(chats, (0, 0))
    for batch in in_batches(list(found)):
        query = (
            select(chat_message.c.chat, func.count(), func.max(chat_message.c.changed))
            .where(chat_message.c.chat.in_(batch))
            .group_by(chat_message.c.chat)
        )
        found |= {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(query)}
    return found


def unread(connection: Connection, person_id: str, chat_id: str | None = None) -> dict[str, int]:
    """How many messages of others somebody has not read, by conversation; of one, or of all they are in."""
    mark = chat_mark.alias()
    query = (
        select(chat_message.c.chat, func.count())
        .join(
            chat_member,
            and_(
                chat_member.c.chat == chat_message.c.chat,
                chat_member.c.person == person_id,
                chat_member.c.joined,
            ),
        )
        .outerjoin(
            mark,
            and_(
                mark.c.chat == chat_message.c.chat,
                mark.c.person == person_id,
                mark.c.kind == READ,
                mark.c.site == chat_message.c.origin,
            ),
        )
        .where(
            chat_message.c.stamp > func.coalesce(mark.c.stamp, 0),
            chat_message.c.author != person_id,
            chat_message.c.state != DELETED,
        )
        .group_by(chat_message.c.chat)
    )
    if chat_id is not None:
        query = query.where(chat_message.c.chat == chat_id)
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def search(
    connection: Connection,
    person_id: str,
    wanted: Sequence[str],
    *,
    chat_id: str | None,
    before: tuple[int, str] | None,
    limit: int,
) -> list[Message]:
    """The newest messages with words that begin with all of these, in conversations that somebody is in."""
    mine = select(chat_member.c.chat).where(chat_member.c.person == person_id, chat_member.c.joined)
    query = select(chat_message).where(chat_message.c.chat.in_(mine))
    if chat_id is not None:
        query = query.where(chat_message.c.chat == chat_id)
    for word in wanted:
        holds = select(chat_word.c.message).where(
            chat_word.c.chat.in_(mine), chat_word.c.word >= word, chat_word.c.word < word + _LAST
        )
        query = query.where(chat_message.c.id.in_(holds))
    if before is not None:
        query = query.where(
            or_(
                chat_message.c.stamp < before[0],
                and_(chat_message.c.stamp == before[0], chat_message.c.origin < before[1]),
            )
        )
    query = query.order_by(chat_message.c.stamp.desc(), chat_message.c.origin.desc()).limit(limit)
    return [_message(row) for row in connection.execute(query)]


# What waits for phones


def waits(connection: Connection, people: Iterable[str], message_id: str, at_ms: int, turn: int) -> None:
    """A message waits for phones of these people. turn: another one each time."""
    rows = [{"person": each, "message": message_id, "turn": turn, "at_ms": at_ms} for each in people]
    if rows:
        upsert(connection, chat_waiting, rows, ("turn", "at_ms"))


def waits_no_more(connection: Connection, person_id: str, messages: Iterable[str]) -> None:
    """Messages that do so no longer."""
    for batch in in_batches(messages):
        mine = and_(chat_waiting.c.person == person_id, chat_waiting.c.message.in_(batch))
        connection.execute(delete(chat_waiting).where(mine))


def handed_over(connection: Connection, person_id: str, turns: Iterable[int]) -> None:
    """What waited in these turns does so elsewhere now. What has come back meanwhile has another turn, and stays."""
    for batch in in_batches(turns):
        mine = and_(chat_waiting.c.person == person_id, chat_waiting.c.turn.in_(batch))
        connection.execute(delete(chat_waiting).where(mine))


def waiting_people(connection: Connection) -> list[str]:
    """For whom something waits, the longest first."""
    oldest = func.min(chat_waiting.c.at_ms)
    return list(
        connection.execute(select(chat_waiting.c.person).group_by(chat_waiting.c.person).order_by(oldest)).scalars()
    )


def waiting(connection: Connection, person_id: str) -> list[tuple[str, int, int]]:
    """What waits for somebody: message, turn, and when it was sent."""
    query = select(chat_waiting.c.message, chat_waiting.c.turn, chat_waiting.c.at_ms)
    mine = query.where(chat_waiting.c.person == person_id).order_by(chat_waiting.c.at_ms)
    return [(row[0], int(row[1]), int(row[2])) for row in connection.execute(mine)]


# People


def people(connection: Connection, ids: Iterable[str]) -> dict[str, Who]:
    """Those of these people whom the directory has, by stable id."""
    found: dict[str, Who] = {}
    for batch in in_batches(ids):
        found |= {who.id: who for who in _who(connection, person.c.id.in_(batch))}
    return found


def people_by_aor(connection: Connection, aors: Iterable[str]) -> dict[str, Who]:
    """The same, by address."""
    found: dict[str, Who] = {}
    for batch in in_batches(aors):
        found |= {who.aor: who for who in _who(connection, person.c.aor.in_(batch))}
    return found


def _who(connection: Connection, which: ColumnElement[bool]) -> list[Who]:
    query = select(
        person.c.id, person.c.aor, person.c.display_name, person.c.tenant, person.c.home, person.c.enabled
    ).where(which, person.c.id.is_not(None))
    return [Who(r[0], r[1], r[2], r[3], r[4], bool(r[5])) for r in connection.execute(query)]


# Files


def add_file(connection: Connection, file: File, owner: str, at_ms: int) -> None:
    """Somebody has brought a file."""
    connection.execute(insert(chat_file), {**msgspec.structs.asdict(file), "owner": owner, "at_ms": at_ms})


def file(connection: Connection, id_: str, owner: str) -> File | None:
    """A file that somebody has brought here."""
    row = connection.execute(select(chat_file).where(chat_file.c.id == id_, chat_file.c.owner == owner)).one_or_none()
    return None if row is None else File(row.id, row.hash, row.name, int(row.size), row.type)


def files_used(connection: Connection, since_ms: int) -> set[str]:
    """Hashes of the files that messages have, or that were brought since then."""
    used = set(connection.execute(select(chat_file.c.hash).where(chat_file.c.at_ms >= since_ms)).scalars())
    for text in connection.execute(select(chat_message.c.file).where(chat_message.c.file != "")).scalars():
        used.add(msgspec.json.decode(text, type=File).hash)
    return used


def forget_files(connection: Connection, before_ms: int) -> None:
    """Those that were brought longer ago: messages know what they have of them."""
    connection.execute(delete(chat_file).where(chat_file.c.at_ms < before_ms))


# Removing


def without_residents(connection: Connection, site: str, chats: Iterable[str] | None = None) -> list[str]:
    """Conversations that nobody is in who is at home at the site; of these, or of all that are here."""
    query = select(chat.c.id).where(~_lives(chat.c.id, site))
    if chats is None:
        return list(connection.execute(query).scalars())
    found: list[str] = []
    for batch in in_batches(chats):
        found += connection.execute(query.where(chat.c.id.in_(batch))).scalars()
    return found


def last_told(connection: Connection, chat_id: str) -> int:
    """The last number of the feed that is about a conversation."""
    query = select(func.max(chat_feed.c.seq)).where(chat_feed.c.chat == chat_id)
    return int(connection.execute(query).scalar_one_or_none() or 0)


def forget(connection: Connection, chat_id: str) -> None:
    """Remove this site's copy of a conversation."""
    for table in (chat_word, chat_message, chat_mark, chat_member, chat_feed):
        connection.execute(delete(table).where(table.c.chat == chat_id))
    connection.execute(delete(chat).where(chat.c.id == chat_id))


def purge(connection: Connection, before_ms: int, limit: int) -> int:
    """Remove messages that were sent longer ago, some at once. Gives how many."""
    old = list(
        connection.execute(select(chat_message.c.id).where(chat_message.c.at_ms < before_ms).limit(limit)).scalars()
    )
    for batch in in_batches(old):
        connection.execute(delete(chat_word).where(chat_word.c.message.in_(batch)))
        connection.execute(delete(chat_feed).where(chat_feed.c.kind.in_((MESSAGE, CHANGE)), chat_feed.c.key.in_(batch)))
        connection.execute(delete(chat_message).where(chat_message.c.id.in_(batch)))
    return len(old)


def own_messages(connection: Connection, chat_id: str, origin: str | None = None) -> list[str]:
    """Ids of the messages of a conversation in their order: all, or those of one site."""
    query = select(chat_message.c.id).where(chat_message.c.chat == chat_id)
    if origin is not None:
        query = query.where(chat_message.c.origin == origin)
    return list(connection.execute(query.order_by(chat_message.c.stamp, chat_message.c.origin)).scalars())


def residents(connection: Connection, chat_id: str, site: str) -> list[str]:
    """Who is in a conversation and at home at a site."""
    query = (
        select(chat_member.c.person)
        .join(person, person.c.id == chat_member.c.person)
        .where(chat_member.c.chat == chat_id, chat_member.c.joined, person.c.home == site)
    )
    return list(connection.execute(query).scalars())
