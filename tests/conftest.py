"""Fixtures for every test; what they hand out is in tests/support.py."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.agents import phone
from tests.agents.raw import User
from tests.support import Loopback, Processes, wait_for

__all__ = ["wait_for"]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Let a test be an `async def`: it runs in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(pyfuncitem.obj(**arguments))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where a test fails, say what its phones saw and what the programs it had running wrote meanwhile."""
    report = yield
    if report.failed:
        since = time.monotonic() - (time.time() - call.start)
        for user in sorted(User.all, key=lambda user: user.account.uri):
            if said := user.remembered(since):
                report.sections.append((f"what {user.account.uri} sent and received", said))
        for processes in list(Processes.all):
            report.sections += [(f"the end of {name}", text) for name, text in processes.logged(call.start)]
    return report


@pytest.fixture(scope="session")
def loopback() -> Iterator[Loopback]:
    """`loopback()` gives a 127.x.y.z address that no other test uses, its standard ports free."""
    addresses = Loopback()
    yield addresses
    addresses.close()


@pytest.fixture(autouse=True)
def no_phone_outlives_its_test() -> Iterator[None]:
    """Phones are closed by those who open them; where a test fails in between, here."""
    yield
    phone.end_all()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Programs started for one test; all are ended with it."""
    started = Processes(tmp_path)
    yield started
    started.close()
