"""Who forwarded a call: History-Info (RFC 7044) and Diversion (RFC 5806), one made of the other. Pure.

The two are put into one another as RFC 7544 says: Diversion has the last one first, History-Info the first one first,
and its last entry is whom the call is for now.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from urllib.parse import unquote

from isthmus.trunking.model import Diversion
from isthmus.trunking.numbering import is_number

MOST = 10  # of whatever many there are, the last ones are kept
_ENTRY = re.compile(r'(?:"(?:[^"\\]|\\.)*"|<[^<>]*>|[^,"<>])+')
_URI = re.compile(r"<\s*(?:sips?|tel):([^@;?>]+)[^>]*>", re.IGNORECASE)
_HEADERS = re.compile(r"\?([^>]*)>")
_REASON = re.compile(r';\s*reason\s*=\s*"?([A-Za-z0-9-]{1,30})"?', re.IGNORECASE)
_PRIVACY = re.compile(r';\s*privacy\s*=\s*"?([A-Za-z-]{1,20})"?', re.IGNORECASE)
_CAUSE = re.compile(r";\s*cause\s*=\s*([0-9]{3})", re.IGNORECASE)
_INDEX = re.compile(r";\s*index\s*=\s*([0-9.]+)", re.IGNORECASE)

# RFC 7544 section 5.2 and RFC 4458.
_REASON_OF_CAUSE = {
    "302": "unconditional", "408": "no-answer", "480": "deflection", "486": "user-busy", "487": "deflection",
    "503": "unavailable", "404": "unknown",
}  # fmt: skip
_CAUSE_OF_REASON = {
    "unconditional": 302, "no-answer": 408, "deflection": 480, "user-busy": 486, "unavailable": 503, "unknown": 404,
    "time-of-day": 404, "do-not-disturb": 404, "follow-me": 404, "out-of-service": 404, "away": 404,
}  # fmt: skip


def read(history: str, diversion: str) -> tuple[Diversion, ...]:
    """Who forwarded the call, the first one first, as far as they are numbers.

    history, diversion: all values of each header with commas between; where both are there History-Info says more.
    """
    return (_of_history(history) or _of_diversion(diversion))[-MOST:]


def diversion(entries: Sequence[Diversion], host: str) -> list[tuple[str, str]]:
    """The Diversion headers that say so. Those who want to be known to nobody are left out."""
    shown = [each for each in entries if not each.private]
    return [
        ("Diversion", f"<sip:{each.number}@{host};user=phone>;reason={each.reason};counter=1")
        for each in reversed(shown)
    ]


def history(entries: Sequence[Diversion], called: str, host: str) -> list[tuple[str, str]]:
    """The History-Info headers that say so; none where nobody forwarded the call."""
    shown = [each for each in entries if not each.private]
    if not shown:
        return []
    found, index, cause = [], "1", ""
    for each in shown:
        found.append(("History-Info", f"<sip:{each.number}@{host};user=phone{cause}>;index={index}{_rc(index)}"))
        cause, index = f";cause={_CAUSE_OF_REASON.get(each.reason, 404)}", f"{index}.1"
    found.append(("History-Info", f"<sip:{called}@{host};user=phone{cause}>;index={index}{_rc(index)}"))
    return found


def _rc(index: str) -> str:
    """Of every entry but the first: made by retargeting to another user (RFC 7044 section 10.3)."""
    return f";mp={index[:-2]}" if "." in index else ""


def _of_history(text: str) -> tuple[Diversion, ...]:
    entries = [(_indexed(each), each) for each in _ENTRY.findall(text)[:50] if _URI.search(each)]
    entries.sort(key=lambda pair: pair[0])
    found: list[Diversion] = []
    for (_, each), (_, after) in pairwise(entries):
        cause = _CAUSE.search(after)
        number = _number(each)
        # Without a cause the call was not forwarded, but only routed.
        if number and cause is not None:
            found.append(Diversion(number, _REASON_OF_CAUSE.get(cause[1], "unknown"), _hides(each)))
    return tuple(found)


def _of_diversion(text: str) -> tuple[Diversion, ...]:
    found: list[Diversion] = []
    for each in _ENTRY.findall(text)[:50]:
        number = _number(each)
        if number:
            reason, privacy = _REASON.search(each), _PRIVACY.search(each)
            hidden = privacy is not None and privacy[1].lower() != "off"
            known = reason is not None and reason[1].lower() in _CAUSE_OF_REASON
            found.append(Diversion(number, reason[1].lower() if reason and known else "unknown", hidden))
    return tuple(reversed(found))


def _number(entry: str) -> str:
    uri = _URI.search(entry)
    bare = unquote(uri[1]).translate(str.maketrans("", "", "-.() ")) if uri else ""
    return bare if is_number(bare) else ""


def _hides(entry: str) -> bool:
    """Whether an entry carries a Privacy header of its own (RFC 7044 section 10.1.2)."""
    carried = _HEADERS.search(entry)
    return carried is not None and "privacy=" in carried[1].lower() and "none" not in carried[1].lower()


def _indexed(entry: str) -> tuple[int, ...]:
    found = _INDEX.search(entry)
    return tuple(int(part[:6]) for part in found[1].split(".") if part) if found else ()
