"""What a call keeps while it waits, and the answer that ends the wait."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isthmus.calls import waiting
from isthmus.useragent.message import Response, parse

_OURS = "SIP/2.0/TCP 192.0.2.1:5062;branch=z9hG4bK1a2b.3c.0;rport=5;received=127.0.0.1"
_CALLERS = "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKcaller"


def answer(receiver: str = "<sip:bob@contoso.example>") -> Response:
    text = waiting.unanswered(f"{_OURS},{_CALLERS}", "<sip:a@b>;tag=1", receiver, "call", "7 INVITE", "own")
    found = parse(text.encode())
    assert isinstance(found, Response)
    return found


def test_it_is_an_answer_to_the_branch_that_waits():
    found = answer()
    assert (found.code, found.cseq, found.call_id) == (408, (7, "INVITE"), "call")
    assert [each.strip() for value in found.all("Via") for each in value.split(",")] == [_OURS, _CALLERS]


def test_it_has_the_tag_of_who_has_spoken_before_and_else_our_own():
    assert answer().to_tag == "own"
    assert answer("<sip:bob@contoso.example>;tag=theirs").to_tag == "theirs"


def test_the_branch_is_that_of_the_topmost_via():
    assert waiting.branch_of(f"{_OURS},{_CALLERS}") == "z9hG4bK1a2b.3c.0"
    assert waiting.branch_of("SIP/2.0/TCP h ; Branch = z9hG4bKx ;rport") == "z9hG4bKx"
    assert waiting.branch_of(f"SIP/2.0/TCP without,{_CALLERS}") == ""


@given(st.integers(0, 2**31) | st.from_regex(r"[a-z0-9][a-z0-9-]*", fullmatch=True), st.text())
def test_what_is_kept_is_read_as_it_was(by: int | str, text: str):
    kept = waiting.Waiting(by, text)
    assert waiting.Waiting.parse(str(kept)) == kept
