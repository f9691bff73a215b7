"""What may be an account, a role, a password. Pure but for the dictionaries of the strength meter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

from zxcvbn import zxcvbn

from isthmus.access.model import Grant, Role
from isthmus.access.permissions import PERMISSIONS, ROLES
from isthmus.errors import RefusedError, UsageError

_NAME = re.compile(r"[a-z0-9_][a-z0-9._\-+]{0,63}(@[a-z0-9.-]{1,253})?")
_LONGEST_NAME = 100
_ROLE = re.compile(r"[a-z][a-z0-9-]{0,30}")
_LONGEST_PASSWORD = 1024  # characters; a pass phrase of any length that people type is well below
_GUESSES_LOG10 = 10.0  # fewer guesses, and a list or rules of crackers has it
_OWN_CHARACTERS = 8
_UNSHOWN = ("Cc", "Cs", "Cn", "Zl", "Zp")


def account_name(name: str) -> str:
    """The name in its one form: NFKC, lower case. Raises UsageError for what can't be one."""
    text = unicodedata.normalize("NFKC", name.strip()).lower() if len(name) <= 400 else ""
    if _NAME.fullmatch(text) is None or len(text) > _LONGEST_NAME:
        raise UsageError(
            f"{name[:80]!r} is not a name for an account",
            do="Use letters, digits, '.', '-', '_' and '+', at most 64; or the like of alice@contoso.example.",
        )
    return text


def normalised_password(password: str) -> str:
    """The one form in which a password is hashed and compared (NFKC: NIST SP 800-63B 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def new_password(
    password: str, shortest: int, about: Iterable[str], breached: Callable[[str], str] = lambda password: ""
) -> str:
    """The password in its one form, if it may be one: length counts, not kinds of characters.

    about: words that belong to the account, which the password must not be built of. breached: why a password is
    known to others (see `breached.Breaches.told`); empty where it is not. Raises UsageError saying why.
    """
    text = normalised_password(password) if len(password) <= _LONGEST_PASSWORD else ""
    if not text and password:
        raise UsageError(f"the password is longer than {_LONGEST_PASSWORD} characters")
    if any(unicodedata.category(character) in _UNSHOWN for character in text):
        raise UsageError("the password contains a character that can't be typed")
    if len(text) < shortest:
        raise UsageError(f"the password is shorter than {shortest} characters", do="Several words make a good one.")
    if _without(text, about) < _OWN_CHARACTERS:
        raise UsageError("the password is little more than the account's own names", do="Several other words do.")
    # Beyond 72 characters the meter takes too long, and no list has them.
    measured = zxcvbn(text[:72], user_inputs=[word for word in about if word], max_length=72)
    if float(measured["guesses_log10"]) < _GUESSES_LOG10:
        hint = measured["feedback"]["warning"] or "It is among the passwords that are tried first."
        raise UsageError("the password is too easily guessed", do=hint.rstrip(".") + ".")
    for form in dict.fromkeys((text, password)):
        if told := breached(form):
            raise UsageError(f"the password {told}, and is tried first", do="Choose one that was used nowhere else.")
    return text


def _without(text: str, words: Iterable[str]) -> int:
    """How many letters and digits are left without the words."""
    rest = text.lower()
    for word in words:
        if len(word) >= 3:
            rest = rest.replace(word.lower(), "")
    return sum(character.isalnum() for character in rest)


def role_of(name: str, custom: dict[str, Role]) -> Role | None:
    """A role by its name: one of ours, or one the tenant made."""
    return ROLES.get(name) or custom.get(name)


def checked_role(name: str, permissions: Iterable[str], description: str, tenant: str) -> Role:
    """A custom role. Raises UsageError for a name or permission that can't be, RefusedError for a name of ours."""
    if _ROLE.fullmatch(name) is None:
        raise UsageError(f"{name[:80]!r} is not a name for a role", do="Use small letters, digits and '-', at most 31.")
    if name in ROLES:
        raise RefusedError(f"{name} is a role that comes with the product", do="Choose another name.")
    listed = frozenset(permissions)
    if unknown := sorted(listed - PERMISSIONS.keys()):
        raise UsageError(f"there is no permission {', '.join(unknown)[:200]}", do=f"One of: {', '.join(PERMISSIONS)}.")
    if not listed:
        raise UsageError("a role without permissions")
    return Role(name, listed, display_text(description, "the description"), tenant)


def display_text(text: str, what: str, longest: int = 128) -> str:
    """Text for people. Raises UsageError for one too long, or with characters that can't be shown."""
    if len(text) > longest or any(unicodedata.category(character) in _UNSHOWN for character in text):
        raise UsageError(f"{what} is longer than {longest} characters, or has one that can't be shown")
    return text.strip()


def is_administrator(grants: Iterable[Grant]) -> bool:
    """Whether any role reaches beyond the person themselves."""
    return any(not grant.scope.own for grant in grants)


def is_full_administrator(grants: Iterable[Grant]) -> bool:
    """Whether they could put everything right again: role `global`, not limited."""
    return any(grant.role.name == "global" and grant.scope.everything for grant in grants)
