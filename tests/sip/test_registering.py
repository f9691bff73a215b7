"""Registering at a carrier, in virtual time."""

from __future__ import annotations

import pytest

from isthmus.sip import registering
from isthmus.sip.registering import LONGEST_WAIT_S, SILENT_S, Registration

NEW = Registration(600)


def test_the_first_is_sent_at_once_and_one_at_a_time() -> None:
    assert registering.is_due(NEW, 0.0)
    waiting = registering.sent(NEW, 0.0)
    assert not registering.is_due(waiting, SILENT_S - 0.1)


def test_what_was_given_is_refreshed_before_it_ends() -> None:
    done = registering.accepted(registering.sent(NEW, 0.0), 1.0, 120)
    assert registering.is_registered(done, 120.9)
    assert not registering.is_registered(done, 121.0)
    assert not registering.is_due(done, 90.0)
    assert registering.is_due(done, 91.0)


def test_who_gives_no_time_gives_what_was_asked_for() -> None:
    assert registering.accepted(NEW, 0.0, 0).until == 600


def test_a_carrier_that_gives_next_to_nothing_is_not_flooded() -> None:
    assert registering.accepted(NEW, 0.0, 1).next_at >= 10


def test_an_hour_of_silence_costs_a_handful_of_requests() -> None:
    now, registration, sent = 0.0, NEW, 0
    while now < 3600:
        registration = registering.waited(registration, now)
        if registering.is_due(registration, now):
            registration, sent = registering.sent(registration, now), sent + 1
        now += 1
    assert 8 <= sent <= 16
    assert registration.error == "408 No Answer"
    back = registering.accepted(registration, now, 600)
    assert back.failures == 0
    assert back.error == ""


def test_a_refresh_in_vain_leaves_the_binding_until_its_end() -> None:
    done = registering.accepted(NEW, 0.0, 100)
    failed = registering.refused(registering.sent(done, 75.0), 75.1, 500, "Server Internal Error")
    assert registering.is_registered(failed, 99.0)
    assert not registering.is_registered(failed, 100.0)
    assert registering.is_due(failed, 80.1)


@pytest.mark.parametrize("code", [401, 403, 404, 407])
def test_a_wrong_password_is_not_tried_again_and_again(code: int) -> None:
    failed = registering.refused(registering.sent(NEW, 0.0), 0.0, code, "No")
    assert failed.next_at == LONGEST_WAIT_S
    assert failed.error == f"{code} No"


def test_who_asks_for_time_has_it() -> None:
    assert registering.refused(NEW, 0.0, 503, "Busy", 120).next_at == 120
    assert registering.refused(NEW, 0.0, 503, "Busy", 10**9).next_at == 3600


def test_an_interval_that_is_too_brief_is_made_longer_once() -> None:
    longer = registering.too_brief(registering.sent(NEW, 0.0), 1.0, 1800)
    assert longer.expires_s == 1800
    assert registering.is_due(longer, 1.0)
    assert registering.too_brief(longer, 2.0, 1800).failures == 1
    assert registering.too_brief(NEW, 0.0, 10**6).failures == 1


@pytest.mark.parametrize(
    ("expires", "contacts", "seconds"),
    [
        ("600", "<sip:us@192.0.2.1>;expires=60", 60),
        ("600", "<sip:other@192.0.2.9>;expires=30, <sip:us@192.0.2.1:5060>;q=1;expires=60", 60),
        ("600", "<sip:us@192.0.2.1>", 600),
        ("", "", 0),
        ("x", "<sip:us@192.0.2.1>;expires=x", 0),
    ],
)
def test_the_time_given_is_that_of_our_own_contact(expires: str, contacts: str, seconds: int) -> None:
    assert registering.granted(expires, contacts, "us") == seconds
