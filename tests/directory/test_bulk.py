"""Many people at once: files read with every error named by its line, all written or nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.addressing import Aor
from isthmus.directory import bulk
from isthmus.directory.bulk import Fault, ImportReport
from isthmus.directory.model import Credentials, Person, PersonChanges
from isthmus.directory.service import Directory
from tests.directory.conftest import aor, new

HEADING = "aor,display_name,number,home,password,groups,enabled\n"


def load(directory: Directory, text: str, *, update: bool = False, dry_run: bool = False) -> ImportReport:
    records, faults = bulk.read_json(text) if text.startswith("[") else bulk.read_csv(text)
    rows, more = bulk.rows_of(records)
    assert not faults + more
    return directory.import_people(rows, update=update, dry_run=dry_run, actor="test")


def test_people_are_created_from_csv(directory: Directory):
    text = HEADING + "alice@contoso.example,Alice A,+1 (425) 555-0101,premises,secret,sales; board,yes\n"
    assert load(directory, text).counts() == {"created": 1, "updated": 0, "unchanged": 0}
    alice = directory.get(aor("alice"))
    assert (alice.display_name, alice.number, alice.groups) == ("Alice A", "+14255550101", ("board", "sales"))
    assert alice.credentials == Credentials.of(aor("alice"), "secret")


def test_a_dry_run_writes_nothing(directory: Directory):
    seq = directory.last_seq()
    assert load(directory, '[{"aor": "alice@contoso.example", "home": "online"}]', dry_run=True).created == 1
    assert (directory.count(), directory.last_seq()) == (0, seq)


def test_with_any_fault_nothing_is_written_and_all_are_told(directory: Directory):
    directory.create(new("alice", "+14255550101"), actor="test")
    text = HEADING + (
        "bob@contoso.example,Bob,+14255550102,premises,,,\n"
        "alice@contoso.example,Alice,,premises,,,\n"
        "carol@contoso.example,Carol,+14255550101,premises,,,\n"
        "dave@contoso.example,Dave,+14255550102,premises,,,\n"
        "bob@contoso.example,Bob,,premises,,,\n"
        "eve@other.example,Eve,,moon,,,\n"
        "frank@contoso.example,Frank,,,,,\n"
    )
    report = load(directory, text)
    told = {(fault.line, fault.what.split(" (")[0]) for fault in report.faults}
    assert told == {
        (3, "exists already"),
        (4, "the number +14255550101 belongs to alice@contoso.example"),
        (5, "the number +14255550102 is given to bob@contoso.example on line 2"),
        (6, "stands already on line 2"),
        (7, "other.example is not one of our domains"),
        (7, "there is no site 'moon' where people can live"),
        (8, "no home is given"),
    }
    assert directory.count() == 1


def test_people_who_exist_change_only_when_asked_and_only_in_what_is_given(directory: Directory):
    before = directory.create(new("alice", "+14255550101", groups=("a",)), actor="test")
    text = "aor;display_name\nalice@contoso.example;Alicia\n"
    assert load(directory, text).faults
    assert load(directory, text, update=True).updated == 1
    after = directory.get(aor("alice"))
    assert after == PersonChanges(display_name="Alicia").applied_to(before)
    assert load(directory, text, update=True).unchanged == 1


def test_a_home_does_not_change_by_import(directory: Directory):
    directory.create(new("alice"), actor="test")
    report = load(directory, "aor,home\nalice@contoso.example,online\n", update=True)
    assert "isthmus user move" in report.faults[0].what


def test_numbers_may_be_swapped_in_one_file(directory: Directory):
    directory.create(new("alice", "+14255550101"), actor="test")
    directory.create(new("bob", "+14255550102"), actor="test")
    text = (
        "aor,number,home\nalice@contoso.example,+14255550102,\nbob@contoso.example,,\n"
        "carol@contoso.example,+14255550101,online\n"
    )
    assert load(directory, text, update=True).counts() == {"created": 1, "updated": 2, "unchanged": 0}
    numbers = {person.aor.user: person.number for person in directory.people()}
    assert numbers == {"alice": "+14255550102", "bob": None, "carol": "+14255550101"}


def test_the_same_key_imports_once(directory: Directory):
    rows, _ = bulk.rows_of(bulk.read_csv("aor,home\nalice@contoso.example,online\n")[0])
    first = directory.import_people(rows, update=False, dry_run=False, actor="test", key="k")
    again = directory.import_people(rows, update=False, dry_run=False, actor="test", key="k")
    assert first == again == ImportReport(created=1)


def test_ten_thousand_people_go_in_and_through_the_feed(directory: Directory, other_site):
    lines = (f"u{i}@contoso.example,User {i},+1425600{i:06},premises,,g{i % 7},\n" for i in range(10_000))
    assert load(directory, HEADING + "".join(lines)).created == 10_000
    away = other_site()
    while away.position("premises") < directory.last_seq():
        away.apply_feed(directory.changes_since(away.position("premises"), 5000), "premises")
    assert away.count(group="g3") == directory.count(group="g3") == 1429


@pytest.mark.parametrize("write", [bulk.write_csv, bulk.write_json])
def test_an_export_comes_back_as_it_went_out(directory: Directory, write):
    names = ['=cmd|"calc"!A1', "'quoted", "a, b; c", 'say "hi"', "Zoë 語", "-1", "@x", "'=x"]
    for index, name in enumerate(names):
        directory.create(new(f"u{index}", f"+1425555010{index}", groups=("a b", "ç")), actor="test")
        directory.set(aor(f"u{index}"), PersonChanges(display_name=name, enabled=bool(index % 2)), actor="test")
    people = directory.people()
    text = write(people)
    assert load(directory, text, update=True).counts() == {"created": 0, "updated": 0, "unchanged": len(names)}
    for person in people:
        directory.delete(person.aor, actor="test")
    assert load(directory, text).created == len(names)
    assert write(directory.people()) == text


def test_an_export_holds_no_formula_a_spreadsheet_would_run(directory: Directory):
    directory.create(new("alice", "+14255550101"), actor="test")
    directory.set(aor("alice"), PersonChanges(display_name="=HYPERLINK(1)"), actor="test")
    assert ",'=HYPERLINK(1),+14255550101," in bulk.write_csv(directory.people())


# The reading alone: no database.


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["line 1: the heading line has no column 'aor'"]),
        ("aor,aor,zzz\n", ["line 1: 'zzz' is no column", "line 1: column 'aor' stands twice"]),
        ("aor,home\na@b.example\n\nx,y,z\n", ["line 2: 1 cells under 2 headings", "line 4: 3 cells"]),
        ('aor,home\n"a@b.example,home\n', ["line 2: not valid CSV"]),
    ],
)
def test_a_broken_csv_file_is_told_by_line(text: str, told: list[str]):
    faults = [str(fault) for fault in bulk.read_csv(text)[1]]
    assert len(faults) == len(told)
    assert all(fault.startswith(start) for fault, start in zip(faults, told, strict=True))


@pytest.mark.parametrize(
    ("text", "line"),
    [("", 1), ("{}", 1), ("[\n{},\n{", 3), ("[1]", 1), ("[{}] x", 1), ("[\n{}\n{}]", 3), ("[" * 100_000, 0)],
)
def test_a_broken_json_file_is_told_by_line(text: str, line: int):
    assert [fault.line for fault in bulk.read_json(text)[1]] == [line]


def test_every_value_that_is_wrong_is_told():
    values = {"aor": "x", "number": "12", "groups": 7, "enabled": "perhaps", "password": "a\nb", "colour": "red"}
    rows, faults = bulk.rows_of([bulk.Record(9, values)])
    assert not rows
    assert len(faults) == len(values)
    assert all(fault.line == 9 for fault in faults)


def test_a_quoted_line_end_does_not_shift_the_lines():
    text = 'aor,display_name\r\na@b.example,"two\r\nlines"\r\nb@b.example\r\n'
    assert bulk.read_csv(text)[1] == [Fault(4, "1 cells under 2 headings")]
    text = '\ufeff[\n{"aor": "a@b.example",\n "home": "x"},\n\n{"aor": "b@b.example"}\n]\n'
    assert [record.line for record in bulk.read_json(text)[0]] == [2, 5]


NAMES = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20).map(str.strip)


@given(
    names=st.lists(NAMES, max_size=5),
    form=st.sampled_from([(bulk.write_csv, bulk.read_csv), (bulk.write_json, bulk.read_json)]),
)
def test_any_name_survives_both_forms(names: list[str], form):
    write, read = form
    people = [
        Person(Aor(f"u{i}", "b.example"), "t", name, None, "online", 1, Credentials(b"", b""), groups=("g",))
        for i, name in enumerate(names)
    ]
    records, faults = read(write(people))
    rows, more = bulk.rows_of(records)
    assert not faults + more
    assert [row.display_name for row in rows] == names


@given(st.text())
def test_no_text_breaks_the_readers(text: str):
    for read in (bulk.read_csv, bulk.read_json):
        records, _ = read(text)
        bulk.rows_of(records)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*bulk.COLUMNS, "x"]), inner),
    )
)
def test_no_value_breaks_the_rows(value: object):
    records, _ = bulk.read_json(json.dumps([value]))
    bulk.rows_of(records)
