"""What is in a SIP MESSAGE (RFC 3428), as text: plain, HTML reduced to its words, CPIM (RFC 3862) unwrapped. Pure.

Also what says nothing by itself: that somebody is writing (RFC 3994), and that a message was seen (RFC 5438).
"""

from __future__ import annotations

import email.message
import email.parser
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

from lxml import etree

from isthmus.errors import IsthmusError, UsageError

MOST_BYTES = 32 * 1024  # of a body; the text in it has MOST_TEXT at most
ACCEPTED = "text/plain, text/html, message/cpim, application/im-iscomposing+xml, message/imdn+xml"
PLAIN = "text/plain;charset=UTF-8"
COMPOSING = "application/im-iscomposing+xml"
_REFRESH_S = 60  # the shortest that RFC 3994 allows
_PIECE = 600  # bytes of text in one MESSAGE by UDP: RFC 3428 section 8 wants all of it below 1,300, headers included
_COMPOSING = "{urn:ietf:params:xml:ns:im-iscomposing}"
_HIDDEN = frozenset({"head", "script", "style", "template", "title"})
_BLOCKS = frozenset(
    {"br", "div", "dd", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "p", "pre", "table", "tr"}
)
_BLANKS = re.compile(r"[ \t\r\n]+")


class OtherTypeError(IsthmusError):
    """What is in it is nothing that can be shown as text."""

    http_status = 415


@dataclass(frozen=True, slots=True)
class Text:
    """A message."""

    text: str


@dataclass(frozen=True, slots=True)
class Composing:
    """Whether somebody is writing."""

    active: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of a message that this phone got. Nothing is done with it."""


Read = Text | Composing | Seen


def read(kind: str, body: bytes) -> Read:
    """A body by its Content-Type; without one it is text. Raises OtherTypeError, UsageError for what is malformed."""
    part = _part(kind or "text/plain", body)
    match part.get_content_type():
        case "text/plain":
            return Text(_decoded(part, body))
        case "text/html":
            return Text(_without_marks(_decoded(part, body)))
        case "message/cpim":
            return _unwrapped(body)
        case "application/im-iscomposing+xml":  # COMPOSING
            return _composing(body)
        case "message/imdn+xml":
            return Seen()
    raise OtherTypeError("messages of this type are not taken", where=part.get_content_type()[:100])


def composing(*, active: bool) -> bytes:
    """That somebody is writing, or is not any more (RFC 3994)."""
    state = f"<state>active</state><refresh>{_REFRESH_S}</refresh>" if active else "<state>idle</state>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing">'
        f"{state}<contenttype>text/plain</contenttype></isComposing>"
    ).encode()


def pieces(text: str, *, whole: bool) -> list[str]:
    """The text in as many messages as it takes; one where the way to the phone is `whole`, for any length."""
    if whole or len(text.encode()) <= _PIECE:
        return [text]
    found, current, size = [], "", 0
    for word in re.split(r"(?<=\s)", text):
        for bit in _bits(word):
            more = len(bit.encode())
            if size + more > _PIECE:
                found.append(current.rstrip())
                current, size = "", 0
            current, size = current + bit, size + more
    return [each for each in (*found, current.rstrip()) if each]


def _bits(word: str) -> Iterator[str]:
    """A word in parts that are short enough, whatever it is."""
    most = _PIECE // 4  # characters: none has more than four bytes
    for start in range(0, len(word), most):
        yield word[start : start + most]


def _part(kind: str, body: bytes) -> email.message.Message:
    """The headers of a part, for their parameters."""
    part = email.message.Message(email.policy.compat32)
    part["Content-Type"] = " ".join(kind.split())
    return part


def _decoded(part: email.message.Message, body: bytes) -> str:
    charset = part.get_content_charset("utf-8") or "utf-8"
    if charset not in (
        "utf-8",
        "us-ascii",
        "iso-8859-1",
        "iso-8859-15",
        "windows-1252",
        "utf-16",
        "utf-16le",
        "utf-16be",
    ):
        raise OtherTypeError("text in this encoding is not taken", where=charset[:40])
    try:
        return body.decode("utf-8" if charset == "us-ascii" else charset)
    except UnicodeDecodeError:
        raise UsageError(f"the text is no {charset}") from None


def _unwrapped(body: bytes) -> Read:
    """RFC 3862: headers of the message, those of its content, and that."""
    head, found, rest = body.replace(b"\r\n", b"\n").partition(b"\n\n")
    inner, also, content = rest.partition(b"\n\n")
    if not (found and also) or b":" not in head:
        raise UsageError("that is no CPIM")
    part = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(inner + b"\n\n")
    kind = part.get_content_type() if part["Content-Type"] else ""
    if not kind or kind == "message/cpim":
        raise UsageError("there is nothing in this CPIM")
    encoding = str(part.get("Content-Transfer-Encoding", "8bit")).strip().lower()
    if encoding not in ("7bit", "8bit", "binary"):
        part.set_payload(content.decode("ascii", "replace"))
        decoded = part.get_payload(decode=True)
        content = decoded if isinstance(decoded, bytes) else b""
    return read(str(part["Content-Type"]), content)


def _composing(body: bytes) -> Composing:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    if b"<!DOCTYPE" in body:
        raise UsageError("a document type is not taken")
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise UsageError("that is no XML") from None
    if root.tag != f"{_COMPOSING}isComposing":
        raise UsageError("that says nothing of writing")
    return Composing((root.findtext(f"{_COMPOSING}state") or "").strip() == "active")


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag in _BLOCKS:
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BLOCKS and tag not in ("br", "hr"):
            self.found.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(_BLANKS.sub(" ", data))


def _without_marks(html: str) -> str:
    words = _Words()
    words.feed(html)
    words.close()
    lines = ("".join(words.found)).split("\n")
    return "\n".join(line.strip() for line in lines if line.strip())
