"""Phones end with the test that opened them, however it ends."""

from __future__ import annotations

from pathlib import Path

from tests.agents import phone
from tests.agents.phone import Phone
from tests.support import wait_for


async def test_a_phone_left_behind_is_ended(tmp_path: Path):
    left = Phone("left", tmp_path)
    await left.start(["sleep", "600"])
    assert left._process is not None
    pid = left._process.pid
    phone.end_all()
    state = Path(f"/proc/{pid}/stat")
    wait_for(lambda: not state.exists() or state.read_text().split()[2] == "Z", 60, "its end")
    await left.close()
