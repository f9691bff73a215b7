"""SIP messages: what is read is what was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.useragent.message import Request, StreamReader, parse, response_to, split_list, tag_of, uri_of

INVITE = (
    b"INVITE sip:bob@b.example;x=%5B SIP/2.0\r\nv: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1, SIP/2.0/UDP 1.2.3.4\r\n"
    b'f: "Al, \\"ice" <sip:alice@a.example>;tag=a\r\nt: <sip:bob@b.example>\r\ni: c1\r\nCSeq: 7 INVITE\r\n'
    b"Record-Route: <sip:p2;lr>,\r\n <sip:p1;lr;ftag=a>\r\nSubject: \xff\r\nl: 2\r\n\r\nhi"
)


def test_compact_forms_lists_and_folded_lines():
    message = parse(INVITE)
    assert isinstance(message, Request)
    assert message.uri == "sip:bob@b.example;x=%5B"
    assert message.branch == "z9hG4bK1"
    assert message.all("Record-Route") == ["<sip:p2;lr>", "<sip:p1;lr;ftag=a>"]
    assert len(message.all("Via")) == 2
    assert (message.call_id, message.cseq, message.from_tag, message.to_tag) == ("c1", (7, "INVITE"), "a", "")
    assert message.body == b"hi"


def test_bytes_that_are_not_utf8_survive():
    assert b"Subject: \xff\r\n" in bytes(parse(INVITE))
    assert parse(bytes(parse(INVITE))) == parse(bytes(parse(bytes(parse(INVITE)))))


@pytest.mark.parametrize("data", [b"", b"INVITE\r\n\r\n", b"INVITE sip:b SIP/3.0\r\n\r\n", b"A b SIP/2.0\r\nx\r\n\r\n"])
def test_what_is_no_message_is_a_value_error(data: bytes):
    with pytest.raises(ValueError, match=r"not a|no end|values to unpack"):
        parse(data)


def test_an_answer_takes_over_what_it_must():
    answer = response_to(parse(INVITE), 180, "Ringing", to_tag="b")
    assert answer.all("Record-Route") == parse(INVITE).all("Record-Route")
    assert answer.to_tag == "b"
    assert response_to(parse(INVITE), 486, "Busy").all("Record-Route") == []


def test_values():
    assert split_list('"a,b" <sip:x,y@z>, <sip:c>') == ['"a,b" <sip:x,y@z>', "<sip:c>"]
    assert uri_of('"<x" <sip:a@b;t=1>;tag=2'.replace("<x", "x")) == "sip:a@b;t=1"
    assert tag_of("<sip:a@b;tag=no>;tag=yes") == "yes"
    assert tag_of("sip:a@b") == ""


@given(st.lists(st.integers(1, 200), min_size=1, max_size=20))
def test_a_stream_is_cut_into_its_messages_wherever_it_breaks(cuts: list[int]):
    data, messages, reader = (INVITE + b"\r\n\r\n") * 3, [], StreamReader()
    for cut in [*cuts, len(data)]:
        messages += reader.feed(data[:cut])
        data = data[cut:]
    messages += reader.feed(data)
    assert messages == [INVITE] * 3


def test_a_message_without_end_is_refused():
    reader = StreamReader()
    with pytest.raises(ValueError, match="no end"):
        reader.feed(b"x" * 300_000)
