"""TNAuthList, the extension that says for which numbers a certificate may speak (RFC 8226 section 9). Pure.

    TNAuthorizationList ::= SEQUENCE SIZE (1..MAX) OF TNEntry
    TNEntry ::= CHOICE { spc [0] IA5String, range [1] TelephoneNumberRange, one [2] TelephoneNumber }
    TelephoneNumberRange ::= SEQUENCE { start TelephoneNumber, count INTEGER (2..MAX), ... }

The tags are explicit. By hand: it is three tags of DER.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from isthmus.stir.model import Authority, Range

OID = "1.3.6.1.5.5.7.1.26"  # id-pe-TNAuthList

_SEQUENCE, _INTEGER, _IA5 = 0x30, 0x02, 0x16
_SPC, _RANGE, _ONE = 0xA0, 0xA1, 0xA2
_NUMBER = re.compile(r"[0-9#*]{1,15}")
_CODE = re.compile(r"[A-Za-z0-9]{1,32}")
_MAX_BYTES = 65_536


def encode(authority: Authority) -> bytes:
    """DER of the extension's value. Raises ValueError for a list without entries, and for what is no number."""
    entries = [_tlv(_SPC, _ia5(code, _CODE)) for code in authority.provider_codes]
    for each in authority.numbers:
        if each.count == 1:
            entries.append(_tlv(_ONE, _ia5(each.start, _NUMBER)))
        else:
            count = each.count.to_bytes(each.count.bit_length() // 8 + 1, "big")
            entries.append(_tlv(_RANGE, _tlv(_SEQUENCE, _ia5(each.start, _NUMBER) + _tlv(_INTEGER, count))))
    if not entries:
        raise ValueError("a TNAuthList has one entry at least")
    return _tlv(_SEQUENCE, b"".join(entries))


def decode(der: bytes) -> Authority:
    """What the extension says. Raises ValueError where it is not as RFC 8226 has it."""
    if len(der) > _MAX_BYTES:
        raise ValueError("the TNAuthList is too long")
    codes: list[str] = []
    numbers: list[Range] = []
    for tag, body in _all(_only(der, _SEQUENCE)):
        if tag == _SPC:
            codes.append(_string(body, _CODE))
        elif tag == _ONE:
            numbers.append(Range(_string(body, _NUMBER)))
        elif tag == _RANGE:
            numbers.append(_range(body))
        else:
            raise ValueError(f"the TNAuthList has an entry of unknown kind {tag:#x}")
    if not codes and not numbers:
        raise ValueError("the TNAuthList is empty")
    return Authority(tuple(codes), tuple(numbers))


def _range(body: bytes) -> Range:
    parts = list(_all(_only(body, _SEQUENCE)))
    if len(parts) < 2 or parts[0][0] != _IA5 or parts[1][0] != _INTEGER:
        raise ValueError("the TNAuthList has a range that can't be read")
    start, count = _checked(parts[0][1], _NUMBER), int.from_bytes(parts[1][1], "big", signed=True)
    if not 2 <= count <= 10**15:
        raise ValueError("the TNAuthList has a range of no numbers")
    return Range(start, count)


def _string(body: bytes, form: re.Pattern[str]) -> str:
    return _checked(_only(body, _IA5), form)


def _checked(raw: bytes, form: re.Pattern[str]) -> str:
    text = raw.decode("ascii")  # UnicodeDecodeError is a ValueError
    if not form.fullmatch(text):
        raise ValueError(f"the TNAuthList has {text!r}, which is neither number nor code")
    return text


def _ia5(text: str, form: re.Pattern[str]) -> bytes:
    return _tlv(_IA5, _checked(text.encode("ascii", "replace"), form).encode())


def _only(der: bytes, wanted: int) -> bytes:
    found = list(_all(der))
    if len(found) != 1 or found[0][0] != wanted:
        raise ValueError("the TNAuthList is not as RFC 8226 has it")
    return found[0][1]


def _all(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and contents that follow one another. DER alone: lengths in their shortest form (X.690 10.1)."""
    at = 0
    while at < len(der):
        if at + 2 > len(der):
            raise ValueError("the TNAuthList ends too early")
        tag, length, at = der[at], der[at + 1], at + 2
        if length >= 0x80:
            octets = length & 0x7F
            if not 1 <= octets <= 3 or at + octets > len(der):
                raise ValueError("the TNAuthList has a length that can't be read")
            length, at = int.from_bytes(der[at : at + octets], "big"), at + octets
            if length < 0x80 or length < 1 << 8 * (octets - 1):
                raise ValueError("the TNAuthList has a length that is not DER")
        if at + length > len(der):
            raise ValueError("the TNAuthList ends too early")
        yield tag, der[at : at + length]
        at += length


def _tlv(tag: int, body: bytes) -> bytes:
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    octets = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | octets)) + size.to_bytes(octets, "big") + body
