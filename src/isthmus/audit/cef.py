"""Entries in ArcSight's Common Event Format (CEF:0), one a line, for log collectors and SIEMs. Pure.

Escaping as the format's description has it: in the header `\\` and `|`, in the extension `\\`, `=` and line ends.
What else ends a line or moves a terminal's cursor is written as `\\uXXXX`. Long states are cut; the JSON form has
them whole.
"""

from __future__ import annotations

import ipaddress
import re

from isthmus.audit.model import Stored

_LONGEST = 4000  # characters of a custom string, as the format limits them
_SHORT = 1023
_CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
# Of 0 to 10. What removes something or touches the log itself is looked at first.
_SEVERITY = {"delete": 5, "cut": 5, "accept": 8}
_USUAL_SEVERITY = 3


def line(stored: Stored, *, version: str, site: str) -> str:
    """The entry as one line without its end. version: of the program. site: whose log it is."""
    entry = stored.entry
    kind = entry.action.rpartition(".")[2]
    severity = _SEVERITY.get(kind, _USUAL_SEVERITY)
    name = entry.action.replace(".", " ")
    head = ("CEF:0", "Isthmus", "Isthmus", version, entry.action, name)
    fields = {
        "rt": str(entry.at_ms),
        "externalId": str(stored.id),
        "dvchost": site,
        "suser": entry.actor[:_SHORT],
        "act": entry.action,
        **_address(entry.address),
        **_custom(1, "object", entry.object),
        **_custom(2, "tenant", entry.tenant),
        **_custom(3, "path", entry.path),
        **_custom(4, "before", entry.before or ""),
        **_custom(5, "after", entry.after or ""),
        **_custom(6, "digest", stored.digest.hex()),
    }
    extension = " ".join(f"{key}={_value(value)}" for key, value in fields.items() if value)
    return "|".join([*map(_header, head), str(severity), extension])


def _custom(number: int, label: str, value: str) -> dict[str, str]:
    if not value:
        return {}
    cut = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
    return {f"cs{number}Label": label, f"cs{number}": cut}


def _address(text: str) -> dict[str, str]:
    """`src` takes IPv4 alone."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return {"shost": text[:_SHORT]} if text else {}
    if address.version == 4:
        return {"src": text}
    return {"c6a2Label": "Source IPv6 Address", "c6a2": text}


def _header(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("|", "\\|").replace("\r", " ").replace("\n", " ")
    return _CONTROL.sub(_visible, escaped)


def _value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")
    return _CONTROL.sub(_visible, escaped)


def _visible(found: re.Match[str]) -> str:
    return f"\\\\u{ord(found[0]):04x}"
