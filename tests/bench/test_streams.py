"""Packets are sent, echoed and counted."""

from __future__ import annotations

from bench.streams import Ends, Streamed

from tests.support import Loopback, wait_for


def test_what_is_sent_to_the_echo_comes_back(loopback: Loopback):
    with Ends(loopback(), loopback()) as ends:
        wait_for(lambda: ends.stream([ends.far] * 5, 0.1).returned, 60, "packets come back")


def test_loss_is_the_share_that_did_not_come_back():
    assert Streamed(200, 150, 0.0).loss == 0.25
    assert Streamed(0, 0, 0.0).loss == 0.0
