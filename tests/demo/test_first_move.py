"""Many people on the move, seen by an administrator with two terminals."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from tests.demo.here import Here, demo_here
from tests.support import wait_for

pytestmark = pytest.mark.e2e
PEOPLE = 1500


@pytest.fixture(scope="module")
def here() -> Iterator[Here]:
    """A demo that is up, with a group of many people at premises."""
    with demo_here() as here:
        assert here.run("demo", "up", "--detach").returncode == 0
        file = here.folder / "people.csv"
        rows = (f"p{number}@contoso.example,premises,sales" for number in range(PEOPLE))
        file.write_text("\n".join(("aor,home,groups", *rows)))
        assert here.run("user", "import", str(file)).returncode == 0
        yield here


def batch(here: Here) -> dict[str, object]:
    found: dict[str, object] = json.loads(here.run("move", "list", "--limit", "1", "--json").stdout)[0]
    return found


def test_one_watches_through_a_pause_that_another_ordered(here: Here) -> None:
    with here.watched("user", "move", "--group", "sales", "--to", "online", "--wait") as watching:
        wait_for(lambda: here.run("move", "list", "--json").stdout != "[]\n", 60, "a batch")
        name = str(batch(here)["id"])
        assert here.run("move", "pause", name).returncode == 0
        wait_for(lambda: batch(here)["under_way"] == 0, 60, "those under way at their end")
        paused = batch(here)
        assert (paused["state"], paused["finished"]) == ("paused", None)
        assert watching.poll() is None
        resumed = here.run("move", "resume", name)
        assert resumed.stdout.startswith(f"Batch {name}: running. ")
        out, err = watching.communicate(timeout=180)
        assert watching.returncode == 0
    assert f"paused; to go on: isthmus move resume {name}" in err
    assert out.startswith(f"Batch {name} to online: {PEOPLE} moved (")


def test_ctrl_c_ends_the_watching_and_says_that_the_move_goes_on(here: Here) -> None:
    with here.watched("user", "move", "--group", "sales", "--to", "premises", "--wait") as watching:
        wait_for(lambda: batch(here)["to"] == "premises", 60, "a batch")
        name = str(batch(here)["id"])
        assert here.run("move", "pause", name).returncode == 0
        wait_for(lambda: batch(here)["under_way"] == 0, 60, "those under way at their end")
        watching.send_signal(signal.SIGINT)
        _, err = watching.communicate(timeout=20)
        assert watching.returncode == 130
    assert f"The move goes on. How far it is: isthmus move show {name}." in err
    assert here.run("move", "cancel", name).returncode == 0
    wait_for(lambda: batch(here)["finished"] is not None, 60, "the end")
    shown = json.loads(here.run("move", "show", name, "--json").stdout)
    assert shown["moved"] + len(shown["people"]) == PEOPLE
    assert {reason for person in shown["people"] for reason in person["reasons"]} == {"the batch was cancelled"}


def test_a_person_who_moved_is_found_at_the_new_home(here: Here) -> None:
    assert here.run("user", "move", "alice@contoso.example", "--to", "online", "--wait").returncode == 0
    listed = here.run("registration", "list", "alice@contoso.example")
    assert (listed.returncode, listed.stdout) == (0, "No phone of alice@contoso.example is registered.\n")
    explained = here.run("call", "explain", "bob", "alice").stdout
    assert "=> rings the phones of alice@contoso.example, at home at online" in explained
    assert "No phone of theirs is registered" in explained
