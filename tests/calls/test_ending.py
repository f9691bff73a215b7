"""What is kept of a call to end it, and the BYEs that do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.calls.ending import VARIABLE, byes, kept, way_to_other_end

CALLER, CALLEE = "sip:anna@192.0.2.1:5060;isf=a", "sip:+12065550123@192.0.2.9:5060;isf=b"
# As in the answer: the called side's on top. Ours stand between those of the sites on either side.
THEIRS, OURS_OUT, OURS_IN, OTHERS = "sip:far;lr", "sip:us:5062;lr;isd=x;r2=on", "sip:us;lr;isd=x;r2=on", "sip:near;lr"


def is_ours(uri: str) -> bool:
    return "isd=x" in uri


def dialog(ends: str) -> dict[str, Any]:
    return {
        "call-id": "c-1@host",
        "from_uri": "sip:anna@contoso.example",
        "to_uri": "sip:bob@contoso.example",
        "caller": {"tag": "from-tag"},
        "callee": {"tag": "to-tag"},
        "variables": [{"other": "x"}, {VARIABLE: ends}],
    }


def routes(headers: str) -> list[str]:
    return [line.partition("<")[2].rstrip(">") for line in headers.split("\r\n") if line.startswith("Route:")]


def test_each_end_hears_the_other_ones_bye_by_the_way_it_would_take_from_here():
    ends = kept([THEIRS, OURS_OUT, OURS_IN, OTHERS], is_ours, CALLER, CALLEE)
    to_callee, to_caller = byes(dialog(ends), "SIP ;cause=200")
    assert to_callee.uri == CALLEE
    assert routes(to_callee.headers) == [OURS_IN, OURS_OUT, THEIRS]
    assert (
        "From: <sip:anna@contoso.example>;tag=from-tag\r\nTo: <sip:bob@contoso.example>;tag=to-tag\r\n"
        in to_callee.headers
    )
    assert to_caller.uri == CALLER
    assert routes(to_caller.headers) == [OURS_OUT, OURS_IN, OTHERS]
    assert (
        "From: <sip:bob@contoso.example>;tag=to-tag\r\nTo: <sip:anna@contoso.example>;tag=from-tag\r\n"
        in to_caller.headers
    )
    assert all("Reason: SIP ;cause=200\r\n" in each.headers for each in (to_callee, to_caller))


@pytest.mark.parametrize(
    "parts",
    [
        ([THEIRS, OTHERS], CALLER, CALLEE),
        ([], CALLER, CALLEE),
        ([OURS_IN], "", CALLEE),
        ([OURS_IN], CALLER, ""),
        ([OURS_IN], "sip:a b@host", CALLEE),
    ],
)
def test_nothing_is_kept_of_a_call_that_can_not_be_ended(parts: tuple[list[str], str, str]):
    assert kept(parts[0], is_ours, *parts[1:]) == ""


@pytest.mark.parametrize("ends", ["", "|", "a b c", "a | b | c"])
def test_a_call_of_which_nothing_is_known_is_left_alone(ends: str):
    assert byes(dialog(ends), "x") == []
    assert byes({"variables": None}, "x") == []


URIS = st.text("abc:;=@|", min_size=1, max_size=8)


@given(st.lists(URIS, max_size=4), URIS, URIS)
def test_whatever_is_kept_is_read_back(others: list[str], caller: str, callee: str):
    ends = kept([*others, OURS_IN], is_ours, caller, callee)
    found = byes(dialog(ends), "x")
    if "|" not in (caller, callee, *others):
        assert [each.uri for each in found] == [callee, caller]
    else:
        assert found == []


def test_where_a_call_passes_here_twice_each_end_is_reached_without_what_lies_between():
    """Phone and gateway at one site, with another site in the middle: ours, theirs, ours."""
    first, second = "sip:us;lr;isd=x;1", "sip:us;lr;isd=x;2"
    ends = kept([second, THEIRS, first], is_ours, CALLER, CALLEE)
    assert way_to_other_end(ends, is_ours, from_caller=True) == [CALLEE, second]
    assert way_to_other_end(ends, is_ours, from_caller=False) == [CALLER, first]


def test_both_routes_of_one_passage_and_the_proxies_of_the_end_are_kept():
    ends = kept(["sip:proxy;lr", OURS_OUT, OURS_IN, THEIRS], is_ours, CALLER, CALLEE)
    assert way_to_other_end(ends, is_ours, from_caller=True) == [CALLEE, OURS_IN, OURS_OUT, "sip:proxy;lr"]
    assert way_to_other_end("", is_ours, from_caller=True) == []
