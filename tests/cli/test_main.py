"""The command line as a whole: help, exit codes, interruption, faults of its own."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from isthmus.cli.assembly import app
from isthmus.cli.main import run
from tests.support import wait_for

PROGRAM = [sys.executable, "-c", "from isthmus.cli.main import main; main()"]


def commands(group=None, path: tuple[str, ...] = ()):
    """Every command there is, as words."""
    group = group or get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


# Scripts rely on these.
NAMES = """
    demo up|demo status|demo down|site run|site check|site status|user list|user show|user create|user set|user delete
    user import|user export|user move|move list|move show|move pause|move resume|move cancel|registration list
    call explain|call list|snapshot status|snapshot rebuild|pki init|pki issue|pki list|pki renew
"""


def test_every_promised_command_is_there():
    promised = {tuple(name.split()) for line in NAMES.split("\n") for name in line.split("|") if name.strip()}
    assert promised <= {words for words, _ in commands()}


@pytest.mark.parametrize("words", [words for words, _ in commands()], ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    assert run([*words, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "xample" in text
    assert f"isthmus {' '.join(words)}" in text


# They stay in front or end without a word of data.
WITHOUT_DATA = {("demo", "up"), ("demo", "down"), ("demo", "call"), ("site", "run"), ("connector", "run")}


@pytest.mark.parametrize("words", [words for words, _ in commands() if words not in WITHOUT_DATA], ids=" ".join)
def test_every_command_that_prints_data_has_json(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    assert run([*words, "--help"]) == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize("words", [words for words, _ in commands()], ids=" ".join)
def test_every_command_refuses_what_it_does_not_know(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    assert run([*words, "--no-such-option"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: No such option: --no-such-option" in err
    assert "Traceback" not in err


def test_without_a_command_the_help_is_shown_and_it_is_wrong_use(capsys: pytest.CaptureFixture[str]):
    for group in ([], ["user"], ["move"]):
        assert run(group) == 2
        assert "Commands" in "".join(capsys.readouterr())


def test_a_site_that_is_not_running_is_told(tmp_path: Path, sites: Path, monkeypatch, capsys):
    (tmp_path / "idle").mkdir()
    text = (sites / "premises" / "site.toml").read_text().replace('name = "premises"', 'name = "idle"')
    (tmp_path / "idle" / "site.toml").write_text(text)
    monkeypatch.setenv("ISTHMUS_SITES", str(tmp_path))
    assert run(["user", "list"]) == 1
    assert "error: site idle: the control service does not answer" in capsys.readouterr().err
    assert run(["snapshot", "status"]) == 1


def test_no_sites_at_all_is_told(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("ISTHMUS_SITES", str(tmp_path))
    assert run(["user", "list"]) == 1
    assert "there are no site files here" in capsys.readouterr().err


def test_a_site_is_picked_before_the_command_and_behind_it(isthmus, monkeypatch):
    monkeypatch.setenv("ISTHMUS_SITE", "")
    for arguments in (["--site", "premises", "user", "list"], ["user", "list", "--site", "premises"]):
        assert isthmus(*arguments).code == 0
    assert isthmus("--site", "moon", "user", "list").code == 1


def test_a_fault_of_ours_is_one_line_and_a_file(isthmus, monkeypatch, tmp_path: Path):
    def broken(_name: str | None) -> None:
        raise ZeroDivisionError("some detail")

    monkeypatch.setattr("isthmus.site.registry.find", broken)
    answer = isthmus("user", "list")
    log = tmp_path / "xdg" / "isthmus" / "errors.log"
    assert answer.code == 1
    assert answer.err == (
        f"error: unexpected ZeroDivisionError: some detail. This is a fault of isthmus; the details are in {log}.\n"
    )
    assert "Traceback" in log.read_text()


def test_a_file_that_may_not_be_used_is_no_fault_of_ours(isthmus, monkeypatch, tmp_path: Path):
    def locked(_name: str | None) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/somewhere")

    monkeypatch.setattr("isthmus.site.registry.find", locked)
    answer = isthmus("user", "list")
    assert (answer.code, answer.err) == (1, "error: /somewhere: can't be used (Permission denied)\n")
    assert not (tmp_path / "xdg").exists()


def test_ctrl_c_ends_it_quietly(sites: Path):
    environment = {**os.environ, "ISTHMUS_SITES": str(sites)}
    # What a shell runs in the background is deaf to Ctrl-C, and so is its offspring: then it would end by exit 1,
    # at the empty file that its closed input is.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", *PROGRAM, "user", "import", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )
    # It waits for its standard input: asleep in a read of a pipe.
    wait_for(lambda: "pipe" in Path(f"/proc/{process.pid}/wchan").read_text(), 60, "waiting for input")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")


@pytest.mark.parametrize(
    "words", [["user", "list"], ["user", "list", "--json"], ["user", "show", "alice@contoso.example"]]
)
def test_a_reader_that_goes_away_is_no_fault_and_no_refusal(isthmus, sites: Path, words: list[str]):
    isthmus("user", "create", "alice@contoso.example", "--password", "x")
    environment = {**os.environ, "ISTHMUS_SITES": str(sites)}
    readable, writable = os.pipe()
    os.close(readable)
    done = subprocess.run(
        [*PROGRAM, *words], stdout=writable, stderr=subprocess.PIPE, env=environment, text=True, check=False
    )
    os.close(writable)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("words", [["user", "list"], ["user", "export"]])
def test_output_that_finds_no_space_is_told_in_one_line(isthmus, sites: Path, words: list[str]):
    isthmus("user", "create", "alice@contoso.example", "--password", "x")
    environment = {**os.environ, "ISTHMUS_SITES": str(sites)}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, env=environment, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: could not write (No space left on device). Make room")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("user i", ["import"]),
        ("user move --to ", ["premises"]),
        ("user list --home p", ["premises"]),
        ("--site ", ["premises"]),
        ("call list --site x", []),
    ],
)
def test_a_shell_completes_commands_and_sites(sites: Path, typed: str, offered: list[str]):
    words = f"isthmus {typed}"
    shell = {"_ISTHMUS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    environment = {**os.environ, **shell, "ISTHMUS_SITES": str(sites)}
    done = subprocess.run(PROGRAM, env=environment, text=True, capture_output=True, check=True)
    assert done.stdout.split() == offered
    zsh = {"_ISTHMUS_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": words}
    done = subprocess.run(PROGRAM, env={**environment, **zsh}, text=True, capture_output=True, check=True)
    assert all(name in done.stdout for name in offered)


@pytest.mark.parametrize(
    "words", [["user", "list", "--match"], ["user", "list", "--home"], ["user", "show"], ["move", "show"]]
)
def test_arguments_that_are_not_utf8_are_told(sites: Path, words: list[str]):
    environment = {**os.environ, "ISTHMUS_SITES": str(sites)}
    done = subprocess.run([*PROGRAM, *words, b"x\xff"], env=environment, text=True, capture_output=True, check=False)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("error: ")
    assert "unexpected" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_names_that_the_terminal_does_not_have_are_no_fault(isthmus, sites: Path, encoding: str):
    isthmus("user", "create", "alice@contoso.example", "--name", "Ålice ✓", "--password", "x")
    environment = {**os.environ, "ISTHMUS_SITES": str(sites), "PYTHONIOENCODING": encoding}

    def out(*words: str) -> bytes:
        return subprocess.run([*PROGRAM, *words], env=environment, capture_output=True, check=True).stdout

    assert b"lice ?" in out("user", "list")
    assert json.loads(out("user", "list", "--json"))[0]["display_name"] == "Ålice ✓"
    assert "Ålice ✓" in out("user", "export").decode()
