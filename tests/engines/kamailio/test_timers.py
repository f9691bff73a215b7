"""Session timers: what a proxy adds (RFC 4028)."""

from __future__ import annotations

import pytest

from isthmus.engines.kamailio import timers


@pytest.mark.parametrize(("asked", "short"), [("60", True), ("89;refresher=uac", True), ("90", False), ("", False)])
def test_an_interval_below_the_least_is_too_short(asked: str, short: bool) -> None:
    assert timers.is_too_short(asked) is short


@pytest.mark.parametrize("asked", ["-1", "x", "٣", ";refresher=uas"])
def test_what_is_no_number_is_left_to_the_callee(asked: str) -> None:
    assert not timers.is_too_short(asked)


def test_an_interval_is_added_once() -> None:
    assert timers.for_request("") == "Session-Expires: 1800\r\nMin-SE: 90\r\n"
    assert timers.for_request("600") == ""


def test_the_caller_refreshes_alone_where_the_callee_knows_no_timers() -> None:
    assert timers.for_answer("", True, 600) == "Require: timer\r\nSession-Expires: 600;refresher=uac\r\n"
    assert timers.for_answer("", True) == "Require: timer\r\nSession-Expires: 1800;refresher=uac\r\n"
    assert timers.for_answer("600;refresher=uas", True) == ""
    assert timers.for_answer("", False) == ""


def test_the_option_tag_stands_among_others() -> None:
    assert timers.supports_timer("100rel, timer,replaces")
    assert not timers.supports_timer("timers")
    assert not timers.supports_timer("")


def test_the_interval_that_goes_out_is_the_callers_own() -> None:
    assert timers.wanted_s("600;refresher=uas") == 600
    assert timers.wanted_s("") == timers.wanted_s("soon") == 1800
