"""What may be in a list of contacts, pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from isthmus.addressing import Aor, is_e164
from isthmus.contacts.model import MOST, MOST_ADDRESS, MOST_AT_ONCE, MOST_GROUPS, MOST_NAME, Contact
from isthmus.errors import IsthmusError, RefusedError, UsageError

# Control characters, and what turns the order of letters or is half a character.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def checked(given: object) -> list[Contact]:
    """Contacts as a client sends them, of each address the last. Raises UsageError."""
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_AT_ONCE:
        raise UsageError(f"1 to {MOST_AT_ONCE} contacts are taken at once", where="contacts")
    return list({each.address: each for each in map(_contact, given)}.values())


def _contact(given: object) -> Contact:
    if not isinstance(given, Mapping):
        raise UsageError("that is no contact", where="contacts")
    groups = given.get("groups") or []
    if not isinstance(groups, list) or len(groups) > MOST_GROUPS:
        raise UsageError(f"a contact is in {MOST_GROUPS} groups at most", where="groups")
    names = (_line(each, "groups") for each in groups)
    return Contact(
        checked_address(given.get("address")),
        _line(given.get("name") or "", "name"),
        _line(given.get("number") or "", "number"),
        tuple(dict.fromkeys(name for name in names if name)),
    )


def checked_address(given: object) -> str:
    """An address, or a number in E.164. Raises UsageError."""
    text = given.strip().removeprefix("sip:").removeprefix("tel:") if isinstance(given, str) else ""
    if len(text) > MOST_ADDRESS:
        raise UsageError(f"an address has {MOST_ADDRESS} characters at most", where="address")
    if is_e164(text):
        return text
    try:
        return str(Aor.parse(text))
    except IsthmusError:
        raise UsageError(
            f"{text[:80]!r} is no address and no number", where="address", do="Write user@domain, or + and the number."
        ) from None


def _line(given: object, where: str) -> str:
    if not isinstance(given, str):
        raise UsageError("that is no text", where=where)
    text = " ".join(_UNSAFE.sub(" ", given).split())
    if len(text) > MOST_NAME:
        raise UsageError(f"{MOST_NAME} characters at most are taken", where=where)
    return text


def room(held: Iterable[str], new: Iterable[Contact]) -> None:
    """Raises RefusedError where a list would become too long."""
    count = len({*held, *(each.address for each in new)})
    if count > MOST:
        raise RefusedError(f"a list has {MOST} contacts at most, and this would be {count}", do="Remove some first.")
