"""SIP messages as they stand on the wire (RFC 3261 section 7): header values are kept to the letter.

Only the table of compact forms is from `sipmessage`: its `Request` prints a URI in its own way, its values decode
and encode what they hold, and bytes that are not UTF-8 are refused, while a user agent has to give back
Record-Route, Contact and Via exactly as it got them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from sipmessage.message import COMPACT_FORMS

Header = tuple[str, str]

_BRANCH = re.compile(r";\s*branch\s*=\s*([^;,\s]+)", re.IGNORECASE)
_TAG = re.compile(r";\s*tag\s*=\s*([^;,\s>]+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
_FOLD = re.compile(r"\r\n[ \t]+")
_MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Message:
    headers: tuple[Header, ...]
    body: bytes

    def get(self, name: str) -> str:
        """The first value of a header, empty if there is none."""
        lower = name.lower()
        return next((value for key, value in self.headers if key.lower() == lower), "")

    def all(self, name: str) -> list[str]:
        """All values of a header that may hold a list, one each, in order (RFC 3261 section 7.3.1)."""
        lower = name.lower()
        return [item for key, value in self.headers if key.lower() == lower for item in split_list(value)]

    def with_headers(self, *headers: Header) -> Self:
        """The message with these headers in place of all that bear the same names."""
        names = {key.lower() for key, _ in headers}
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in names)
        return replace(self, headers=kept + headers)

    @property
    def branch(self) -> str:
        """The branch of the topmost Via, which names the transaction (RFC 3261 section 17.1.3)."""
        found = _BRANCH.search(next(iter(self.all("Via")), ""))
        return found.group(1) if found else ""

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.get("Call-ID")

    @property
    def cseq(self) -> tuple[int, str]:
        """Number and method of the CSeq. Raises ValueError if it is not one."""
        number, _, method = self.get("CSeq").strip().partition(" ")
        return int(number), method.strip()

    @property
    def from_tag(self) -> str:
        """The tag in From, empty if there is none."""
        return tag_of(self.get("From"))

    @property
    def to_tag(self) -> str:
        """The tag in To, empty if there is none."""
        return tag_of(self.get("To"))

    def _bytes(self, start: str) -> bytes:
        lines = [
            start,
            *(f"{key}: {value}" for key, value in self.headers if key.lower() != "content-length"),
        ]
        lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + self.body


@dataclass(frozen=True, slots=True)
class Request(_Message):
    """A request; `uri` as written."""

    method: str
    uri: str

    def __bytes__(self) -> bytes:
        return self._bytes(f"{self.method} {self.uri} SIP/2.0")


@dataclass(frozen=True, slots=True)
class Response(_Message):
    """A response; `code` 100 to 699."""

    code: int
    phrase: str

    def __bytes__(self) -> bytes:
        return self._bytes(f"SIP/2.0 {self.code} {self.phrase}")


def parse(data: bytes) -> Request | Response:
    """Read one message. Bytes that are not UTF-8 survive. Raises ValueError."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        raise ValueError("the header section has no end")
    start, *lines = _FOLD.sub(" ", head.decode("utf-8", "surrogateescape")).split("\r\n")
    headers = tuple(_header(line) for line in lines)
    first, _, rest = start.partition(" ")
    if first == "SIP/2.0":
        code, _, phrase = rest.partition(" ")
        return Response(headers, body, int(code), phrase)
    uri, _, version = rest.rpartition(" ")
    if version != "SIP/2.0" or not uri:
        raise ValueError(f"not a SIP start line: {start!r}")
    return Request(headers, body, first, uri)


def _header(line: str) -> Header:
    name, colon, value = line.partition(":")
    if not colon:
        raise ValueError(f"not a header: {line!r}")
    name = name.rstrip()
    return COMPACT_FORMS.get(name.lower(), name), value.strip()


def split_list(value: str) -> list[str]:
    """Split at commas that are neither quoted nor inside angle brackets."""
    if "," not in value:
        return [value]
    items, depth, quoted, start, skip = [], 0, False, 0, False
    for index, character in enumerate(value):
        if skip:
            skip = False
        elif quoted:
            skip = character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character in "<>":
            depth = 1 if character == "<" else 0
        elif character == "," and not depth:
            items.append(value[start:index].strip())
            start = index + 1
    items.append(value[start:].strip())
    return [item for item in items if item]


def uri_of(value: str) -> str:
    """The URI in a name-addr or addr-spec, as written."""
    _, bracket, rest = value.partition("<")
    return rest.partition(">")[0] if bracket else value.partition(";")[0].strip()


def tag_of(value: str) -> str:
    """The tag parameter of a From or To value, empty if there is none."""
    found = _TAG.search(value.rpartition(">")[2] if "<" in value else value)
    return found.group(1) if found else ""


def response_to(
    request: Request,
    code: int,
    phrase: str,
    *,
    to_tag: str = "",
    headers: Iterable[Header] = (),
    body: bytes = b"",
) -> Response:
    """An answer with what RFC 3261 section 8.2.6.2 says it takes over; Record-Route too (12.1.1)."""
    kept = ("via", "from", "call-id", "cseq") + (("record-route",) if 100 < code < 300 else ())
    copied = [(key, value) for key, value in request.headers if key.lower() in kept]
    to = request.get("To")
    if to_tag and not tag_of(to):
        to = f"{to};tag={to_tag}"
    return Response((*copied, ("To", to), *headers), body, code, phrase)


class StreamReader:
    """Cuts a byte stream (TCP, TLS) into messages by Content-Length (RFC 3261 section 18.3)."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take what came, give the messages that are whole now. Raises ValueError when one is too long."""
        self._buffer += data
        messages: list[bytes] = []
        while True:
            while self._buffer.startswith(b"\r\n"):  # keep-alive, RFC 5626 section 3.5.1
                del self._buffer[:2]
            end = self._buffer.find(b"\r\n\r\n")
            if len(self._buffer) > _MAX_BYTES:
                raise ValueError("a message has no end")
            if end < 0:
                return messages
            found = _LENGTH.search(self._buffer, 0, end + 2)
            size = end + 4 + (int(found.group(1)) if found else 0)
            if len(self._buffer) < size:
                return messages
            messages.append(bytes(self._buffer[:size]))
            del self._buffer[:size]
