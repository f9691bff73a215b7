"""Tables, fields and errors: whole and readable on any terminal, harmless on every one."""

from __future__ import annotations

import re

import pytest

from isthmus.cli import output
from isthmus.errors import IsthmusError

COLUMNS = ("Batch", "To", "Reasons")
ROWS = [("261125-0a1b2c", "online", "the link to online is down, and Kamailio does not answer"), ("1", None, "")]


def plain(text: str) -> str:
    """Without bold and colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch):
    """A terminal of so many columns in place of standard output."""

    def make(columns: int) -> None:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm")

    return make


def test_a_pipe_gets_each_row_on_one_line(capsys: pytest.CaptureFixture[str]):
    output.print_table(COLUMNS, ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "Batch          To      Reasons",
        "261125-0a1b2c  online  the link to online is down, and Kamailio does not answer",
        "1              -",
    ]


def test_a_terminal_wraps_the_last_column(terminal, capsys: pytest.CaptureFixture[str]):
    terminal(50)
    output.print_table(COLUMNS, ROWS)
    lines = plain(capsys.readouterr().out).splitlines()
    assert lines[1] == "261125-0a1b2c  online  the link to online is down,"
    assert lines[2].split() == ["and", "Kamailio", "does", "not"]
    assert all(len(line) <= 50 for line in lines)


def test_a_narrow_terminal_gets_a_list_of_fields_and_nothing_is_cut(terminal, capsys: pytest.CaptureFixture[str]):
    terminal(40)
    output.print_table(COLUMNS, ROWS)
    out = plain(capsys.readouterr().out)
    assert out.startswith("Batch    261125-0a1b2c\nTo       online\nReasons  the link to online is down, and")
    assert "…" not in out
    assert out.endswith("\n\nBatch    1\nTo       -\nReasons  \n")


def test_what_a_phone_says_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]):
    nasty = "phone\x1b]0;title\x07\r\n[red]x\u202e"
    output.print_table(("A", "B"), [(nasty, nasty)])
    output.print_fields([("A", nasty)])
    output.print_line(nasty)
    output.print_error(IsthmusError(nasty))
    told = capsys.readouterr()
    assert not set("\x1b\x07\r\u202e") & set(told.out + told.err)
    assert "[red]x" in told.out


@pytest.mark.parametrize(
    ("what", "told"),
    [("it failed", "it failed. Mend it."), ("which one?", "which one? Mend it."), ("so it is.", "so it is. Mend it.")],
)
def test_an_error_is_punctuated_once(what: str, told: str):
    assert str(IsthmusError(what, do="Mend it.")) == told
