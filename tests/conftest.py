"""Fixtures for every test; what they hand out is in tests/support.py."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents import phone
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
