"""The commands whose names scripts rely on: each is there, explains itself and gives an example."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ISTHMUS = Path(sysconfig.get_path("scripts")) / "isthmus"
COMMANDS = [
    "demo up",
    "demo status",
    "demo down",
    "site run",
    "site check",
    "site status",
    *(f"user {name}" for name in ["list", "show", "create", "set", "delete", "import", "export", "move"]),
    *(f"move {name}" for name in ["list", "show", "pause", "resume", "cancel"]),
    "registration list",
    "call explain",
    "call list",
    "snapshot status",
    "snapshot rebuild",
    *(f"pki {name}" for name in ["init", "issue", "list", "renew"]),
]
PRINT_DATA = [name for name in COMMANDS if name.split()[1] in ("list", "show", "status", "explain")]


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """The help of every command, from one process: starting the program sixty times takes half a minute."""
    code = (
        "import sys, json, io, contextlib\n"
        "from isthmus.cli.main import run\n"
        "found = {}\n"
        "for line in sys.argv[1:]:\n"
        "    out = io.StringIO()\n"
        "    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):\n"
        "        code = run([*line.split(), '--help'])\n"
        "    found[line] = out.getvalue() if code == 0 else ''\n"
        "print(json.dumps(found))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *COMMANDS],
        env={"COLUMNS": "200", "PATH": "/usr/bin", "NO_COLOR": "1", "TERM": "dumb", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(helps: dict[str, str], command: str) -> None:
    assert "Usage:" in helps[command], f"there is no `isthmus {command}`"
    assert f"isthmus {command}" in helps[command].split("Usage:")[1].split("\n", 1)[1], "no example"


@pytest.mark.parametrize("command", PRINT_DATA)
def test_every_command_that_prints_data_can_print_json(helps: dict[str, str], command: str) -> None:
    assert "--json" in helps[command]


def test_used_wrongly_is_exit_code_2_and_no_traceback() -> None:
    done = subprocess.run([ISTHMUS, "demo", "sideways"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
