"""The set-up: what it promises without a bare machine at hand. (A bare one is tried with debootstrap by hand.)"""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [ROOT / "deploy" / "bootstrap", ROOT / "deploy" / "lock", ROOT / ".ci" / "run"]


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_clean(script: Path) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    found = run("shellcheck", script)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_can_be_run(script: Path) -> None:
    assert script.stat().st_mode & stat.S_IXUSR


def test_a_prepared_machine_is_left_as_it_is() -> None:
    first = run("deploy/bootstrap", "python")
    assert first.returncode == 0, first.stderr
    before = (ROOT / ".venv" / ".project").stat().st_mtime_ns
    again = run("deploy/bootstrap", "python")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert (ROOT / ".venv" / ".project").stat().st_mtime_ns == before


def test_an_unknown_level_is_refused_in_one_line() -> None:
    refused = run("deploy/bootstrap", "everything")
    assert refused.returncode == 1
    assert refused.stderr == "set-up: there is no level 'everything'; use python, runtime or tests\n"


def reason(text: str) -> str:
    """What the script's own function makes of the output of a command that failed."""
    source = (ROOT / "deploy" / "bootstrap").read_text()
    function = source[source.index("reason() {") : source.index("\n}\n", source.index("reason() {")) + 3]
    return run("bash", "-c", f'ROOT=/; {function}\nreason "$1"', "bash", text).stdout


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("dpkg: error: failed to write: No space left on device", "the disk is full"),
        ("Err:1 bookworm InRelease\n  Temporary failure resolving 'x'\nE: Unable to locate package a", "network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the one in"),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend.", "another installation"),
        ("E: Unable to locate package kamailio", "package sources"),
        ("Reading...\nE: Something else.\n", "E: Something else."),
    ],
)
def test_a_failure_is_told_in_one_line(printed: str, told: str) -> None:
    text = reason(printed)
    assert told in text
    assert "\n" not in text


def tracked() -> list[Path]:
    listed = run("git", "ls-files", "-z").stdout.split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def test_no_address_of_a_registry_is_in_any_file() -> None:
    address = re.compile(
        r"--(extra-)?index-url|--find-links|--trusted-host|files\.pythonhosted|pypi\.org/simple|deb\.debian\.org|"
        r"artifact" + r"registry|snapshot\.debian\.org"
    )
    for path in tracked():
        if path in (Path(__file__), ROOT / "deploy" / "lock"):
            continue
        found = address.search(path.read_text(encoding="utf-8", errors="replace"))
        assert found is None, f"{path}: {found}"


def test_every_locked_package_has_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    packages = re.findall(r"^([a-z0-9][a-z0-9._-]*)(\[.*?\])?==\S+ \\\n    --hash=sha256:", lock, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^[a-z0-9].*==", lock, re.MULTILINE)) > 30


def test_the_lock_holds_all_that_the_project_asks_for() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements.lock").read_text()
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    for requirement in wanted:
        name = re.split(r"[\[<>=!~ ]", requirement, maxsplit=1)[0].lower()
        assert re.search(rf"^{re.escape(name)}(\[.*?\])?==", lock, re.MULTILINE), f"{name}: run `make lock`"


@pytest.mark.parametrize("target", ["run", "test", "check", "bench", "lock", "docs", "clean"])
def test_make_knows_and_explains_every_target(target: str) -> None:
    assert f"make {target}" in run("make", "help").stdout
    assert run("make", "--dry-run", target).returncode == 0
