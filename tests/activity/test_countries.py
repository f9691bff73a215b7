"""Countries of addresses from an MMDB file made here."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from isthmus.activity.countries import Countries


def write(path: Path, countries: dict[str, str], form: str = "country") -> None:
    writer = MMDBWriter(6, "Test-Country", ipv4_compatible=True)
    for network, code in countries.items():
        writer.insert_network(IPSet([network]), {form: {"iso_code": code}} if form else {"country": code})
    draft = path.with_suffix(".new")
    writer.to_db_file(str(draft))
    draft.replace(path)


@pytest.mark.parametrize("form", ["country", "registered_country", ""])
def test_addresses_of_both_kinds(tmp_path: Path, form: str):
    write(tmp_path / "c.mmdb", {"203.0.113.0/24": "RO", "2001:db8::/32": "de"}, form)
    countries = Countries(tmp_path / "c.mmdb")
    assert countries.of("203.0.113.7") == "RO"
    assert countries.of("[2001:db8::7]") == countries.of("2001:db8::7") == "DE"
    assert countries.of("192.0.2.7") == countries.of("nonsense") == countries.of("") == ""


def test_a_file_that_is_replaced_or_damaged_or_missing(tmp_path: Path):
    now = [0.0]
    path = tmp_path / "c.mmdb"
    countries = Countries(path, lambda: now[0])
    assert countries.of("203.0.113.7") == ""
    write(path, {"203.0.113.0/24": "RO"})
    now[0] += 61
    assert countries.of("203.0.113.7") == "RO"
    path.write_bytes(b"no database")
    now[0] += 61
    assert countries.of("203.0.113.7") == "RO", "what was read last still serves"
    write(path, {"203.0.113.0/24": "BG"})
    now[0] += 61
    assert countries.of("203.0.113.7") == "BG"
