"""What `isthmus trunk list` says of accounts at carriers."""

from __future__ import annotations

import time

from isthmus.cli.trunk import _registration


def test_a_trunk_without_an_account_has_nothing_to_tell():
    assert _registration({"registered": None, "registered_until": None, "registration_error": ""}) is None


def test_until_when_and_what_went_wrong():
    until = int(time.time()) + 600
    told = _registration({"registered": True, "registered_until": until, "registration_error": ""})
    assert told is not None
    assert told.startswith("until ")
    refused = {"registered": False, "registered_until": None, "registration_error": "403 Forbidden"}
    assert _registration(refused) == "no: 403 Forbidden"
