"""CEF: escaping by its rules, and that what goes in comes out at a reader who knows nothing of us."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.audit import cef
from isthmus.audit.model import Entry, Stored

DIGEST = bytes(range(32))


def line(**values: str | None) -> str:
    entry = Entry(1_700_000_000_123, "cli:root", "person.set", "alice", "main", "cli", "", None, None)
    return cef.line(Stored(7, entry._replace(**values), DIGEST), version="1.2", site="premises")


def read(text: str) -> tuple[list[str], dict[str, str]]:
    """A reader of CEF, written from its description alone."""
    parts = re.split(r"(?<!\\)(?:\\\\)*\|", text, maxsplit=0)
    header, position = [], 0
    while len(header) < 7:
        end = position
        while text[end] != "|":
            end += 2 if text[end] == "\\" else 1
        header.append(re.sub(r"\\([\\|])", r"\1", text[position:end]))
        position = end + 1
    assert len(parts) >= 8
    starts = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)=", _masked(text[position:])))
    fields: dict[str, str] = {}
    for found, following in zip(starts, [*starts[1:], None], strict=True):
        raw = text[position + found.end() : position + following.start() if following else None]
        fields[found[1]] = re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), raw)
    return header, fields


def _masked(text: str) -> str:
    return re.sub(r"\\.", "..", text)


def test_a_line():
    assert line(before='{"a":1}', after='{"a":2}', address="192.0.2.1") == (
        "CEF:0|Isthmus|Isthmus|1.2|person.set|person set|3|rt=1700000000123 externalId=7 dvchost=premises "
        "suser=cli:root act=person.set src=192.0.2.1 cs1Label=object cs1=alice cs2Label=tenant cs2=main "
        'cs3Label=path cs3=cli cs4Label=before cs4={"a":1} cs5Label=after cs5={"a":2} '
        f"cs6Label=digest cs6={DIGEST.hex()}"
    )


@pytest.mark.parametrize(
    ("hostile", "escaped"),
    [
        ("a|b", "cs1=a|b"),
        ("a=b", r"cs1=a\=b"),
        ("a\\b", r"cs1=a\\b"),
        ("a\nb", r"cs1=a\nb"),
        ("a\r\nb", r"cs1=a\r\nb"),
        ("x cs2=evil", r"cs1=x cs2\=evil"),
        ("\\", "cs1=\\\\ "),
        ("a\\=b", r"cs1=a\\\=b"),
        ("a\x1b[2Jb\x00", r"cs1=a\\u001b[2Jb\\u0000"),
        ("a\u2028b\x85c", r"cs1=a\\u2028b\\u0085c"),
        ("\nCEF:0|x|x|x|x|x|10|", r"cs1=\nCEF:0|x|x|x|x|x|10|"),
    ],
)
def test_hostile_values_in_the_extension(hostile: str, escaped: str):
    text = line(object=hostile)
    assert escaped in text
    assert len(text.splitlines()) == 1
    assert read(text)[1]["cs2"] == "main"


@pytest.mark.parametrize("hostile", ["a|b", "a\\|b", "a\\", "|||", "a\nb|c", "a=b"])
def test_hostile_values_in_the_header(hostile: str):
    header, fields = read(line(action=hostile))
    assert header[4] == hostile.replace("\n", " ")
    assert header[:4] == ["CEF:0", "Isthmus", "Isthmus", "1.2"]
    assert fields["act"] == hostile


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]) | st.sampled_from("\n\r|=\\ "), max_size=60
    )
)
def test_everything_printable_comes_out_as_it_went_in(text: str):
    rendered = line(object=text or "x", actor=f"a{text}", before=text or None)
    assert len(rendered.splitlines()) == 1
    _, fields = read(rendered)
    assert fields["suser"] == f"a{text}"
    assert fields["cs1"] == (text or "x")
    assert fields.get("cs4", "") == text


@given(st.text(max_size=60))
def test_nothing_makes_two_lines_of_one(text: str):
    assert len(line(object=text, action=text, address=text, after=text).splitlines()) == 1


def test_addresses_of_both_kinds():
    assert read(line(address="2001:db8::1"))[1]["c6a2"] == "2001:db8::1"
    assert "src" not in read(line(address="2001:db8::1"))[1]
    assert read(line(address="host"))[1]["shost"] == "host"


def test_long_states_are_cut_visibly():
    value = read(line(after="x" * 9000))[1]["cs5"]
    assert (len(value), value[-1]) == (4000, "…")


@pytest.mark.parametrize(("action", "severity"), [("person.set", 3), ("person.delete", 5), ("audit.accept", 8)])
def test_severity(action: str, severity: int):
    assert read(line(action=action))[0][6] == str(severity)
