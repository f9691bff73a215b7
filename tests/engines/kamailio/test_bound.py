"""Who has a phone, by what the engine has on disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from isthmus.engines.kamailio import _create_location
from isthmus.engines.kamailio.bound import everybody
from isthmus.errors import UnavailableError

UDP = "sip:198.51.100.7:5060;transport=udp;edge=udp"
WS = "sip:198.51.100.8:40000;transport=ws;edge=ws"
AWAY = "<sip:online.contoso.example:5062;transport=tls;lr;received={}>"
QUOTED = AWAY.format("sip:198.51.100.7:5060%3Btransport%3Dtls%3Bedge%3Dtls")
QUOTED_WS = AWAY.format("sip:198.51.100.7:5060%3Btransport%3Dws%3Bedge%3Dws%3Bdevice%3Dd1.1")


def test_phones_of_both_sites_count_and_browsers_and_what_is_over_do_not(tmp_path: Path):
    file = tmp_path / "location.db"
    _create_location(file)
    rows = [
        ("Alice", UDP, None, 1.0),
        ("alice", WS, None, 1.0),
        ("bob", None, QUOTED, 1.0),
        ("carol", WS, None, 1.0),
        ("dave", None, QUOTED_WS, 1.0),
        ("erin", UDP, None, -0.001),
    ]
    with sqlite3.connect(file) as database:
        for number, (user, received, path, days) in enumerate(rows):
            database.execute(
                "INSERT INTO location (ruid, username, domain, contact, received, path, expires)"
                " VALUES (?, ?, 'contoso.example', 'sip:x@10.0.0.1', ?, ?, julianday('now') + ?)",
                (f"r{number}", user, received, path, days),
            )
    database.close()
    assert everybody(file) == {"alice@contoso.example", "bob@contoso.example"}


def test_before_the_engine_has_ever_run_nobody_has_one(tmp_path: Path):
    assert everybody(tmp_path / "none.db") == set()


def test_a_file_that_can_not_be_read_is_no_empty_registrar(tmp_path: Path):
    file = tmp_path / "location.db"
    file.write_bytes(b"no database")
    with pytest.raises(UnavailableError, match="can't be read"):
        everybody(file)
