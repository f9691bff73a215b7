"""Telephone numbers as E.164 strings with a leading `+`."""

from __future__ import annotations

import re

import phonenumbers

from isthmus.errors import UsageError

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_VISUAL = re.compile(r"[\s().\-/]")
_DIALLED_VISUAL = str.maketrans("", "", "-.() ")


def is_e164(text: str) -> bool:
    """Whether text is a global number in its one written form: `+`, 2 to 15 digits (ITU-T E.164 6.2)."""
    return _E164.fullmatch(text) is not None


def dialled_number(user: str) -> str | None:
    """The E.164 number that the user part of a Request-URI means, or None where it means a person's address.

    `+` and the country code, or eleven or more bare digits that begin with it; visual separators (RFC 3966) may
    stand between.
    """
    bare = user.partition(";")[0].translate(_DIALLED_VISUAL)
    if is_e164(bare):
        return bare
    return f"+{bare}" if bare.isascii() and bare.isdigit() and len(bare) >= 11 and is_e164(f"+{bare}") else None


def normalise_number(text: str, region: str | None = None) -> str:
    """The E.164 form of a number as a person writes it: `+1 (425) 555-0101` gives `+14255550101`.

    region: ISO 3166 code for numbers without `+`, as in "US"; without it they are refused.
    Raises UsageError.
    """
    bare = _VISUAL.sub("", text.removeprefix("tel:").split(";", 1)[0])
    if is_e164(bare):
        return bare
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise UsageError(f"{text!r} is not a telephone number", do="Write it as +14255550101.") from error
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
