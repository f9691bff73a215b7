"""The patterns of a dial plan's rules. Pure.

| in a pattern | stands for |
|---|---|
| `0` to `9`, `*`, `#` | itself |
| `X` | any digit |
| `Z` | 1 to 9 |
| `N` | 2 to 9 |
| `[13-5]` | one of these digits |
| `.` | one or more digits; at the end alone |
| `|` | what stands before it is taken away; without it, everything is |

A rule is `PATTERN -> PREFIX`: what is left of the dialled digits is put behind the prefix. `7|XXX -> +1425555` makes
+14255550123 of 7123, say, and `88 -> +14255550100` makes one number of 88. There is nothing in them that could take
long, whatever is dialled: no alternatives, no repetition but at the end.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

import msgspec

from isthmus.errors import UsageError

_TOKEN = re.compile(r"[0-9*#]|X|Z|N|\[[0-9](?:-?[0-9])*\]|\.|\|")
_CLASSES = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", ".": "[0-9]+", "*": r"\*", "#": "#"}
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")
MOST_RULES = 100
_LONGEST_PATTERN = 40


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """One rule. pattern: see the table above. prefix: `+` and the first digits of what is made."""

    pattern: str
    prefix: str

    def __str__(self) -> str:
        return f"{self.pattern} -> {self.prefix}"


def parsed(text: str) -> tuple[Rule, ...]:
    """Rules as an administrator writes them: one a line, or with `;` between. Raises UsageError for the first fault."""
    found = tuple(_rule(part.strip()) for line in text.splitlines() for part in line.split(";") if part.strip())
    if len(found) > MOST_RULES:
        raise UsageError(f"{len(found)} rules are more than {MOST_RULES}")
    return found


def written(rules: Sequence[Rule]) -> str:
    """The rules in the one form that `parsed` reads back."""
    return "; ".join(map(str, rules))


def applied(rule: Rule, digits: str) -> str | None:
    """What the rule makes of what was dialled; None where it is not for it."""
    match = _compiled(rule.pattern).fullmatch(digits)
    return None if match is None else rule.prefix + (match["kept"] or "")


def undone(rule: Rule, number: str) -> str | None:
    """Digits of which the rule makes this number, one way of maybe several; None where it makes none such."""
    before, _, after = rule.pattern.partition("|")
    kept = number.removeprefix(rule.prefix)
    if not number.startswith(rule.prefix) or (kept and not after):
        return None
    digits = "".join(_one_of(token) for token in _TOKEN.findall(before)) + kept
    return digits if applied(rule, digits) == number else None


def _one_of(token: str) -> str:
    return {"X": "0", "Z": "1", "N": "2", ".": "0"}.get(token) or token.removeprefix("[")[0]


def _rule(text: str) -> Rule:
    pattern, arrow, prefix = (part.strip() for part in text.partition("->"))
    shown = text[:80]
    if not arrow:
        raise UsageError(f"{shown!r} is no rule", do="Write it as 7|XXX -> +1425555.")
    tokens = _TOKEN.findall(pattern)
    if not tokens or "".join(tokens) != pattern or len(pattern) > _LONGEST_PATTERN:
        raise UsageError(
            f"{pattern[:80]!r} is no pattern", where=shown, do="It has digits, *, #, X, Z, N, [2-5], | and a last dot."
        )
    if tokens.count("|") > 1 or "." in tokens[:-1] or tokens == ["|"]:
        raise UsageError("one | may stand in a pattern, and a dot only at its end", where=shown)
    if _PREFIX.fullmatch(prefix) is None:
        raise UsageError(f"{prefix[:80]!r} is no beginning of a number", where=shown, do="Write it as +1425555.")
    _check_length(tokens, prefix, shown)
    for each in tokens:
        if each.startswith("["):
            _check_class(each, shown)
    return Rule(pattern, prefix)


def _check_length(tokens: Sequence[str], prefix: str, shown: str) -> None:
    kept = tokens[tokens.index("|") + 1 :] if "|" in tokens else []
    if any(each in "*#" for each in kept):
        raise UsageError("* and # can't be part of a number: they have to stand before |", where=shown)
    if not 2 <= len(prefix) - 1 + len(kept) <= 15:
        raise UsageError("what it makes has not 2 to 15 digits (ITU-T E.164)", where=shown)


def _check_class(token: str, shown: str) -> None:
    for first, last in re.findall(r"([0-9])-([0-9])", token):
        if first > last:
            raise UsageError(f"{token} goes backwards", where=shown)


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    before, bar, after = pattern.partition("|")
    return re.compile(f"{_expression(before)}(?P<kept>{_expression(after) if bar else ''})")


def _expression(part: str) -> str:
    return "".join(_CLASSES.get(token, token) for token in _TOKEN.findall(part))
