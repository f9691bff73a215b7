"""Networks as a file: everything that is wrong is told with its line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isthmus.emergency import bulk
from isthmus.emergency.bulk import Fault


def test_a_file_of_a_spreadsheet():
    rows, faults = bulk.read_csv("\ufeffKind;Id;Port;Place\r\nport;sw1;Gi1;hq\r\n\r\nsubnet;10.1.0.0/16;;hq\r\n")
    assert faults == []
    assert rows == [
        {"line": 2, "kind": "port", "id": "sw1", "port": "Gi1", "place": "hq"},
        {"line": 4, "kind": "subnet", "id": "10.1.0.0/16", "port": "", "place": "hq"},
    ]


def test_what_is_wrong_has_its_line():
    _, faults = bulk.read_csv("kind,id,floor\nsubnet,10.1.0.0/16\n")
    assert faults == [
        Fault(1, "there is no column 'floor'"),
        Fault(1, "the column 'place' is missing"),
        Fault(2, "2 cells under 3 headings"),
    ]
    assert bulk.read_csv('kind,id,place\n"a')[1][0].what.startswith("not valid CSV")


@given(st.text(max_size=300))
def test_whatever_a_file_holds_it_is_read_or_told(text: str):
    rows, faults = bulk.read_csv(text)
    for row in rows:
        said = {"kind": "", "id": "", "port": "", "place": ""} | {k: v for k, v in row.items() if k != "line"}
        bulk.understood("main", row["line"], said["kind"], said["id"], said["port"], said["place"])
    assert rows or faults or not text.strip("\ufeff\r\n")
