"""Calls whose browser tab was closed."""

from __future__ import annotations

import asyncio

import pytest

from isthmus.addressing import Aor
from isthmus.calls.leaving import MOST_CALLS, Keep, Leaving, is_in
from isthmus.calls.model import Call
from isthmus.errors import NotFoundError, UsageError
from isthmus.live.hub import Hub, Member

ALICE = Aor.parse("alice@contoso.example")
MEMBER = Member("contoso", "p-alice", ALICE, "alice")


def asked(hub: Hub, do: str, *calls: object, **more: object) -> asyncio.Task[object]:
    return asyncio.create_task(hub.ask(hub.join(MEMBER), do, {"calls": list(calls), **more}))


def read_nothing(told: object) -> tuple[str, Keep]:
    raise UsageError(f"no report is told here: {told}")


async def test_what_was_left_is_ended_and_what_a_page_took_up_again_is_not():
    hub, ended = Hub(), asyncio.Queue[tuple[str, Aor]]()
    loop = asyncio.get_running_loop()

    def end(call_id: str, aor: Aor) -> None:
        loop.call_soon_threadsafe(ended.put_nowait, (call_id, aor))

    Leaving(hub, end, read_nothing, within_s=0.05)
    await asked(hub, "calls.leave", "one", "two")
    await asked(hub, "calls.back", "one", "unknown")
    async with asyncio.timeout(10):
        assert await ended.get() == ("two", ALICE)
    assert ended.empty()


async def test_how_it_sounded_is_kept_of_what_nobody_took_up_again_and_of_nothing_else():
    """Also where that fails the call is ended."""
    hub, kept, ended = Hub(), list[tuple[str, str]](), asyncio.Queue[str]()
    loop = asyncio.get_running_loop()

    def read(told: object) -> tuple[str, Keep]:
        call_id = str(told)

        def keep(person: str) -> None:
            kept.append((person, call_id))
            if call_id == "unknown":
                raise NotFoundError("there is no such call of yours")

        return call_id, keep

    def end(call_id: str, aor: Aor) -> None:
        loop.call_soon_threadsafe(ended.put_nowait, call_id)

    Leaving(hub, end, read, within_s=0.05)
    await asked(hub, "calls.leave", "one", "two", "unknown", reports=["one", "two", "unknown", "of others"])
    await asked(hub, "calls.back", "one")
    async with asyncio.timeout(10):
        assert {await ended.get(), await ended.get()} == {"two", "unknown"}
    assert set(kept) == {("p-alice", "two"), ("p-alice", "unknown")}


async def test_only_lists_of_call_ids_are_taken():
    hub = Hub()
    Leaving(hub, lambda call_id, aor: None, read_nothing)
    for wrong in ([1], [""], ["x" * 300], ["c"] * (MOST_CALLS + 1)):
        with pytest.raises(UsageError):
            await asked(hub, "calls.leave", *wrong)
    for reports in ("x", ["not read"], ["x"] * (MOST_CALLS + 1)):
        with pytest.raises(UsageError):
            await asked(hub, "calls.leave", "one", reports=reports)


@pytest.mark.parametrize(
    ("caller", "callee", "expected"),
    [
        ("alice@contoso.example", "bob@contoso.example", True),
        ("bob@contoso.example", "alice@contoso.example", True),
        ("bob@contoso.example", "+14255550101@contoso.example", True),
        ("bob@contoso.example", "carol@contoso.example", False),
    ],
)
def test_nobody_ends_a_call_of_others(caller: str, callee: str, expected: bool):
    assert is_in(Call("c", caller, callee, "up", 1), ALICE) is expected
