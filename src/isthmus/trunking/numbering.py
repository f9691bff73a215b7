"""Number rules: which are for a number, and what they make of it. Pure.

| in a pattern | stands for |
|---|---|
| `+`, `0` to `9`, `*`, `#` | itself; `+` at the beginning alone |
| `X`, `Z`, `N`, `[2-5]` | any digit, 1 to 9, 2 to 9, one of these |
| `$` at the end | the number ends here; without it more may follow |

They are the patterns of voice routes, for numbers of any form. Nothing in them could take long: no alternatives and no
repetition. The first rule that is for a number is the only one that is applied.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

import phonenumbers
from phonenumbers import shortnumberinfo

from isthmus.addressing import is_e164
from isthmus.errors import UsageError
from isthmus.trunking.model import NumberRule

MOST_RULES = 100
LONGEST = 32  # digits of a number on a trunk
FORMS = ("e164", "national", "international", "digits")
_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
_PATTERN = re.compile(r"\+?(?:[0-9*#XZN]|\[[0-9](?:-?[0-9])*\])*\$?")
_TOKEN = re.compile(r"\+|[0-9*#XZN]|\[[0-9](?:-?[0-9])*\]|\$")
_CLASSES = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", "+": r"\+", "*": r"\*", "#": "#", "$": r"\Z"}


def is_number(text: str) -> bool:
    """Whether it can stand as a number in a request: at most one `+`, in front, and up to 32 digits, `*` and `#`."""
    return _NUMBER.fullmatch(text) is not None


def check(rule: NumberRule) -> None:
    """Raises UsageError for a rule that can't be one."""
    if _PATTERN.fullmatch(rule.pattern) is None or len(rule.pattern) > 60:
        raise UsageError(
            f"{rule.pattern[:60]!r} is no pattern of numbers",
            do="It has digits, X, Z, N, [2-5], a + in front and a last $, as +49 or 0X.",
        )
    for first, last in re.findall(r"([0-9])-([0-9])", rule.pattern):
        if first > last:
            raise UsageError(f"{rule.pattern[:60]!r} has a range that goes backwards")
    if rule.set and (rule.strip or rule.prepend or rule.form):
        raise UsageError("`set` gives the whole number: it stands without `form`, `strip` and `prepend`")
    if not (rule.set or rule.strip or rule.prepend or rule.form or rule.pattern):
        raise UsageError(
            "a number rule has `form`, `strip`, `prepend` or `set`, or a pattern of what to leave as it is"
        )
    for each in (rule.set, rule.prepend):
        if each and not is_number(each) and each != "+":
            raise UsageError(f"{each[:40]!r} is no number or beginning of one")


def apply(rules: Sequence[NumberRule], of: str, on: str, number: str, country: str) -> tuple[str, str]:
    """What the first rule that is for it makes of a number, and that in words; the number itself where there is none.

    country: ISO 3166 code that national numbers are of. What is made is always a number again: a rule that would
    leave none is not applied, and says so.
    """
    for rule in rules:
        if rule.of != of or rule.on != on or _compiled(rule.pattern).match(number) is None:
            continue
        formed = in_form(number, rule.form, country) if rule.form else number
        if formed is None:
            continue  # it is not of this country, or no number that has such a form
        made = rule.set or rule.prepend + formed[rule.strip :]
        told = f"{of} {number}: rule {in_words(rule)}"
        if not is_number(made):
            return number, f"{told} would leave {made!r}, which is no number: not applied"
        return made, f"{told} makes {made}"
    return number, ""


def in_words(rule: NumberRule) -> str:
    """A rule in one line."""
    parts = [rule.pattern or "any"]
    parts += [f"form {rule.form}"] if rule.form else []
    parts += [f"strip {rule.strip}"] if rule.strip else []
    parts += [f"prepend {rule.prepend}"] if rule.prepend else []
    parts += [f"set {rule.set}"] if rule.set else []
    return " ".join(parts) if len(parts) > 1 else f"{parts[0]} as it is"


@functools.lru_cache(maxsize=65536)
def in_form(number: str, form: str, country: str) -> str | None:
    """A number in another form; None where it has none: it is of another country, or no number of a subscriber.

    e164: `+` and the country code. national: as it is dialled within the country, with its trunk prefix.
    international: as it is dialled there to go abroad. digits: country code and number without `+`.
    """
    if form == "e164":
        return number if is_e164(number) else _as_dialled(number, country)
    if not is_e164(number):
        return None
    if form == "digits":
        return number[1:]
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country, None)
    if metadata is None:
        return None
    if form == "international":
        prefix = metadata.preferred_international_prefix or metadata.international_prefix or ""
        return prefix + number[1:] if prefix.isdigit() else None
    code = f"+{metadata.country_code}"
    return (metadata.national_prefix or "") + number.removeprefix(code) if number.startswith(code) else None


def _as_dialled(number: str, country: str) -> str | None:
    """E.164 of a number as it is dialled in a country, or sent with its country code but without `+`."""
    if not number.isdigit() or shortnumberinfo.is_emergency_number(number, country or "ZZ"):
        return None
    for text, region in ((number, country or None), (f"+{number}", None)):
        try:
            parsed = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        made = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        if phonenumbers.is_possible_number(parsed) and is_e164(made):
            return made
    return None


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(_CLASSES.get(token, token) for token in _TOKEN.findall(pattern)))
