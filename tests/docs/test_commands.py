"""Every command in the documentation does what the documentation says: it ends with exit code 0."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.commands import ROOT, Block, blocks
from tests.network import free_network

BLOCKS = blocks()
RUN = [block for block in BLOCKS if block.mark == "run"]
DEMO = [block for block in BLOCKS if block.mark == "demo"]
UNMARKED = [block for block in BLOCKS if not block.mark]


class Shell:
    """Runs the commands of the documentation, with the demo's folder and addresses replaced by the test's own."""

    def __init__(self, directory: Path, network: str) -> None:
        self.directory = directory
        named = {"ISTHMUS_DEMO": str(directory), "ISTHMUS_SITES": str(directory), "ISTHMUS_DEMO_NETWORK": network}
        self._environment = {**os.environ, **named}
        self._environment.pop("ISTHMUS_SITE", None)

    def __call__(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command.replace("var/demo", str(self.directory))],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=150,
        )

    def must(self, command: str) -> str:
        done = self(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    # Below /tmp and short: the path of a Unix socket holds 107 bytes.
    with free_network() as network, tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
        shell = Shell(Path(folder), network)
        try:
            yield shell
        finally:
            shell(".venv/bin/isthmus demo down")


@pytest.fixture(scope="module")
def demo(shell: Shell) -> Shell:
    """A demo that is up."""
    shell.must(".venv/bin/isthmus demo up --detach")
    return shell


def test_the_documentation_has_commands() -> None:
    assert {block.file for block in RUN} >= {"README.md"}
    assert len(DEMO) >= 1


@pytest.mark.parametrize("block", UNMARKED, ids=str)
def test_a_block_without_a_mark_holds_make_targets_only(block: Block) -> None:
    for command in block.commands:
        assert command.startswith("make "), f"{block}: mark the block of {command!r} with <!-- run -->"
        done = subprocess.run(["make", "--dry-run", *command.split()[1:]], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 0, command


@pytest.mark.e2e
@pytest.mark.parametrize("block", RUN, ids=str)
def test_commands_do_what_they_say(demo: Shell, block: Block) -> None:
    for command in block.commands:
        demo.must(command)


def people_agreed_about(demo: Shell) -> int:
    """How many people both sites hold alike; some of the pages make people of their own."""
    told = re.search(r"agrees about all (\d+) people", demo.must(".venv/bin/isthmus directory compare"))
    assert told is not None
    return int(told[1])


@pytest.mark.e2e
def test_a_line_in_the_file_of_people_is_a_person_at_both_sites(demo: Shell) -> None:
    isthmus, file = ".venv/bin/isthmus", demo.directory / "people.csv"
    assert demo.must(f"{isthmus} directory sync --wait").strip().endswith("No changes.")
    before, known = file.read_text(), people_agreed_about(demo)
    file.write_text(before + "8,henry@contoso.example,Henry,+14255550107,online,true,,\n")
    assert "1 create" in demo.must(f"{isthmus} directory sync --wait")
    assert people_agreed_about(demo) == known + 1
    for site in ("premises", "online"):
        shown = json.loads(demo.must(f"{isthmus} --site {site} user show henry@contoso.example --json"))
        assert (shown["number"], shown["home"]) == ("+14255550107", "online")
    explained = demo.must(f"{isthmus} call explain alice@contoso.example +14255550107")
    assert "henry@contoso.example" in explained
    file.write_text(before)
    assert "1 disable" in demo.must(f"{isthmus} directory sync --wait")
    demo.must(f"{isthmus} user delete henry@contoso.example --yes")
    at_the_other = demo(f"{isthmus} --site online directory sync")
    assert "online is not the authority" in at_the_other.stderr


@pytest.mark.e2e
@pytest.mark.parametrize("block", DEMO, ids=str)
def test_the_demo_goes_up_and_down_as_they_say(shell: Shell, block: Block) -> None:
    shell.must(".venv/bin/isthmus demo down")
    for command in block.commands:
        shell.must(command)
    assert shell(".venv/bin/isthmus demo status").returncode == 1, "it was left up"


@pytest.mark.e2e
def test_a_second_start_finds_everybody_where_they_were(shell: Shell) -> None:
    isthmus = ".venv/bin/isthmus"
    shell.must(f"{isthmus} demo up --detach")
    shell.must(f"{isthmus} user move bob@contoso.example --to online --wait")
    accounts = (shell.directory / "accounts.json").read_text()
    shell.must(f"{isthmus} demo down")
    shell.must(f"{isthmus} demo up --detach")
    bob = json.loads(shell.must(f"{isthmus} user show bob@contoso.example --json"))
    assert bob["home"] == "online"
    before, after = json.loads(accounts), json.loads((shell.directory / "accounts.json").read_text())
    assert [entry["password"] for entry in before] == [entry["password"] for entry in after]
    assert next(entry["home"] for entry in after if entry["username"] == "bob") == "online"
