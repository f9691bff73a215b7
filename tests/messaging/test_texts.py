"""What is read out of the body of a SIP MESSAGE, and how a text is cut for UDP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import IsthmusError, UsageError
from isthmus.messaging.texts import Composing, OtherTypeError, Seen, Text, pieces, read

CPIM = (
    b"""From: Tom <im:tom@contoso.example>\r\nTo: <im:tina@contoso.example>\r\nDateTime: 2030-01-01T00:00:00Z\r\n\r\n"""
)
COMPOSING = """<?xml version="1.0" encoding="UTF-8"?>
<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>{}</state><refresh>60</refresh></isComposing>"""


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/plain", b"hello", "hello"),
        ("", b"hello", "hello"),
        ("TEXT/PLAIN; charset=utf-8", "Grüße, 你好".encode(), "Grüße, 你好"),
        ("text/plain;charset=ISO-8859-1", b"Gr\xfc\xdfe", "Grüße"),
        ('text/plain; charset="us-ascii"', "é".encode(), "é"),
        ("text/html", b"<html><head><title>x</title></head><body><p>Hello <b>you</b></p><p>there</p></body></html>",
         "Hello you\nthere"),
        ("text/html", b"a<br>b<script>alert(1)</script>&lt;c&gt;&amp;", "a\nb<c>&"),
        ("message/cpim", CPIM + b"Content-Type: text/plain; charset=utf-8\r\n\r\nhello", "hello"),
        ("message/cpim", CPIM.replace(b"\r", b"") + b"Content-Type: text/html\n\n<i>hello</i>", "hello"),
        ("message/cpim", CPIM + b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\naGVsbG8=", "hello"),
    ],
)  # fmt: skip
def test_text_is_read(kind: str, body: bytes, text: str):
    assert read(kind, body) == Text(text)


def test_what_says_nothing_by_itself_is_told_apart():
    assert read("application/im-iscomposing+xml", COMPOSING.format("active").encode()) == Composing(True)
    assert read("application/im-iscomposing+xml", COMPOSING.format("idle").encode()) == Composing(False)
    assert read("message/imdn+xml", b"<imdn/>") == Seen()
    assert read("message/cpim", CPIM + b"Content-Type: message/imdn+xml\r\n\r\n<imdn/>") == Seen()


@pytest.mark.parametrize(
    "kind", ["image/png", "application/octet-stream", "multipart/mixed", "text/plain;charset=ebcdic"]
)
def test_other_types_are_refused(kind: str):
    with pytest.raises(OtherTypeError):
        read(kind, b"x")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b"\xff\xfe\xff"),
        ("message/cpim", b""),
        ("message/cpim", b"nothing"),
        ("message/cpim", CPIM + b"Content-Type: message/cpim\r\n\r\n" + CPIM),
        ("message/cpim", CPIM + b"\r\n\r\nx"),
        ("application/im-iscomposing+xml", b"<a/>"),
        ("application/im-iscomposing+xml", b"no XML"),
        ("application/im-iscomposing+xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    ],
)
def test_what_is_malformed_is_refused(kind: str, body: bytes):
    with pytest.raises(UsageError):
        read(kind, body)


@given(st.text(max_size=60) | st.sampled_from(["message/cpim", "text/html", "text/plain;charset=utf-16"]), st.binary())
def test_whatever_comes_is_read_or_refused(kind: str, body: bytes):
    try:
        read(kind, body)
    except IsthmusError:
        return


@given(st.text())
def test_pieces_are_short_and_leave_nothing_out(text: str):
    found = pieces(text, whole=False)
    assert all(len(each.encode("utf-8", "surrogatepass")) <= 600 for each in found)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert pieces(text, whole=True) == [text]


def test_a_long_text_is_cut_between_words():
    found = pieces("word " * 400, whole=False)
    assert len(found) == 4
    assert all(each.startswith("word") and each.endswith("word") for each in found)
