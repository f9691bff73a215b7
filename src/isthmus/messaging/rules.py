"""What holds for conversations, pure: ids, stamps, which of two versions is right, what may be sent, search words.

Every kind of value has a `later` of two versions that does not depend on the order in which they come, and gives the
same for the same one again. So sites that were told the same things have the same conversations.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterable, Mapping

from isthmus.errors import UsageError
from isthmus.messaging.model import (
    DELETED,
    EDITED,
    GROUP,
    MOST_FILE_NAME,
    MOST_TEXT,
    MOST_TITLE,
    Chat,
    File,
    Member,
    Message,
)

_PAIRS = uuid.UUID("8f0c3c6e-4b1e-5b7e-9a39-64cf0c5a1d11")
_GROUP = "group+"
_WORD = re.compile(r"\w+")
_MOST_WORDS, _LONGEST_WORD = 200, 40
# What text may not have in it: control characters but tab and line feed. NUL is refused by PostgreSQL, too.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_UNSAFE_NAME = re.compile(r"[\x00-\x1f\x7f/\\\u202a-\u202e\u2066-\u2069\u200e\u200f]")


def pair_id(tenant: str, one: str, other: str) -> str:
    """The conversation of two people (stable ids): the same whoever begins it, at whatever site."""
    return str(uuid.uuid5(_PAIRS, "\0".join([tenant, *sorted((one, other))])))


def group_address(chat: str, domain: str) -> str:
    """Where a phone writes to a group: a user part that no person has, since theirs are made by people."""
    return f"{_GROUP}{chat}@{domain}"


def group_of(address: str) -> str | None:
    """The id of the group whose address that is; None for another address."""
    user, _, domain = address.partition("@")
    try:
        found = str(uuid.UUID(user.removeprefix(_GROUP)))
    except ValueError:
        return None
    return found if domain and user == f"{_GROUP}{found}" else None


def next_stamp(last: int, now_us: int) -> int:
    """The stamp after `last`: the time, unless that stands still or goes back."""
    return max(last + 1, now_us)


def later_message(one: Message, other: Message) -> Message:
    """The newer of two versions of a message. What was deleted stays so."""
    return max(one, other, key=lambda each: (each.state == DELETED, each.changed, each.text))


def later_chat(one: Chat, other: Chat) -> Chat:
    """The newer of two versions of a conversation."""
    return max(one, other, key=lambda each: (each.changed, each.title, each.owner))


def later_member(one: Member, other: Member) -> Member:
    """The newer of two versions of a membership."""
    return max(one, other, key=lambda each: (each.changed, each.joined))


def edited(message: Message, text: str, stamp: int) -> Message:
    """The message with another text."""
    return _version(message, text, stamp, EDITED, message.file)


def deleted(message: Message, stamp: int) -> Message:
    """What is left of a message that was taken back: that there was one."""
    return _version(message, "", stamp, DELETED, None)


def _version(message: Message, text: str, stamp: int, state: str, file: File | None) -> Message:
    return Message(
        message.id, message.chat, message.origin, message.stamp, message.author, message.at_ms, text, stamp, state, file
    )


def checked_text(text: object, *, empty: bool = False) -> str:
    """The text of a message, its lines ended alike. empty: whether it may be (a file is sent). Raises UsageError."""
    if not isinstance(text, str):
        raise UsageError("a message's text is missing", where="text")
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MOST_TEXT:
        raise UsageError(
            f"the message has {size:,} bytes, and {MOST_TEXT:,} at most are taken", where="text", do="Send a file."
        )
    if not text and not empty:
        raise UsageError("the message is empty", where="text")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError("the message has half a character in it", where="text")
    return _CONTROL.sub("", text)


def checked_title(title: object) -> str:
    """The name of a group, on one line. Raises UsageError."""
    if not isinstance(title, str):
        raise UsageError("the group's name is missing", where="title")
    title = " ".join(_CONTROL.sub(" ", title).split())
    if not 1 <= len(title) <= MOST_TITLE or any("\ud800" <= each <= "\udfff" for each in title):
        raise UsageError(f"a group's name has 1 to {MOST_TITLE} characters", where="title")
    return title


def checked_id(value: object, where: str = "id") -> str:
    """An id as clients make them: a UUID, in its one form. Raises UsageError."""
    try:
        return str(uuid.UUID(value if isinstance(value, str) and len(value) <= 45 else ""))
    except ValueError:
        raise UsageError("that is no UUID", where=where) from None


def file_name(name: str) -> str:
    """A file's name that is no path and reads as it is: what turns the order of letters is taken out of it."""
    name = _UNSAFE_NAME.sub("_", name.encode("utf-8", "replace").decode()).strip(" .")
    stem, dot, ending = name.rpartition(".")
    if len(name) > MOST_FILE_NAME and dot and len(ending) <= 10:
        return stem[: MOST_FILE_NAME - len(ending) - 1] + "." + ending
    return name[:MOST_FILE_NAME] or "file"


def ending_allowed(name: str, allowed: Collection[str]) -> bool:
    """Whether files of that name are taken; all, where no ending is named."""
    return not allowed or name.rpartition(".")[2].lower() in allowed


def words(text: str) -> set[str]:
    """What a message is found by."""
    found = dict.fromkeys(word[:_LONGEST_WORD] for word in _WORD.findall(text.casefold()))
    return set(list(found)[:_MOST_WORDS])


def marks_of(given: object) -> dict[str, int]:
    """Site to stamp, as a client says how far it has read. Raises UsageError."""
    if not isinstance(given, Mapping) or not 1 <= len(given) <= 50:
        raise UsageError('"upTo" names stamps by site', where="upTo")
    for site, stamp in given.items():
        if not isinstance(site, str) or type(stamp) is not int or not 0 <= stamp < 2**53:
            raise UsageError('"upTo" names stamps by site', where="upTo")
    return dict(given)


def owner_of(chat: Chat, members: Iterable[Member]) -> str:
    """Who may remove others from a group; empty where nobody is in it. That is its owner while they are in it, else
    who has been in it the longest: the same at every site that knows the same. members: those who are in it."""
    inside = sorted((each.changed, each.person) for each in members)
    people = [person for _, person in inside]
    return chat.owner if chat.owner in people else next(iter(people), "")


def may_change_members(chat: Chat) -> None:
    """Raises UsageError for a conversation of two."""
    if chat.kind != GROUP:
        raise UsageError("this is a conversation of two", do="Begin a group.")
